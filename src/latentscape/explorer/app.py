"""The server's addresses, below the secret: the page, its arrays, thumbnails, and questions."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    HTMLResponse,
    JSONResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Route
from starlette.types import ASGIApp

from latentscape.core.errors import LatentscapeError, RunError
from latentscape.core.records import Array
from latentscape.explorer.answers import Answers, pack
from latentscape.explorer.bundle import bundle_file
from latentscape.explorer.exploration import Exploration
from latentscape.explorer.guard import Guard, refused
from latentscape.explorer.page import live_page
from latentscape.explorer.selections import Selections

FILES = {
    "explorer.js": "text/javascript",
    "explorer.css": "text/css",
    "ort.wasm": "application/wasm",
}
"""The files of the page that are served, with their types."""

_PIECE = 1 << 20
"""Bytes of an array that are sent at once."""

_MAX_LABELS = 16 << 20
"""Most bytes of a selection."""

Handler = Callable[[Request], Awaitable[Response]]


def make_app(exploration: Exploration, token: str, port: int) -> ASGIApp:
    """Make the application that serves an exploration to its own page.

    Parameters
    ----------
    exploration : Exploration
        What the page shows.
    token : str
        The first part of every address.
    port : int
        Where the server listens.
    """
    answers, page = Answers(exploration), live_page(exploration.manifest)
    routes = [
        Route("/", _fixed(HTMLResponse(page))),
        Route("/manifest.json", _fixed(_json_text(exploration.manifest.to_text()))),
        Route("/page/{name}", _page_file),
        Route("/arrays/{name:path}", _array_of(exploration)),
        Route("/images/{start}-{stop}", _thumbnails_of(answers)),
        Route("/originals/{point}", _original_of(answers)),
        Route("/decode", _question(answers, _decode), methods=["POST"]),
        Route("/encode", _question(answers, _encode), methods=["POST"]),
        Route("/neighbours", _question(answers, _neighbours), methods=["POST"]),
        *_label_routes(Selections(exploration)),
    ]
    handlers = {HTTPException: _refuse_http, LatentscapeError: _refuse, Exception: _fail}
    return Guard(Starlette(routes=routes, exception_handlers=handlers), token, port)


def _fixed(response: Response) -> Handler:
    async def answer(request: Request) -> Response:
        return response

    return answer


def _json_text(text: str) -> Response:
    return Response(text, media_type="application/json")


async def _page_file(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in FILES:
        raise HTTPException(404, f"The page has no file {name!r}.")
    return FileResponse(bundle_file(name), media_type=FILES[name])


def _array_of(exploration: Exploration) -> Handler:
    async def answer(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in exploration.arrays:
            raise HTTPException(404, f"There is no array {name!r}.")
        return _send(exploration.arrays[name])

    return answer


def _thumbnails_of(answers: Answers) -> Handler:
    async def answer(request: Request) -> Response:
        places = request.path_params
        return _send(await run_in_threadpool(answers.thumbnails, places["start"], places["stop"]))

    return answer


def _original_of(answers: Answers) -> Handler:
    async def answer(request: Request) -> Response:
        return _send(await run_in_threadpool(answers.original, request.path_params["point"]))

    return answer


def _question(
    answers: Answers, ask: Callable[[Answers, Request, bytes], tuple[Array, ...]]
) -> Handler:
    async def answer(request: Request) -> Response:
        body = await _body(request, answers.max_bytes)
        return _send(*await run_in_threadpool(ask, answers, request, body))

    return answer


def _decode(answers: Answers, request: Request, body: bytes) -> tuple[Array, ...]:
    return (answers.decode(_asked(request, "model"), _asked(request, "labels"), body),)


def _encode(answers: Answers, request: Request, body: bytes) -> tuple[Array, ...]:
    return (answers.encode(_asked(request, "model"), _asked(request, "labels"), body),)


def _neighbours(answers: Answers, request: Request, body: bytes) -> tuple[Array, ...]:
    model, space, k = (_asked(request, name) for name in ("model", "space", "k"))
    return answers.neighbours(model, space, k, body)


def _asked(request: Request, name: str) -> str:
    return request.query_params.get(name, "")


def _label_routes(selections: Selections) -> list[Route]:
    async def read(request: Request) -> Response:
        name = request.path_params.get("name")
        return JSONResponse(await run_in_threadpool(selections.read, name))

    async def keep(request: Request) -> Response:
        body = await _body(request, _MAX_LABELS)
        name = request.path_params.get("name")
        return JSONResponse(await run_in_threadpool(selections.keep, _parsed(body), name))

    async def remove(request: Request) -> Response:
        await run_in_threadpool(selections.remove, request.path_params["name"])
        return Response(status_code=204)

    return [
        Route("/labels", read, methods=["GET"]),
        Route("/labels", keep, methods=["PUT"]),
        Route("/labels/{name:path}", read, methods=["GET"]),
        Route("/labels/{name:path}", keep, methods=["PUT"]),
        Route("/labels/{name:path}", remove, methods=["DELETE"]),
    ]


def _parsed(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, "The body is not JSON.") from error


async def _body(request: Request, max_bytes: int) -> bytes:
    """Read the body of a request, and stop where it is too long."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > max_bytes:
            raise HTTPException(413, f"The body is longer than {max_bytes:,} bytes.")
    return bytes(body)


def _send(*arrays: Array) -> Response:
    """Send arrays one after the other, in pieces, without copies of them."""
    views = [pack(array) for array in arrays]

    async def pieces() -> AsyncIterator[memoryview]:
        for view in views:
            for start in range(0, len(view), _PIECE):
                yield view[start : start + _PIECE]

    length = {"Content-Length": str(sum(map(len, views)))}
    return StreamingResponse(pieces(), media_type="application/octet-stream", headers=length)


async def _refuse_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    path, method = request.url.path, request.method
    ours = {404: f"There is nothing at {path}.", 405: f"{path} takes no {method}."}
    is_general = not error.detail.endswith(".")  # Starlette names the status alone.
    sentence = ours.get(error.status_code, error.detail) if is_general else error.detail
    return refused(error.status_code, sentence)


async def _refuse(request: Request, error: Exception) -> Response:
    """Put into words what is wrong with a question, or with the run's directory."""
    return refused(409 if isinstance(error, RunError) else 400, str(error))


async def _fail(request: Request, error: Exception) -> Response:
    return refused(500, "The server failed; its terminal says why.")
