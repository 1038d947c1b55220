"""The proof of a cure: training without it and with it, side by side."""

from pathlib import Path

from latentscape.api.cases import Case
from latentscape.api.doctoring import diagnose_case
from latentscape.api.preparing import prepare
from latentscape.config import Changes, Recipe
from latentscape.core.errors import ConfigError, DataError, Interrupted
from latentscape.core.runtime import choose_device
from latentscape.doctor.diagnosis import Diagnoses, Diagnosis
from latentscape.doctor.trial import Trial
from latentscape.doctor.trying import Setup, run_trial
from latentscape.runs import Run
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
    with shown(quiet):
        case = Case(run_or_recipe, data, changes, device)
        diagnosis = choose_cure(diagnose_case(case), symptom)
        return None if diagnosis is None else try_diagnosis(case, diagnosis, seconds)


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


def try_diagnosis(case: Case, diagnosis: Diagnosis, seconds: float = SECONDS) -> Trial:
    """Try the changes of a diagnosis; see `try_cure`.

    The mended setting is what training gives with these changes, so that what else the recipe
    counts in epochs follows their number.
    """
    current, (mended, split) = _current(case), case.changed(diagnosis.changes)
    setup = Setup(prepare(mended, split), split)
    try:
        return run_trial(diagnosis, current, setup, seconds, choose_device(case.device))
    except Interrupted as error:
        raise Interrupted("The trial was stopped. Nothing was written") from error


def _current(case: Case) -> Setup | None:
    """Return the setting as it is; None where recipe and data do not go together."""
    try:
        return Setup(prepare(case.recipe, case.split), case.split)
    except (ConfigError, DataError):
        return None
