"""Headers that every answer of a door has, whoever made it. What they mean is said by the door."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.types import ASGIApp, Message, Receive, Scope, Send

Header = tuple[bytes, bytes]


class AnswerHeaders:
    """`always` takes the place of what an answer says itself; `usually` is for where it says nothing."""

    def __init__(self, app: ASGIApp, always: Sequence[Header], usually: Sequence[Header] = ()) -> None:
        self._app = app
        self._always, self._usually = always, usually
        self._names = frozenset(name for name, _ in always)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = [header for header in message.get("headers", ()) if header[0] not in self._names]
                said = {name for name, _ in own}
                usual = [header for header in self._usually if header[0] not in said]
                message = {**message, "headers": [*own, *self._always, *usual]}
            await send(message)

        await self._app(scope, receive, sending)
