"""Small made-up findings in the shape that analysis writes them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from latentscape.core.records import Findings

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


COLLAPSE = (
    "The posterior has collapsed: none of the 6 latent dimensions depends on the image, so every "
    "reconstruction is the same. Give the rate less weight"
)
SUPERVISED = "Supervised: training used the label of every training image."


def variant(kind: str, label: str | None = None, **more: Any) -> Findings:
    """Make findings of a ``vae``, ``collapsed``, ``vq``, ``conditional`` or ``denoising`` one."""
    run = findings(label or kind, **{"latent_dim": 6, **more})
    values, arrays = run.values, run.arrays
    values["recipe"]["model"] = {"likelihood": {"kind": "bernoulli"}}
    values["recipe"]["data"] = {"binarize": "none"}
    values["quality"] = quality(conditional=kind == "conditional")
    values["pictures"] = {"samples": {"source": "prior", "about": f"{kind} drawn.", "labels": None}}
    _add_pictures(values, arrays, ("samples", "interpolation", "snapshot_samples"))
    if kind == "denoising":
        values["pictures"]["samples"]["source"] = "gmm"
        _add_pictures(values, arrays, ("samples_normal", "traversals", "denoising"))
        return run
    values["latent"] = quantised() if kind == "vq" else gaussian(collapsed=kind == "collapsed")
    _add_terms(values, ("commitment",) if kind == "vq" else ("rate", "total_correlation"))
    if kind != "vq":
        values["likelihood"] = likelihood()
        _add_pictures(values, arrays, ("traversals", "manifold"))
    if kind == "collapsed":
        values["events"].append({"epoch": 1, "what": COLLAPSE})
    if kind == "conditional":
        values["labels_used"] = SUPERVISED
        values["pictures"]["samples"]["labels"] = [("ring", "bar", "dot")[i % 3] for i in range(64)]
    return run


def gaussian(*, collapsed: bool = False) -> dict[str, Any]:
    """Make what is found out about a gaussian code of six dimensions, two of them inactive."""
    kl = [0.001] * 6 if collapsed else [1.5, 0.002, 2.5, 0.7, 0.001, 1.1]
    active = [value > 0.01 for value in kl]
    return {
        "kind": "gaussian",
        "n": 60,
        "samples": 4,
        "elbo": -100.25,
        "rate": 5.8,
        "distortion": 94.45,
        "bits_per_dim": 1.2053,
        "kl_per_dim": kl,
        "active": active,
        "active_units": sum(active),
        "collapsed": [dim for dim, used in enumerate(active) if not used],
        "mismatch": 0.75,
        "mmd": -0.0004,
        "collapse": COLLAPSE if collapsed else "",
    }


def quantised() -> dict[str, Any]:
    """Make what is found out about a vector-quantised code."""
    return {
        "kind": "vq",
        "n": 60,
        "samples": 1,
        "elbo": -150.5,
        "rate": 50.5,
        "distortion": 100.0,
        "bits_per_dim": 1.8,
        "perplexity": 25.25,
        "codes_used": 31.0,
        "codes": 32,
        "collapse": "",
    }


def likelihood(**more: Any) -> dict[str, Any]:
    """Make an estimated likelihood."""
    return {
        "nll": 98.125,
        "se": 0.4375,
        "bits_per_dim": 1.1797,
        "samples": 500,
        "n": 60,
        "binarize": "static",
        "protocol": "500 importance samples for each of 60 test images",
        "warning": "Trained on grey pixels and measured on others",
        **more,
    }


def quality(*, conditional: bool = False) -> dict[str, Any]:
    """Make what a classifier finds in samples."""
    return {
        "n": 2000,
        "source": "prior",
        "classifier": {"accuracy": 0.9864, "n_train": 100, "n_test": 60},
        "frechet_distance": 40.125,
        "precision": 0.514,
        "recall": 0.014,
        "neighbours": 3,
        "label_shares": {"ring": 0.75, "bar": 0.25, "dot": 0.0},
        "data_shares": {"ring": 0.4, "bar": 0.3, "dot": 0.3},
        "label_distance": 0.35,
        "recognised": 0.625 if conditional else None,
        "reference": {"frechet_distance": 0.2665, "precision": 0.877, "recall": 0.869},
    }


def _add_pictures(values: dict[str, Any], arrays: dict[str, Any], names: Sequence[str]) -> None:
    """Add arrays of pictures, and what they show."""
    rng, shape = np.random.default_rng(1), values["data"]["shape"]
    leads = {
        "samples": (64,),
        "samples_normal": (64,),
        "snapshot_samples": (2, 64),
        "interpolation": (4, 10),
        "traversals": (6, 9),
        "manifold": (20, 20),
    }
    about = {
        "samples_normal": {"source": "normal", "about": "N(0, I) decoded."},
        "interpolation": {"path": "linear", "about": "From left to right."},
        "traversals": {"dims": [2, 0, 5, 3, 1, 4], "about": "One number moves."},
        "manifold": {"about": "The plane decoded."},
        "denoising": {"mse_noisy": 0.0625, "mse_restored": 0.03125, "about": "Noise removed."},
    }
    for name in names:
        parts = [f"denoising_{part}" for part in ("clean", "noisy", "restored")]
        for part in parts if name == "denoising" else [name]:
            arrays[part] = rng.random((*leads.get(part, (16,)), *shape), dtype=np.float32)
        if name in about:
            values["pictures"][name] = about[name]


def _add_terms(values: dict[str, Any], names: Sequence[str]) -> None:
    """Add terms to the objective, the last of which is negative, and the use of the code."""
    values["recipe"]["objective"] = {"weights": {"reconstruction": 1.0, names[-1]: 2.5}}
    key = "perplexity" if values["latent"]["kind"] == "vq" else "active_units"
    for entry in values["history"]:
        entry["latent"] = {key: 1.0 + entry["epoch"]}
        for part in filter(None, (entry["train"], entry["validation"])):
            part |= {name: 7.5 for name in names} | {names[-1]: -0.25 * entry["epoch"]}


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
        "latent": _summaries(
            runs, "latent", ("elbo", "rate", "distortion", "active_units", "perplexity")
        ),
        "likelihood": _summaries(runs, "likelihood", ("nll", "bits_per_dim")),
        "collapse": values.get("latent", {}).get("collapse", ""),
        "labels_used": values["labels_used"],
        "supervised": values["labels_used"].startswith("Supervised"),
        "beats_pca": values["evaluation"]["beats_pca"],
        "verdict": values["evaluation"]["verdict"],
        "reported": values["reported"],
    }


def _summaries(
    runs: Sequence[Findings], part: str, names: Sequence[str]
) -> dict[str, dict[str, Any] | None] | None:
    if part not in runs[0].values:
        return None
    sd = 0.375 if len(runs) > 1 else None
    found = {name: runs[0].values[part].get(name) for name in names}
    return {
        name: None if value is None else {"mean": value, "sd": sd, "n": len(runs)}
        for name, value in found.items()
    }
