"""The dashboard: pages for people, made on the server and whole without JavaScript. What each shows is in its file."""

from __future__ import annotations

from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from ingest.answer_headers import AnswerHeaders
from ingest.dashboard import oidc, page, signin, statics
from ingest.dashboard.look import Look
from ingest.dashboard.routes import PAGES
from ingest.session import Doorkeeper
from ingest.source import Source

#: nothing that a payload smuggles into a page may run, be loaded from elsewhere, or be framed
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
#: what every page says to the browser about itself
_HEADERS = [
    (b"content-security-policy", _POLICY.encode()),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
    (b"referrer-policy", b"same-origin"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
]
_KEPT = [(b"cache-control", b"no-store")]


def make_app(source: Source) -> Starlette:
    """The pages, to be mounted at the root behind every other door. Raises Misconfigured for half an OIDC provider."""
    doorkeeper = Doorkeeper(source.settings, source.store, pages=True)
    look = Look(source.settings)
    limiter = page.limiter()
    made = Starlette(
        routes=[
            *statics.routes(),
            *signin.routes(source, doorkeeper, look),
            *oidc.routes(source, look),
            *(each.route(source, doorkeeper, look, limiter) for each in PAGES),
        ],
        middleware=[Middleware(AnswerHeaders, always=_HEADERS, usually=_KEPT)],
        exception_handlers={HTTPException: _not_there(look, doorkeeper)},
    )
    made.router.redirect_slashes = False  # a redirect is made of the Host header, which anyone may write
    return made


def _not_there(look: Look, doorkeeper: Doorkeeper) -> Any:
    async def answer(request: Request, error: Any) -> Response:
        return await page.failed(request, error, look, doorkeeper)

    return answer
