"""Runs of networks of the user's own: by name and as objects, and never imported unasked."""

import json
import shutil
import sys

import numpy as np
import pytest
import torch
import yaml
from torch import nn
from typer.main import get_command

import latentscape
from latentscape.cli import app, main
from latentscape.cli.completing import complete_package
from latentscape.core.errors import CodeError, UntrustedCode
from latentscape.core.records import Dataset
from latentscape.core.trust import VARIABLE
from latentscape.model.own import giving

SOURCE = """
import math
import pathlib

from torch import nn

pathlib.Path(__file__).with_name("imported").touch()
print("imported")


class Encoder(nn.Module):
    def __init__(self, shape, width=8):
        super().__init__()
        self.conv = nn.Conv2d(shape[0], 4, 3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.relu = nn.ReLU()
        self.fc = nn.LazyLinear(width)

    def forward(self, images):
        return self.relu(self.fc(self.relu(self.norm(self.conv(images))).flatten(1)))


class Decoder(nn.Sequential):
    def __init__(self, code_shape, shape, width=8):
        size = math.prod(shape)
        super().__init__(nn.Linear(math.prod(code_shape), width), nn.ReLU(), nn.Linear(width, size))
"""

RECIPE = {
    "about": "Own networks.",
    "model": {
        "encoder": {"kind": "module", "target": "traced_nets:Encoder", "arguments": {"width": 9}},
        "latent": {"kind": "gaussian", "dim": 2},
        "decoder": {"kind": "module", "target": "traced_nets:Decoder"},
    },
    "objective": {"weights": {"reconstruction": 1, "rate": 1}},
    "train": {"epochs": 2, "batch_size": 16},
}


@pytest.fixture(scope="module")
def blots():
    """Sixty images (1, 8, 8) of two kinds, with labels."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 60, (60, 1, 8, 8), dtype=np.uint8)
    labels = np.arange(60) % 2
    images[labels == 1, :, :4] += 150
    return Dataset("blots", images, labels, ("dark", "light"))


@pytest.fixture(autouse=True)
def _nobody_is_trusted(monkeypatch):
    monkeypatch.setenv(VARIABLE, "")
    monkeypatch.setattr(giving, "_known", {})


@pytest.fixture(scope="module")
def folder(tmp_path_factory, blots):
    """A folder with the code, its recipe, data, and a finished run of it."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "traced_nets.py").write_text(SOURCE)
    (folder / "own.yaml").write_text(yaml.safe_dump(RECIPE))
    np.savez(folder / "blots.npz", images=blots.images[:], labels=blots.labels)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv(VARIABLE, "traced_nets")
        latentscape.train("own.yaml", data="blots.npz", name="named", quiet=True)
    _forget()
    return folder


@pytest.fixture
def here(folder, monkeypatch):
    """That folder as the working directory, with nothing imported."""
    monkeypatch.chdir(folder)
    _forget()
    (folder / "imported").unlink(missing_ok=True)
    return folder


def _forget():
    sys.modules.pop("traced_nets", None)


def command(*words, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["latentscape", *words])
    with pytest.raises(SystemExit) as end:
        main()
    said = capsys.readouterr()
    return end.value.code or 0, said.out, said.err


def own_modules():
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 6), nn.ReLU())
    return {"encoder": encoder, "decoder": nn.Linear(3, 64)}


QUICK = {"train.epochs": 1, "train.batch_size": 16}

LOADING = [
    "evaluate runs/named",
    "sample runs/named",
    "embed runs/named --data blots.npz --out codes.npy",
    "export runs/named --to torch-export",
    "cluster runs/named",
    "doctor runs/named",
    "explore runs/named --out page.html",
    "publish runs/named",
    "embed runs/named/model.safetensors --data blots.npz --out codes.npy",
    "train own.yaml --data blots.npz --name other",
    "doctor own.yaml --data blots.npz",
    "recipes show own.yaml",
    "train --from runs/named --data blots.npz",
]


