import re
from inspect import signature

import pytest
import yaml
from typer.main import get_command

import latentscape
from latentscape.cli import app
from latentscape.config import (
    SHORT_NAMES,
    ConvConfig,
    MlpConfig,
    Recipe,
    join_changes,
    load_recipe,
    load_study,
    override,
    parse_setting,
    recipe_names,
    study_names,
    validate,
)
from latentscape.core.errors import ConfigError


@pytest.mark.parametrize("name", recipe_names())
def test_recipes_are_sound_and_say_where_they_come_from(name):
    recipe = load_recipe(name)
    assert recipe.name == name
    assert recipe.about
    # A project or a course, or the paper that named the variant.
    assert recipe.origin or re.search(r"\b(19|20)\d\d\b", recipe.about)
    assert recipe.protocol or not recipe.reported


@pytest.mark.parametrize("name", recipe_names())
def test_a_recipe_survives_yaml(name):
    recipe = load_recipe(name)
    text = yaml.safe_dump(recipe.model_dump(mode="json", exclude_none=True))
    assert validate(Recipe, yaml.safe_load(text), "recipe") == recipe


def test_the_reference_recipes_are_all_there():
    expected = {
        "fc-64": (784, 128, 64),
        "kaggle-2d": (784, 256, 64, 32, 2),
        "dense-dropout": (784, 512, 256, 128, 64, 32),
        "deep-relu-4": (784, 256, 128, 64, 32, 16, 8, 4),
        "simple-20": (784, 400, 20),
        "elaborate-4": (784, 128, 128, 16, 4),
    }
    for name, widths in expected.items():
        model = load_recipe(name).model
        assert isinstance(model.encoder, MlpConfig)
        assert (784, *model.encoder.widths, model.latent.dim) == widths
    for name in ("cnn-fc", "conv-bn"):
        encoder = load_recipe(name).model.encoder
        assert isinstance(encoder, ConvConfig)
        assert encoder.channels == (32, 64)


@pytest.mark.parametrize(
    ("path", "value", "reads"),
    [
        ("train.lr", 3e-4, lambda recipe: recipe.train.lr == 3e-4),
        ("model.latent.dim", 2, lambda recipe: recipe.model.latent.dim == 2),
        ("model.encoder.widths", [9, 8], lambda recipe: recipe.model.encoder.widths == (9, 8)),
        ("model.likelihood", "gaussian", lambda recipe: recipe.model.likelihood.variance == 0.5),
        ("model.likelihood.kind", "gaussian", lambda recipe: recipe.model.likelihood.variance),
        ("objective.weights.reconstruction", 2, lambda recipe: recipe.objective.weights),
        ("data.source", "digits", lambda recipe: recipe.data.source == "digits"),
        ("train.schedule.kind", "cosine", lambda recipe: recipe.train.schedule.kind == "cosine"),
        ("train.average.start", 2, lambda recipe: recipe.train.average.decay == 0.999),
        ("train.average", 0.9, lambda recipe: recipe.train.average.decay == 0.9),
        ("train.frozen", ["encoder"], lambda recipe: recipe.train.frozen == ("encoder",)),
        ("objective.weights.mmd", 3, lambda recipe: recipe.objective.weights["mmd"] == 3),
        ("objective.capacity.nats", 9, lambda recipe: recipe.objective.capacity.nats == 9),
        ("model.latent", {"kind": "vq", "dim": 8}, lambda recipe: recipe.model.latent.codes == 512),
        ("model.condition", "label", lambda recipe: recipe.model.condition == "label"),
        ("data.binarize", "static", lambda recipe: recipe.data.binarize == "static"),
        ("data.train_labels", [0, "1"], lambda recipe: recipe.data.train_labels == ("0", "1")),
    ],
)  # fmt: skip
def test_any_part_can_be_changed(path, value, reads):
    assert reads(override(load_recipe("simple-20"), {path: value}))


