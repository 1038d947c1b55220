"""Runs that no training has made: typed findings in a run directory, as an evaluation writes them.

A page is made of hundreds of them in the time that one training takes.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from latentscape.analyses.summaries import baseline_statistics, summarise
from latentscape.config import LikelihoodKind, Recipe, load_recipe, override
from latentscape.config.model import InputConfig
from latentscape.config.recipe import Reported
from latentscape.core.findings import Part, Skip
from latentscape.doctor.diagnosis import Diagnoses, Diagnosis, Line, Plot, Strip
from latentscape.evaluation.pictures import Pictures
from latentscape.evaluation.quantities import QUANTITIES
from latentscape.evaluation.results import (
    ClassMetrics,
    CodeSample,
    Evaluation,
    Examples,
    Latent,
    LinearBaseline,
    Pairs,
)
from latentscape.evaluation.study import StudyFindings, StudyMembers
from latentscape.inference.denoising import Denoising
from latentscape.inference.samples import Samples
from latentscape.inference.walks import Interpolation, Manifold, Traversals
from latentscape.reporting.subject import Row, Subject
from latentscape.runs import DataFacts, Environment, Run, RunFindings, create_run, write_part
from latentscape.runs.architecture import Architecture, Layer
from latentscape.runs.facts import (
    CodeUse,
    Epoch,
    Event,
    Losses,
    Sizes,
)

LABELS = ("ring", "bar", "dot")
N_TEST = 60
RECIPES = {
    "plain": "simple-20",
    "vae": "vae-20",
    "collapsed": "vae-20",
    "vq": "vq-vae",
    "conditional": "cond-vae",
    "denoising": "denoising",
}
"""Kind of a run to the recipe whose settings it has."""

SCORE, DENSITY = LikelihoodKind(of="score"), LikelihoodKind(of="density")
BINARY = LikelihoodKind(of="probability", levels=2)
EIGHT_BITS = LikelihoodKind(of="probability", levels=256)

_VALUES = {"mse": 0.01, "squared_error": 7.84, "bce": 0.1, "bce_excess": 0.04, "nats": 78.4}


def make_run(
    folder: Path,
    label: str = "plain",
    kind: str = "plain",
    *,
    shape: tuple[int, ...] = (1, 12, 10),
    latent_dim: int | None = None,
    seed: int = 0,
    error: float = 1.0,
    labelled: bool = True,
    bernoulli: bool = True,
    validated: bool = True,
    epochs: int | None = None,
    events: Sequence[Event] = (),
    changes: dict[str, Any] | None = None,
    facts: dict[str, Any] | None = None,
    machine: dict[str, Any] | None = None,
    snapshots: Sequence[int] = (1, 3),
) -> RunFindings:
    """Write a run.

    Parameters
    ----------
    folder : Path
        Where its directory shall stand.
    label, kind : str
        Name of its recipe, and one of `RECIPES`.
    shape, latent_dim, seed : tuple of int, int, int
        Of its examples, of its codes (by default 2 of a plain run, 6 of others), of its training.
    error : float
        Its errors are so many times those of the first.
    labelled, bernoulli, validated : bool
        Whether there are labels; whether pixels are probabilities; whether examples are held out.
    epochs : int, optional
        By default 3, and one more for each seed.
    events : sequence of Event
        What went wrong.
    changes, facts, machine : dict, optional
        To its recipe, the facts of its data, its environment.
    snapshots : sequence of int
        Epochs after which pictures were kept.
    """
    latent_dim = latent_dim or (2 if kind == "plain" else 6)
    recipe = _recipe(kind, label, shape, latent_dim, changes or {})
    data = _data(shape, labelled, facts or {})
    environment = Environment(**({**_MACHINE, **(machine or {})}))
    # Rows of a report may have the same names.
    run = create_run(folder / uuid4().hex[:8] / f"{label}-{seed}", recipe, data, environment)
    run.write_log(_history(kind, 3 + seed if epochs is None else epochs, validated), events)
    run.model_file.touch()
    _write_snapshots(run, shape, snapshots, has_samples=kind not in ("plain", "denoising"))
    for part in _parts(kind, data, latent_dim, error * (1 + 0.04 * seed), bernoulli, seed):
        write_part(run.path, part)
    return RunFindings(run)


def change(run: RunFindings, kind: type[Part], **updates: Any) -> RunFindings:
    """Write other fields of a part of the findings of a run, and read the run again."""
    part = run.require(kind)
    fields = {name: getattr(part, name) for name in type(part).model_fields}
    write_part(run.run.path, kind(**{**fields, **updates}))
    return RunFindings(run.run)


def add(run: RunFindings, *parts: Part) -> RunFindings:
    """Write further parts of the findings of a run, and read the run again."""
    for part in parts:
        write_part(run.run.path, part)
    return RunFindings(run.run)


def subject_of(runs: Sequence[RunFindings], study: StudyFindings | None = None) -> Subject:
    """Put runs together into rows, as the study has them; without one, every run is a row.

    Parameters
    ----------
    runs : sequence of RunFindings
        In any order. Rows of the study without any run are left out.
    study : StudyFindings, optional
        Says which runs differ in the seed alone.
    """
    if study is None:
        return Subject(tuple(Row(summarise(run.label, [run]), (run,)) for run in runs))
    named = {run.name: run for run in runs}
    rows = [
        Row(facts, members)
        for facts in study.rows
        if (members := tuple(named[name] for name in facts.runs if name in named))
    ]
    return Subject(tuple(rows), study)


def subject(*runs: RunFindings) -> Subject:
    """Return what a page about runs without a study shows."""
    return subject_of(runs)


def study_of(groups: Iterable[Sequence[RunFindings]], **more: Any) -> StudyFindings:
    """Make the findings of a study whose rows are groups of runs that differ in the seed."""
    by_label = list(groups)
    facts = {
        "name": "toy",
        "ranked": True,
        "seeds": tuple(range(max(map(len, by_label)))),
        "groups": {runs[0].label: tuple(run.name for run in runs) for runs in by_label},
    }
    of_members = {name: more.pop(name) for name in list(more) if name in StudyMembers.model_fields}
    return StudyFindings(
        **{
            "members": StudyMembers(**{**facts, **of_members}),
            "folder": "toy",
            "rows": tuple(summarise(runs[0].label, runs) for runs in by_label),
            "baselines": baseline_statistics(by_label),
            **more,
        }
    )


def study_subject(*groups: Sequence[RunFindings], **more: Any) -> Subject:
    """Return what the page of a study of groups of runs shows."""
    runs = [run for group in groups for run in group]
    return subject_of(runs, study_of(groups, **more))


def gaussian(**updates: Any) -> Latent:
    """Make what is known of a gaussian code of six numbers, two of which are inactive."""
    kl = updates.pop("kl_per_dim", (1.5, 0.002, 2.5, 0.7, 0.001, 1.1))
    facts = {
        "kind": "gaussian",
        "n": N_TEST,
        "samples": 4,
        "likelihood": SCORE,
        "elbo": -100.25,
        "elbo_se": 0.0153,
        "rate": 5.8,
        "distortion": 94.45,
        "kl_per_dim": kl,
        "active": tuple(value > 0.01 for value in kl) if kl else (True,) * 6,
        "mismatch": 0.75,
        "mmd": -0.0004,
    }
    return Latent(**{**facts, **updates})


def matched() -> Latent:
    """Make what is known of plain codes that a term draws to N(0, I)."""
    return Latent(kind="point", n=N_TEST, samples=1, mismatch=0.0625, mmd=0.0001)


def diagnoses(*symptoms: str) -> Diagnoses:
    """Make what a doctor has found: two symptoms unless others are named, with all evidence."""
    line = Line(name="error", x=np.arange(3.0), y=np.array([3.0, 2.0, 1.5]))
    items = [
        Diagnosis(
            symptom=symptom,
            value=0.25,
            threshold=0.5,
            changes={"train.epochs": 40},
            detail={"steps": 84, "fall": 0.25, "of": "validation error", "active": 0, "dim": 20},
            plot=Plot(x_label="epoch", y_label="error", lines=(line,)),
            strips=(Strip(name="images", images=images((1, 4, 3), 4)),),
        )
        for symptom in symptoms or ("under_training", "posterior_collapse")
    ]
    return Diagnoses(
        stage="after",
        looked_at="validation",
        n=10,
        diagnoses=tuple(items),
        examined=("under_training", "posterior_collapse", "blur"),
        skipped=(Skip(item="over_fitting", reason="no_validation"),),
    )


def images(shape: Sequence[int], *lead: int, seed: int = 0) -> np.ndarray:
    """Make images (*lead, *shape), no two alike: ramps, because noise makes large pictures."""
    levels = np.random.default_rng([seed, *lead]).random(lead, dtype=np.float32)
    ramp = np.linspace(0, 1, int(np.prod(shape)), dtype=np.float32).reshape(shape)
    return levels.reshape(*lead, *(1 for _ in shape)) * ramp


_MACHINE = {
    "latentscape": "0.2.0",
    "python": "3.11.7",
    "torch": "2.13.0",
    "processor": "toy",
    "threads": 2,
    "device": "cpu",
    "started": "2026-01-01T00:00:00",
}


@cache
def _settings(kind: str) -> Recipe:
    recipe = load_recipe(RECIPES[kind])
    if kind == "vae":
        weights = {"reconstruction": 1.0, "rate": 1.0, "total_correlation": 2.5}
        return override(recipe, {"objective.weights": weights})
    return recipe


def _recipe(
    kind: str, label: str, shape: tuple[int, ...], latent_dim: int, changes: dict[str, Any]
) -> Recipe:
    recipe = override(_settings(kind), {"model.latent.dim": latent_dim, **changes})
    n_labels = len(LABELS) if recipe.model.condition else 0
    model = recipe.model.model_copy(update={"input": InputConfig(shape=shape, labels=n_labels)})
    claims = (Reported(metric="nats", value=80.0),)
    origin = {"origin": "A course", "protocol": "Once.", "reported": claims, "reported_on": "toy"}
    return recipe.model_copy(update={"name": label, "model": model, **origin})


def _data(shape: tuple[int, ...], labelled: bool, facts: dict[str, Any]) -> DataFacts:
    return DataFacts(
        **{
            "name": "toy",
            "origin": "made up",
            "fingerprint": "f" * 64,
            "shape": shape,
            "range": (0.0, 255.0),
            "label_names": LABELS if labelled else (),
            "sizes": Sizes(train=100, validation=10, test=N_TEST),
            **facts,
        }
    )


def _history(kind: str, epochs: int, validated: bool) -> list[Epoch]:
    """Make a history that falls, with a last term below zero."""
    names = {"plain": (), "denoising": (), "vq": ("commitment",)}
    more = names.get(kind, ("rate", "total_correlation"))
    use = "perplexity" if kind == "vq" else "active_units"
    history = []
    for epoch in range(1, 1 + epochs):
        terms = {"reconstruction": 90 / epoch, **dict.fromkeys(more, 7.5)}
        if more:
            terms[more[-1]] = -0.25 * epoch
        held_out = Losses(loss=90 / epoch, terms=terms, mse=0.1 / epoch)
        history.append(
            Epoch(
                epoch=epoch,
                lr=0.001,
                seconds=0.5,
                images_per_second=1e4,
                train=Losses(loss=90 / epoch, terms=terms),
                validation=held_out if validated else None,
                latent=CodeUse(**{use: 1.0 + epoch}) if more else None,
            )
        )
    return history


def _write_snapshots(
    run: Run, shape: tuple[int, ...], epochs: Sequence[int], *, has_samples: bool
) -> None:
    run.snapshots.mkdir(exist_ok=True)
    for epoch in epochs:
        np.save(run.snapshots / f"epoch-{epoch:04d}.npy", images(shape, 16, seed=epoch))
        if has_samples and len(shape) == 3:
            np.save(run.snapshots / f"samples-{epoch:04d}.npy", images(shape, 64, seed=epoch))


def _parts(
    kind: str, data: DataFacts, latent_dim: int, error: float, bernoulli: bool, seed: int
) -> list[Part]:
    parts: list[Part] = [
        _architecture(data.shape, latent_dim),
        _evaluation(data, latent_dim, error, bernoulli),
    ]
    if kind != "plain":
        parts.append(_pictures(kind, data.shape) if data.takes_images else Pictures())
    if kind == "vq":
        parts.append(_quantised())
    elif kind not in ("plain", "denoising"):
        kl = (0.001,) * 6 if kind == "collapsed" else (1.5, 0.002, 2.5, 0.7, 0.001, 1.1)
        collapse = "posterior" if kind == "collapsed" else None
        parts.append(gaussian(kl_per_dim=kl, collapse=collapse, elbo=-100.25 - 0.5 * seed))
    return parts


def _architecture(shape: tuple[int, ...], latent_dim: int) -> Architecture:
    pixels = int(np.prod(shape))
    layers = (
        Layer(part="encoder", layer="Flatten", output=(pixels,), parameters=0),
        Layer(part="latent", layer="Linear", output=(latent_dim,), parameters=1234),
        Layer(part="decoder", layer="Linear", output=(pixels,), parameters=5678),
    )
    return Architecture(layers=layers, parameters=6912, latent_dim=latent_dim)


def metrics(error: float, *, bernoulli: bool = True) -> dict[str, float | None]:
    """Make test metrics, worse with the error; without BCE where pixels are no probabilities."""
    values = {key: error * value for key, value in _VALUES.items()}
    values |= {"psnr": 20 - 5 * error, "ssim": 1 - 0.1 * error}
    is_measured = {key: bernoulli or not key.startswith(("bce", "nats")) for key in values}
    return {
        key: values[key] if is_measured[key] else None
        for key in (quantity.metric.key for quantity in QUANTITIES)
    }


def _evaluation(data: DataFacts, latent_dim: int, error: float, bernoulli: bool) -> Evaluation:
    shape, labels = data.shape, bool(data.label_names)
    codes = np.random.default_rng(latent_dim).normal(size=(N_TEST, latent_dim)).astype(np.float32)
    of_codes = np.arange(N_TEST) % 3 if labels else np.full(N_TEST, -1)
    test = metrics(error, bernoulli=bernoulli)
    return Evaluation(
        n=N_TEST,
        metrics=test,
        per_class={name: ClassMetrics(n=20, metrics=test) for name in data.label_names},
        pca=LinearBaseline(dim=latent_dim, metrics=metrics(1.2, bernoulli=bernoulli)),
        mean_image=metrics(3.0, bernoulli=bernoulli),
        entropy_floor=0.06 if bernoulli else None,
        examples=Examples(
            originals=images(shape, 16),
            reconstructions=images(shape, 16, seed=latent_dim),
            pca_reconstructions=images(shape, 16, seed=latent_dim + 1),
            codes=codes[:16],
            labels=of_codes[:16],
            numbers=np.arange(16) * 3,
        ),
        random=_pairs(shape, 10, of_codes),
        best=_pairs(shape, 8, of_codes),
        median=_pairs(shape, 8, of_codes),
        worst=_pairs(shape, 8, of_codes),
        test_codes=CodeSample(codes=codes, labels=of_codes, points=np.arange(len(codes))),
    )


def _pairs(shape: tuple[int, ...], n: int, labels: NDArray[np.int64]) -> Pairs:
    return Pairs(
        originals=images(shape, n),
        reconstructions=images(shape, n, seed=1),
        mse=np.linspace(0.01, 0.02, n),
        labels=labels[:n],
        numbers=np.arange(n) * 2,
    )


def _quantised() -> Latent:
    return Latent(
        kind="vq",
        n=N_TEST,
        samples=1,
        likelihood=SCORE,
        elbo=-150.5,
        rate=50.5,
        distortion=100.0,
        perplexity=25.25,
        codes_used=31,
        codes=32,
    )


def _pictures(kind: str, shape: tuple[int, ...]) -> Pictures:
    is_vq, is_plain = kind == "vq", kind == "denoising"
    labels = tuple(LABELS[place % 3] for place in range(64)) if kind == "conditional" else None
    source = "codebook" if is_vq else "gmm" if is_plain else "prior"
    pictures: dict[str, Any] = {
        "samples": Samples(images=images(shape, 64), source=source, labels=labels, seed=0),
        "interpolation": Interpolation(images=images(shape, 4, 10), path="linear"),
    }
    if not is_vq:
        pictures["traversals"] = Traversals(
            images=images(shape, 6, 9),
            dims=(2, 0, 5, 3, 1, 4),
            spans=((-3.0, 3.0),) * 6,
            latent_dim=6,
            has_standard_prior=not is_plain,
        )
    if is_plain:
        normal = Samples(images=images(shape, 64, seed=1), source="normal", seed=0)
        pictures |= {"samples_normal": normal, "denoising": _denoising(shape)}
    elif not is_vq:
        pictures["manifold"] = Manifold(images=images(shape, 20, 20), has_standard_prior=True)
    return Pictures(**pictures)


def _denoising(shape: tuple[int, ...]) -> Denoising:
    return Denoising(
        clean=images(shape, 16),
        noisy=images(shape, 16, seed=1),
        restored=images(shape, 16, seed=2),
        kind="gaussian",
        amount=0.3,
        mse_noisy=0.0625,
        mse_restored=0.03125,
        n=N_TEST,
        trained_on="same",
    )
