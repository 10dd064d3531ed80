"""What an address of the API is: its declaration, what its handler is given, and the rim around every handler."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import anyio.to_thread
import msgspec
from dramatiq import Broker
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from ingest import forgery, witness
from ingest.api import parameters, problems
from ingest.api.parameters import Parameter
from ingest.live_rules import Reader
from ingest.session import Doorkeeper, Identity, NotAllowed, allow
from workers.errors import NotFound
from workers.settings import Settings
from workers.store.engine import Store
from workers.store.keys import Role
from workers.vault import Vault

#: handlers at work at once, in threads of their own: questions must not use up those that deliveries need
_THREADS = 8


@dataclass(frozen=True, slots=True)
class Source:
    """What every request is answered from, and with what it is carried out."""

    store: Store
    broker: Broker
    rules: Reader
    settings: Settings
    vault: Vault


@dataclass(frozen=True, slots=True)
class Ask:
    """One request to a handler: who asks, for what, with which values; and what it is answered from."""

    source: Source
    identity: Identity | None
    path: dict[str, str]
    query: dict[str, Any]

    @property
    def store(self) -> Store:
        """The database."""
        return self.source.store

    @property
    def broker(self) -> Broker:
        """What is rung for what was changed."""
        return self.source.broker

    def id(self, noun: str) -> UUID:
        """The id in the path; `NotFound` for what is none."""
        try:
            return UUID(self.path["id"])
        except ValueError:
            raise self.no_such(noun) from None

    def no_such(self, noun: str) -> NotFound:
        """The error for an id that nothing has."""
        return NotFound(f"there is no {noun} with this id.")

    def unmasked(self) -> bool:
        """Whether payloads are to be shown whole; raises `NotAllowed` unless an operator asks."""
        if not self.query.get("unmasked", False):
            return False
        if self.identity is None or not self.identity.role.covers(Role.OPERATOR):
            raise NotAllowed("unmasked payloads take a key with role operator.")
        return True


Handler = Callable[[Ask], Response]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One row of the table in `routes.py`. `role` None: anyone. `answer` names a schema, or `media` says otherwise.

    `raw`: it shows what came as it came, so reading it is written down as a change is.
    """

    method: str
    path: str
    role: Role | None
    handler: Handler
    summary: str
    parameters: tuple[Parameter, ...] = ()
    answer: str | None = None
    media: str = "application/json"
    raw: bool = False

    @property
    def audited(self) -> bool:
        """Whether the audit log says who asked for it."""
        return self.raw or self.method != "GET"

    def route(self, source: Source, doorkeeper: Doorkeeper, limiter: anyio.CapacityLimiter) -> Route:
        """The route: who asks and what for is settled here, errors become problems; the handler runs in a thread."""

        async def answer(request: Request) -> Response:
            try:
                identity = await doorkeeper.recognise(request) if self.role is not None else None
                if identity is not None and request.method not in forgery.SAFE:
                    doorkeeper.meant(request, identity, request.headers.get(forgery.HEADER))
                ask = Ask(source, identity, dict(request.path_params), {})
                items = request.query_params.multi_items()
                return await anyio.to_thread.run_sync(self._answer, ask, items, limiter=limiter)
            except Exception as error:  # what is not known becomes 500, logged
                return problems.answer(error)

        return Route(self.path, answer, methods=[self.method])

    def _answer(self, ask: Ask, items: list[tuple[str, str]]) -> Response:
        """In the thread of the handler: may they, what exactly do they ask for, and, where that is kept, the log."""
        identity, role = ask.identity, self.role
        if identity is None or role is None:
            return self.handler(self._read(ask, items))
        if not self.audited:
            allow(identity, role)
            return self.handler(self._read(ask, items))
        what = f"{self.method} {self.path}"
        if not identity.role.covers(role):
            with witness.of(ask.store, identity, what, ask.path):
                allow(identity, role)
        ask = self._read(ask, items)  # what cannot be read is nothing that anyone could do
        with witness.of(ask.store, identity, what, {**ask.path, **ask.query}):
            return self.handler(ask)

    def _read(self, ask: Ask, items: list[tuple[str, str]]) -> Ask:
        return replace(ask, query=parameters.read(self.parameters, items, datetime.now(UTC)))


def json(value: Any, *, status: int = 200) -> Response:
    """An answer as JSON."""
    return Response(msgspec.json.encode(value), status, media_type="application/json")


def page(data: list[dict[str, Any]], next_: str | None) -> Response:
    """One page of a list."""
    return json({"data": data, "next": next_})


def lines(values: Iterator[Any], *, name: str) -> Response:
    """One JSON object a line, streamed as it is read; a thread is taken only while the next lines are made."""
    encoder = msgspec.json.Encoder()
    limiter = anyio.CapacityLimiter(1)

    def some() -> bytes:
        """About 64 KB of lines; nothing at the end."""
        made = bytearray()
        for value in values:
            made += encoder.encode(value) + b"\n"
            if len(made) > 65_536:
                break
        return bytes(made)

    first = some()  # before the answer begins, so that a database that is away is still a problem with a status

    async def chunks() -> AsyncIterator[bytes]:
        chunk = first
        while chunk:
            yield chunk
            chunk = await anyio.to_thread.run_sync(some, limiter=limiter)

    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(chunks(), headers=headers, media_type="application/x-ndjson")


def limiter() -> anyio.CapacityLimiter:
    """The threads that handlers share."""
    return anyio.CapacityLimiter(_THREADS)
