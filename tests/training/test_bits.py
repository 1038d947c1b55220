"""Training comes to the bits that it came to before its parts were arranged anew.

``tests/fixtures/bits/recipes.json`` holds what version 0.2.0 came to: a SHA-256 over all weights,
and the losses of each epoch. It names the processor and the PyTorch that computed them. Where both
are the same, the bits have to be. Elsewhere libraries add numbers in another order, and training
makes more of each difference with each step, so the losses alone are compared, those of the first
epoch, within a tolerance.

To store what the code computes now: ``python tests/training/test_bits.py``.
"""

import json
import platform
import sys
from contextlib import suppress
from functools import cache
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import torch

from disturbing import At, press_ctrl_c, spoil
from latentscape import Autoencoder
from latentscape.api.preparing import prepare
from latentscape.config import DataConfig, load_recipe, override, recipe_names
from latentscape.core.errors import Interrupted
from latentscape.core.runtime import describe_machine
from latentscape.data import binarize_split, load_dataset, split_dataset
from latentscape.runs import DataFacts, Environment, create_run
from latentscape.training.train import train_run

FILE = Path(__file__).parents[1] / "fixtures" / "bits" / "recipes.json"
CPU = torch.device("cpu")
TOLERANCE = 0.02

IN_BFLOAT16 = ("conv-bn", "kaggle-2d-center", "vae-20", "vq-vae")
HERE = {
    "processor": describe_machine(CPU)["processor"],
    "instructions": torch.backends.cpu.get_cpu_capability(),
    "platform": f"{sys.platform} {platform.machine()}",
    "torch": torch.__version__,
}


def drawn(digits):
    """Draw 66 training images, 12 validation images and 12 test images."""
    return split_dataset(digits, DataConfig(train=66, test=12, validation=12 / 78))


def settings(name, precision):
    """Return a recipe that takes twelve steps, the last of each epoch with a small batch."""
    recipe = load_recipe(name)
    changes = {"train.epochs": 3, "train.batch_size": 18, "train.precision": precision}
    changes |= {"train.snapshots": [], "data.validation": 12 / 78}
    if recipe.objective.samples > 5:
        changes["objective.samples"] = 5
    if name == "simple-20":  # One of the recipes is fitted, with early stopping, to the data.
        changes |= {"model.init.data_dependent": True, "train.patience": 2, "train.clip_norm": 1.0}
        changes |= {"train.schedule": {"kind": "cosine", "warmup": 0.5}}
    return override(recipe, changes)


def trained(folder, digits, name, precision="float32", *, stops=(), poison=()):
    """Train a recipe in a run directory: stopped and resumed, and made NaN, after some steps."""
    recipe = settings(name, precision)
    split = binarize_split(drawn(digits), recipe.data.binarize)
    run = create_run(folder, prepare(recipe, split), DataFacts.of(split), Environment())
    for step in (*stops, None):
        with suppress(Interrupted):
            model, _ = train_run(run, split, CPU, [At([step], press_ctrl_c), At(poison, spoil)])
    return summary(model.state_dict().values(), run.history.records())


def estimated(digits):
    """Fit an estimator, and train it for two epochs more."""
    X = drawn(digits).dataset.images[:90]
    changes = {"train.precision": "float32"}
    estimator = Autoencoder("vae-20", max_epochs=2, batch_size=20, changes=changes).fit(X)
    fitted = summary(estimator.network_.state_dict().values(), estimator.history_)
    estimator.partial_fit(X[:50]).partial_fit(X[50:])
    return fitted, summary(estimator.network_.state_dict().values(), estimator.history_)


def summary(weights, history):
    """Return a SHA-256 over weights, in the order of the model, and the losses of each epoch."""
    digest = sha256()
    for value in weights:
        digest.update(repr((str(value.dtype), tuple(value.shape))).encode())
        digest.update(np.ascontiguousarray(value.numpy()).tobytes())
    losses = [{part: record[part] for part in ("train", "validation")} for record in history]
    return {"weights": digest.hexdigest(), "losses": losses}


@cache
def stored():
    return json.loads(FILE.read_text())


def check(key, computed, rel=0.0):
    expected = stored()["results"][key]
    is_here = stored()["computed_on"] == HERE
    if is_here:
        assert computed["weights"] == expected["weights"]
    epochs = len(expected["losses"]) if is_here else 1
    for ours, theirs in zip(computed["losses"][:epochs], expected["losses"][:epochs], strict=True):
        for part, losses in theirs.items():
            tolerance = rel if is_here else TOLERANCE
            assert ours[part] == (losses and pytest.approx(losses, rel=tolerance, abs=0))


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_comes_to_its_bits(name, digits, tmp_path):
    check(name, trained(tmp_path / "run", digits, name))


@pytest.mark.parametrize("name", IN_BFLOAT16)
def test_recipes_come_to_their_bits_in_bfloat16(name, digits, tmp_path):
    check(f"{name} in bfloat16", trained(tmp_path / "run", digits, name, "bfloat16"))


def test_a_run_that_was_stopped_comes_to_the_bits_of_one_that_was_not(digits, tmp_path):
    """Within an epoch of four steps, at its end, and at the first step after a resume."""
    check("simple-20", trained(tmp_path / "run", digits, "simple-20", stops=(2, 5, 1)))


def test_a_run_that_was_rolled_back_comes_to_its_bits(digits, tmp_path):
    check("vae-20 rolled back", trained(tmp_path / "run", digits, "vae-20", poison=(6, 11)))


def test_an_estimator_comes_to_its_bits(digits):
    fitted, streamed = estimated(digits)
    check("fit", fitted)
    # Its history was added up in single precision.
    check("partial_fit", streamed, rel=1e-6)


def store(folder):
    """Write what every test compares with."""
    digits = load_dataset(DataConfig(source="mnist-5k"))
    results = {name: trained(folder / name, digits, name) for name in recipe_names()}
    for name in IN_BFLOAT16:
        key = f"{name} in bfloat16"
        results[key] = trained(folder / key, digits, name, "bfloat16")
    results["vae-20 rolled back"] = trained(folder / "nan", digits, "vae-20", poison=(6, 11))
    results["fit"], results["partial_fit"] = estimated(digits)
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(json.dumps({"computed_on": HERE, "results": results}, indent=1) + "\n")


if __name__ == "__main__":
    from tempfile import TemporaryDirectory

    torch.set_num_threads(1)
    with TemporaryDirectory() as temporary:
        store(Path(temporary))
