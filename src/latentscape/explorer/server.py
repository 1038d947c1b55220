"""The explorer served on this machine, to its own page alone.

The server listens on the loopback address. It needs Starlette and uvicorn, the extra ``explore``.
"""

import secrets
import socket
import sys
import threading
import time
import webbrowser
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from latentscape.core.errors import ConfigError, RunError
from latentscape.core.extras import require
from latentscape.core.screen import has_screen
from latentscape.explorer.exploration import Exploration

if TYPE_CHECKING:
    import uvicorn

HOST = "127.0.0.1"
PORT = 8765
"""Where the server listens unless another port is asked for, or that one is taken."""

_TRIES = 10
"""Ports from `PORT` on that are tried, before the system chooses one."""

_PATIENCE = 10.0
"""Seconds in which a server in another thread has to start, and to stop."""


def serve(exploration: Exploration, port: int | None = None, open_browser: bool = True) -> None:
    """Serve an exploration until Ctrl-C.

    Parameters
    ----------
    exploration : Exploration
        What the page shows.
    port : int, optional
        Where to listen; by default, and for 0, on a free port from 8765 on.
    open_browser : bool
        Whether the page is opened at once.

    Raises
    ------
    ConfigError
        If the port is taken, or a package is missing.
    """
    server = _prepare(exploration, port)
    print(f"Explorer: {server.url}", "Ctrl-C ends it.", sep="\n", flush=True)
    if open_browser and has_screen():
        threading.Thread(target=webbrowser.open, args=(server.url,), daemon=True).start()
    try:
        server.run()
    except KeyboardInterrupt:  # The usual end.
        return


def check_server(port: int | None = None) -> None:
    """Refuse what `serve` could not do, before anything is computed.

    Raises
    ------
    ConfigError
        If the port is taken, or a package is missing.
    """
    _require_packages()
    listen(port).close()


def start(exploration: Exploration, port: int | None = None) -> "Server":
    """Serve an exploration in another thread, and return when it answers; see `serve`."""
    server = _prepare(exploration, port)
    server.start()
    return server


@dataclass(eq=False)
class Server:
    """A server with its socket, which is listening already.

    Attributes
    ----------
    url : str
        Address of the page, with the secret in it.
    """

    url: str
    _server: "uvicorn.Server"
    _socket: socket.socket
    _thread: threading.Thread | None = None

    def run(self) -> None:
        """Answer until a signal ends it."""
        with self._socket:
            self._server.run(sockets=[self._socket])

    def start(self) -> None:
        """Answer in a thread of its own, which ends with the process."""
        self._thread = threading.Thread(target=self.run, daemon=True)
        self._thread.start()
        deadline = time.monotonic() + _PATIENCE
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise RunError("The explorer's server did not start", fix="Try another port.")
            time.sleep(0.01)

    def stop(self) -> None:
        """End a server that was started."""
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(_PATIENCE)


def listen(port: int | None) -> socket.socket:
    """Return a socket that listens on the loopback address.

    Parameters
    ----------
    port : int or None
        Which port; None or 0 for a free one from `PORT` on.

    Raises
    ------
    ConfigError
        If the port is taken, or none can be had.
    """
    wanted = [port] if port else [*range(PORT, PORT + _TRIES), 0]
    for one in wanted:
        try:
            return _bound(one)
        except (OSError, OverflowError) as error:
            reason = error
    raise ConfigError(
        f"Port {port} cannot be listened on: {getattr(reason, 'strerror', None) or reason}",
        expected="a free port from 1024 to 65535",
        fix="Give another one with --port, or leave it out for a free one.",
    )


def _bound(port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if sys.platform != "win32":  # There it would share a port that is taken.
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((HOST, port))
        listening.listen(128)
    except BaseException:
        listening.close()
        raise
    return listening


def _require_packages() -> Any:
    """Import Starlette, and return uvicorn."""
    require("starlette", "explore", "The explorer's server")
    return require("uvicorn", "explore", "The explorer's server")


def _prepare(exploration: Exploration, port: int | None) -> Server:
    uvicorn = _require_packages()
    from latentscape.explorer.app import make_app

    token = secrets.token_urlsafe(24)
    listening = listen(port)
    number = listening.getsockname()[1]
    config = uvicorn.Config(
        make_app(exploration, token, number),
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    return Server(f"http://{HOST}:{number}/{token}/", uvicorn.Server(config), listening)
