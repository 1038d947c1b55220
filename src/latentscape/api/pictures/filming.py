"""A film of the training of a run."""

from contextlib import nullcontext
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from latentscape.core.progress import stage

if TYPE_CHECKING:
    from latentscape.api.pictures.sheets import Sheet
    from latentscape.core.records import Array
    from latentscape.evaluation.results import Evaluation
    from latentscape.reporting.film import Scenes
    from latentscape.runs import Run, RunFindings
    from latentscape.runs.findings import Snapshots

FEW_EPOCHS = 8
"""Enough for a film, where there was one alone."""


@stage("film")
def film(run: "str | Path | Run", *, out: str | Path | None = None) -> "Sheet":
    """Film how a model learned: reconstructions, samples and codes, epoch by epoch.

    A run keeps what a film shows of the epochs that its setting ``train.snapshots`` names. Between
    these, points glide and images fade. Codes of more than two numbers are projected onto the
    principal plane of the last ones, in all epochs, so that the map does not turn.

    Parameters
    ----------
    run : str, Path or Run
        The directory of a finished run.
    out : str or Path, optional
        The file to write: .webp, .gif, or .mp4 where FFmpeg is installed; by default film.webp in
        the run.

    Returns
    -------
    Sheet
        ``images`` (epochs, n, *shape): the reconstructions.

    Raises
    ------
    ConfigError
        If the name of the file ends otherwise, or nothing here encodes .mp4.
    RunError
        If the run is not finished or damaged, or has kept fewer than two epochs; or if the file
        cannot be written.
    """
    from latentscape.api.pictures.sheets import Sheet
    from latentscape.reporting.animation import check_animation, write_animation
    from latentscape.reporting.film import frames
    from latentscape.runs import OpenRun

    opened = OpenRun(run)
    file = opened.folder / "film.webp" if out is None else Path(out)
    check_animation(file)
    findings = opened.findings
    snapshots = _snapshots(findings)
    scenes = _scenes(findings, snapshots)
    with opened.run.owned("written") if file.parent == opened.folder else nullcontext():
        write_animation(file, frames(scenes))
    return Sheet(snapshots.reconstructions, _describe(scenes), file, None)


def _snapshots(findings: "RunFindings") -> "Snapshots":
    """Return what the run has kept.

    Raises
    ------
    RunError
        If that is too little for a film.
    """
    from latentscape.core.errors import RunError

    snapshots = findings.snapshots
    kept = () if snapshots is None else snapshots.epochs
    if snapshots is None or len(kept) < 2:
        trained = len(findings.history.epochs)
        epochs = trained if trained > 1 else FEW_EPOCHS
        doubling = [2**power for power in range(epochs.bit_length()) if 2**power < epochs]
        named = ",".join(map(str, [*doubling, epochs]))
        longer = "" if trained > 1 else f"--epochs {epochs} "
        what = f"a snapshot of epoch {kept[0]} alone" if kept else "no snapshots of its training"
        recipe = quote(str(findings.run.path / "recipe.yaml"))
        raise RunError(
            f"{findings.name} has kept {what}",
            expected="two epochs or more, between which a film can move",
            fix=f"Train it again: latentscape train {recipe} --name {findings.name}-filmed "
            f"{longer}--set 'train.snapshots=[{named}]'",
        )
    return snapshots


def _scenes(findings: "RunFindings", snapshots: "Snapshots") -> "Scenes":
    """Gather what the film shows; of vectors the map alone."""
    import numpy as np

    from latentscape.analyses.maps.projections import in_one_plane
    from latentscape.core.errors import RunError
    from latentscape.evaluation.results import Evaluation
    from latentscape.reporting.film import Scenes

    evaluation, codes = findings.require(Evaluation), snapshots.codes
    places = None if codes is None else in_one_plane(codes, codes[-1])
    if places is not None and not np.ptp(places, axis=(0, 1)).any():
        places = None  # All codes are the same: the encoder has collapsed.
    takes_images = snapshots.reconstructions.ndim == 5
    if places is None and not takes_images:
        raise RunError(f"{findings.name} has kept no images and no codes that a film could show")
    quantity, errors = _errors(findings)
    return Scenes(
        title=f"{findings.label} on {findings.data.name}",
        epochs=snapshots.epochs,
        last_epoch=len(findings.history.epochs),
        errors=errors,
        quantity=quantity,
        originals=evaluation.examples.originals if takes_images else None,
        reconstructions=snapshots.reconstructions if takes_images else None,
        samples=snapshots.samples if takes_images else None,
        places=places,
        labels=_labels(evaluation, snapshots.examples),
        names=findings.data.label_names,
    )


def _labels(evaluation: "Evaluation", examples: "Array | None") -> "Array":
    """Return the labels of examples as the findings know them, -1 elsewhere."""
    import numpy as np

    known, index = evaluation.test_codes, () if examples is None else examples.tolist()
    if known.points is None:
        return np.full(len(index), -1)
    label_of = dict(zip(known.points.tolist(), known.labels.tolist(), strict=True))
    return np.array([label_of.get(point, -1) for point in index], np.int64)


def _errors(findings: "RunFindings") -> tuple[str, dict[int, float]]:
    """Return the validation error after every epoch, or the loss where nothing was validated."""
    epochs = findings.history.epochs
    errors = {
        epoch.epoch: epoch.validation.mse
        for epoch in epochs
        if epoch.validation is not None and epoch.validation.mse is not None
    }
    if errors:
        return "validation MSE", errors
    return "training loss", {epoch.epoch: epoch.train.loss for epoch in epochs}


def _describe(scenes: "Scenes") -> str:
    """Say what the film shows."""
    from latentscape.core.units import count, joined

    parts = ["test images above their reconstructions"] if scenes.originals is not None else []
    parts += ["samples from the same codes"] if scenes.samples is not None else []
    parts += ["the map of codes"] if scenes.places is not None else []
    return (
        f"Epochs {scenes.epochs[0]} to {scenes.epochs[-1]} of {scenes.title}, from "
        f"{count(len(scenes.epochs))} snapshots: {joined(parts)}. Between snapshots points glide "
        "and images fade."
    )
