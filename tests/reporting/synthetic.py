"""Small made-up findings in the shape that analysis writes them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from latentscape.records import Findings

METRICS = ("mse", "squared_error", "bce", "bce_excess", "nats", "psnr")


def metrics(scale: float, *, bernoulli: bool = True) -> dict[str, float | None]:
    """Make test metrics that grow with `scale`; without BCE where pixels are no probabilities."""
    values = dict(zip(METRICS, (0.01, 7.84, 0.1, 0.04, 78.4, 20.0), strict=True))
    return {
        key: scale * value if bernoulli or key in ("mse", "squared_error", "psnr") else None
        for key, value in values.items()
    }


def pictures(shape: tuple[int, ...], latent_dim: int) -> dict[str, Any]:
    """Make every array of a run, for images or vectors of any shape."""
    rng = np.random.default_rng(latent_dim)
    counts = {"originals": 16, "reconstructions": 16, "pca_reconstructions": 16}
    counts |= {"random_originals": 10, "random_reconstructions": 10}
    for rank in ("best", "median", "worst"):
        counts |= {f"{rank}_originals": 8, f"{rank}_reconstructions": 8}
    arrays = {name: rng.random((n, *shape), dtype=np.float32) for name, n in counts.items()}
    # What is tested on does not depend on the model.
    arrays["originals"] = np.random.default_rng(0).random((16, *shape), dtype=np.float32)
    arrays |= {f"{rank}_mse": np.linspace(0.01, 0.02, 8) for rank in ("best", "median", "worst")}
    arrays["codes"] = rng.normal(size=(60, latent_dim)).astype(np.float32)
    arrays["example_codes"] = arrays["codes"][:16]
    arrays["code_labels"] = np.arange(60) % 3
    arrays["example_labels"] = np.arange(16) % 3
    arrays["snapshot_epochs"] = np.array([1, 3])
    arrays["snapshots"] = rng.random((2, 16, *shape), dtype=np.float32)
    return arrays


def history(epochs: int, *, validated: bool) -> list[dict[str, Any]]:
    """Make a history that falls."""
    losses = [
        {"loss": 90 / n, "reconstruction": 90 / n, "mse": 0.1 / n} for n in range(1, 1 + epochs)
    ]
    return [
        {
            "epoch": index + 1,
            "lr": 0.001,
            "seconds": 0.5,
            "images_per_second": 1e4,
            "train": {name: value for name, value in terms.items() if name != "mse"},
            "validation": terms if validated else None,
        }
        for index, terms in enumerate(losses)
    ]


def findings(
    label: str = "simple-20",
    *,
    shape: tuple[int, ...] = (1, 12, 10),
    latent_dim: int = 2,
    seed: int = 0,
    error: float = 1.0,
    labelled: bool = True,
    bernoulli: bool = True,
    validated: bool = True,
    events: Sequence[dict[str, Any]] = (),
) -> Findings:
    """Make findings about one run."""
    pixels = int(np.prod(shape))
    arrays = pictures(shape, latent_dim)
    if not labelled:
        arrays["code_labels"][:] = arrays["example_labels"][:] = -1
    test = metrics(error, bernoulli=bernoulli)
    values = {
        "schema": 1,
        "kind": "run",
        "name": f"{label}-{seed}",
        "label": label,
        "recipe": {
            "name": label,
            "origin": "A course",
            "protocol": "Once.",
            "reported": [{"m": 1}],
        },
        "data": {
            "source": "toy",
            "name": "toy",
            "origin": "made up",
            "fingerprint": "f" * 64,
            "shape": list(shape),
            "range": [0, 255],
            "label_names": ["ring", "bar", "dot"] if labelled else [],
            "sizes": {"train": 100, "validation": 10, "test": 60},
            "seed": 0,
        },
        "environment": {
            "latentscape": "0.1.0",
            "processor": "toy",
            "threads": 2,
            "device": "cpu",
            "git": None,
            "started": "2026-01-01T00:00:00",
        },
        "architecture": [
            {"part": "encoder", "layer": "Flatten", "output": [pixels], "parameters": 0},
            {"part": "latent", "layer": "Linear", "output": [latent_dim], "parameters": 1234},
            {"part": "decoder", "layer": "Linear", "output": [pixels], "parameters": 5678},
        ],
        "parameters": 6912,
        "latent_dim": latent_dim,
        "history": history(3 + seed, validated=validated),
        "events": list(events),
        "timing": {"train_seconds": 1.5, "seconds_per_epoch": 0.5, "images_per_second": 1e4},
        "evaluation": {
            "part": "test",
            "n": 60,
            "metrics": test,
            "per_class": {str(k): {**test, "n": 20} for k in range(3)} if labelled else {},
            "pca": {"dim": latent_dim, "metrics": metrics(1.2, bernoulli=bernoulli)},
            "mean_image": {"metrics": metrics(3.0, bernoulli=bernoulli)},
            "entropy_floor": 0.06 if bernoulli else None,
            "beats_pca": error < 1.2,
            "verdict": "It does what it does.",
        },
        "reported": [{"metric": "nats", "reported": 80.0, "obtained": None, "latent_dim": None}],
        "labels_used": "No label was used to train." if labelled else "There are no labels.",
    }
    return Findings(values, arrays)


def study_of(groups: Sequence[Sequence[Findings]], **more: Any) -> dict[str, Any]:
    """Make the findings of a study whose rows are groups of runs that differ in the seed."""
    return {
        "schema": 1,
        "kind": "study",
        "name": "toy",
        "about": "",
        "origin": "",
        "ranked": True,
        "failures": [],
        "seeds": [0],
        "rows": [_row(runs) for runs in groups],
        **more,
    }


def _row(runs: Sequence[Findings]) -> dict[str, Any]:
    values = runs[0].values
    return {
        "label": values["label"],
        "recipe": values["recipe"]["name"],
        "runs": [run.values["name"] for run in runs],
        "parameters": values["parameters"],
        "latent_dim": values["latent_dim"],
        "sizes": values["data"]["sizes"],
        "epochs": 3,
        "metrics": {
            key: {"mean": value, "sd": 0.0004 if len(runs) > 1 else None, "n": len(runs)}
            for key, value in values["evaluation"]["metrics"].items()
            if value is not None
        },
        "pca": values["evaluation"]["pca"]["metrics"],
        "train_seconds": {"mean": 1.5, "sd": None, "n": 1},
        "beats_pca": values["evaluation"]["beats_pca"],
        "verdict": values["evaluation"]["verdict"],
        "reported": values["reported"],
    }
