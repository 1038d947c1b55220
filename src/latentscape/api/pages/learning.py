"""The section on learning: losses, errors and terms over epochs."""

from collections.abc import Callable, Iterator

import numpy as np

from latentscape.config import adversaries
from latentscape.reporting.blocks import Block, Chart, Gallery, Section, figure_name
from latentscape.reporting.curves import Curve, curve_chart, ends
from latentscape.reporting.subject import Row, Subject
from latentscape.runs import RunFindings
from latentscape.runs.facts import Epoch, Losses

Value = Callable[[Epoch], float | None]
"""What is drawn of an epoch; None where it was not measured."""


def section(subject: Subject) -> Section | None:
    """Show how the models learned; None where no model has two epochs."""
    if all(len(row.first.history.epochs) < 2 for row in subject.rows):
        return None  # One epoch makes no curve.
    lead = (
        "Solid is the validation loss and dashed the training loss, which is averaged over an "
        "epoch while the weights still move and dropout is at work, so that it may lie above the "
        "other."
    )
    if not subject.is_single:
        lead = (
            "Losses of different likelihoods are different quantities, so models compare in the "
            f"first chart only. In the others: {lead[0].lower()}{lead[1:]}"
        )
    charts = [losses(subject, row) for row in subject.pictured]
    term_charts = [chart for row in subject.pictured if (chart := terms(row))]
    if term_charts:
        lead += " Terms are drawn as they are before weighting."
    blocks: list[Block] = [validation_errors(subject), Gallery([*charts, *term_charts])]
    return Section(
        "learning", "Learning curves", f"{lead} {pictured_rows(subject)}".strip(), blocks
    )


def pictured_rows(subject: Subject) -> str:
    """Say which models are pictured, where these are not all of them."""
    if len(subject.rows) == len(subject.pictured):
        return ""
    return (
        f"Shown one by one are the {len(subject.pictured)} models of {len(subject.rows)} with the "
        "lowest test error."
    )


def validation_errors(subject: Subject) -> Chart:
    """Draw the errors of all models in the same unit over epochs."""
    curves = []
    # Pictured rows come last, on top of the others.
    for row in sorted(subject.rows, key=lambda row: row in subject.pictured):
        label = row.label if row in subject.pictured else ""
        curves += seed_curves(row, _validation_mse, label, subject.colour(row))
    svg, crop = curve_chart(
        curves,
        (440, 330),
        "MSE per pixel",
        f"Validation error over epochs for {len(subject.rows)} models, logarithmic where it spans "
        f"much. {ends(curves)}",
    )
    return Chart(
        "validation-error",
        "Mean squared error per pixel on validation images after each epoch. Lower is better; a "
        "line that has stopped falling has learned what it can." + "".join(_notes(subject)),
        svg,
        [(subject.colour(row), row.label) for row in subject.pictured],
        crop,
    )


def losses(subject: Subject, row: Row) -> Chart:
    """Draw one model's loss on training and validation images over epochs."""
    colour = subject.colour(row)
    curves = seed_curves(row, lambda epoch: epoch.train.loss, "training", f"{colour} dashed")
    curves += seed_curves(row, _validation_loss, "validation", colour)
    svg, _ = curve_chart(
        curves, (320, 240), "loss, nats per example", f"Loss of {row.label}. {ends(curves)}"
    )
    return Chart(figure_name("loss", row.label), row.label, svg)


def terms(row: Row) -> Chart | None:
    """Draw one model's objective, term by term; None where there is only one."""
    epochs = row.first.history.epochs
    names = list(epochs[-1].train.terms) if epochs else []
    if len(names) < 2:
        return None
    of_epoch = _validation if epochs[-1].validation else _train
    curves = [
        Curve(name.replace("_", " "), _points(row.first, _term(of_epoch, name)), f"c{index % 8}")
        for index, name in enumerate(names)
    ]
    objective = row.first.recipe.objective.weights
    weights = {str(name): weight for name, weight in objective.items()}
    critics = adversaries(objective).keys() & set(names)
    summed = [name for name in names if name not in critics]
    total = " + ".join(_weighted(name, weights.get(name, 1)) for name in summed)
    total += "".join(f"; {name.replace('_', ' ')}: what it learns by" for name in sorted(critics))
    alt = f"Terms of the loss of {row.label}, before weighting. {ends(curves)}"
    svg, _ = curve_chart(curves, (320, 240), "nats per example", alt)
    return Chart(figure_name("terms", row.label), f"{row.label}, terms of the loss: {total}", svg)


def seed_curves(row: Row, value: Value, label: str, look: str) -> list[Curve]:
    """Return the mean over seeds, and under it every seed for itself where there are several."""
    pairs = [(run, points) for run in row.runs if (points := _points(run, value))]
    seeds = [points for _, points in pairs]
    if not seeds:
        return []
    # Early stopping may end seeds at different epochs: the mean goes as far as all of them do.
    length = min(len(points) for points in seeds)
    name = row.label if label in ("", row.label) else f"{row.label}, {label}"
    mean = np.mean([points[:length] for points in seeds], axis=0)
    each = [
        Curve("", points, f"{look} seed", name=f"{name}, seed {run.recipe.train.seed}")
        for run, points in pairs
    ]
    means = [(float(a), float(b)) for a, b in mean]
    many = len(seeds) > 1
    return [*each * many, Curve(label, means, look, name=f"{name}, mean" if many else name)]


def _points(run: RunFindings, value: Value) -> list[tuple[float, float]]:
    pairs = [(float(epoch.epoch), value(epoch)) for epoch in run.history.epochs]
    return [(epoch, y) for epoch, y in pairs if y is not None and np.isfinite(y)]


def _train(epoch: Epoch) -> Losses:
    return epoch.train


def _validation(epoch: Epoch) -> Losses | None:
    return epoch.validation


def _validation_loss(epoch: Epoch) -> float | None:
    return epoch.validation.loss if epoch.validation else None


def _validation_mse(epoch: Epoch) -> float | None:
    return epoch.validation.mse if epoch.validation else None


def _term(of_epoch: Callable[[Epoch], Losses | None], name: str) -> Value:
    def value(epoch: Epoch) -> float | None:
        losses = of_epoch(epoch)
        return None if losses is None else losses.terms.get(name)

    return value


def _weighted(name: str, weight: float) -> str:
    """Write a term with its weight, as it stands in the sum."""
    words = name.replace("_", " ")
    return words if weight == 1 else f"{weight:g} × {words}"


def _notes(subject: Subject) -> Iterator[str]:
    if subject.seeds > 1:
        seeds = subject.seeds
        yield f" Bold: the mean over up to {seeds} seeds; faint in the same colour: each seed."
    if faint := len(subject.rows) - len(subject.pictured):
        yield f" The {faint} models with higher test errors are drawn in grey."
    if any(not epoch.validation for row in subject.rows for epoch in row.first.history.epochs):
        yield " Models that held nothing out for validation have no line here."
