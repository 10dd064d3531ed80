"""replay, trigger_sample: what an operator does. Neither repeats what rules did."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from ingest import sending
from ingest.mcp.history import asked as values
from ingest.mcp.history import brief, schemas
from ingest.mcp.history.schemas import asks, flag, gives, number, of, one_of, or_null, several, some, text
from ingest.mcp.history.tool import Desk, Hide, Tool
from ingest.mcp.toolset import Offer
from ingest.samples import TRIGGERS_WITH_SAMPLES, sample
from ingest.samples.samples import VERSIONS
from ingest.signatures import Outcome
from workers import queue
from workers import replay as verbs
from workers.catalogue.triggers import TRIGGERS
from workers.errors import BadArguments, Conflict, NotFound
from workers.store import deliveries, webhooks
from workers.store.deliveries import Filter
from workers.store.keys import Role
from workers.store.receipts import State

#: deliveries by id, and by filter in one call: whoever asks waits for the answer
_NAMED, _MOST = 100, 5_000
_REMEDY = "DAYBOOK_PUBLIC_URL says where Daybook is; it must be reachable from where Daybook runs."


def _replay(desk: Desk, asked: Mapping[str, Any], _hide: Hide) -> dict[str, Any]:
    span = values.span(asked)
    wanted = Filter(
        state=State.PERSISTED,
        verdict=asked.get("verdict"),
        webhook=asked.get("webhook"),
        since=span["since"],
        until=span["until"],
        triggers=tuple(asked.get("trigger", ())),
    )
    chooses = wanted != Filter(state=State.PERSISTED) or asked.get("all", False)
    if ("deliveries" in asked) == chooses:
        raise BadArguments(
            "deliveries: name deliveries by id, or choose them by trigger, webhook, verdict, since, until; or say "
            "all: true. Not both."
        )
    if "deliveries" in asked:
        return _named(desk, asked["deliveries"], dry_run=asked.get("dry_run", True))
    with desk.store.read() as sql:
        counted = deliveries.count(sql, wanted)
    if asked.get("dry_run", True):
        return _told(counted, dry_run=True, note=f"To do it, call again with dry_run: false and expect: {counted}.")
    if "expect" not in asked:
        raise BadArguments(f"expect: missing; {counted} deliveries are meant now. Say so, if that is what you want.")
    if counted > asked["expect"]:
        raise Conflict(f"{counted} deliveries are meant by now, not {asked['expect']}; nothing was replayed.")
    if counted > _MOST:
        raise BadArguments(f"since: {counted} deliveries are meant; {_MOST} at once are the most. Narrow the time.")
    moved, rung = _rung(desk, verbs.replay_all(desk.store, wanted))
    return _told(moved, dry_run=False, rung=rung)


def _named(desk: Desk, written: Sequence[str], *, dry_run: bool) -> dict[str, Any]:
    with desk.store.read() as sql:
        meant = dict.fromkeys(values.id_of(sql, {}, "delivery", each) for each in written)
        rows = deliveries.some(sql, list(meant))
    missing = meant.keys() - {row.id for row in rows}
    if missing:
        raise NotFound(f"there is no delivery {', '.join(sorted(map(str, missing))[:5])}; nothing was replayed.")
    right = [row.id for row in rows if row.state == State.PERSISTED]
    alone = [{"id": str(row.id), "state": row.state} for row in rows if row.state != State.PERSISTED]
    if dry_run:
        return _told(len(right), dry_run=True, alone=alone, note="To do it, call again with dry_run: false.")
    moved, rung = _rung(desk, [verbs.replay(desk.store, right)])
    return _told(moved, dry_run=False, rung=rung, alone=alone)


def _rung(desk: Desk, batches: Iterable[list[UUID]]) -> tuple[int, bool]:
    """How many were moved, and whether the broker heard of all of them."""
    number, heard = 0, True
    broker = queue.open_broker(desk.settings.broker)
    try:
        for moved in batches:
            number += len(moved)
            heard = heard and (not moved or verbs.ring(broker, moved))  # one that is away is not asked again
    finally:
        with contextlib.suppress(Exception):  # any broker, any way of being away
            broker.close()
    return number, heard and number > 0


def _told(
    number: int, *, dry_run: bool, rung: bool = False, alone: Sequence[Mapping[str, Any]] = (), note: str | None = None
) -> dict[str, Any]:
    if not dry_run and number and not rung:
        note = "The broker is away; a worker's sweep finds them when it is back."
    return {"dry_run": dry_run, "deliveries": number, "rung": rung, "left_alone": list(alone), "note": note}


def _trigger(desk: Desk, asked: Mapping[str, Any], _hide: Hide) -> dict[str, Any]:
    trigger, version = asked["trigger"], asked.get("version", VERSIONS[0])
    target = _target(desk, asked.get("webhook"))
    body = sample(trigger, now=datetime.now(UTC), version=version)
    status = sending.post(target, body, version, remedy=_REMEDY)
    fate = sending.fate(desk.store, target, body, float(asked.get("wait", 5)) if status < 400 else 0.0)
    note = sending.MEANINGS.get(status)
    if fate is not None and fate.event is None:
        note = f"the delivery is {fate.state}; no event of it yet: does a worker run?"
    return {
        "trigger": trigger,
        "webhook": target.name,
        "status": status,
        "delivery_id": str(fate.delivery_id) if fate is not None else None,
        "event": brief.event(fate.event) if fate is not None and fate.event is not None else None,
        "note": note,
    }


def _target(desk: Desk, name: str | None) -> sending.Target:
    with desk.store.read() as sql:
        known = webhooks.every(sql, desk.vault)
    there = ", ".join(one.name for one in known)
    chosen = [one for one in known if name in (None, one.name)]
    if not chosen:
        raise NotFound(f"there is no such webhook; {f'there are: {there}' if there else 'there is none yet'}.")
    if len(chosen) > 1:
        raise BadArguments(f"webhook: missing; there are: {there}.")
    one = chosen[0]
    if not one.secrets:
        raise Conflict(f"webhook {one.name} has no secret that is still good; `daybook webhooks rotate` makes one.")
    return sending.Target(one.url(desk.settings.base_url), one.secrets[0].key, one.id, one.name)


REPLAY = Tool(
    Offer(
        name="replay",
        title="Replay deliveries",
        description="Send persisted deliveries through the pipeline again: their events are read anew, in place, and "
        "rules see them. What a rule did already it does not do again. Counts first: with dry_run (the default) "
        "nothing happens; then call with dry_run false and, for a filter, expect set to that count.",
        input_schema=asks(
            {
                "deliveries": several("These deliveries, by id or a beginning that only one has.", most=_NAMED),
                "trigger": several("Deliveries that became events of these triggers.", TRIGGERS),
                "webhook": text("Deliveries of the webhook with this name."),
                "verdict": one_of("Deliveries whose signature was found to be this.", Outcome),
                "since": schemas.SINCE,
                "until": schemas.UNTIL,
                "all": flag("Where no filter is given: yes, every delivery is meant."),
                "dry_run": flag("Only count.", default=True),
                "expect": {
                    "type": "integer",
                    "minimum": 0,
                    "maximum": 1_000_000_000,
                    "description": "How many deliveries of a filter you expect; where more are meant, nothing is done.",
                },
            }
        ),
        output_schema=gives(
            {
                "dry_run": schemas.YES,
                "deliveries": {**schemas.COUNT, "description": "how many were, or would be, replayed"},
                "rung": {**schemas.YES, "description": "whether workers were told at once"},
                "left_alone": some(of({"id": schemas.ID, "state": schemas.TEXT}), "those that are not persisted"),
                "note": schemas.WORDS,
            }
        ),
        role=Role.OPERATOR,
        reads=False,
    ),
    _replay,
)
TRIGGER = Tool(
    Offer(
        name="trigger_sample",
        title="Send a sample delivery",
        description="Send a signed sample of a trigger to a webhook of this Daybook, as Cal.com would, and wait a "
        "little for the event made of it. It becomes part of the history, and live rules act on it as on any other: "
        "use test_rule to only see what they would do.",
        input_schema=asks(
            {
                "trigger": one_of("Which trigger.", TRIGGERS_WITH_SAMPLES),
                "webhook": text("To which webhook, by name; the only one where left out."),
                "version": one_of("X-Cal-Webhook-Version.", VERSIONS, default=VERSIONS[0]),
                "wait": number("Seconds to wait for the event; 0: do not.", 0, 20, 5),
            },
            "trigger",
        ),
        output_schema=gives(
            {
                "trigger": schemas.TEXT,
                "webhook": schemas.WORDS,
                "status": {**schemas.NUMBER, "description": "HTTP status: 202 is kept"},
                "delivery_id": or_null(schemas.ID),
                "event": {"anyOf": [schemas.EVENT_ROW, {"type": "null"}]},
                "note": schemas.WORDS,
            }
        ),
        role=Role.OPERATOR,
        reads=False,
        idempotent=False,
        open_world=True,
    ),
    _trigger,
)
