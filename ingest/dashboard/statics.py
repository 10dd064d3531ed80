"""The stylesheet, scripts and icons of the pages: read once, and kept by browsers until their text changes."""

from __future__ import annotations

import mimetypes
from functools import cache
from hashlib import sha256
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_FOLDER = Path(__file__).parent / "static"
_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".webmanifest": "application/json"}


def routes() -> list[Route]:
    """The one route."""
    return [Route("/static/{version}/{name}", _serve)]


def address(name: str) -> str:
    """Where a file is, with what tells its text from any other; KeyError for none."""
    if name not in _files():
        raise KeyError(name)
    return f"/static/{_version()}/{name}"


def _serve(request: Request) -> Response:
    name = request.path_params["name"]
    body = _files().get(name)
    if body is None:
        raise HTTPException(404)
    kind = _TYPES.get(Path(name).suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    # A module asks for the next by its name alone, beside itself: all are at one version, that of all of them.
    lives = "public, max-age=31536000, immutable" if request.path_params["version"] == _version() else "no-cache"
    return Response(body, headers={"Cache-Control": lives}, media_type=kind)


@cache
def _files() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(_FOLDER.iterdir()) if path.is_file()}


@cache
def _version() -> str:
    return sha256(b"".join(_files().values())).hexdigest()[:12]
