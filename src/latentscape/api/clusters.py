"""One model that workers of a Ray cluster train together."""

import logging
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any

from latentscape.config import Placement
from latentscape.core.errors import Interrupted, LatentscapeError, TrainingError
from latentscape.core.extras import load
from latentscape.core.files import cannot_write
from latentscape.core.progress import stage
from latentscape.parallel.cluster import Cluster
from latentscape.parallel.connection import connected
from latentscape.parallel.tasks import Setting, listened, queue
from latentscape.parallel.telling import passing_on
from latentscape.runs import Run, open_run
from latentscape.training.workers import WorkerLost

RESTARTS = 10
"""How often training goes on from its checkpoint after a worker or its node was lost."""

_NAME = "training"


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
        share = cluster.share_of_workers(placement.workers)
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


def _fit(
    job: _Job, cluster: Cluster, placement: Placement, cores: int, storage: Path
) -> tuple[str, LatentscapeError | None]:
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
    answer: tuple[str, LatentscapeError | None] = result.return_value
    return answer


def _work(config: dict[str, _Job]) -> tuple[str, LatentscapeError | None]:
    """Do what each worker does; return where the run is, or why there is none.

    Only what another try can mend is raised: Ray then starts all workers again.
    """
    from ray import train

    job = config["job"]
    first = train.get_context().get_world_rank() == 0
    if train.get_checkpoint() is not None:
        os.environ["TORCHELASTIC_RESTART_COUNT"] = "1"  # The run that stands there is ours.
    _note_the_start(train)
    try:
        with listened(job.setting, _NAME) if first else job.setting.entered():
            return str(job.function().path), None
    except WorkerLost:
        raise
    except LatentscapeError as error:
        # The first one says what others failed with too, unless it waits for them in training.
        if isinstance(error, TrainingError) and not (first or error.is_told):
            raise
        return "", error if first else None


def _note_the_start(train: Any) -> None:
    """Give Ray a checkpoint, which it has only for workers that it starts again."""
    with TemporaryDirectory() as folder:
        Path(folder, "begun").touch()
        train.report({}, checkpoint=train.Checkpoint.from_directory(folder))
