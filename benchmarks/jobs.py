"""Jobs of contestants: one training each, in a process of its own, and what comes of it."""

import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.environments import interpreter
from benchmarks.images import Images
from benchmarks.processes import measure
from benchmarks.scores import test_loss
from benchmarks.works import ROOT, Contestant, Work

Row = dict[str, Any]


def carry_out(
    contestant: Contestant,
    work: Work,
    images: Images,
    settings: Mapping[str, Any],
    threads: int | None = None,
) -> Row:
    """Train a work in a process of its own, and score what it makes of the test images.

    Parameters
    ----------
    contestant : Contestant
        Who trains.
    work : Work
        What.
    images : dict of str to ndarray
        On which: parts ``train`` and ``test``, perhaps ``validation``.
    settings : mapping
        All else of the job: see ``contestants/job.py``.
    threads : int, optional
        On how many cores.

    Returns
    -------
    dict
        The answer, with ``test_loss``.

    Raises
    ------
    NotInstalled, Failed
        If the contestant cannot be installed, or fails.
    """
    python = interpreter(contestant)
    with TemporaryDirectory() as name:
        folder = Path(name)
        parts = {part: str(_saved(folder / f"{part}.npy", images[part])) for part in images}
        job = {
            **parts,
            "work": work.recipe,
            "recipe": str(work.source),
            "batch_size": work.batch_size,
            "precision": contestant.precision,
            "folder": name,
            **settings,
        }
        (folder / "job.json").write_text(json.dumps(job))
        script = ROOT / "contestants" / f"{contestant.script}.py"
        order = [python, script, folder / "job.json"]
        measure(order, folder, dict(contestant.environment), threads)
        answer: Row = json.loads((folder / "answer.json").read_text())
        answer["test_loss"] = _test_loss(work, folder, images["test"])
    return answer


def _saved(file: Path, images: NDArray[np.uint8]) -> Path:
    np.save(file, images)
    return file


def _test_loss(work: Work, folder: Path, images: NDArray[np.uint8]) -> float:
    """Return the mean loss of the test images, from what a contestant left in its folder."""
    rate = folder / "rate.npy"
    return test_loss(
        work.metric,
        images,
        np.load(folder / "reconstructions.npy"),
        np.load(rate) if rate.exists() else None,
    )
