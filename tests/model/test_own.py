"""Networks of the user's own: how they are built, looked into, remembered and refused."""

import copy
import math
import sys
import threading

import pytest
import torch
from torch import nn

from latentscape.config import (
    BodyConfig,
    InputConfig,
    ModelConfig,
    ModuleConfig,
    ObjectiveConfig,
    PointConfig,
)
from latentscape.config.likelihoods import GaussianConfig
from latentscape.core.errors import CodeError, ConfigError, UntrustedCode
from latentscape.core.trust import VARIABLE, trusting
from latentscape.model import Network
from latentscape.model.own import check_offered, give, offering, stock_modules
from latentscape.model.own.sources import source_of
from latentscape.model.units import watched

HERE = __name__


class Encoder(nn.Module):
    """Uses one activation at two places, and has weights and buffers outside of its layers."""

    def __init__(self, shape, width=6):
        super().__init__()
        self.conv = nn.Conv2d(shape[0], 3, 3, padding=1)
        self.relu = nn.ReLU()
        self.fc = nn.LazyLinear(width)
        self.scale = nn.Parameter(torch.ones(width))
        self.register_buffer("shift", torch.full((width,), 0.5), persistent=False)

    def forward(self, images):
        features = self.relu(self.conv(images))
        return self.relu(self.fc(features.flatten(1))) * self.scale + self.shift


class Decoder(nn.Sequential):
    def __init__(self, code_shape, shape, width=5):
        size = math.prod(shape)
        super().__init__(nn.Linear(math.prod(code_shape), width), nn.Linear(width, size))


def make_flat(features):
    """A function that makes a module."""
    return nn.Sequential(nn.Flatten(), nn.Linear(16, features))


class Failing(nn.Module):
    def forward(self, values):
        raise KeyError("no such thing")


def not_a_module():
    return 3


def leave():
    sys.exit(0)


@pytest.fixture(autouse=True)
def _trusted(monkeypatch):
    monkeypatch.setenv(VARIABLE, HERE)


def model_config(encoder=None, decoder=None, shape=(1, 4, 4), **settings):
    part = {"kind": "mlp", "widths": [8]}
    content = {
        "encoder": encoder or part,
        "latent": {"kind": "point", "dim": 3},
        "decoder": decoder or part,
        "input": {"shape": shape, "range": (0, 1), "labels": 3},
    }
    return ModelConfig.model_validate({**content, **settings})


def module(name, **arguments):
    return {"kind": "module", "target": f"{HERE}:{name}", "arguments": arguments}


def test_a_class_is_made_with_arguments_and_with_shapes_where_it_asks_for_them():
    network = Network(model_config(module("Encoder", width=7), module("Decoder")))
    assert network.features(torch.rand(5, 1, 4, 4)).shape == (5, 7)
    assert network.reconstruct(torch.rand(5, 1, 4, 4)).shape == (5, 1, 4, 4)
    assert not network.is_stock
    given = Network(model_config(module("Encoder", shape=[1, 4, 4])))
    assert given.features(torch.rand(2, 1, 4, 4)).shape == (2, 6)


def test_a_function_may_make_it():
    network = Network(model_config(module("make_flat", features=9)))
    assert network.features(torch.rand(2, 1, 4, 4)).shape == (2, 9)


def test_the_description_has_every_layer_and_counts_every_weight_once():
    network = Network(model_config(module("Encoder"), module("Decoder")))
    rows = network.describe()
    own = [(row["layer"], row["output"]) for row in rows if row["part"] == "encoder"]
    assert own == [
        ("Conv2d 1→3, 3×3", [3, 4, 4]),
        ("ReLU", [3, 4, 4]),
        ("Linear 48→6", [6]),
        ("ReLU", [6]),
        ("Encoder", [6]),  # Weights that belong to none of its layers.
    ]
    assert sum(row["parameters"] for row in rows) == network.parameter_count
    with torch.device("meta"):
        outline = Network(network.config)
    assert outline.describe() == rows  # A large network is listed without its numbers.
    assert {value.device.type for value in outline.state_dict().values()} == {"meta"}


def test_maps_of_features_and_of_codes_keep_their_shape():
    encoder = nn.Conv2d(1, 4, 3, stride=2, padding=1)
    seen = []

    class Up(nn.Module):
        def __init__(self):
            super().__init__()
            self.up = nn.ConvTranspose2d(2, 1, 2, stride=2)

        def forward(self, maps):
            seen.append(tuple(maps.shape[1:]))
            return self.up(maps)

    own = give(encoder, Up())
    latent = {"kind": "vq", "dim": 2, "codes": 5}
    config = model_config(own["encoder"], own["decoder"], latent=latent)
    network = Network(config, ObjectiveConfig(weights={"reconstruction": 1, "commitment": 0.25}))
    assert network.latent.code_shape == (2, 2, 2)
    assert set(seen) == {(2, 2, 2)}
    assert network.reconstruct(torch.rand(2, 1, 4, 4)).shape == (2, 1, 4, 4)


