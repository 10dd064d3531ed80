"""The controls of the sandbox under `/_sandbox/`: make events happen, make things go wrong, see what happened.

Not part of what Cal.com offers, and without any key: the sandbox listens on loopback and keeps nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ingest.samples import STORIES, Changes, Chapter, fresh_uid, sample, story
from ingest.samples.samples import VERSIONS
from ingest.sandbox import bookings
from ingest.sandbox.faults import Faults
from ingest.sandbox.sandbox import Sandbox
from ingest.sandbox.sender import Outgoing
from workers.errors import BadInput

#: of so many events the uids are told in the answer; of more only the number
_MOST_TOLD = 1_000
_MOST_EVENTS = 1_000_000
_MILLISECOND = timedelta(milliseconds=1)
Asked = TypeVar("Asked", bound=msgspec.Struct)


class Emit(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """`count` events of `trigger`, `rate` a second (0: as fast as it goes), or `body` as it is. Of up to 1,000 at once
    the bookings are there afterwards, whether their deliveries arrive or not.

    `version` overrules the webhooks' own. `wait` answers only when every delivery has had its last attempt.
    """

    trigger: str
    version: str | None = None
    changes: Changes = Changes()
    count: int = 1
    rate: float = 0.0
    body: str | None = None
    organization_id: int | None = None
    wait: bool = False


class Story(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    """A booking's life: a known story by `name`, or `steps`. Each step waits for the one before and `gap` seconds."""

    name: str = "booking"
    steps: list[str] | None = None
    version: str = VERSIONS[0]
    changes: Changes = Changes()
    gap: float = 0.0
    organization_id: int | None = None
    wait: bool = False


async def emit(sandbox: Sandbox, request: Request) -> Response:
    """`POST emit`."""
    wanted = await _read(request, Emit)
    if not 1 <= wanted.count <= _MOST_EVENTS:
        raise BadInput(f"count: must be 1 to {_MOST_EVENTS}.")
    if wanted.rate < 0:
        raise BadInput("rate: must be 0 (as fast as it goes) or more, in events per second.")
    if wanted.version not in (None, *VERSIONS):
        raise BadInput(f"version: there are {', '.join(VERSIONS)}.")
    org_id = wanted.organization_id or sandbox.options.org_id
    changes = msgspec.structs.replace(wanted.changes, organization_id=wanted.changes.organization_id or org_id)
    if wanted.body is None:  # wrong changes are to be refused here, not to die in the background
        sample(wanted.trigger, now=sandbox.options.clock(), changes=changes)
    uids = [changes.uid or fresh_uid() for _ in range(wanted.count if wanted.count <= _MOST_TOLD else 0)]
    task = sandbox.sender.start(_send_all(sandbox, wanted, changes, org_id, uids))
    if wanted.wait:
        await task
        await sandbox.sender.idle()
    subscribers = len(sandbox.sender.subscribers(wanted.trigger, org_id))
    told = uids if wanted.body is None else []
    return _json(202, {"events": wanted.count, "subscribers": subscribers, "uids": told})


async def _send_all(sandbox: Sandbox, wanted: Emit, changes: Changes, org_id: int, uids: list[str]) -> None:
    """Send the events at their rate. Each is a millisecond later than the one before, so that none equals another."""
    first, loop = sandbox.options.clock(), asyncio.get_running_loop()
    started = loop.time()
    for number in range(wanted.count):
        if wanted.rate:
            await asyncio.sleep(max(0.0, started + number / wanted.rate - loop.time()))
        uid = uids[number] if uids else changes.uid or fresh_uid()
        make = _maker(wanted, msgspec.structs.replace(changes, uid=uid), first + number * _MILLISECOND)
        if uids:
            bookings.note(sandbox.world, org_id, make(wanted.version or VERSIONS[0]), sandbox.options.clock())
        await sandbox.sender.send(Outgoing(wanted.trigger, org_id, make, wanted.version))


def _maker(wanted: Emit, changes: Changes, now: datetime) -> Callable[[str], bytes]:
    if wanted.body is not None:
        raw = wanted.body.encode()
        return lambda _: raw
    return lambda version: sample(wanted.trigger, now=now, version=version, changes=changes)


async def tell(sandbox: Sandbox, request: Request) -> Response:
    """`POST story`."""
    wanted = await _read(request, Story)
    if wanted.steps is None and wanted.name not in STORIES:
        raise BadInput(f"name: there is no story {wanted.name!r}; there are: {', '.join(STORIES)}.")
    if wanted.gap < 0:
        raise BadInput("gap: must be 0 or more, in seconds.")
    steps = wanted.steps if wanted.steps is not None else list(STORIES[wanted.name])
    org_id = wanted.organization_id or sandbox.options.org_id
    changes = msgspec.structs.replace(wanted.changes, organization_id=wanted.changes.organization_id or org_id)
    chapters = story(steps, now=sandbox.options.clock(), version=wanted.version, changes=changes)
    task = sandbox.sender.start(_send_story(sandbox, wanted, chapters, org_id))
    if wanted.wait:
        await task
        await sandbox.sender.idle()
    told = [{"trigger": c.trigger, "uid": c.uid, "previousUid": c.previous_uid} for c in chapters]
    return _json(202, {"chapters": told})


