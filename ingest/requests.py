"""Each HTTP request has an id: its sender's where that is sane, else one made here. It is in every line of the log
that the request leads to, and in the answer, as X-Request-Id.
"""

from __future__ import annotations

import re

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bound_contextvars, get_contextvars
from uuid_utils.compat import uuid7

HEADER = b"x-request-id"
#: what is taken over from outside: it goes into logs and back into a header
_SANE = re.compile(rb"[A-Za-z0-9._:-]{8,64}")


def current() -> str:
    """The id of the request that is being answered; one made now where there is none."""
    return str(get_contextvars().get("request") or uuid7())


class Requests:
    """The application inside, with an id for each request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = next((value for name, value in scope["headers"] if name == HEADER), b"")
        mark = given if _SANE.fullmatch(given) else str(uuid7()).encode()

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), (HEADER, mark)]}
            await send(message)

        with bound_contextvars(request=mark.decode()):
            await self._app(scope, receive, marked)
