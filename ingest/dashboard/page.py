"""What a page is: its declaration, what its handler is given, and the rim around every handler."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode
from uuid import UUID

import anyio
import anyio.to_thread
import structlog
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ingest import forgery, notice, requests, witness
from ingest.api import parameters, problems
from ingest.api.parameters import Parameter
from ingest.dashboard.look import Look
from ingest.session import Doorkeeper, Identity, SignInNeeded, allow
from ingest.source import Source
from workers.errors import BadInput, DaybookError, NotFound
from workers.store.engine import Store
from workers.store.keys import Role

log = structlog.get_logger(__name__)

#: pages made at once, in threads of their own: people must not use up those that deliveries need
_THREADS = 8
#: bytes of a form: the largest is a rule to be tried
_LARGEST_FORM = 1024 * 1024
#: fields of a form: the largest names 200 deliveries
_MOST_FIELDS = 300


@dataclass(frozen=True, slots=True)
class Visit:
    """One request to a handler: who asks, for what, with which values; and what it is answered from.

    `query` and `form` hold what came, unread: a name may come more than once.
    """

    source: Source
    identity: Identity
    path: Mapping[str, str]
    query: Sequence[tuple[str, str]] = ()
    form: Sequence[tuple[str, str]] = ()
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def store(self) -> Store:
        """The database."""
        return self.source.store

    def id(self, noun: str) -> UUID:
        """The id in the path; `NotFound` for what is none."""
        try:
            return UUID(self.path["id"])
        except ValueError:
            raise NotFound(f"there is no {noun} with this id.") from None

    def may(self, role: Role) -> bool:
        """Whether who asks has this role or a higher one."""
        return self.identity.role.covers(role)

    def asked(self, name: str) -> str:
        """A value of the query, without blanks around it; the last where it came more than once; "" for none."""
        return _last(self.query, name)

    def given(self, name: str) -> str:
        """A value of the form, likewise."""
        return _last(self.form, name)

    def all_given(self, name: str) -> list[str]:
        """All values of the form by this name that are not empty."""
        return [text.strip() for each, text in self.form if each == name and text.strip()]

    def read(self, declared: Sequence[Parameter]) -> dict[str, Any]:
        """The query as the API reads it, by name; what a form left empty was not asked. Raises BadInput."""
        known = {parameter.name for parameter in declared}
        return parameters.read(
            declared, [(name, text) for name, text in self.query if name in known and text.strip()], self.now
        )

    def address(self, path: str, **changed: str | None) -> str:
        """An address with this visit's query, `changed` in it or, with None, left out."""
        kept = [(name, text) for name, text in self.query if name not in changed and text]
        pairs = [*kept, *((name, text) for name, text in changed.items() if text)]
        return f"{path}?{urlencode(pairs)}" if pairs else path


@dataclass(frozen=True, slots=True)
class Shown:
    """A page: a template, its title and what the template tells of.

    `error`: what was asked for was not done, and this page says so itself; it is the answer's status, and what the
    audit log says came of it.
    """

    template: str
    title: str
    told: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200
    error: DaybookError | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """After a form: on to another page, which says so once."""

    to: str
    said: str = ""


Handler = Callable[[Visit], "Shown | Sent | Response"]