async def _send_story(sandbox: Sandbox, wanted: Story, chapters: list[Chapter], org_id: int) -> None:
    for number, chapter in enumerate(chapters):
        await asyncio.sleep(wanted.gap if number else 0)
        constant = partial(_same, chapter.body)
        bookings.note(sandbox.world, org_id, chapter.body, sandbox.options.clock())
        for passed in await sandbox.sender.send(Outgoing(chapter.trigger, org_id, constant, wanted.version)):
            await passed.wait()


def _same(body: bytes, _: str) -> bytes:
    return body


async def set_faults(sandbox: Sandbox, request: Request) -> Response:
    """`POST faults`: from now on these and no others."""
    sandbox.faults.replace(await _read(request, Faults))
    return _json(200, sandbox.faults)


async def get_faults(sandbox: Sandbox, request: Request) -> Response:
    """`GET faults`: those told, with the `times` that are left."""
    return _json(200, sandbox.faults)


async def get_calls(sandbox: Sandbox, request: Request) -> Response:
    """`GET calls`: every call of the API, oldest first; `?method=` and `?path=` (a part of it) choose."""
    method, part = request.query_params.get("method"), request.query_params.get("path", "")
    calls = [c for c in sandbox.calls if method in (None, c.method) and part in c.path]
    return _json(200, {"count": len(calls), "calls": calls})


async def get_effects(sandbox: Sandbox, request: Request) -> Response:
    """`GET effects`: what calls did, oldest first, each with how often; `?method=` and `?path=` as in `calls`."""
    effects = sandbox.effects.chosen(request.query_params.get("method"), request.query_params.get("path", ""))
    return _json(200, {"count": len(effects), "effects": effects})


async def get_deliveries(sandbox: Sandbox, request: Request) -> Response:
    """`GET deliveries`: every attempt, oldest first, and how many deliveries are not finished."""
    trigger, webhook = request.query_params.get("trigger"), request.query_params.get("webhook")
    attempts = [a for a in sandbox.sender.attempts if trigger in (None, a.trigger) and webhook in (None, a.webhook)]
    return _json(200, {"count": len(attempts), "pending": sandbox.sender.pending, "attempts": attempts})


async def get_state(sandbox: Sandbox, request: Request) -> Response:
    """`GET state`: all rows but the API keys."""
    tables = {name: getattr(sandbox.world, name) for name in sandbox.world.__dataclass_fields__}
    shown = {name: list(rows.values()) for name, rows in tables.items() if name not in ("keys", "numbers")}
    return _json(200, shown)


async def reset(sandbox: Sandbox, request: Request) -> Response:
    """`POST reset`: begin again as at the start."""
    await sandbox.reset()
    return _json(200, {"reset": True})


async def _read(request: Request, wanted: type[Asked]) -> Asked:
    """The request's body as `wanted`; nothing at all is `{}`. Raises `BadInput`, naming what is wrong."""
    try:
        return msgspec.json.decode(await request.body() or b"{}", type=wanted)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        names = ", ".join(wanted.__struct_encode_fields__)
        raise BadInput(f"The body is not what was expected: {error}. It may hold: {names}.") from None


def _json(status: int, document: object) -> Response:
    return Response(msgspec.json.encode(document), status, media_type="application/json")


Control = Callable[[Sandbox, Request], Awaitable[Response]]
_CONTROLS: tuple[tuple[str, str, Control], ...] = (
    ("POST", "emit", emit),
    ("POST", "story", tell),
    ("POST", "faults", set_faults),
    ("GET", "faults", get_faults),
    ("GET", "calls", get_calls),
    ("GET", "effects", get_effects),
    ("GET", "deliveries", get_deliveries),
    ("GET", "state", get_state),
    ("POST", "reset", reset),
)


def routes(sandbox: Sandbox) -> list[Route]:
    """The controls of one sandbox. What they refuse is 400 with one sentence in `error`."""

    def bound(control: Control) -> Callable[[Request], Awaitable[Response]]:
        async def handle(request: Request) -> Response:
            try:
                return await control(sandbox, request)
            except BadInput as refused:
                return _json(400, {"error": refused.message})

        return handle

    return [Route(f"/_sandbox/{name}", bound(control), methods=[method]) for method, name, control in _CONTROLS]
