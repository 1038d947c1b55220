"""What a contestant is asked to do, and what it answers: files, so that each runs on its own.

A contestant is a script that is run with the path of a job; only NumPy is known to be there.
"""

import json
import platform
import resource
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from time import perf_counter

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Job:
    """One work, to be trained once.

    Attributes
    ----------
    work : str
        Name of the recipe that is trained.
    train, test : Path
        .npy files of uint8: (n, H, W), or (n, C, H, W) in colour.
    validation : Path or None
        The same, to measure on during training; None where nothing is.
    every : int
        Steps after which the validation error is measured, again and again.
    target : float
        Validation error, in the unit of the work, at which training ends.
    epochs, batch_size : int
        How long, at most.
    lr : float
        Of Adam.
    seed : int
        Draws initial weights and batches.
    precision : str
        ``float32``; or ``bfloat16``, in which layers are computed, while weights stay in float32.
    folder : Path
        Where the answer is written.
    recipe : str
        File of the recipe, where it is none of those that everybody has.
    """

    work: str
    train: Path
    test: Path
    epochs: int
    batch_size: int
    lr: float
    seed: int
    precision: str
    folder: Path
    recipe: str = ""
    validation: Path | None = None
    every: int = 1
    target: float = 0.0

    def images(self, part: str) -> NDArray[np.uint8]:
        """Return the images (n, C, H, W) of ``train``, ``validation`` or ``test``."""
        images: NDArray[np.uint8] = np.load(getattr(self, part))
        return images if images.ndim == 4 else images[:, None]

    def answer(
        self,
        epoch_seconds: list[float],
        reconstructions: NDArray[np.float32],
        rate: NDArray[np.float32] | None,
        packages: list[str],
        checks: "Checks | None" = None,
    ) -> None:
        """Write what came out.

        Parameters
        ----------
        epoch_seconds : list of float
            Seconds of each epoch.
        reconstructions : ndarray of float32
            (n, C H W) mean images, on the scale 0 to 1, of the test images.
        rate : ndarray of float32 or None
            (n,) divergence of each posterior from the prior in nats, of a variational autoencoder.
        packages : list of str
            Whose versions are noted.
        checks : Checks, optional
            What was measured on validation images.
        """
        np.save(self.folder / "reconstructions.npy", reconstructions)
        if rate is not None:
            np.save(self.folder / "rate.npy", rate)
        values = {
            "epoch_seconds": epoch_seconds,
            **({"seconds": checks.seconds, "errors": checks.errors} if checks else {}),
            # The operating system counts kilobytes, on macOS bytes.
            "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            * (1 if platform.system() == "Darwin" else 1024),
            "versions": {name: version(name) for name in packages},
        }
        (self.folder / "answer.json").write_text(json.dumps(values))


class Checks:
    """Measures the validation error during training, outside the time that counts.

    Attributes
    ----------
    seconds : list of float
        Seconds of training before each check.
    errors : list of float
        What it measured.
    """

    def __init__(self, job: Job) -> None:
        self.job, self.steps, self.spent = job, 0, 0.0
        self.seconds: list[float] = []
        self.errors: list[float] = []

    @property
    def is_done(self) -> bool:
        """Whether the model is as good as the job asks for."""
        return bool(self.errors) and self.errors[-1] <= self.job.target

    def after_step(self, seconds: float, measure: Callable[[], float]) -> None:
        """Count a step, and measure where it is time.

        `seconds` are those since training began, with what earlier checks took.
        """
        self.steps += 1
        if self.job.validation is None or self.steps % self.job.every:
            return
        start = perf_counter()
        self.seconds.append(seconds - self.spent)
        self.errors.append(measure())
        self.spent += perf_counter() - start


def read_job() -> Job:
    """Read the job that is named on the command line."""
    (job,) = read_jobs()
    return job


def read_jobs() -> list[Job]:
    """Read all jobs that are named on the command line."""
    return [_read(Path(name)) for name in sys.argv[1:]]


def _read(file: Path) -> Job:
    values = json.loads(file.read_text())
    names = {"train", "validation", "test", "folder"} & set(values)
    paths = {name: Path(values.pop(name)) for name in names}
    return Job(**values, **paths)
