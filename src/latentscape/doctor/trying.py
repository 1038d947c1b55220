"""To try a cure is to train without it and with it, side by side, and to look at both."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from latentscape.config import Recipe, override, with_epochs
from latentscape.core.progress import stage
from latentscape.core.randomness import forked_random
from latentscape.core.records import Split
from latentscape.core.units import number
from latentscape.doctor.contender import Contender, fewer
from latentscape.doctor.diagnosis import Diagnosis
from latentscape.doctor.newcomer import newcomer
from latentscape.doctor.patient import Patient
from latentscape.doctor.registry import symptom as find_symptom
from latentscape.doctor.symptom import Symptom
from latentscape.doctor.trial import LookedAt, Side, Trial
from latentscape.training.timing import training_seconds

ROUNDS = 8
"""How often the two sides take turns, so that what else the machine does slows both down."""

OVERHEAD = 1.3
"""Time of an epoch with its validation, over that of its steps."""

OVERTIME = 1.5
"""Share of the time after which both sides stop where they are."""

MAX_HELD_OUT = 2000
"""Validation examples that are looked at after each epoch."""

HELD_OUT = 0.1
FEWEST_HELD_OUT = 5
"""Share of the training examples that a trial holds out where the data have no validation part,
and the number below which it holds out none."""


_LENGTH = {"train.epochs", "train.batch_size", "train.patience"}
"""Changes that are about the number of steps."""


@dataclass(frozen=True)
class Setup:
    """A setting to be trained: a recipe that is prepared for a split, and the split."""

    recipe: Recipe
    split: Split


def run_trial(
    diagnosis: Diagnosis,
    current: Setup | None,
    mended: Setup,
    seconds: float,
    device: torch.device,
) -> Trial:
    """Train the current and the mended setting, and measure symptom and error of both.

    Both start from the same seed, and each has half of the time. Where the whole training does not
    fit, both are shortened to the same share of their epochs, schedules and all, so that they take
    the same number of steps. Only where the change is about that number, each side is trained for
    as many as fit. Where not even one epoch does, both are trained on the same, fewer examples.
    They take turns, so that a busy machine is fair.

    Parameters
    ----------
    diagnosis : Diagnosis
        Of the current setting: the symptom, and what tells the mended setting from it.
    current, mended : Setup
        Recipes and their examples. None stands for a current setting that cannot be trained at all.
    seconds : float
        For both together.
    device : torch.device
        Where to train.

    Raises
    ------
    Interrupted, KeyboardInterrupt
        If Ctrl-C came.
    """
    full = [mended] if current is None else [current, mended]
    split = mended.split
    together = not _LENGTH.intersection(diagnosis.changes)
    held_out = [_with_held_out(setup, split) for setup in full]
    setups = _fitted(held_out, seconds, together, device)
    contenders = [Contender(setup.recipe, setup.split, device) for setup in setups]
    _take_turns(contenders, OVERTIME * seconds)
    patients = [None if side.diverged else side.patient for side in contenders]
    sides = [
        _side(setup, contender, patient, find_symptom(diagnosis.symptom), device)
        for setup, contender, patient in zip(full, contenders, patients, strict=True)
    ]
    difference, standard_error = _difference(patients)
    tried = setups[-1].split
    return Trial(
        symptom=diagnosis.symptom,
        changes=diagnosis.changes,
        current=_refused(diagnosis) if current is None else sides[0],
        mended=sides[-1],
        looked_at=_looked_at(split, tried),
        n=len(tried.validation) or len(tried.train),
        examples=len(tried.train),
        difference=difference,
        standard_error=standard_error,
    )


def _with_held_out(setup: Setup, other: Split) -> Setup:
    """Hold out some training examples where nothing is: those of the other side, if it has any."""
    split = setup.split
    is_same = split.dataset.fingerprint == other.dataset.fingerprint
    if not len(split.validation) and len(other.validation) and is_same:
        return replace(setup, split=other)
    count = round(HELD_OUT * len(split.train))
    if len(split.validation) or count < FEWEST_HELD_OUT:
        return setup
    held_out = split.subset("train", count)
    train = np.setdiff1d(split.train, held_out)
    return replace(setup, split=replace(split, train=train, validation=held_out))


def _fitted(
    setups: Sequence[Setup], seconds: float, together: bool, device: torch.device
) -> list[Setup]:
    """Shorten trainings, so that each fits into its half of the time."""
    with forked_random(0, device):
        needed = [OVERHEAD * training_seconds(s.recipe, s.split, device=device) for s in setups]
    needed = [max(needed)] * len(setups) if together else needed
    shares = [min(1.0, seconds / len(setups) / each) if each else 1.0 for each in needed]
    # Where not even an epoch fits, it is one of fewer examples.
    epochs = [s.recipe.train.epochs * share for s, share in zip(setups, shares, strict=True)]
    examples = max(2, math.floor(len(setups[0].split.train) * min(1.0, *epochs)))
    return [
        Setup(
            override(with_epochs(setup.recipe, max(1, round(count))), {"train.snapshots": ()}),
            fewer(setup.split, examples, MAX_HELD_OUT),
        )
        for setup, count in zip(setups, epochs, strict=True)
    ]


def _take_turns(sides: Sequence[Contender], limit: float) -> None:
    """Train both sides in turn, to the end or until the time is over."""
    began, epochs = time.perf_counter(), [side.recipe.train.epochs for side in sides]
    rounds = min(ROUNDS, max(epochs))
    with stage("trial", rounds) as work:
        for turn in range(1, 1 + rounds):
            for side, whole in zip(sides, epochs, strict=True):
                side.train_until(math.ceil(whole * turn / rounds))
            errors = [number(side.last_error, 3) for side in sides]
            current = f"{errors[0]} as it is, " if len(sides) > 1 else ""
            work.describe(f"error {current}{errors[-1]} mended")
            work.advance()
            if time.perf_counter() - began > limit:
                return


def _side(
    full: Setup, side: Contender, patient: Patient | None, symptom: Symptom, device: torch.device
) -> Side:
    """Measure a side: the error of its model, and the symptom where it can be seen."""
    diagnosis = value = None
    looked_at = patient
    if symptom.stages == ("before",):  # It is of the whole training.
        looked_at = newcomer(full.recipe, full.split, device)
    if looked_at is not None and symptom.can_examine(looked_at):
        diagnosis = symptom.examine(looked_at)
        value = symptom.number(looked_at) if diagnosis is None else diagnosis.value
    return Side(
        epochs=side.epochs,
        share=min(1.0, side.epochs / full.recipe.train.epochs),
        steps=side.steps,
        seconds=side.seconds,
        has_model=patient is not None,
        number=value,
        diagnosis=diagnosis,
        error=None if patient is None else patient.held_out.error,
        explained=None if patient is None else patient.explained,
        curve=side.error_curve,
    )


def _refused(diagnosis: Diagnosis) -> Side:
    """Return a side that cannot be trained at all."""
    return Side(
        epochs=0,
        share=0,
        steps=0,
        seconds=0,
        has_model=False,
        number=diagnosis.value,
        diagnosis=diagnosis,
    )


def _difference(patients: Sequence[Patient | None]) -> tuple[float | None, float | None]:
    """Return how much lower the error is, and the standard error, over the same examples."""
    models = [patient for patient in patients if patient is not None]
    if len(models) < 2:
        return None, None
    before, after = (patient.held_out for patient in models)
    if before.images.shape != after.images.shape or not before.images.equal(after.images):
        return None, None
    differences = after.errors - before.errors
    error = float(differences.std(correction=0)) / math.sqrt(len(differences))
    return float(differences.mean()), error


def _looked_at(full: Split, split: Split) -> LookedAt:
    if len(full.validation):
        return "validation"
    return "held_out" if len(split.validation) else "train"