def test_a_new_kind_drops_the_settings_of_the_old_one_but_keeps_those_given_with_it():
    changes = {"model.likelihood.variance": 0.1, "model.likelihood.kind": "gaussian"}
    assert override(load_recipe("simple-20"), changes).model.likelihood.variance == 0.1
    assert override(load_recipe("fc-64"), {"model.likelihood.kind": "bernoulli"})


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("train.lrr", 1, "Did you mean 'lr'"),
        ("trian.lr", 1, "Did you mean 'train'"),
        ("model.latent.dimm", 1, "Did you mean 'dim'"),
        ("epochs", 3, "Did you mean train.epochs"),
        ("model.likelihood", "poisson", "'poisson' is unknown"),
        ("model.encoder.widths", 512, "a list such as"),
        ("train.lr.x", 1, "has no parts"),
        ("train.average.decayy", 1, "unknown key train.average.decayy"),
        ("objective.first_samples.samples", 1, r"objective\.first_samples\.epochs: Field required"),
        ("objective.weights.a.b", 1, r"objective\.weights\.a: .*(got .a.)"),
        ("train.lr", float("inf"), "finite"),
        ("objective.weights", {}, "objective.weights"),
        ("train.lr", -1, "train.lr"),
        ("train.epochs", "many", "train.epochs"),
        ("train.optimizer", "adamm", "'adam'"),
        ("model.encoder.widths", [3, 0], r"model\.encoder\.widths\.1:"),
        ("model.likelihood", {"kind": "gaussian", "variance": 0}, r"model\.likelihood\.variance:"),
        ("model.encoder", {"kind": "conv"}, r"model\.encoder\.channels: Field required"),
        ("model.encoder.kernel", 3, "no setting in model.encoder called 'kernel'"),
        ("objective.weights.rat", 1, r"objective\.weights\.rat: .*'reconstruction', 'rate',"),
        ("objective.weights", {"kl": 1}, r"objective\.weights\.kl: .*'rate'.*got 'kl'"),
        ("objective.weights.rate", 0, r"objective\.weights\.rate: .*greater than 0"),
        ("objective.capacity.nats", 0, r"objective\.capacity\.nats:"),
        ("objective.samples", 0, r"objective\.samples:"),
        ("model.latent", {"kind": "gauss", "dim": 2}, "'gauss' is unknown.*'point', 'gaussian'"),
        ("model.latent", {"kind": "gaussian", "dim": 2, "prior": "vampp"}, "'standard' or 'vamp'"),
        ("model.latent", {"kind": "vq", "dim": 2, "codes": 1}, r"model\.latent\.codes:"),
        ("model.latent", {"kind": "vq", "dim": 2, "decay": 1}, r"model\.latent\.decay:"),
        ("model.likelihood", {"kind": "gaussian", "variance": "learnt"}, "got 'learnt'"),
        ("model.likelihood", {"kind": "discretised_logistic", "levels": 1}, "levels: .*2"),
        ("model.corruption", "noise", r"model\.corruption: .*'gaussian', 'masking'"),
        ("model.corruption", {"kind": "block", "amount": 0}, r"model\.corruption\.amount:"),
        ("model.corruption", {"amount": 0.1}, r"model\.corruption\.kind: Field required"),
        ("model.corruption.amount", 0.1, "model.corruption has no parts"),
        ("model.condition", "class", r"model\.condition: .*'label'"),
        ("data.binarize", True, "'none', 'static' or 'dynamic'"),
        ("data.train_labels", [], r"data\.train_labels: .*at least 1"),
        ("data.train_labels", 0, r"data\.train_labels: .*a list such as"),
        ("binarize", "dynamic", r"Did you mean data\.binarize"),
    ],
)
def test_mistakes_name_the_place_and_the_remedy(path, value, message):
    with pytest.raises(ConfigError, match=message):
        override(load_recipe("simple-20"), {path: value})


def test_even_kernels_are_refused():
    with pytest.raises(ConfigError, match="odd"):
        override(load_recipe("conv-bn"), {"model.encoder.kernel": 4})


@pytest.mark.parametrize("kind", ["masking", "salt_and_pepper", "block"])
def test_shares_end_at_one_and_noise_does_not(kind):
    def amount(kind, amount):
        changes = {"model.corruption": {"kind": kind, "amount": amount}}
        return override(load_recipe("denoising"), changes).model.corruption.amount

    assert amount(kind, 1) == 1
    assert amount("gaussian", 3) == 3
    with pytest.raises(ConfigError, match=f"the amount of {kind} cannot exceed 1"):
        amount(kind, 1.01)


def test_a_part_that_a_recipe_leaves_out_can_be_given_by_its_kind():
    simple = load_recipe("simple-20")
    assert simple.model.corruption is None
    short = override(simple, {"model.corruption": "gaussian"})
    assert (short.model.corruption.kind, short.model.corruption.amount) == ("gaussian", 0.3)
    changes = {"model.corruption.amount": 0.5, "model.corruption.kind": "block"}
    assert override(simple, changes).model.corruption.amount == 0.5
    assert override(short, {"model.corruption": None}).model == simple.model


@pytest.mark.parametrize(
    ("text", "setting"),
    [
        ("train.lr=3e-4", ("train.lr", 3e-4)),
        ("model.encoder.widths=[512,128]", ("model.encoder.widths", [512, 128])),
        ("model.likelihood=gaussian", ("model.likelihood", "gaussian")),
        ("train.patience=null", ("train.patience", None)),
    ],
)
def test_settings_are_read_as_yaml(text, setting):
    assert parse_setting(text) == setting


@pytest.mark.parametrize("text", ["train.lr", "train.lr=[1", "data.source=2024-13-45"])
def test_settings_that_cannot_be_read(text):
    with pytest.raises(ConfigError):
        parse_setting(text)


def test_unknown_names_and_broken_files(tmp_path):
    with pytest.raises(ConfigError, match="Did you mean 'simple-20'"):
        load_recipe("simple-2")
    with pytest.raises(ConfigError, match="Did you mean 'ae-vs-cae'"):
        load_study("ae-vs-ca")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_recipe(tmp_path / "absent.yaml")
    broken = tmp_path / "broken.yaml"
    broken.write_text("model: [")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_recipe(broken)
    broken.write_text(
        "model: {encoder: {kind: mlp, widths: [3]}, latent: {kind: point, dim: 2}, trian: {}}"
    )
    with pytest.raises(ConfigError, match="unknown key model.trian.*Did you mean 'train'"):
        load_recipe(broken)


