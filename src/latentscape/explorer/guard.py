"""Who may ask the server: only pages that it served itself, on this machine."""

import hmac
from collections.abc import Mapping, Sequence

from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; "
    "script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "connect-src 'self' data: blob:; worker-src 'self' blob:; "
    "base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
"""Headers of every answer."""


class Guard:
    """Passes on what comes from the page itself, and refuses everything else.

    A page of another site can make a browser ask this machine, even under a name of that site that
    leads here (DNS rebinding). So the ``Host`` must be this machine by one of its own names, the
    ``Origin``, where the browser sends one, the same, and the address begins with a secret.

    Parameters
    ----------
    app : ASGI application
        Sees addresses without the secret.
    token : str
        The secret: the first part of every address.
    port : int
        Where the server listens.
    """

    def __init__(self, app: ASGIApp, token: str, port: int) -> None:
        self._app, self._token = app, token.encode()
        self._hosts = (f"127.0.0.1:{port}", f"localhost:{port}")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            raise RuntimeError(f"there are no connections of the type {scope['type']} here")

        async def send_protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                extra = [(name.lower().encode(), text.encode()) for name, text in HEADERS.items()]
                message = {**message, "headers": [*message["headers"], *extra]}
            await send(message)

        await self._answer(scope)(scope, receive, send_protected)

    def _answer(self, scope: Scope) -> ASGIApp:
        """Return what answers a request; the scope then has the address without the secret."""
        refusal = _foreign(headers_of(scope["headers"]), self._hosts)
        if refusal is not None:
            return refusal
        _, token, *rest = [*scope["path"].split("/", 2), ""][:3]
        if not hmac.compare_digest(token.encode(errors="replace"), self._token):
            return refused(404, "There is nothing here. Use the address that was printed.")
        if scope["path"].count("/") == 1:
            return RedirectResponse(f"/{token}/")
        path = f"/{rest[0]}"
        scope.update(path=path, raw_path=path.encode(), root_path="")
        return self._app


def headers_of(pairs: Sequence[tuple[bytes, bytes]]) -> dict[str, list[str]]:
    """Return all values of each header, by its name in small letters."""
    headers: dict[str, list[str]] = {}
    for name, value in pairs:
        headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    return headers


def refused(status: int, sentence: str) -> Response:
    """Return an answer that says in a sentence why there is none."""
    return JSONResponse({"error": sentence}, status)


def _foreign(headers: Mapping[str, list[str]], hosts: Sequence[str]) -> Response | None:
    """Refuse what another site asks for; None where nothing says that it does."""
    host = headers.get("host", [])
    if len(host) != 1 or host[0].lower() not in hosts:
        return refused(421, f"This server is {' or '.join(hosts)}, and no other host.")
    if any(origin.lower() != f"http://{host[0].lower()}" for origin in headers.get("origin", [])):
        return refused(403, "Only the page of this server may ask it.")
    return None
