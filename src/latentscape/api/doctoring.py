"""The doctor: what is wrong with a run, or will be with a recipe, and what mends it."""

from collections.abc import Sequence
from pathlib import Path
from shlex import quote

from latentscape.api.cases import Case, run_of
from latentscape.api.preparing import prepare
from latentscape.config import Changes, Recipe
from latentscape.core.errors import CodeError, ConfigError, DataError, RunError
from latentscape.core.runtime import choose_device
from latentscape.doctor.diagnosis import Diagnoses
from latentscape.doctor.examination import examine
from latentscape.doctor.newcomer import newcomer
from latentscape.doctor.patient import Patient
from latentscape.model import Network
from latentscape.runs import Run, save_parts
from latentscape.terminal import shown
from latentscape.training.memory import check_network
from latentscape.training.train import checkpoints_of


def diagnose(
    run_or_recipe: str | Path | Run | Recipe,
    *,
    data: object = None,
    changes: Changes | None = None,
    device: str = "auto",
    quiet: bool = False,
) -> Diagnoses:
    """Say what is wrong with a run, or what will go wrong with a recipe on some data.

    Parameters
    ----------
    run_or_recipe : str, Path, Run or Recipe
        Directory of a run; or name of a recipe, a YAML file, or a recipe itself. A run that goes
        on, was stopped or has failed is examined as its last checkpoint has it.
    data : str, Path or data in memory, optional
        Of a recipe: what it shall be trained on, by default what it names. Of a run: what it was
        trained on, where that was in memory or has moved.
    changes : mapping, optional
        Dotted path to value, of a recipe.
    device : str
        As for `train`.
    quiet : bool
        Whether progress is left unshown.

    Returns
    -------
    Diagnoses
        Symptoms with their numbers, evidence and the settings that mend them, the likeliest cause
        first. They are kept with a finished run, and open its report.

    Raises
    ------
    ConfigError, DataError, RunError
        If there is no such run or recipe, the run is damaged, or its data are gone.
    """
    with shown(quiet):
        return diagnose_case(Case(run_or_recipe, data, changes, device))


def diagnose_case(case: Case) -> Diagnoses:
    """Say what is wrong with a run or a recipe; see `diagnose`."""
    opened = case.opened
    if opened is None:
        return _diagnose_recipe(case)
    if not opened.run.finished:
        return examine(_unfinished(opened.run, case))
    diagnoses = examine(Patient.of_run(opened.findings, opened.model, opened.split))
    save_parts(opened.run, diagnoses)
    return diagnoses


def _unfinished(run: Run, case: Case) -> Patient:
    """Return a run that goes on, was stopped or has failed, as its last checkpoint has it."""
    recipe, checkpoint = run.recipe, checkpoints_of(run).latest()
    if checkpoint is None:
        raise RunError(
            f"{run.name} is not finished, and has no checkpoint that could be examined",
            fix=f"Run: latentscape train --resume {run.path}",
        )
    model = Network(recipe.model, recipe.objective)
    model.load_state_dict(checkpoint.groups["model"])
    return Patient(
        recipe,
        case.split,
        model.to(choose_device(case.device)).eval(),
        history=run.history,
        events=run.events,
        finished=False,
    )


def _diagnose_recipe(case: Case) -> Diagnoses:
    """Look at a recipe and its data; also where they do not go together, if a symptom says why."""
    recipe, split, place = case.recipe, case.split, choose_device(case.device)
    try:
        recipe = prepare(recipe, split)
        check_network(recipe, len(split.train), place)
    except CodeError:
        raise
    except (ConfigError, DataError):
        diagnoses = examine(Patient(recipe, split, None))
        if not diagnoses.diagnoses:
            raise
        return diagnoses
    return examine(newcomer(recipe, split, place))


def proof_of(
    run_or_recipe: str | Path, data: str | None = None, settings: Sequence[str] = ()
) -> str:
    """Return the command that shows whether the first suggestion helps."""
    return f"latentscape doctor {_arguments(run_or_recipe, data, settings)} --try"


def cure_of(
    run_or_recipe: str | Path, data: str | None = None, settings: Sequence[str] = ()
) -> str:
    """Return the command that trains a run or a recipe, to which changes are added."""
    run = run_of(run_or_recipe)
    if run is None:
        return f"latentscape train {_arguments(run_or_recipe, data, settings)}"
    arguments = _arguments(run.path / "recipe.yaml", data, settings)
    return f"latentscape train {arguments} --name {quote(f'{run.name}-mended')}"


def _arguments(subject: str | Path, data: str | None, settings: Sequence[str]) -> str:
    source = [] if data is None else ["--data", data]
    changes = [part for setting in settings for part in ("--set", setting)]
    return " ".join(map(quote, [str(subject), *source, *changes]))