@pytest.mark.parametrize("name", study_names())
def test_studies_are_sound(name):
    study = load_study(name)
    configurations = study.configurations()
    labels = [label for label, _, _ in configurations]
    assert len(set(labels)) == len(labels)
    for _, recipe, changes in configurations:
        override(load_recipe(recipe), changes)


def test_suites_are_twelve_for_each_of_two_models():
    assert len(load_study("suites").configurations()) == 24


def test_ae_vs_cae_is_the_course_report():
    configurations = load_study("ae-vs-cae").configurations()
    assert [label for label, _, _ in configurations] == [
        "dense-dropout latent 2",
        "dense-dropout latent 32",
        "conv-bn latent 2",
        "conv-bn latent 32",
        "conv-vae latent 2",
        "conv-vae latent 32",
    ]
    recipe = override(load_recipe("conv-bn"), configurations[3][2])
    assert recipe.train.snapshots == (1, 5, 10, 15, 20, 25)
    assert (recipe.data.train, recipe.data.test) == (20000, 4000)


DIFFERENT = {
    "train.seed": 1,
    "train.lr": 0.5,
    "train.precision": "bfloat16",
    "data.seed": 1,
    "data.binarize": "dynamic",
    "data.train_labels": ["0"],
    "model.corruption": "gaussian",
    "model.condition": "label",
    "model.latent": {"kind": "gaussian", "dim": 20},
    "model.likelihood": "continuous_bernoulli",
    "objective.weights.sparsity": 1,
    "objective.samples": 5,
    "objective.first_samples": {"samples": 2, "epochs": 3},
    "objective.rate_warmup": 5,
    "objective.capacity.nats": 5,
    "train.schedule.peak": 0.4,
    "train.average": 0.99,
    "train.accumulate": 2,
    "train.frozen": ["encoder"],
}


def test_the_fingerprint_sees_what_changes_results_and_nothing_else():
    recipe = load_recipe("simple-20")
    same = override(recipe, {"data.source": "elsewhere.npy", "train.checkpoint_seconds": 1})
    assert recipe.fingerprint("data") == same.fingerprint("data")
    different = [{}, *({path: value} for path, value in DIFFERENT.items())]
    prints = {override(recipe, changes).fingerprint("data") for changes in different}
    assert len(prints) == len(different)
    assert recipe.fingerprint("other data") not in prints


def test_runs_that_name_no_labels_to_train_on_are_still_the_same_runs():
    # As it was before there was data.train_labels, and when float32 was the default.
    before = "75d943b78f591744b03a8e95feeacfc40bb513192e217253b74b49a8fddb916e"
    recipe = override(load_recipe("simple-20"), {"train.precision": "float32"})
    assert recipe.fingerprint("x") == before


def test_short_names_stand_for_settings_that_exist():
    content = load_recipe("simple-20").model_dump()
    for path in SHORT_NAMES.values():
        part = content
        for key in path.split("."):
            part = part[key]


def test_command_line_and_functions_use_the_same_short_names():
    command = get_command(app).commands["train"]
    options = {parameter.name for parameter in command.params}
    assert options >= SHORT_NAMES.keys()
    settings = {"latent_dim", "condition", "epochs", "batch_size", "lr", "seed"}
    assert signature(latentscape.train).parameters.keys() & SHORT_NAMES.keys() == settings
    for function in (latentscape.train, latentscape.compare, latentscape.describe_recipe):
        kinds = {parameter.kind for parameter in signature(function).parameters.values()}
        assert kinds == {1, 3}, "No arguments are swallowed"


def test_short_names_join_other_changes():
    joined = join_changes({"epochs": 3, "lr": None, "grey": True}, {"train.clip_norm": 1.0})
    assert joined == {"train.epochs": 3, "data.grey": True, "train.clip_norm": 1.0}
    assert join_changes({"epochs": 3}, {"train.epochs": 3}) == {"train.epochs": 3}
    with pytest.raises(ConfigError, match="train.epochs is changed twice"):
        join_changes({"epochs": 3}, {"train.epochs": 4})


FAMILIES = {
    "simple-20": "fully connected",
    "conv-bn": "convolutional",
    "kaggle-2d-denoise": "denoising",
    "sparse": "regularised",
    "embed-32": "regularised",
    "vae-20": "variational",
    "conv-vae": "variational",
    "vq-vae": "vector-quantised",
}


@pytest.mark.parametrize("name", FAMILIES)
def test_the_family_of_a_recipe_follows_from_its_parts(name):
    assert load_recipe(name).family == FAMILIES[name]


def test_a_recipe_changes_its_family_with_its_parts():
    noisy = override(load_recipe("simple-20"), {"model.corruption": "masking"})
    assert noisy.family == "denoising"