@pytest.mark.parametrize("words", LOADING)
def test_no_command_imports_what_is_not_trusted(words, here, capsys, monkeypatch):
    monkeypatch.setattr("latentscape.api.exploring.check_bundle", lambda: None)
    before = {file for file in here.rglob("*") if file.name != ".lock"}
    told = {"capsys": capsys, "monkeypatch": monkeypatch}
    trust = ["--trust", "traced", "--trust", "traced_netsevil"]
    code, out, err = command(*words.split(), *trust, **told)
    assert (code, out) == (2, "")
    assert "traced_nets:Encoder is code of the package traced_nets, which is not trusted" in err
    assert "--trust traced_nets" in err
    assert "Traceback" not in err
    assert "traced_nets" not in sys.modules
    assert {file for file in here.rglob("*") if file.name != ".lock"} == before


@pytest.mark.parametrize("words", ["runs list runs", "runs show runs/named", "report runs/named"])
def test_what_needs_no_network_needs_no_trust(words, here, capsys, monkeypatch):
    code, out, _ = command(*words.split(), capsys=capsys, monkeypatch=monkeypatch)
    assert code == 0
    assert "traced_nets" not in sys.modules
    if "show" in words:
        assert "traced_nets:Encoder, traced_nets:Decoder: --trust traced_nets" in " ".join(
            out.split()
        )


def test_a_trusted_run_does_all_that_any_other_does(here, capsys, monkeypatch):
    told = {"capsys": capsys, "monkeypatch": monkeypatch}
    code, out, _ = command("evaluate", "runs/named", "--json", "--trust", "traced_nets", **told)
    assert code == 0
    assert json.loads(out)  # What the module prints when it is imported is no part of it.
    code, out, _ = command("sample", "runs/named", "--trust", "traced_nets", **told)
    assert code == 0
    assert (here / "imported").exists()


def test_load_trusts_for_one_call(here):
    with pytest.raises(UntrustedCode):
        latentscape.load("runs/named")
    state = torch.get_rng_state()
    model = latentscape.load("runs/named", trust=["traced_nets"])
    assert torch.equal(torch.get_rng_state(), state)  # Nobody's random numbers are others for it.
    assert not model.training
    with pytest.raises(UntrustedCode):
        latentscape.load("runs/named")
    monkey = latentscape.load("runs/named", trust="traced_nets")
    images = torch.zeros(2, 1, 8, 8, dtype=torch.uint8)
    assert torch.equal(model.encode(images), monkey.encode(images))


def test_a_run_goes_on_to_the_same_bits(here):
    latentscape.trust("traced_nets")
    shared = {"data": "blots.npz", "as_published": True, "quiet": True}
    whole = latentscape.train("own.yaml", name="whole", **shared)
    stopped = latentscape.train("own.yaml", name="stopped", epochs=1, **shared)
    resumed = latentscape.resume(stopped, epochs=2, quiet=True)
    a, b = (latentscape.load(run).state_dict() for run in (whole, resumed))
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_a_file_that_has_changed_is_told_once(here, caplog, tmp_path, monkeypatch):
    shutil.copytree("runs/named", tmp_path / "named")
    (tmp_path / "traced_nets.py").write_text(SOURCE + "\n# Another line.\n")
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        latentscape.load("named", trust=["traced_nets"])
    told = [record.message for record in caplog.records if "has changed since" in record.message]
    assert len(told) == 2  # Of the encoder, and of the decoder.


