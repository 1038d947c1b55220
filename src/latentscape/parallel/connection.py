"""The connection of this process to a Ray cluster."""

import logging
import os
import platform
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import version
from typing import Any
from urllib.parse import urlsplit

from latentscape.config import Placement
from latentscape.core.errors import ConfigError
from latentscape.core.extras import require
from latentscape.core.progress import stage
from latentscape.parallel.cluster import Cluster

REACHED_WITHIN = 5.0
"""Seconds until an address has to take a connection."""

_log = logging.getLogger("latentscape")


@contextmanager
def connected(placement: Placement) -> Iterator["Cluster"]:
    """Use a Ray cluster while a block runs; one that this process uses already stays connected.

    Parameters
    ----------
    placement : Placement
        Of kind ``ray``.

    Yields
    ------
    Cluster
        What can be done with it.

    Raises
    ------
    ConfigError
        If Ray is not installed, there is no cluster at the address, or it is of another version.
    """
    ray = require("ray", "ray", "A Ray cluster (--on ray)")
    if ray.is_initialized():
        yield Cluster(ray, placement)
        return
    where = placement.address or os.environ.get("RAY_ADDRESS", "")
    _check_reachable(where)
    with _signals_kept(), _messages_logged():
        try:
            with stage("connecting to Ray", seconds=5.0, detail=where):
                ray.init(
                    placement.address or None, log_to_driver=False, logging_level=logging.ERROR
                )
        # Ray has no error of its own for a cluster that cannot be used.
        except Exception as error:  # noqa: BLE001
            raise _cannot_connect(where, error) from error
        try:
            yield Cluster(ray, placement)
        finally:
            ray.shutdown()


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Give SIGTERM back to whoever listened to it before Ray did."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _messages_logged() -> Iterator[None]:
    """Log what Ray prints of lost nodes and tasks: with states of its parts, it fills a terminal.

    Ray has no setting for it, so this replaces the function that prints.
    """
    worker: Any = import_module("ray._private.worker")
    before = getattr(worker, "print_to_stdstream", None)
    worker.print_to_stdstream = _log_message
    try:
        yield
    finally:
        worker.print_to_stdstream = before


def _log_message(data: dict[str, Any], *_: object, **__: object) -> None:
    for line in data.get("lines", ()):
        _log.debug("Ray: %s", line)


def _check_reachable(where: str) -> None:
    """Refuse an address that takes no connection: Ray itself tries for minutes."""
    parts = urlsplit(where if "://" in where else f"ray://{where}")
    try:
        if parts.hostname is None or parts.port is None:
            return  # Ray is to find one, or the address is one of its words.
        socket.create_connection((parts.hostname, parts.port), REACHED_WITHIN).close()
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"No Ray cluster answers at {where}: {error}",
            expected="the address of a head node, ray://HOST:10001 for most clusters",
            fix="Start it (ray start --head), or correct --on or $RAY_ADDRESS.",
        ) from error


def _cannot_connect(where: str, error: Exception) -> ConfigError:
    text = " ".join(str(error).split()) or type(error).__name__
    here = f"Ray {version('ray')} and Python {platform.python_version()}"
    if "version" in text.lower() and "mismatch" in text.lower():
        return ConfigError(
            f"The Ray cluster is of another version than this program: {text}",
            expected=f"{here} on all nodes, as here",
            fix="Install the cluster's versions here, or these on the cluster.",
        )
    fix = (
        "Start it anew: ray stop, then ray start --head. A cluster with a token needs it here too."
    )
    return ConfigError(f"Ray cannot be used{f' at {where}' if where else ''}: {text}", fix=fix)
