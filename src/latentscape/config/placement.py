"""Where work runs: on this machine, in processes side by side, or on a Ray cluster."""

from typing import Annotated, Literal, Self

from pydantic import Field

from latentscape.config.parts import Part
from latentscape.core.errors import ConfigError

PlacementKind = Literal["local", "processes", "torchrun", "ray"]
"""This process alone; processes side by side, a work each; processes that train one model together,
under PyTorch's launcher; or tasks of a Ray cluster."""

PLACES = "local, ray, or ray://HOST:PORT"


class Placement(Part):
    """Where work runs, in how many parts, and on what.

    Attributes
    ----------
    kind : str
        See `PlacementKind`.
    workers : int
        Processes that do one work together: each takes its share of every batch that is trained on,
        or of the examples that are embedded.
    jobs : int or None
        Works that are done at once: runs, or analyses. None leaves the choice to the command.
    gpus_per_worker : float
        GPUs that each worker or job of a cluster asks for; 0.25 lets four share one.
    address : str
        Of a Ray cluster, as Ray takes it. Empty for the one that Ray finds by itself
        (``$RAY_ADDRESS``, or one that runs here), or else starts here for as long as the work
        takes.
    """

    kind: PlacementKind = "local"
    workers: Annotated[int, Field(ge=1)] = 1
    jobs: Annotated[int, Field(ge=1)] | None = 1
    gpus_per_worker: Annotated[float, Field(ge=0)] = 0.0
    address: str = ""

    @classmethod
    def of(
        cls,
        on: str = "local",
        *,
        workers: int = 1,
        jobs: int | None = 1,
        gpus_per_worker: float = 0.0,
    ) -> Self:
        """Read what commands and functions are given.

        Parameters
        ----------
        on : str
            ``local``; ``ray``; or ``ray://HOST:PORT``, where a Ray cluster takes clients.
        workers, jobs, gpus_per_worker
            See the attributes.

        Raises
        ------
        ConfigError
            If there is no such place, or a number is too small.
        """
        for name, number, least in (("workers", workers, 1), ("jobs", jobs, 1)):
            if number is not None and number < least:
                raise ConfigError(f"{name} is {number}", expected="a number from 1 on")
        if not 0 <= gpus_per_worker < float("inf"):
            raise ConfigError(
                f"gpus_per_worker is {gpus_per_worker:g}", expected="a number from 0 on"
            )
        if workers > 1 and 0 < gpus_per_worker < 1:
            raise ConfigError(
                f"{workers} workers that train one model cannot share GPUs, and each asks for "
                f"{gpus_per_worker:g}",
                expected="a whole GPU for each: NCCL, by which they send, lets no two share one",
                fix="Give --gpus-per-worker 1, or fewer --workers.",
            )
        kind, address = _place(on)
        if kind == "local" and gpus_per_worker:
            raise ConfigError(
                "GPUs for each worker can only be asked for on a Ray cluster",
                fix="Add --on ray, or leave --gpus-per-worker out: --device says what to use here.",
            )
        if kind == "local" and workers > 1:
            kind = "torchrun"
        elif kind == "local" and jobs != 1:
            kind = "processes"
        numbers = {"workers": workers, "jobs": jobs, "gpus_per_worker": gpus_per_worker}
        return cls(kind=kind, address=address, **numbers)


def _place(on: str) -> tuple[PlacementKind, str]:
    if on == "local":
        return "local", ""
    if on == "ray":
        return "ray", ""
    host, colon, port = on.removeprefix("ray://").rpartition(":")
    if on.startswith("ray://") and host and colon and port.isdecimal() and int(port) < 1 << 16:
        return "ray", on
    raise ConfigError(f"There is no place {on!r} for work", expected=PLACES)