def test_weights_need_the_arguments_that_they_were_trained_with(here, tmp_path, monkeypatch):
    shutil.copytree("runs/named", tmp_path / "named")
    (tmp_path / "traced_nets.py").write_text(SOURCE.replace("width=8", "width=5"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CodeError, match="do not fit the network of your own: decoder.0.module"):
        latentscape.load("named", trust=["traced_nets"])


def test_objects_are_trained_and_remembered(blots, tmp_path, monkeypatch):
    own = own_modules()
    before = {name: value.clone() for name, value in own["encoder"].state_dict().items()}
    run = latentscape.train(
        "simple-20",
        data=blots,
        latent_dim=3,
        changes={**QUICK, "model.init.data_dependent": True},
        folder=tmp_path,
        quiet=True,
        **own,
    )
    assert run.name == "simple-20-own-blots-0"
    after = own["encoder"].state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())
    latentscape.evaluate(run.path, data=blots, quiet=True)  # By its path as well.
    codes = latentscape.load(run).encode(torch.from_numpy(blots.images[:5]))
    monkeypatch.setattr(giving, "_known", {})  # As in another process.
    with pytest.raises(CodeError, match="handed over in Python"):
        latentscape.evaluate(run, data=blots, quiet=True)
    with pytest.raises(
        CodeError, match="encoder.0.module.1.bias is .6,., and the network has .2,."
    ):
        latentscape.load(
            run,
            encoder=nn.Sequential(nn.Flatten(), nn.Linear(64, 2)),
            **{"decoder": own["decoder"]},
        )
    again = latentscape.load(run, **own_modules())
    assert torch.equal(again.encode(torch.from_numpy(blots.images[:5])), codes)
    assert "codes" in latentscape.sample(run, count=2, data=blots).about


def test_objects_resume_to_the_same_bits(blots, tmp_path, monkeypatch):
    torch.manual_seed(0)
    shared = {"data": blots, "folder": tmp_path, "as_published": True, "quiet": True}
    shared |= {"changes": {"train.batch_size": 16}, "latent_dim": 3, **own_modules()}
    whole = latentscape.train("simple-20", epochs=2, name="a", **shared)
    run = latentscape.train("simple-20", epochs=1, name="b", **shared)
    monkeypatch.setattr(giving, "_known", {})
    with pytest.raises(CodeError, match="handed over in Python"):
        latentscape.resume(run, data=blots, epochs=2, quiet=True)
    assert run.finished, "the model of one epoch is still there"
    resumed = latentscape.resume(run, data=blots, epochs=2, quiet=True, **own_modules())
    a, b = (latentscape.load(one).state_dict() for one in (whole, resumed))
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_training_from_a_run_of_objects_needs_its_weights_alone(blots, tmp_path, monkeypatch):
    """In another process: where the new model has layers in common, and where it has them all."""
    shared = {"data": blots, "latent_dim": 3, "folder": tmp_path, "quiet": True}
    own = {"encoder": own_modules()["encoder"]}
    first = latentscape.train("simple-20", name="first", changes=QUICK, **shared, **own)
    first_weights = latentscape.load(first).state_dict()
    monkeypatch.setattr(giving, "_known", {})

    def assert_taken(weights, taken):
        assert taken
        assert all(torch.allclose(weights[n], first_weights[n], atol=1e-5) for n in taken)

    shared |= {"changes": QUICK, "lr": 1e-9}
    other = latentscape.train("simple-20", start_from=first, name="other", **shared)
    assert {name.partition(".")[0] for name in other.start.taken} == {"decoder"}
    assert_taken(latentscape.load(other).state_dict(), other.start.taken)
    with pytest.raises(CodeError, match=r"handed over in Python.*encoder=\.\.\. of load, .*train"):
        latentscape.train(start_from=first, name="same", **shared)
    same = latentscape.train(start_from=first, name="same", **shared, **own)
    assert same.start.left == ()
    assert_taken(latentscape.load(same).state_dict(), first_weights)
    monkeypatch.setattr(giving, "_known", {})
    estimator = latentscape.Autoencoder(start_from=first, max_epochs=1, lr=1e-9, **own)
    assert_taken(estimator.fit(blots.images).network_.state_dict(), first_weights)


def test_the_weights_of_a_run_need_no_trust(here, blots, tmp_path):
    """What is taken is its latent alone; nothing of its code is imported."""
    changes = {**QUICK, "model.encoder.widths": [9]}
    run = latentscape.train(
        "vae-20",
        data=blots,
        latent_dim=2,
        start_from="runs/named",
        changes=changes,
        folder=tmp_path,
        quiet=True,
    )
    assert {name.partition(".")[0] for name in run.start.taken} == {"latent"}
    assert "traced_nets" not in sys.modules