@dataclass(frozen=True, slots=True)
class Page:
    """One row of the table in `routes.py`. `raw`: it shows what came as it came, so reading it is written down.

    `told`: the fields of its form that the audit log may hold; secrets are none of them.
    """

    method: str
    path: str
    role: Role
    handler: Handler
    told: tuple[str, ...] = ()
    raw: bool = False

    @property
    def audited(self) -> bool:
        """Whether the audit log says who asked for it."""
        return self.raw or self.method != "GET"

    def route(self, source: Source, doorkeeper: Doorkeeper, look: Look, limiter: anyio.CapacityLimiter) -> Route:
        """The route: who asks, and whether they meant to, is settled here; the handler runs in a thread."""

        async def answer(request: Request) -> Response:
            try:
                claim = doorkeeper.claim(request)
                if request.method in forgery.SAFE:
                    return await anyio.to_thread.run_sync(self._looked, source, look, request, claim, limiter=limiter)
                identity = await anyio.to_thread.run_sync(claim)  # a stranger's form is not read
                form = await read_form(request)
                doorkeeper.meant(request, identity, _last(form, forgery.FIELD))
                return await anyio.to_thread.run_sync(
                    self._whole, source, look, request, identity, form, limiter=limiter
                )
            except SignInNeeded:
                return to_sign_in(request)
            except ClientDisconnect:
                return Response(status_code=400)  # there is nobody to read it
            except Exception as error:  # what is not known becomes 500, logged
                return await failed(request, error, look, doorkeeper)

        return Route(self.path, answer, methods=[self.method])

    def _looked(self, source: Source, look: Look, request: Request, claim: Callable[[], Identity]) -> Response:
        """In one thread from the cookie to the page: each change of threads waits for its turn twice."""
        return self._whole(source, look, request, claim(), [])

    def _whole(
        self, source: Source, look: Look, request: Request, identity: Identity, form: Sequence[tuple[str, str]]
    ) -> Response:
        visit = Visit(source, identity, dict(request.path_params), request.query_params.multi_items(), form)
        return _answered(self._made(visit), request, identity, look)

    def _made(self, visit: Visit) -> Shown | Sent | Response:
        if not self.audited:
            allow(visit.identity, self.role)
            return self.handler(visit)
        given = {name: visit.all_given(name) for name in self.told}
        told = {**visit.path, **{name: all_[0] if len(all_) == 1 else all_ for name, all_ in given.items() if all_}}
        made: Shown | Sent | Response | None = None
        try:
            with witness.of(visit.store, visit.identity, f"{self.method} {self.path}", told, door="dashboard"):
                allow(visit.identity, self.role)
                made = self.handler(visit)
                if isinstance(made, Shown) and made.error is not None:
                    raise made.error
        except DaybookError:
            if made is None:
                raise
        return made


def limiter() -> anyio.CapacityLimiter:
    """How many pages are made at once."""
    return anyio.CapacityLimiter(_THREADS)


def to_sign_in(request: Request) -> Response:
    """To the page where one signs in, and from there back to a page that was only looked at."""
    back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    wanted = f"?next={quote(back)}" if request.method == "GET" and back != "/" else ""
    return RedirectResponse(f"/sign-in{wanted}", 303)


async def failed(request: Request, error: Exception, look: Look, doorkeeper: Doorkeeper) -> Response:
    """The page for what could not be done or is not there: what it is, and what to do."""
    status, title, said = _words(error)
    if status == 500:
        request_id = requests.current()
        log.error("dashboard.failed", request_id=request_id, exc_info=error)
        said = f"Something in Daybook went wrong; the log line with request_id {request_id} says what."
    try:
        identity: Identity | None = await doorkeeper.recognise(request)
    except Exception:  # whoever it is, the page is the same but for the menu
        identity = None
    if identity is None and status == 404:
        return to_sign_in(request)  # what there is here is nobody's business
    shown = Shown("failed.html", title, {"said": said, "status": status}, status)
    return await anyio.to_thread.run_sync(_answered, shown, request, identity, look)


async def read_form(request: Request) -> list[tuple[str, str]]:
    """The fields of a form, in order. Raises BadInput for what no form of ours sends."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > _LARGEST_FORM:
            raise BadInput("the form is larger than 1 MiB; send less.")
    if not body:
        return []
    if kind != "application/x-www-form-urlencoded":
        raise BadInput("this takes a form (application/x-www-form-urlencoded).")
    try:
        return parse_qsl(body.decode(), keep_blank_values=True, errors="replace", max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise BadInput("the form cannot be read.") from None


def _answered(made: Shown | Sent | Response, request: Request, identity: Identity | None, look: Look) -> Response:
    if isinstance(made, Response):
        return made
    if isinstance(made, Sent):
        answer: Response = RedirectResponse(made.to, 303)
        if made.said:
            notice.leave(answer, made.said)
        return answer
    said = notice.read(request)
    html = look.render(made.template, made.title, dict(made.told), request=request, identity=identity, notice=said)
    status = made.status if made.error is None else _words(made.error)[0]
    answer = Response(html, status, media_type="text/html")
    if said is not None:
        notice.forget(answer)
    return answer


def _words(error: Exception) -> tuple[int, str, str]:
    if isinstance(error, HTTPException):
        there = {404: ("There is no such page", "Nothing is at this address; the menu shows what there is.")}
        title, said = there.get(error.status_code, ("This cannot be done so", str(error.detail)))
        return error.status_code, title, said
    for kind, (status, title) in problems.KNOWN.items():
        if isinstance(error, kind):
            assert isinstance(error, DaybookError)
            return status, title, error.message
    if isinstance(error, DaybookError):  # Cal.com's word, or a setting: it says itself what to do
        return 502, "That did not work", error.message
    return 500, "Something went wrong", ""


def _last(pairs: Sequence[tuple[str, str]], name: str) -> str:
    return next((text.strip() for each, text in reversed(pairs) if each == name), "")
