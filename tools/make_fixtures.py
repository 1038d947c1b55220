"""Keep small models of this version for the tests, so that later versions go on reading them.

Run once before each release: ``python tools/make_fixtures.py``. It writes, under
``tests/fixtures/models/<version>``, models of each kind with what they make of four images, and a
whole run.
"""

import platform
import shutil
import sys
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from latentscape import Dataset, load_data, train
from latentscape.core.files import write_json
from latentscape.core.findings import to_json
from latentscape.model import Network
from latentscape.runs import load_model

FOLDER = Path("tests/fixtures/models")

TINY: dict[str, Any] = {"data.train": 300, "data.test": 40, "train.epochs": 2}
DENSE: dict[str, Any] = {"model.encoder.widths": [9], "model.latent.dim": 3}
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "point": ("simple-20", DENSE),
    "gaussian": ("vae-20", DENSE),
    "vamp": ("vamp-vae", {**DENSE, "model.latent.pseudo_inputs": 4}),
    "vq": (
        "vq-vae",
        {"model.encoder.channels": [4, 4], "model.latent.dim": 3, "model.latent.codes": 8},
    ),
    "conditional": ("cond-vae", DENSE),
    "trained-scale": (
        "vae-20",
        {**DENSE, "model.likelihood": {"kind": "gaussian", "variance": "learned"}},
    ),
    "batch-norm": (
        "conv-bn",
        {
            "model.encoder.channels": [3, 5],
            "model.decoder.channels": [5, 3],
            "model.latent.dim": 3,
        },
    ),
}


def middles(digits: Dataset) -> Dataset:
    """Return the four pixels in the middle of each digit: a run on them is a small one."""
    images = np.ascontiguousarray(np.asarray(digits.images)[:, :, 3:5, 3:5])
    return Dataset("middles", images, digits.labels, digits.label_names, digits.value_range)


def answers(model: Network, digits: Dataset) -> dict[str, Any]:
    """Return four images, and what a model makes of them."""
    assert digits.labels is not None
    images, labels = (
        torch.from_numpy(digits.images.take(np.arange(4))),
        torch.from_numpy(digits.labels[:4]),
    )
    with torch.no_grad():
        codes = model.encode(images, labels)
        means = model.decode(codes, labels)
    found = {"images": images, "labels": labels, "codes": codes, "reconstructions": means}
    return {name: tensor.numpy() for name, tensor in found.items()}


def make(folder: Path, made: Path) -> None:
    """Train the models, and put them and their answers into a folder."""
    digits = load_data("digits")
    for name, (recipe, changes) in MODELS.items():
        run = train(recipe, data=digits, changes=TINY | changes, folder=made, name=name, quiet=True)
        shutil.copy(run.model_file, folder / f"{name}.safetensors")
        np.savez_compressed(folder / f"{name}.npz", **answers(load_model(run.path), digits))
    changes = {**TINY, **DENSE, "train.snapshots": [1]}
    run = train(
        "vae-20", data=middles(digits), changes=changes, folder=folder, name="run", quiet=True
    )
    # Which machine it was made on is nobody's concern.
    anywhere = {"platform": platform.system(), "command": "tools/make_fixtures.py"}
    write_json(run.path / "environment.json", to_json(run.environment) | anywhere)


def main() -> int:
    """Make the folder of this version, unless it is there."""
    folder = FOLDER / version("latentscape")
    if folder.exists():
        print(f"{folder} is there already. What a version has written is never written anew.")
        return 1
    folder.mkdir(parents=True)
    with TemporaryDirectory() as made:
        make(folder, Path(made))
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    print(f"{folder}: {size / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
