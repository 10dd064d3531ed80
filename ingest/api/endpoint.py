"""What an address of the API is: its declaration, what its handler is given, and the rim around every handler."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import anyio.to_thread
import msgspec
from dramatiq import Broker
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from ingest import exported, forgery, witness
from ingest.api import parameters, problems
from ingest.api.parameters import UNMASKED, Parameter
from ingest.exported import Format
from ingest.session import Doorkeeper, Identity, NotAllowed, allow
from ingest.source import Source
from workers.errors import NotFound
from workers.store.engine import Store
from workers.store.keys import Role

#: handlers at work at once, in threads of their own: questions must not use up those that deliveries need
_THREADS = 8
_MEDIA = {Format.NDJSON: "application/x-ndjson", Format.CSV: "text/csv"}


@dataclass(frozen=True, slots=True)
class Ask:
    """One request to a handler: who asks, for what, with which values; and what it is answered from."""

    source: Source
    identity: Identity | None
    path: dict[str, str]
    query: dict[str, Any]
    headers: dict[str, Any] = field(default_factory=dict)

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
        if not self.query.get(UNMASKED.name, False):
            return False
        if self.identity is None or not self.identity.role.covers(Role.OPERATOR):
            raise NotAllowed("unmasked payloads take a key with role operator.")
        return True


#: raises once the one who asks may no longer
Allowed = Callable[[], Awaitable[object]]
#: begins an answer that goes on for as long as its reader likes, and may
Opening = Callable[[Allowed], Awaitable[Response]]
Handler = Callable[[Ask], Response | Opening]


@dataclass(frozen=True, slots=True)
class _Given:
    """What came with a request, as text."""

    query: list[tuple[str, str]]
    headers: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One row of the table in `routes.py`. `role` None: anyone. `answer` names a schema, or `media` says otherwise.

    `raw`: it shows what came as it came, so reading it is written down as a change is. `csv`: it can be asked for as
    CSV too. `messages`: of a stream, the schema of what each kind of message has as its data.
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
    csv: bool = False
    headers: tuple[Parameter, ...] = ()
    messages: Mapping[str, str] = field(default_factory=dict)

    @property
    def audited(self) -> bool:
        """Whether the audit log says who asked for it, whatever it was asked with."""
        return self.raw or self.method != "GET"

    def route(self, source: Source, doorkeeper: Doorkeeper, limiter: anyio.CapacityLimiter) -> Route:
        """The route: who asks and what for is settled here, errors become problems; the handler runs in a thread."""

        async def answer(request: Request) -> Response:
            try:
                identity = await doorkeeper.recognise(request) if self.role is not None else None
                if identity is not None and request.method not in forgery.SAFE:
                    doorkeeper.meant(request, identity, request.headers.get(forgery.HEADER))
                ask = Ask(source, identity, dict(request.path_params), {})
                given = _Given(request.query_params.multi_items(), self._headers_of(request))
                made = await anyio.to_thread.run_sync(self._answer, ask, given, limiter=limiter)
                return made if isinstance(made, Response) else await made(self._allowed(request, doorkeeper))
            except Exception as error:  # what is not known becomes 500, logged
                return problems.answer(error)

        return Route(self.path, answer, methods=[self.method])

    def _headers_of(self, request: Request) -> list[tuple[str, str]]:
        """Those that are asked for; an empty one says nothing."""
        found = [(one.name, request.headers.get(one.name, "").strip()) for one in self.headers]
        return [(name, value) for name, value in found if value]

    def _allowed(self, request: Request, doorkeeper: Doorkeeper) -> Allowed:
        async def allowed() -> None:
            if self.role is not None:
                await doorkeeper.identify(request, self.role)

        return allowed

    def _answer(self, ask: Ask, given: _Given) -> Response | Opening:
        """In the thread of the handler: may they, what exactly do they ask for, and, where that is kept, the log."""
        identity, role = ask.identity, self.role
        if identity is None or role is None:
            return self.handler(self._read(ask, given))
        what = f"{self.method} {self.path}"
        if not self.audited:
            allow(identity, role)
            ask = self._read(ask, given)
            if not ask.query.get(UNMASKED.name, False):
                return self.handler(ask)
            with witness.of(ask.store, identity, what, {**ask.path, **ask.query}):  # as much is told as in a raw body
                return self.handler(ask)
        if not identity.role.covers(role):
            with witness.of(ask.store, identity, what, ask.path):
                allow(identity, role)
        ask = self._read(ask, given)  # what cannot be read is nothing that anyone could do
        with witness.of(ask.store, identity, what, {**ask.path, **ask.query}):
            return self.handler(ask)

    def _read(self, ask: Ask, given: _Given) -> Ask:
        now = datetime.now(UTC)
        query = parameters.read(self.parameters, given.query, now)
        return replace(ask, query=query, headers=parameters.read(self.headers, given.headers, now))


def json(value: Any, *, status: int = 200) -> Response:
    """An answer as JSON."""
    return Response(msgspec.json.encode(value), status, media_type="application/json")


def page(data: list[dict[str, Any]], next_: str | None) -> Response:
    """One page of a list."""
    return json({"data": data, "next": next_})


def streamed(ask: Ask, noun: str, told: Iterator[Any], cells: Callable[[Any], Mapping[str, Any]]) -> Response:
    """All of a list as a file, in the form that was asked for; `cells` are those of a row of CSV.

    A thread is taken only while the next lines are made, and a reader that stalls holds none.
    """
    form = ask.query.get("format", Format.NDJSON)
    made = exported.table(map(cells, told)) if form is Format.CSV else exported.ndjson(told)
    limiter = anyio.CapacityLimiter(1)

    def some() -> bytes:
        """About 64 KB of lines; nothing at the end."""
        chunk = bytearray()
        for line in made:
            chunk += line
            if len(chunk) > 65_536:
                break
        return bytes(chunk)

    first = some()  # before the answer begins, so that a database that is away is still a problem with a status

    async def chunks() -> AsyncIterator[bytes]:
        chunk = first
        while chunk:
            yield chunk
            chunk = await anyio.to_thread.run_sync(some, limiter=limiter)

    headers = {"Content-Disposition": f'attachment; filename="{noun}.{form.value}"'}
    return StreamingResponse(chunks(), headers=headers, media_type=_MEDIA[form])


def limiter() -> anyio.CapacityLimiter:
    """The threads that handlers share."""
    return anyio.CapacityLimiter(_THREADS)
