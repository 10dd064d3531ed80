"""From events to the runs they cause, in the transaction that writes the events. What holds is `rules.decide`'s."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from workers.actions import echo
from workers.catalogue.event import Event, Kind
from workers.rulebook import Live
from workers.rules.decide import Cause, Decision, decide
from workers.store import bookings, events, ledger, runs
from workers.store.ledger import Echo
from workers.store.receipts import Arrived
from workers.store.runs import Planned


@dataclass(frozen=True, slots=True)
class Heard:
    """An event that may cause something, as history will show it, but for its booking's lineage and what caused it."""

    id: UUID
    event: dict[str, Any]


def heard(
    live: Live, found: Sequence[tuple[Arrived, Event]], whole: Callable[[Arrived], Event], *, now: datetime
) -> list[Heard]:
    """Those that are for some rule, or may be, or may be the echo of an action. No SQL: it needs no transaction.

    `whole` reads one with its payload, which is asked for only where it is looked at.
    """
    heard = []
    for arrived, event in found:
        candidates = live.rules.candidates(event.trigger, partial(events.said, arrived, event))
        echoes = event.kind in (Kind.OOO, Kind.SYNTHETIC)
        if not candidates and not echoes:
            continue
        seen = whole(arrived) if echoes or any(one.payload for one in candidates) else event
        told = events.told(arrived, seen)
        # What the history knows beyond this is a booking's lineage, and of an echo what caused it.
        sure = not echoes and not any(one.when is not None and "booking" in one.when.fields for one in candidates)
        if not sure or decide(live.rules, told, caused_by=None, now=now):
            heard.append(Heard(arrived.id, told))
    return heard


def plan(connection: Connection, live: Live, found: Sequence[Heard], *, now: datetime) -> int:
    """Write down the runs that these events cause, and which of them are echoes; returns how many runs are to be done.

    The events are in the history already, in this transaction.
    """
    if not found:
        return 0
    _put_right(connection, [one.event for one in found])
    causes = ledger.cause(
        connection,
        [
            Echo(one.id, _happened_at(one.event), effects, *echo.window(one.event))
            for one in found
            if (effects := echo.of_event(one.event))
        ],
    )
    events.mark_caused(connection, {event_id: cause.action_id for event_id, cause in causes.items()})
    planned: list[Planned] = []
    for one in found:
        event, cause = one.event, causes.get(one.id)
        if cause is not None:
            event["caused_by"] = str(cause.action_id)
        of = Cause(cause.rule, cause.depth + 1) if cause is not None else None
        decisions = decide(live.rules, event, caused_by=of, now=now)
        depth = cause.depth + 1 if cause is not None else 0
        planned += [_planned(decision, one.id, event, live, depth) for decision in decisions]
    return runs.plan(connection, planned, now) if planned else 0


def _put_right(connection: Connection, told: Sequence[dict[str, Any]]) -> None:
    """Give the events' bookings the lineages that history knows."""
    named = {(event["connection"], event["booking"]["uid"]) for event in told if event["booking"]}
    lineages = bookings.lineages(connection, named) if named else {}
    for event in told:
        booking = event["booking"]
        if booking:
            booking["lineage"] = lineages.get((event["connection"], booking["uid"]), booking["uid"])


def _planned(decision: Decision, event_id: UUID, event: dict[str, Any], live: Live, depth: int) -> Planned:
    rule = decision.rule
    return Planned(
        rule=rule.name,
        version_id=live.versions[rule.name],
        act=decision.act,
        event_id=event_id,
        connection=rule.connection or event["connection"],
        trigger=event["trigger"],
        entity=f"{event['connection']}/{decision.entity}",
        once=runs.once(decision.act, rule.name, decision.once),
        key=decision.once,
        depth=depth,
        happened_at=_happened_at(event),
        skipped=decision.skipped,
    )


def _happened_at(event: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(event["occurred_at"])