def test_labels_come_as_further_channels_of_images_and_further_numbers_of_vectors():
    seen = []

    class Seeing(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.Sequential(nn.Flatten(), nn.LazyLinear(4))

        def forward(self, values):
            seen.append(tuple(values.shape[1:]))
            return self.layers(values)

    for shape, taken in (((1, 4, 4), (4, 4, 4)), ((6,), (9,))):
        own = give(Seeing(), None)
        network = Network(model_config(own["encoder"], shape=shape, condition="label"))
        network.encode(torch.rand(2, *shape), torch.tensor([0, 2]))
        assert {*seen} == {taken}
        seen.clear()


def test_initial_weights_are_those_of_the_maker_whatever_the_recipe_says():
    settings = model_config(
        module("Encoder"), init={"kind": "truncated_normal", "bias": 3.0, "data_dependent": True}
    )
    network = Network(settings)
    assert not (network.encoder[0].module.conv.bias == 3).any()
    assert (network.latent.layers[0].bias == 3).all()
    before = copy.deepcopy(network.encoder.state_dict())
    network.standardise(torch.rand(20, 1, 4, 4))
    assert all(torch.equal(v, before[k]) for k, v in network.encoder.state_dict().items())
    own = {*network.encoder[0].module.modules()}
    assert own.isdisjoint(stock_modules(network))


def test_a_seed_draws_the_weights_of_a_class_and_an_object_brings_its_own():
    def weights(config, seed):
        torch.manual_seed(seed)
        return Network(config).encoder.state_dict()["0.module.1.weight"]

    by_name = model_config(module("make_flat", features=2))
    assert torch.equal(weights(by_name, 1), weights(by_name, 1))
    assert not torch.equal(weights(by_name, 1), weights(by_name, 2))
    one = make_flat(2)
    handed = model_config(give(one, None)["encoder"])
    for seed in (1, 2):
        assert torch.equal(weights(handed, seed), one[1].weight)
    network = Network(handed)
    network.encoder[0].module[1].weight.data.zero_()
    assert one[1].weight.abs().sum() > 0  # It is a copy that is trained.


def test_an_object_is_named_after_all_that_is_known_of_it():
    def name(**changes):
        torch.manual_seed(0)
        one = Encoder((1, 4, 4))
        one.fc = nn.Linear(48, 6)
        for path, value in changes.items():
            setattr(one, path, value)
        return give(one, None)["encoder"].object_id

    assert name() == name()
    other_weights = nn.Parameter(torch.zeros(6))
    others = {name(), name(factor=2), name(relu=nn.ELU()), name(scale=other_weights)}
    assert len(others) == 4


def test_an_object_is_needed_once_in_every_process(monkeypatch):
    monkeypatch.setattr("latentscape.model.own.giving._known", {})
    one = make_flat(2)
    config = model_config(give(one, None)["encoder"])
    monkeypatch.setattr("latentscape.model.own.giving._known", {})
    with pytest.raises(CodeError, match=r"handed over in Python.*encoder=\.\.\. of load"):
        Network(config)
    with offering(make_flat(2), None):
        Network(config)
    Network(config)  # From then on it is known.


def test_an_object_of_the_named_class_spares_trust(monkeypatch):
    monkeypatch.setenv(VARIABLE, "")
    config = model_config(module("Encoder"))
    with pytest.raises(UntrustedCode):
        Network(config)
    with offering(make_flat(2), None), pytest.raises(UntrustedCode):
        Network(config)
    with offering(Encoder((1, 4, 4)), None):
        Network(config)


def test_wrappers_around_a_module_are_taken_off():
    inner = make_flat(2)
    config = give(nn.DataParallel(inner), None)["encoder"]
    assert config.object_id == give(inner, None)["encoder"].object_id
    assert config.target == "torch.nn.modules.container:Sequential"


def test_modules_without_weights_are_taken():
    network = Network(model_config(give(nn.Flatten(), None)["encoder"]))
    assert network.encode(torch.rand(2, 1, 4, 4)).shape == (2, 3)


def shared_encoder():
    encoder = make_flat(3)
    return {"encoder": encoder, "decoder": nn.Sequential(encoder[1])}


@pytest.mark.parametrize(
    ("modules", "text"),
    [
        ({"encoder": Encoder, "decoder": None}, "is the class Encoder. Expected an object of it"),
        ({"encoder": None, "decoder": "x"}, "The decoder is a str"),
        ({"encoder": lambda images: images, "decoder": None}, "is a function"),
        (shared_encoder(), "share weights"),
    ],
)
def test_what_is_no_module_of_its_own_is_refused(modules, text):
    with pytest.raises(CodeError, match=text):
        give(**modules)


def test_a_module_that_cannot_be_copied_is_refused():
    one = make_flat(2)
    one.lock = threading.Lock()
    with pytest.raises(CodeError, match="cannot be copied"):
        give(one, None)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        (module("Encode"), "has no Encode. Did you mean Encoder?"),
        (module("BodyConfig"), "not trusted"),
        (module("HERE"), "not trusted"),
        (module("not_a_module"), "makes a int. Expected a torch.nn.Module"),
        (module("leave"), "raised SystemExit"),
        (module("Encoder", depth=3), r"unexpected keyword argument 'depth'.*Encoder\(shape"),
        (module("make_flat"), "missing a required argument: 'features'"),
        (module("make_flat", features="x"), r"raised TypeError when it was made .*Look at line"),
        (
            module("Failing"),
            r"raised KeyError over a batch \(2, 1, 4, 4\).*no such thing.*test_own",
        ),
    ],
)
def test_what_cannot_be_built_says_why(settings, text):
    with pytest.raises(CodeError, match=text):
        Network(model_config(settings))


