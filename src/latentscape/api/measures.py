"""What costs minutes to measure, and is measured when asked: likelihood and sample quality."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from latentscape.analyses.likelihood.method import estimate_likelihood
from latentscape.analyses.quality.method import sample_quality
from latentscape.api.experiment import keep_findings, load_split, run_findings, run_split
from latentscape.config import DataConfig, Recipe
from latentscape.core.errors import ConfigError
from latentscape.core.randomness import derive_seed
from latentscape.core.records import Array, Dataset, Findings, Split
from latentscape.core.runtime import choose_device
from latentscape.data import binarize_split
from latentscape.inference.samples import draw_samples
from latentscape.model import Network
from latentscape.runs import Run, load_model, open_run

_Watch = Callable[[Sequence[Array]], Iterable[Array]]

_PIXELS = {
    "none": "grey pixels as they are",
    "static": "pixels drawn black or white once, with the data's seed",
    "dynamic": "pixels drawn black or white with the seed of this measurement",
}


def measure_likelihood(
    run: str | Path | Run,
    *,
    samples: int = 5000,
    binarize: str | None = None,
    examples: int | None = None,
    seed: int = 0,
    data: Dataset | None = None,
    device: str = "auto",
    watch: _Watch = iter,
) -> Findings:
    """Estimate the log-likelihood of the test examples, and keep it with the run's findings.

    Parameters
    ----------
    run : str, Path or Run
        A finished run of a variational autoencoder.
    samples : int
        Importance samples per example.
    binarize : str, optional
        ``none``, ``static`` or ``dynamic``; by default what the run was trained on.
    examples : int, optional
        Only the first so many test examples.
    seed : int
        Draws the samples, and the pixels where `binarize` is ``dynamic``.
    data : Dataset, optional
        The dataset, where the run was trained on one in memory.
    device : str
        As for `train`.
    watch : callable
        Is given the parts that are worked through, and hands them out: for a progress bar.

    Returns
    -------
    Findings
        Those of the run, with ``likelihood``: ``nll`` in nats per example, its standard error
        ``se``, ``bits_per_dim``, ``samples``, ``n``, ``binarize``, ``protocol``, ``warning``.

    Raises
    ------
    ConfigError
        If the model has no likelihood that could be estimated so.
    RunError
        If the run is not finished or damaged.
    DataError
        If the data have changed, or leave the range that can be binarised.
    """
    run = run if isinstance(run, Run) else open_run(run)
    run_findings(run)  # An unfinished run says so before anything is measured.
    model = load_model(run.path).to(choose_device(device))
    recipe = run.recipe
    _check_likelihood(model)
    split = run_split(run, data)
    mode = binarize or recipe.data.binarize
    split = _pixels(recipe, split, mode, seed, data)
    split = replace(split, test=split.test[:examples])
    found = estimate_likelihood(model, split, samples, seed, watch)
    found |= {
        "binarize": mode,
        "protocol": _protocol(recipe, mode, found),
        "warning": _warning(recipe.data.binarize, mode),
    }
    return keep_findings(run, {"likelihood": found}, {})


def measure_quality(
    run: str | Path | Run,
    *,
    count: int = 10_000,
    source: str | None = None,
    seed: int = 0,
    data: Dataset | None = None,
    device: str = "auto",
) -> Findings:
    """Let a classifier of the run's own data judge samples, and keep its verdict with the findings.

    Parameters
    ----------
    run : str, Path or Run
        A finished run on data with labels.
    count : int
        How many samples are drawn.
    source : str, optional
        Where their codes come from: ``prior``, ``gmm`` or ``vamp``; by default the model's prior,
        and a mixture fitted to the training codes where it has none.
    seed : int
        Draws them.
    data : Dataset, optional
        The dataset, where the run was trained on one in memory.
    device : str
        As for `train`.

    Returns
    -------
    Findings
        Those of the run, with ``quality``; see
        `latentscape.analyses.quality.method.sample_quality`.

    Raises
    ------
    ConfigError
        If the model does not have that source of codes.
    DataError
        If the data have changed or have no labels, or are too few for a mixture.
    RunError
        If the run is not finished or damaged.
    """
    run = run if isinstance(run, Run) else open_run(run)
    run_findings(run)  # An unfinished run says so before anything is measured.
    model = load_model(run.path).to(choose_device(device))
    split = run_split(run, data)
    samples = draw_samples(model, split, count, seed, source)
    asked = samples.facts["labels"]
    numbers = None if asked is None else np.array([run.data["label_names"].index(a) for a in asked])
    # Samples are mean images: they are judged beside grey ones, also where training drew pixels.
    grey = _pixels(run.recipe, split, "none", seed, data)
    found = sample_quality(samples.images, numbers, grey, samples.facts["source"])
    return keep_findings(run, {"quality": found}, {})


def _check_likelihood(model: Network) -> None:
    latent = model.config.latent
    if not latent.has_posterior:
        raise ConfigError(
            f"A model with a latent of kind {latent.kind} gives images no likelihood that "
            "importance samples could estimate",
            expected="a variational autoencoder, such as vae-20",
        )


def _pixels(recipe: Recipe, split: Split, mode: str, seed: int, data: Dataset | None) -> Split:
    """Return the split with the pixels that are asked for, from the data as they are stored."""
    if mode == recipe.data.binarize and mode != "dynamic":
        return split
    config = DataConfig.model_validate({**recipe.data.model_dump(), "binarize": "none"})
    grey = load_split(recipe.model_copy(update={"data": config}), data)
    drawn = derive_seed(seed, "pixels") if mode == "dynamic" else None
    return binarize_split(grey, mode, drawn)


def _protocol(recipe: Recipe, mode: str, found: dict[str, Any]) -> str:
    given = ", given their true labels" if recipe.model.condition else ""
    text = (
        f"{found['samples']:,} importance samples for each of {found['n']:,} test images{given}; "
        f"{_PIXELS[mode]}; standard error over images"
    )
    if mode == "none" and recipe.data.binarize == "none":
        grey = recipe.model.likelihood.grey_pixels
        if grey == "nothing":
            text += (
                ". A Bernoulli likelihood gives grey pixels no probability: the number compares "
                "models that were measured the same way, and nothing else"
            )
        elif grey == "density":
            text += ". A density over grey levels from 0 to 1, not a probability"
    return text


def _warning(trained: str, mode: str) -> str:
    if trained == "none" and mode != "none":
        return (
            "The model was trained on grey pixels and is measured on black and white ones: the "
            "number cannot be compared with those of models trained on black and white ones"
        )
    if trained != "none" and mode == "none":
        return (
            "The model was trained on black and white pixels and is measured on grey ones: the "
            "number cannot be compared with others"
        )
    return ""
