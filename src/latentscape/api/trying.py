"""The proof of a cure: training without it and with it, side by side."""

from pathlib import Path

from latentscape.api.doctoring import diagnose, resolve_fitted, run_of
from latentscape.api.preparing import prepare
from latentscape.config import Changes, Recipe, override
from latentscape.core.errors import ConfigError, DataError, Interrupted
from latentscape.core.records import Split
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
    recipe, split = _current(run_or_recipe, data, changes)
    current, mended = _prepared(recipe, split), _mended(recipe, split, diagnosis.changes, data)
    try:
        with shown(quiet):
            return run_trial(diagnosis, current, mended, seconds, choose_device(device))
    except Interrupted as error:
        raise Interrupted("The trial was stopped. Nothing was written") from error


def _current(
    run_or_recipe: str | Path | Run | Recipe, data: object, changes: Changes | None
) -> tuple[Recipe, Split]:
    run = run_of(run_or_recipe)
    if run is not None:
        return run.recipe, load_run_split(run, data)
    assert not isinstance(run_or_recipe, Run)
    return resolve_fitted(run_or_recipe, data, changes)


def _prepared(recipe: Recipe, split: Split) -> Setup | None:
    """Return a setting that can be trained; None where recipe and data do not go together."""
    try:
        return Setup(prepare(recipe, split), split)
    except (ConfigError, DataError):
        return None


def _mended(recipe: Recipe, split: Split, changes: Changes, data: object) -> Setup:
    mended = override(recipe, changes)
    if any(path.startswith("data.") for path in changes):
        split = load_split(mended, data)
    return Setup(prepare(mended, split), split)
