"""From events to the runs they cause, in the transaction that writes the events. What holds is `rules.decide`'s."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
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


def heard(
    live: Live, found: Sequence[tuple[Arrived, Event]], whole: Callable[[Arrived], Event]
) -> list[tuple[Arrived, Event]]:
    """Those that some rule listens to, or that may be the echo of an action; `whole` reads one with its payload, which
    is asked for only where it is looked at."""
    heard = []
    for arrived, event in found:
        if event.kind is Kind.OOO or live.rules.sees_payload(event.trigger):
            heard.append((arrived, whole(arrived)))
        elif live.rules.on(event.trigger):
            heard.append((arrived, event))
    return heard


def plan(connection: Connection, live: Live, found: Sequence[tuple[Arrived, Event]], *, now: datetime) -> int:
    """Write down the runs that these events cause, and which of them are echoes; returns how many runs are to be done.

    The events are in the history already, in this transaction.
    """
    if not found:
        return 0
    uids = {(arrived.connection, event.booking.uid) for arrived, event in found if event.booking}
    lineages = bookings.lineages(connection, uids) if uids else {}
    told = {arrived.id: events.told(arrived, event, lineages) for arrived, event in found}
    causes = ledger.cause(
        connection,
        [
            Echo(event_id, _happened_at(event), effects)
            for event_id, event in told.items()
            if (effects := echo.of_event(event))
        ],
    )
    events.mark_caused(connection, {event_id: cause.action_id for event_id, cause in causes.items()})
    planned: list[Planned] = []
    for event_id, event in told.items():
        cause = causes.get(event_id)
        if cause is not None:
            event["caused_by"] = str(cause.action_id)
        of = Cause(cause.rule, cause.depth + 1) if cause is not None else None
        decisions = decide(live.rules, event, caused_by=of, now=now)
        planned += [_planned(one, event_id, event, live, cause.depth + 1 if cause else 0) for one in decisions]
    return runs.plan(connection, planned, now) if planned else 0


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
