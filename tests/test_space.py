"""How people write the values that a search may choose from."""

import pytest

from latentscape.config import Study, load_recipe
from latentscape.config.space import Choices, Range, parse_space, read_space
from latentscape.core.errors import ConfigError

RECIPE = load_recipe("vae-20")


def read(path, values):
    return read_space(RECIPE, {path: values})[path]


def test_ranges_are_written_as_in_mathematics():
    assert read("train.weight_decay", "(0, 0.5)") == Range(low=0, high=0.5)
    assert read("train.lr", "log(1e-4,1e-2)") == Range(low=1e-4, high=1e-2, log=True)
    assert read("train.weight_decay", "(0, 0.5, 0.2)") == Range(low=0, high=0.4, step=0.2)
    assert read("train.lr", (0.1, 0.2)) == Range(low=0.1, high=0.2)


def test_a_setting_that_takes_whole_numbers_alone_gets_no_others():
    whole = read("model.latent.dim", "(8, 64, 8)")
    assert whole == Range(low=8, high=64, step=8, whole=True)
    assert [*whole.samples()] == [8, 64]
    assert isinstance(next(whole.samples()), int)
    assert read("model.latent.dim", "log(8, 512)").whole
    # Whole numbers are the ends of a range of others, too.
    assert not read("train.weight_decay", "(0, 1)").whole


def test_choices_are_lists_of_anything_that_the_setting_takes():
    assert read("model.latent.dim", "[8, 16, 32]") == Choices(values=(8, 16, 32))
    assert read("train.optimizer", "[adam, sgd]").keys == ("adam", "sgd")
    assert read("train.lr", "[3e-4, 1e-3]").values == (3e-4, 1e-3)
    widths = read("model.encoder.widths", "[[32], [64, 32]]")
    assert widths.keys == ("[32]", "[64, 32]")
    assert widths.value_of("[64, 32]") == [64, 32]


def test_values_of_a_space_are_known():
    steps = read("model.latent.dim", "(8, 64, 8)")
    assert [steps.holds(value) for value in (8, 24, 25, 72, True, None)] == [
        True,
        True,
        False,
        False,
        False,
        False,
    ]
    patience = read("train.patience", "[null, 3]")
    assert patience.holds(None)
    assert patience.holds(3)
    assert not patience.holds(4)
    assert patience.value_of(patience.key_of(None)) is None
    weights = read("objective.weights.rate", "[1, 4]")
    assert weights.holds(1.0)
    assert repr(weights.key_of(1.0)) == "1"
    assert not weights.holds(True)


@pytest.mark.parametrize(
    ("path", "values", "words"),
    [
        ("train.lr", "(2, 1)", "smaller number first"),
        ("train.lr", "log(0, 1)", "above 0"),
        ("train.lr", "log(1, 4, 1)", "has a step"),
        ("train.lr", "(1, 2, 3)", "fits into it"),
        ("train.lr", "(1, 2", r"log\(low, high\)"),
        ("train.lr", "(1, nan)", "is none"),
        ("train.lr", "(one, two)", r"log\(low, high\)"),
        ("train.lr", "fast", "or a list"),
        ("train.lr", "0.1", "or a list"),
        ("train.lr", "[0.1]", "two or more"),
        ("train.lr", "[0.1, 0.1]", "all different"),
        ("train.lr", "(-1, 1)", "greater than 0"),
        ("train.momentum", "(0, 1)", "less than 1"),
        ("model.latent.dim", "(2.5, 7)", "whole|integer"),
        ("train.optimizer", "[adam, sdg]", "'sgd'"),
        ("train.lrr", "(0, 1)", "Did you mean 'lr'"),
        ("model.latent.codes", "[8, 16]", "no setting in model.latent"),
    ],
)
def test_what_is_wrong_with_a_space_is_said(path, values, words):
    with pytest.raises(ConfigError, match=words) as raised:
        read(path, values)
    assert path in str(raised.value)


def test_a_part_varies_as_a_whole_or_by_its_settings():
    space = {"train.schedule": ["constant", "cosine"], "train.schedule.warmup": "(0, 3)"}
    with pytest.raises(ConfigError, match=r"train.schedule.warmup, which is a part of it"):
        read_space(RECIPE, space)


def test_the_command_line_parts_a_path_and_its_values():
    assert parse_space("train.lr = log(1e-4, 1e-2)") == ("train.lr", "log(1e-4, 1e-2)")
    with pytest.raises(ConfigError, match="has no '='"):
        parse_space("train.lr")


def test_a_study_with_a_space_has_nothing_else_to_compare():
    entry = {"recipe": "vae-20"}
    space = {"train.lr": "log(1e-4, 1e-2)"}
    assert Study(name="one", entries=(entry,), space=space, trials=3).trials == 3
    for more in (
        {"entries": (entry, {"recipe": "simple-20"}), "space": space},
        {"entries": (entry,), "space": space, "axes": {"train.epochs": (1, 2)}},
        {"entries": (entry,), "trials": 3},
    ):
        with pytest.raises(ValueError, match="space"):
            Study(name="one", **more)
