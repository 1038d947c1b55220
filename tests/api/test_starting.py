"""Training that begins with the weights of an earlier model."""

import json
from shutil import copytree

import pytest
import torch
from typer.testing import CliRunner

import latentscape
from latentscape.api.pages.card import make_card
from latentscape.cli import app
from latentscape.cli.printing import show_subject
from latentscape.config import DataConfig
from latentscape.core.errors import ConfigError, RunError
from latentscape.runs import Run, RunFindings, load_model
from latentscape.runs.starting import EarlierModel

FAST = {"train.epochs": 1, "data.train": 200, "data.test": 20, "model.encoder.widths": [32]}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def earlier(runs) -> Run:
    return latentscape.train("simple-20", changes=FAST, folder=runs, quiet=True)


@pytest.fixture(scope="module")
def tuned(runs, earlier) -> Run:
    """A run with another code, from the weights of `earlier`, that hardly moves."""
    changes = {"train.epochs": 1, "model.latent.dim": 5, "train.frozen": ["encoder"]}
    changes |= {"train.average.decay": 0.9, "train.average.start": 0.5}
    return latentscape.train(start_from=earlier, changes=changes, lr=1e-9, folder=runs, quiet=True)


def test_the_recipe_of_the_earlier_run_is_trained_and_its_weights_are_the_start(tuned, earlier):
    assert tuned.name == "simple-20-tuned-mnist-5k-0"
    assert tuned.recipe.model.encoder == earlier.recipe.model.encoder
    weights, before = (load_model(run.path).state_dict() for run in (tuned, earlier))
    for name in tuned.start.taken:
        assert torch.allclose(weights[name], before[name], atol=1e-5)


def test_what_was_not_taken_is_recorded(tuned, earlier):
    start = tuned.start
    assert start.source == str(earlier.path)
    assert (start.recipe, start.data) == ("simple-20", earlier.data.fingerprint)
    shapes = {weight.name: (weight.shape, weight.earlier_shape) for weight in start.left}
    assert ((5, 32), (20, 32)) in shapes.values()
    assert {weight.reason for weight in start.left} == {"shape", "layer"}
    assert not shapes.keys() & set(start.taken)
    assert 0 < start.numbers < start.all_numbers
    assert RunFindings(tuned).to_json()["start"]["source"] == str(earlier.path)


def test_terminal_report_and_card_say_it(tuned, earlier, capsys):
    sentence = f"It began with weights of {earlier.name} (recipe simple-20)"
    show_subject(tuned.path, as_json=False)
    assert sentence in " ".join(capsys.readouterr().out.split())
    shown = CliRunner().invoke(app, ["runs", "show", str(tuned.path)])
    assert sentence in " ".join(shown.output.split())
    assert sentence in latentscape.report(tuned).read_text()
    card = make_card(RunFindings(tuned), None, None).text
    assert earlier.name in card
    average = "a moving average of those of the steps from epoch 0.5 on, decay 0.9"
    assert average in card
    assert average in " ".join(shown.output.split())


def test_what_is_frozen_is_listed(tuned):
    architecture = RunFindings(tuned).architecture
    by_part = {(layer.part, layer.frozen) for layer in architecture.layers if layer.parameters}
    assert {part for part, frozen in by_part if frozen} == {"encoder"}
    assert architecture.frozen == 32 * 784 + 32
    assert "25,120 parameters, frozen" in latentscape.report(tuned).read_text()
    shown = CliRunner().invoke(
        app, ["recipes", "show", "simple-20", "--set", "train.frozen=[latent]"]
    )
    assert "8,020, frozen" in shown.output


def test_the_card_has_no_path(tuned, earlier):
    card = make_card(RunFindings(tuned), None, None).text
    assert str(earlier.path) not in card


def test_the_progress_says_what_was_not_taken(runs, earlier, caplog):
    caplog.set_level("INFO", "latentscape")
    changes = FAST | {"model.latent.dim": 3}
    latentscape.train(
        "simple-20", start_from=earlier.model_file, changes=changes, folder=runs, name="told"
    )
    assert (
        "begun anew, with their layers: latent.layers.0.weight (3×32, there 20×32)" in caplog.text
    )


def test_other_data_bring_their_own_labels_and_sizes(earlier):
    from latentscape.api.preparing import resolve_again

    recipe = earlier.recipe
    data = recipe.data.model_copy(update={"labels": "digit", "grey": True})
    before = recipe.model_copy(update={"data": data})
    assert resolve_again(before).data == data
    assert resolve_again(before, "other.npy").data == DataConfig(grey=True)
    again = resolve_again(recipe)
    assert again.published is None
    assert again.train == recipe.published.train


def test_a_model_of_another_kind_is_refused_before_anything_is_written(runs, earlier):
    before = sorted(runs.iterdir())
    with pytest.raises(ConfigError, match=r"No layer of .* has the name and the shape"):
        latentscape.train("conv-bn", start_from=earlier, folder=runs, quiet=True)
    with pytest.raises(RunError, match="There is no model at"):
        latentscape.train("conv-bn", start_from=runs / "none", folder=runs, quiet=True)
    with pytest.raises(ConfigError, match="nothing to train"):
        latentscape.train(folder=runs, quiet=True)
    assert sorted(runs.iterdir()) == before


def test_a_run_does_not_replace_the_one_that_it_begins_with(runs, earlier):
    with pytest.raises(ConfigError, match="would be replaced"):
        latentscape.train(
            start_from=earlier, name=earlier.name, folder=runs, overwrite=True, quiet=True
        )
    assert earlier.finished


def test_another_start_is_another_run(tuned, tmp_path):
    copy = Run(copytree(tuned.path, tmp_path / "copy"))
    assert copy.fingerprint == tuned.fingerprint
    (copy.path / "start.json").unlink()
    with pytest.raises(RunError, match="start.json"):
        _ = copy.fingerprint


def test_weights_that_have_changed_since_are_refused(tuned, earlier):
    start = tuned.start
    assert EarlierModel.of(start).weights.keys() == load_model(earlier.path).state_dict().keys()
    other = start.model_copy(update={"source": str(tuned.path)})
    with pytest.raises(RunError, match="not those that the run began with"):
        EarlierModel.of(other)


def test_the_command_trains_from_a_run(earlier, tmp_path):
    command = ["train", "--from", str(earlier.path), "--epochs", "1", "--runs", str(tmp_path)]
    done = CliRunner().invoke(app, [*command, "--json", "-q"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["start"]["left"] == []
    with_resume = CliRunner().invoke(app, [*command, "--resume", "x"])
    assert with_resume.exit_code == 2