def test_functions_of_pytorch_are_not_called_and_its_classes_are(monkeypatch):
    calls = []

    def load(f):
        calls.append(f)

    load.__module__ = torch.load.__module__
    monkeypatch.setattr(torch, "load", load)
    with trusting(["torch"]):
        target = {"kind": "module", "target": "torch:load", "arguments": {"f": "x.pt"}}
        with pytest.raises(CodeError, match="encoder torch:load is a function of PyTorch"):
            Network(model_config(target))
        Network(model_config({"kind": "module", "target": "torch.nn:Flatten"}))
    assert not calls


class Returning(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, values):
        return self.function(values)


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (lambda x: (x, x), "gives a tuple"),
        (lambda x: x.flatten(1).double(), "of float64"),
        (lambda x: x.reshape(1, -1), r"\(1, 32\) of float32. Expected a tensor \(2, \.\.\.\)"),
        (lambda x: x.sum((1, 2, 3)), r"gives a tensor \(2,\)"),
        (lambda x: x.flatten(1)[:, : 4 * len(x)], "for each of two examples"),
    ],
)
def test_outputs_of_another_kind_are_refused(function, text):
    with pytest.raises(CodeError, match=text):
        Network(model_config(give(Returning(function), None)["encoder"]))


def test_a_decoder_of_another_shape_says_what_it_makes_and_what_was_expected():
    decoder = give(None, nn.Linear(3, 15))["decoder"]
    with pytest.raises(CodeError, match=r"makes \(15,\) of a code \(3,\).*\(1, 4, 4\), or 16"):
        Network(model_config(None, decoder))


def test_buffers_that_no_file_could_hold_are_refused():
    masked, spectral = make_flat(2), make_flat(2)
    masked.register_buffer("mask", torch.tensor(-math.inf))
    spectral.register_buffer("phase", torch.zeros(2, dtype=torch.complex64))
    for one, text in ((masked, "mask that are NaN or infinite"), (spectral, "phase.*complex64")):
        with pytest.raises(CodeError, match=text):
            Network(model_config(give(one, None)["encoder"]))


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_programs_of_torchscript_are_refused():
    with pytest.raises(CodeError, match="TorchScript"):
        Network(model_config(give(torch.jit.script(make_flat(2)), None)["encoder"]))


def test_weights_of_another_network_are_refused():
    small, large = (Network(model_config(module("make_flat", features=n))) for n in (2, 4))
    with pytest.raises(CodeError, match="encoder.0.module.1.weight is .2, 16."):
        large.load_state_dict(small.state_dict())


def test_modules_are_refused_where_a_model_needs_none():
    config = model_config()
    with pytest.raises(CodeError, match="encoder of this model is of kind mlp"):
        check_offered(config, make_flat(2), None)
    check_offered(config, None, None)


def test_an_encoder_of_ones_own_has_no_mirror():
    config = model_config(module("Encoder"), {"kind": "mirror"})
    with pytest.raises(ConfigError, match="another kind than mirror"):
        Network(config)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ({"target": "nets.Encoder"}, "as in mypkg.nets:Encoder"),
        ({"target": "a:b", "arguments": {"activation": nn.ReLU}}, "numbers, texts"),
        ({"target": "a:b", "arguments": {"width": math.nan}}, "numbers, texts"),
        ({"target": "a:b", "arguments": [3]}, "dictionary"),
        ({"target": "a:b", "args": {}}, "args"),
        ({}, "target"),
    ],
)
def test_settings_are_a_name_and_json(content, text):
    with pytest.raises(ValueError, match=text):
        ModuleConfig.model_validate({"kind": "module", **content})


def test_the_file_of_a_class_is_named_and_that_of_pytorch_is_not():
    assert len(source_of(Encoder)) == 16
    assert source_of(nn.Linear) is None
    assert source_of(3) is None


def test_an_activation_behind_layers_of_different_widths_counts_as_several():
    network = Network(model_config(module("Encoder"))).eval()
    with watched(network) as layers:
        network.encode(torch.rand(4, 1, 4, 4))
        network.encode(torch.rand(4, 1, 4, 4))
    assert [layer.units for layer in layers] == [3, 6]
    assert all(0 <= layer.dead <= 1 for layer in layers)


def test_likelihoods_and_latents_go_with_networks_of_ones_own():
    assert isinstance(ModuleConfig(target="a:b"), BodyConfig)
    content = {"latent": PointConfig(dim=2), "likelihood": GaussianConfig()}
    network = Network(model_config(module("Encoder"), module("Decoder"), **content))
    assert isinstance(network.config.input, InputConfig)
    assert torch.isfinite(network.loss(torch.rand(3, 1, 4, 4)).total)
