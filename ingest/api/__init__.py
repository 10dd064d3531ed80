"""/api/v1: history and operations as JSON, for scripts and other systems. What it answers is in the files beside."""

from __future__ import annotations

import re
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount
from starlette.types import ASGIApp

from ingest.answer_headers import AnswerHeaders
from ingest.api import endpoint, problems
from ingest.api.routes import ENDPOINTS
from ingest.session import Doorkeeper
from ingest.source import Source

#: every answer says that it is no page, and not to be kept: it holds people's names and addresses
_HEADERS = [
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
]


def make_app(source: Source) -> Starlette:
    """The API, to be mounted. It answers with JSON and nothing else, errors as problems (RFC 9457)."""
    doorkeeper = Doorkeeper(source.settings, source.store, pages=True)
    limiter = endpoint.limiter()
    made = Starlette(
        routes=[each.route(source, doorkeeper, limiter) for each in ENDPOINTS],
        middleware=[Middleware(AnswerHeaders, always=_HEADERS)],
        exception_handlers={HTTPException: _http_problem},
    )
    made.router.redirect_slashes = False  # a redirect is made of the Host header, which anyone may write
    return made


class Mounted(Mount):
    """Where the API is: every path below `path`, also one with a line break in it, is the API's to answer."""

    def __init__(self, path: str, app: ASGIApp) -> None:
        super().__init__(path, app)
        self.path_regex = re.compile(self.path_regex.pattern, re.DOTALL)


async def _http_problem(_request: Request, error: Any) -> Response:
    return problems.answer(error)
