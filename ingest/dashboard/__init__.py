"""The dashboard: pages for people, made on the server and whole without JavaScript. What each shows is in its file."""

from __future__ import annotations

from typing import Any

from dramatiq import Broker
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ingest.dashboard import oidc, page, signin, statics
from ingest.dashboard.look import Look
from ingest.dashboard.page import Hall
from ingest.dashboard.routes import PAGES
from ingest.live_rules import Reader
from ingest.session import Doorkeeper
from workers.settings import Settings
from workers.store.engine import Store
from workers.vault import Vault

#: nothing that a payload smuggles into a page may run, be loaded from elsewhere, or be framed
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
_HEADERS = [
    (b"content-security-policy", _POLICY.encode()),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
    (b"referrer-policy", b"same-origin"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
]


def make_app(settings: Settings, store: Store, vault: Vault, broker: Broker) -> Starlette:
    """The pages, to be mounted at the root behind every other door."""
    hall = Hall(settings, store, vault, broker, Reader(settings, store))
    doorkeeper = Doorkeeper(settings, store, pages=True)
    look = Look(settings)
    limiter = page.limiter()
    made = Starlette(
        routes=[
            *statics.routes(),
            *signin.routes(hall, doorkeeper, look),
            *oidc.routes(hall, look),
            *(each.route(hall, doorkeeper, look, limiter) for each in PAGES),
        ],
        middleware=[Middleware(_Headers)],
        exception_handlers={HTTPException: _not_there(look, doorkeeper)},
    )
    made.router.redirect_slashes = False  # a redirect is made of the Host header, which anyone may write
    return made


def _not_there(look: Look, doorkeeper: Doorkeeper) -> Any:
    async def answer(request: Request, error: Any) -> Response:
        return await page.failed(request, error, look, doorkeeper)

    return answer


class _Headers:
    """What every page says to the browser about itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [*message.get("headers", ()), *_HEADERS]
                if not any(name == b"cache-control" for name, _ in headers):
                    headers.append((b"cache-control", b"no-store"))
                message = {**message, "headers": headers}
            await send(message)

        await self._app(scope, receive, sending)
