"""The proof of a cure: training without it and with it, side by side."""

from pathlib import Path
from typing import Any

from latentscape.api.doctoring import diagnose, new_patient, run_of
from latentscape.api.preparing import prepare
from latentscape.config import Changes, Recipe, override
from latentscape.core.errors import ConfigError, Interrupted
from latentscape.core.runtime import choose_device
from latentscape.doctor.diagnosis import Diagnoses, Diagnosis
from latentscape.doctor.trial import Trial
from latentscape.doctor.trying import Setup, run_trial
from latentscape.runs import Run, load_run_split, load_split
from latentscape.terminal import shown

SECONDS = 30.0
"""How long both trainings of a trial may take together."""


def try_cure(
    run_or_recipe: str | Path | Run | Recipe,
    *,
    data: object = None,
    changes: Changes | None = None,
    symptom: str | None = None,
    seconds: float = SECONDS,
    device: str = "auto",
    quiet: bool = False,
) -> Trial | None:
    """Train the current and the mended setting side by side, and see whether the cure helps.

    Both have the same seed, the same examples and the same share of their training: all of it where
    that fits into the time. Nothing is written.

    Parameters
    ----------
    run_or_recipe, data, changes, device
        As for `diagnose`.
    symptom : str, optional
        Which symptom to mend; by default the first that a setting mends.
    seconds : float
        For both trainings together.
    quiet : bool
        Whether progress is left unshown.

    Returns
    -------
    Trial or None
        Symptom and error of both; None where nothing is wrong that a setting mends.

    Raises
    ------
    ConfigError, DataError, RunError
        As for `diagnose`, and if it does not have that symptom.
    Interrupted
        If Ctrl-C came.
    """
    diagnoses = diagnose(run_or_recipe, data=data, changes=changes, device=device, quiet=quiet)
    diagnosis = choose_cure(diagnoses, symptom)
    if diagnosis is None:
        return None
    return try_diagnosis(
        run_or_recipe,
        diagnosis,
        data=data,
        changes=changes,
        seconds=seconds,
        device=device,
        quiet=quiet,
    )


def choose_cure(diagnoses: Diagnoses, symptom: str | None = None) -> Diagnosis | None:
    """Return the first diagnosis that a setting mends, or that of a symptom.

    Raises
    ------
    ConfigError
        If the symptom was not found, or no setting mends it.
    """
    mendable = {item.symptom: item for item in diagnoses.diagnoses if item.changes}
    if symptom is not None and symptom not in mendable:
        raise ConfigError(
            f"There is no symptom {symptom} here that a setting mends",
            expected=f"one of {', '.join(mendable)}" if mendable else "",
        )
    return next(iter(mendable.values()), None) if symptom is None else mendable[symptom]


def try_diagnosis(
    run_or_recipe: str | Path | Run | Recipe,
    diagnosis: Diagnosis,
    *,
    data: object = None,
    changes: Changes | None = None,
    seconds: float = SECONDS,
    device: str = "auto",
    quiet: bool = False,
) -> Trial:
    """Try the changes of a diagnosis; see `try_cure`."""
    place = choose_device(device)
    current = _current(run_or_recipe, data, changes)
    mended = _mended(current, diagnosis.changes, data)
    try:
        with shown(quiet):
            return run_trial(diagnosis.symptom, diagnosis.changes, current, mended, seconds, place)
    except Interrupted as error:
        raise Interrupted("The trial was stopped. Nothing was written") from error


def _current(
    run_or_recipe: str | Path | Run | Recipe, data: object, changes: Changes | None
) -> Setup:
    run = run_of(run_or_recipe)
    if run is not None:
        return Setup(run.recipe, load_run_split(run, data))
    assert not isinstance(run_or_recipe, Run)
    patient = new_patient(run_or_recipe, data, changes, "cpu")
    return Setup(patient.recipe, patient.split)


def _mended(current: Setup, changes: dict[str, Any], data: object) -> Setup:
    recipe, split = override(current.recipe, changes), current.split
    if any(path.startswith("data.") for path in changes):
        split = load_split(recipe, data)
    return Setup(prepare(recipe, split), split)
