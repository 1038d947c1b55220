"""The trackers by name."""

from collections.abc import Sequence

from latentscape.core.errors import ConfigError, unknown
from latentscape.tracking.mlflow import MlflowTracker
from latentscape.tracking.tensorboard import TensorBoardTracker
from latentscape.tracking.tracker import Tracker

TRACKERS: dict[str, type[Tracker]] = {"tensorboard": TensorBoardTracker, "mlflow": MlflowTracker}


def choose_trackers(names: str | Sequence[str]) -> list[type[Tracker]]:
    """Return trackers by name, once it is clear that each of them can work.

    Parameters
    ----------
    names : str or sequence of str
        ``tensorboard``, ``mlflow``.

    Returns
    -------
    list of type
        Of `Tracker`; each is made anew for every run.

    Raises
    ------
    ConfigError
        If there is no tracker of that name, its package is not installed, or its server does not
        answer.
    """
    trackers = []
    for name in dict.fromkeys([names] if isinstance(names, str) else names):
        if name not in TRACKERS:
            raise unknown("tracker", name, TRACKERS, ConfigError)
        TRACKERS[name].check()
        trackers.append(TRACKERS[name])
    return trackers