def test_an_encoder_alone_leaves_the_decoder_of_the_recipe(blots, tmp_path):
    run = latentscape.train(
        "conv-bn",
        data=blots,
        encoder=own_modules()["encoder"],
        changes=QUICK,
        folder=tmp_path,
        quiet=True,
    )
    assert run.recipe.model.encoder.kind == "module"
    assert run.recipe.model.decoder.kind == "conv"


def test_local_classes_and_layers_that_stand_twice_are_trained(blots, tmp_path):
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Linear(64, 64)
            self.second = self.first

        def forward(self, images):
            return self.second(torch.relu(self.first(images.flatten(1))))

    run = latentscape.train(
        "simple-20", data=blots, encoder=Twice(), changes=QUICK, folder=tmp_path, quiet=True
    )
    assert "<locals>.Twice" in run.recipe.model.encoder.target
    own = latentscape.load(run).encoder[0].module
    assert own.first.weight is own.second.weight


def test_python_that_changes_from_step_to_step_is_called_at_every_step(blots, tmp_path):
    """Steps of known layers are captured after a few, and replayed without Python."""
    calls = []

    class Counting(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.Sequential(nn.Flatten(), nn.Linear(64, 4))

        def __deepcopy__(self, memo):
            return Counting()

        def forward(self, images):
            calls.append(self.training)
            return self.layers(images)

    changes = {"train.epochs": 9, "train.batch_size": 8, "data.validation": 0}
    run = latentscape.train(
        "simple-20", data=blots, encoder=Counting(), changes=changes, folder=tmp_path, quiet=True
    )
    steps = 9 * run.recipe.train.steps_per_epoch(run.data.sizes.train)
    assert sum(calls) >= steps


class Normalised(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Flatten(), nn.Linear(64, 4), nn.BatchNorm1d(4))


class Detached(nn.Sequential):
    def forward(self, values):
        return super().forward(values).detach()


class InPlace(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(64, 4)

    def forward(self, images):
        features = torch.exp(self.layer(images.flatten(1)))
        return features.mul_(2) if not self.training else features.exp().add_(1).mul_(features)


BAD = {
    "one": ({"encoder": Normalised()}, {"train.batch_size": 1}, "Batches of one example"),
    "detached": (
        {"encoder": Detached(nn.Flatten(), nn.Linear(64, 4))},
        {},
        "no gradient reaches any of them",
    ),
    "sigmoid": (
        {"decoder": nn.Sequential(nn.Linear(20, 64), nn.Sigmoid())},
        {},
        "puts them through a sigmoid of its own",
    ),
    "images": ({"encoder": nn.Conv2d(3, 4, 3)}, {}, "expected input.*to have 3 channels"),
    "class": ({"encoder": Normalised}, {}, "is the class Normalised"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_trained_is_refused_before_anything_is_written(name, blots, tmp_path):
    modules, changes, text = BAD[name]
    with pytest.raises(latentscape.ConfigError, match=text):
        latentscape.train(
            "simple-20",
            data=blots,
            changes={**QUICK, **changes},
            folder=tmp_path,
            quiet=True,
            **modules,
        )
    assert not [*tmp_path.iterdir()]


def test_batch_normalisation_needs_two_examples_and_no_more(blots, tmp_path):
    changes = {**QUICK, "data.train": 33}  # The last of them joins the batch before it.
    latentscape.train(
        "simple-20", data=blots, encoder=Normalised(), changes=changes, folder=tmp_path, quiet=True
    )


def test_what_raises_in_the_middle_of_training_leaves_a_run_that_goes_on(blots, tmp_path):
    class Tiring(nn.Sequential):
        left = 10**6

        def forward(self, images):
            Tiring.left -= self.training
            if Tiring.left < 0:
                raise RuntimeError("too tired")
            return super().forward(images)

    encoder = Tiring(nn.Flatten(), nn.Linear(64, 4))
    Tiring.left = 6  # One step before training, and five of it.
    shared = {"changes": {**QUICK, "train.epochs": 3}, "folder": tmp_path, "quiet": True}
    with pytest.raises(CodeError, match=r"raised RuntimeError.*too tired\. Look at line \d+ of"):
        latentscape.train("simple-20", data=blots, encoder=encoder, name="tired", **shared)
    Tiring.left = 10**6
    run = latentscape.resume(tmp_path / "tired", data=blots, quiet=True)
    assert run.finished


def test_exports_of_what_no_graph_can_say_are_refused(blots, tmp_path):
    class Deciding(nn.Sequential):
        def forward(self, images):
            return super().forward(images * 2 if images.sum() > 3 else images)

    run = latentscape.train(
        "simple-20",
        data=blots,
        encoder=Deciding(nn.Flatten(), nn.Linear(64, 4)),
        changes=QUICK,
        folder=tmp_path,
        quiet=True,
    )
    with pytest.raises(latentscape.ConfigError, match="cannot export the encoder.*no decision"):
        latentscape.export(run, "torch-export", data=blots)
    assert latentscape.export(run, "torch-export", part="decoder", data=blots)


def test_packages_in_the_working_directory_are_completed_and_not_imported(here):
    (here / "some_pkg").mkdir(exist_ok=True)
    (here / "some_pkg" / "__init__.py").touch()
    assert complete_package("") == ["some_pkg", "traced_nets"]
    assert complete_package("tr") == ["traced_nets"]
    assert "traced_nets" not in sys.modules


def test_every_command_that_reads_runs_or_recipes_takes_trust():
    group = get_command(app)
    context = group.make_context("latentscape", ["info"], resilient_parsing=True)
    without = set()
    for name in group.list_commands(context):
        command = group.resolve_command(context, [name])[1]
        if "trust" not in {parameter.name for parameter in command.params}:
            without.add(name)
    assert without == {"data", "demo", "info", "recipes", "runs", "studies"}


def test_studies_train_networks_of_ones_own(here):
    study = latentscape.Study.model_validate(
        {
            "name": "widths",
            "entries": [{"recipe": "own.yaml", "set": {"train.epochs": 1}}],
            "axes": {"model.encoder.arguments.width": [4, 6]},
        }
    )
    with pytest.raises(UntrustedCode):
        latentscape.compare(study, data="blots.npz", quiet=True)
    latentscape.trust("traced_nets")
    findings = latentscape.compare(study, data="blots.npz", quiet=True)
    assert len(findings.rows) == 2


def test_the_card_says_which_code_a_model_needs(here, tmp_path):
    latentscape.trust("traced_nets")
    card = latentscape.publish("runs/named", out=tmp_path / "hub").folder / "README.md"
    text = card.read_text(encoding="utf-8")
    assert "needs the code of traced_nets (traced_nets:Encoder, traced_nets:Decoder)" in text
    assert 'latentscape.load(".", trust=["traced_nets"])' in text


def test_objects_are_analysed_in_this_process(blots, tmp_path):
    run = latentscape.train(
        "simple-20",
        data=blots,
        changes=QUICK,
        folder=tmp_path,
        latent_dim=3,
        quiet=True,
        **own_modules(),
    )
    parts = ("clustering", "probing")
    findings = latentscape.analyze(run, data=blots, parts=parts, quick=True, jobs=2, quiet=True)
    assert findings.parts


def test_weights_that_are_frozen_in_an_object_stay(blots, tmp_path):
    own = own_modules()
    own["encoder"].requires_grad_(False)
    changes = {**QUICK, "train.average": 0.9, "train.accumulate": 2}
    run = latentscape.train(
        "simple-20", data=blots, changes=changes, folder=tmp_path, latent_dim=3, quiet=True, **own
    )
    trained = latentscape.load(run)
    inner = trained.encoder[0].module.state_dict()
    assert all(
        torch.equal(inner[name], value) for name, value in own["encoder"].state_dict().items()
    )
    assert not torch.equal(trained.decoder[0].module.weight, own["decoder"].weight)
