"""One model that several workers train together: processes of this machine, or of a Ray cluster."""

import logging
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any

from latentscape.config import Placement
from latentscape.core.errors import ConfigError, Interrupted, LatentscapeError, TrainingError
from latentscape.core.extras import load
from latentscape.core.files import cannot_write
from latentscape.core.launched import launched_processes, number_of
from latentscape.core.progress import stage
from latentscape.parallel.cluster import Cluster
from latentscape.parallel.connection import connected
from latentscape.parallel.launching import call_in_processes
from latentscape.parallel.tasks import Setting, listened, queue
from latentscape.parallel.telling import passing_on
from latentscape.runs import Run, open_run
from latentscape.terminal import shown
from latentscape.training.conversation import WorkerLost
from latentscape.training.shards import check_workers

RESTARTS = 10
"""How often training goes on from its checkpoint after a worker or its node was lost."""

_NAME = "training"


_Answer = tuple[str, LatentscapeError | None]
"""Where the run is that a worker has trained, or why there is none."""


def carry_out(
    work: Callable[[], Run],
    placement: Placement,
    folder: Path,
    shards: Callable[[], int],
    *,
    quiet: bool = False,
) -> Run:
    """Train a run where it shall be trained: in this process, or on workers that are started.

    Parameters
    ----------
    work : callable
        Trains it, alone or as one of several workers; it can be pickled.
    placement : Placement
        Where.
    folder : Path
        Where runs are kept.
    shards : callable
        Returns how many shards a batch of it has.
    quiet : bool
        Whether progress is left unshown.

    Raises
    ------
    ConfigError
        If so many workers cannot share a batch, or this process is one of another number.
    """
    launched = launched_processes()
    if placement.kind != "ray" and placement.workers in (1, launched):
        return work()
    if placement.kind != "ray" and launched > 1:
        raise ConfigError(
            f"{placement.workers} workers are asked for in one of {launched} processes that were "
            "launched already",
            fix="Ask for no workers, or for as many.",
        )
    check_workers(shards(), placement.workers)
    with shown(quiet):
        return train_on_workers(work, placement, folder)


def train_on_workers(function: Callable[[], Run], placement: Placement, folder: Path) -> Run:
    """Call a function that trains a run on each of several workers; see `train_on_cluster`."""
    if placement.kind == "ray":
        return train_on_cluster(function, placement, folder)
    code, answer = call_in_processes(_work_here, [function], placement.workers)
    path, error = answer or ("", TrainingError(f"A worker has ended with exit code {code}"))
    if error is not None:
        raise error
    return open_run(path)


def train_on_cluster(function: Callable[[], Run], placement: Placement, folder: Path) -> Run:
    """Call a function that trains a run on each worker of a Ray cluster.

    Workers are those of Ray's trainer for PyTorch, in one process group. If one is lost, Ray starts
    all of them again, and the run goes on from its last checkpoint.

    Parameters
    ----------
    function : callable
        Trains and returns a run: `latentscape.train` or `resume` with their arguments; it can be
        pickled.
    placement : Placement
        The cluster, how many workers, and how many GPUs each asks for.
    folder : Path
        Where runs are kept; all nodes see it.

    Returns
    -------
    Run
        The finished run.

    Raises
    ------
    ConfigError, RunError
        If the cluster has no room for the workers, its nodes see other files, or it fails.
    LatentscapeError
        What the function raises.
    """
    with (
        stage(_NAME, 1.0) as work,
        connected(placement) as cluster,
        _storage(folder) as storage,
        cluster.losses(),
        queue(cluster) as said,
        passing_on(said, work, {_NAME: 1.0}),
    ):
        cluster.check(folder)
        cluster.check_sent(function)
        share = cluster.share_of_workers(placement.workers)
        if not cluster.has_free(share, placement.workers):
            work.note(
                f"Others use the cluster: training begins when {share.cores} core(s) and "
                f"{share.gpus:g} GPU(s) are free for each of {placement.workers} worker(s)."
            )
        job = _Job(function, Setting.of(said, share))
        path, error = _fit(job, cluster, placement, share.cores, storage)
    if error is not None:
        raise error
    return open_run(path)


@dataclass(frozen=True)
class _Job:
    """What each worker does."""

    function: Callable[[], Run]
    setting: Setting


@contextmanager
def _storage(folder: Path) -> Iterator[Path]:
    """Make a folder for what Ray notes, where all nodes see it; nothing in it is kept."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        storage = Path(mkdtemp(prefix=".ray-", dir=folder.absolute()))
    except OSError as error:
        raise cannot_write(folder, error) from error
    try:
        yield storage
    finally:
        shutil.rmtree(storage, ignore_errors=True)


def _fit(job: _Job, cluster: Cluster, placement: Placement, cores: int, storage: Path) -> _Answer:
    """Let Ray's trainer run the workers; return what the first one has to say."""
    train, torch, errors = map(
        load, ("ray.train", "ray.train.torch", "ray.train.v2.api.exceptions")
    )
    logging.getLogger("ray.train").setLevel(logging.ERROR)
    gpus = placement.gpus_per_worker
    trainer = torch.TorchTrainer(
        _work,
        train_loop_config={"job": job},
        scaling_config=train.ScalingConfig(
            num_workers=placement.workers,
            use_gpu=gpus > 0,
            resources_per_worker={"CPU": cores, **({"GPU": gpus} if gpus else {})},
        ),
        run_config=train.RunConfig(
            name=_NAME,
            storage_path=str(storage),
            failure_config=train.FailureConfig(max_failures=RESTARTS),
        ),
    )
    try:
        result = trainer.fit()
    except errors.TrainingFailedError as error:
        raise cluster.failed(error) from error
    except KeyboardInterrupt as error:
        fix = "Go on from the last checkpoint with --resume."
        raise Interrupted("Stopped", fix=fix) from error
    answer: _Answer = result.return_value
    return answer


def _work_here(function: Callable[[], Run]) -> _Answer:
    """Do what each process does that this machine's launcher has started."""
    try:
        return _outcome(function, first=number_of("RANK") == 0)
    except LatentscapeError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


def _outcome(function: Callable[[], Run], *, first: bool) -> _Answer:
    """Do what a worker does; raise only what has to end the others, which wait for this one."""
    try:
        return str(function().path), None
    except WorkerLost:
        raise
    except LatentscapeError as error:
        # The first one says what others failed with too, unless it waits for them in training.
        if isinstance(error, TrainingError) and not (first or error.is_told):
            raise
        return "", error if first else None


def _work(config: dict[str, _Job]) -> _Answer:
    """Do what each worker of a cluster does.

    Only what another try can mend is raised: Ray then starts all workers again.
    """
    from ray import train

    job = config["job"]
    first = train.get_context().get_world_rank() == 0
    if train.get_checkpoint() is not None:
        os.environ["TORCHELASTIC_RESTART_COUNT"] = "1"  # The run that stands there is ours.
    _note_the_start(train)
    with listened(job.setting, _NAME) if first else job.setting.entered():
        return _outcome(job.function, first=first)


def _note_the_start(train: Any) -> None:
    """Give Ray a checkpoint, which it has only for workers that it starts again."""
    with TemporaryDirectory() as folder:
        Path(folder, "begun").touch()
        train.report({}, checkpoint=train.Checkpoint.from_directory(folder))
