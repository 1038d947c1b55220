"""A trial on the terminal."""

from collections.abc import Iterator

from rich.markup import escape

from latentscape.core.units import count, duration, number, percent
from latentscape.doctor.diagnosis import Diagnoses
from latentscape.doctor.registry import symptom
from latentscape.doctor.trial import Side, Trial
from latentscape.doctor.wording import options
from latentscape.terminal.layout import align_right, print_line, show, table

_EXAMPLES = {
    "validation": "validation examples",
    "held_out": "training examples that were held out for the trial",
    "train": "training examples, because too few are there to hold any out",
}

_OUTCOMES = {
    "gone": "The symptom is gone",
    "less": "The symptom is weaker, and still there",
    "same": "The symptom is as before",
    "more": "The symptom is stronger",
    "unseen": "Neither setting shows the symptom in the trial",
}

_ERRORS = {"better": "lower", "same": "the same", "worse": "higher"}


def print_outcome(diagnoses: Diagnoses, trial: Trial | None, cure: str) -> None:
    """Print what a trial came to, or that there was nothing to try.

    `cure` is the command that trains, to which the changes are added.
    """
    if trial is not None:
        print_trial(trial)
        if trial.helps:
            print(f"To train it so: {cure} {options(trial.changes)}")
    elif not diagnoses.diagnoses:
        print_line("There is nothing to try.", "green")
    else:
        print_line("There is nothing to try: no setting mends what is wrong here.", "yellow")


def print_trial(trial: Trial) -> None:
    """Print what either setting came to, and which is better."""
    print_line("")
    print_line(f"The proof: {options(trial.changes)}", "bold")
    grid = table("", "current", "mended")
    for row in trial_rows(trial):
        grid.add_row(*map(escape, row))
    align_right(grid, 1, 2)
    show(grid)
    print_line(verdict(trial), "green" if trial.helps else "yellow")
    print_line(protocol(trial), "dim")


def trial_rows(trial: Trial) -> Iterator[tuple[str, str, str]]:
    """Write what is compared, of the current and of the mended setting."""
    current, mended = trial.current, trial.mended
    yield symptom(trial.symptom).title, _number(trial, current), _number(trial, mended)
    yield "squared error per pixel", _error(current.error), _error(mended.error)
    yield "variance explained", _explained(current), _explained(mended)
    yield "steps", count(current.steps), count(mended.steps)
    yield "time", duration(current.seconds), duration(mended.seconds)


def verdict(trial: Trial) -> str:
    """Say which setting is better, by the symptom and by the error."""
    symptom_part = _OUTCOMES[trial.outcome]
    failed = {
        name: side
        for name, side in (("current", trial.current), ("mended", trial.mended))
        if not side.has_model
    }
    if failed:
        error_part = " and ".join(
            f"the {name} setting {_end(side)}" for name, side in failed.items()
        )
    else:
        error_part = f"the error is {_ERRORS[trial.error_outcome]}"
    if trial.helps:
        return f"{symptom_part}, and {error_part}: the change helps."
    if trial.outcome in ("gone", "less"):
        return f"{symptom_part}, but {error_part}: it has its price here."
    if trial.error_outcome == "better":
        return f"{symptom_part}, but {error_part}: the change helps the error alone."
    return f"{symptom_part}, and {error_part}: the change does not help here."


def protocol(trial: Trial) -> str:
    """Say how a trial was made."""
    sides = [side for side in (trial.current, trial.mended) if side.epochs] or [trial.mended]
    shares = [sides[0].share, sides[-1].share]
    if min(shares) == 1:
        trained = "trained to the end"
    elif len({round(share, 2) for share in shares}) == 1:
        trained = (
            f"trained for {percent(shares[0])} of their epochs, with schedules as much shorter"
        )
    else:
        trained = f"trained for {percent(shares[0])} and {percent(shares[1])} of their epochs"
    return (
        f"Both have the same seed and the same {count(trial.examples)} examples, and were "
        f"{trained}. Errors are of {count(trial.n)} {_EXAMPLES[trial.looked_at]}. "
        "Nothing was written."
    )


def _end(side: Side) -> str:
    """Say why a side has no model."""
    return "came to an infinite loss" if side.seconds else "cannot be trained"


def _number(trial: Trial, side: Side) -> str:
    if side.number is not None:
        return number(side.number, 3)
    return "yes" if side.diagnosis else "no"


def _explained(side: Side) -> str:
    return "-" if side.explained is None else percent(side.explained)


def _error(error: float | None) -> str:
    return number(error, 3)
