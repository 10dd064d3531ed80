"""`history`: how often something happened, by Daybook's own history. It asks nobody outside and changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from workers.actions.kind import Absent, Call, Done, Outcome, Refused, Toolbox
from workers.actions.telling import masked
from workers.catalogue.own import ABOUT
from workers.rules.durations import duration
from workers.rules.kinds import UNKNOWN, Key, Problem
from workers.rules.problems import nearest

#: names of triggers in one step
MOST = 50
#: an event's instant is told in milliseconds
_MILLISECOND = timedelta(milliseconds=1)


class HistoryStep:
    """Counts the events of some triggers that a person is in, up to the run's own event, which counts too.

    The span ends when that event was received, so that the count is the same however late or often it is asked for.
    """

    name = "history"
    keys: Mapping[str, Key] = {
        "history": Key(
            {
                "type": ["string", "array"],
                "items": {"type": "string"},
                "minItems": 1,
                "maxItems": MOST,
                "description": "The trigger, or a list of triggers, whose events are counted.",
            },
            required=True,
        ),
        "email": Key(
            {"type": "string", "description": "Of the person, whatever their part in the event."}, required=True
        ),
        "within": Key({"type": "string", "description": "How far back, such as 30d."}, required=True),
    }
    duration = False
    changes = False
    sees_payload = False

    def problems(self, values: Mapping[str, Any]) -> Iterator[Problem]:
        """Triggers that are none, a span that is none."""
        for name in _names(values.get("history")):
            if not isinstance(name, str):
                yield Problem(("history",), "history must name its triggers outright, not by an expression.")
            elif name not in ABOUT:
                yield Problem(("history",), f'there is no trigger "{name[:60]}"{nearest(name, ABOUT)}')
        if (within := values.get("within")) is not UNKNOWN and _span(within) is None:
            yield Problem(("within",), "within must be a duration such as 12h or 30d.")

    def output(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """`count`."""
        return {"type": "object", "properties": {"count": {"type": "integer"}}}

    def perform(self, call: Call, box: Toolbox) -> Outcome:
        """Count."""
        email, within = call.values.get("email"), _span(call.values.get("within"))
        if not isinstance(email, str) or not email.strip():
            return Refused("email gives no address to count by; let an `if` leave the step out where there is none.")
        if within is None:
            return Refused("within must be a duration such as 12h or 30d.")
        end = datetime.fromisoformat(call.event["received_at"]) + _MILLISECOND
        names = tuple(map(str, _names(call.values.get("history"))))
        found = box.count_events(call.connection, names, email.strip(), since=end - within, until=end)
        return Done({"count": found})

    def probe(self, call: Call, box: Toolbox) -> Absent:
        """It changes nothing."""
        return Absent()

    def shown(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """As they are."""
        return masked(values)

    def effect(self, call: Call) -> None:
        """It causes no event."""


def _names(written: object) -> list[object]:
    return list(written) if isinstance(written, list) else [written]


def _span(written: object) -> timedelta | None:
    return duration(written) if isinstance(written, str) else None
