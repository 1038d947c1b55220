"""Processes of a pool as copies of one that has imported what they use, which takes seconds."""

import os
from functools import partial
from multiprocessing import get_context

import pytest

from latentscape.parallel import calls

IMPORTED = ["latentscape.api.workers", "sklearn.decomposition", "torch._dynamo", "mlflow"]


def copy_processes(patch: pytest.MonkeyPatch) -> None:
    """Let pools start copies; those of the command line in a process of its own start afresh."""
    context = get_context("forkserver")
    context.set_forkserver_preload(IMPORTED)
    patch.setattr(calls, "get_context", lambda method: context)
    patch.setattr(calls, "_prepare", _Prepare())


class _Prepare:
    """Prepares a process as pools do, in the environment of now and not of the first copy."""

    def __call__(self, *settings: object) -> None:
        """Stand in a pool until it is pickled."""

    def __reduce__(self):
        return partial, (_prepare, dict(os.environ))


def _prepare(environment: dict[str, str], *settings: object) -> None:
    os.environ.update(environment)
    calls._prepare(*settings)
