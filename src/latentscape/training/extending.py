"""Another number of epochs for a run that has begun, or has ended.

The record of the change is written first, then what follows from it. So a process that is killed in
between leaves a run that opens, and the next one that trains it makes the rest of the change.
"""

import shutil
import time

from latentscape.core.errors import RunError
from latentscape.core.files import set_aside
from latentscape.runs import Run, write_recipe
from latentscape.runs.identity import CREATED, renew_identity
from latentscape.runs.legacy import remove_legacy
from latentscape.runs.lineage import Extension
from latentscape.runs.store import findings_folder
from latentscape.training.train import checkpoints_of


def extend(run: Run, epochs: int) -> None:
    """Ask a run for another number of epochs in all, which its next training goes on to.

    The learning rate follows the schedule of the new number: after any epoch it is what it would be
    in a run that was asked for as many from the start. Early stopping that has ended the run, or
    whose patience was as long as the training, only chooses the best weights from now on.

    A finished run is unfinished again: its model, findings and report, which are those of fewer
    epochs, are removed. The checkpoint holds the weights.

    Parameters
    ----------
    run : Run
        Finished or not.
    epochs : int
        In all.

    Raises
    ------
    RunError
        If the run has trained as many already; if it has no checkpoint to go on from; if another
        process owns it. It is as it was then.
    """
    with run.owned("trained"):
        complete_extension(run)
        stopped_early = run.finished and len(run.history.epochs) < run.recipe.train.epochs
        if epochs == run.recipe.train.epochs and not stopped_early:
            return
        extension = _extension(run, _epochs_done(run), epochs, stopped_early)
        # From here on the logs of a finished run change again.
        renew_identity(run.path, [name for name in CREATED if name != "recipe.yaml"])
        run.write_extensions([*run.extensions, extension])
        complete_extension(run)


def complete_extension(run: Run) -> None:
    """Make what is left to be done of the last extension, where a process was killed over it."""
    with run.owned("trained"):
        extensions = run.extensions
        if not extensions or extensions[-1].applied_to(run.recipe) == run.recipe:
            return
        run.model_file.unlink(missing_ok=True)
        if (folder := findings_folder(run.path)).exists():
            shutil.rmtree(set_aside(folder), ignore_errors=True)
        remove_legacy(run.path)
        (run.path / "report.html").unlink(missing_ok=True)
        write_recipe(run.path / "recipe.yaml", extensions[-1].applied_to(run.recipe))
        renew_identity(run.path, CREATED)


def _epochs_done(run: Run) -> int:
    """Return the epochs before the newest checkpoint."""
    store = checkpoints_of(run)
    checkpoint = store.latest()
    if checkpoint is not None:
        checkpoint.check(store.identity, store.name)
        return checkpoint.state.epoch
    if run.finished:
        raise RunError(
            f"{run.path} has no checkpoint to go on from",
            fix=f"Train another run from its weights: latentscape train --from {run.path}",
        )
    return 0


def _extension(run: Run, done: int, epochs: int, stopped_early: bool) -> Extension:
    if epochs < max(done, 1) or (run.finished and epochs == done):
        raise RunError(
            f"{run.name} has trained {done} epochs already, and {epochs} in all are too few",
            expected=f"more than {done}",
            fix=f"For example: latentscape train --resume {run.path} --epochs {2 * done or 1}",
        )
    train = run.recipe.train
    patience = train.patience
    if patience is not None and (stopped_early or patience >= train.epochs):
        patience = epochs
    return Extension(
        epoch=done,
        epochs_before=train.epochs,
        epochs=epochs,
        patience_before=train.patience,
        patience=patience,
        stopped_early=stopped_early,
        time=time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    )
