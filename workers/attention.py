"""What needs a person, in sentences: what it is, since when, and what to do next. Pure; it looks at nothing itself.

(`workers.rules.needs` is something else: what a rule needs of an event.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from workers.silence import Silence, Unheard


class Kind(StrEnum):
    """Why a person should look."""

    QUARANTINE = "quarantine"  #: deliveries that nothing proves to be Cal.com's
    UNKNOWN = "unknown"  #: runs that stopped at a step of which nobody knows whether it was done
    DEAD = "dead"  #: runs that were given up for another reason
    DRIFT = "drift"  #: what Cal.com has registered is not what daybook.yaml wants
    UNSEEN = "unseen"  #: the last look at what Cal.com has registered failed
    SILENT = "silent"  #: a trigger that came regularly, and stopped; or that should have come of meetings that ended
    SPOOL = "spool"  #: deliveries that are on disk and not in SQL yet
    SET_ASIDE = "set_aside"  #: files of the spool that Daybook could not bring into SQL


#: how a webhook stands (`workers.differences.Kind`), in words
_STANDS = {
    "missing": "missing",
    "edited": "otherwise",
    "switched_off": "switched off",
    "extra": "there though nobody wants it",
    "by_hand": "still to be made by hand",
    "adopted": "switched off",
}


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to look at. `about` is the connection or trigger that it is about, where it is one; `count` is at
    least 1; `says` and `next` are whole sentences. `since` None: not known."""

    kind: Kind
    about: str | None
    count: int
    since: datetime | None
    says: str
    next: str


def quarantine(count: int, oldest: datetime) -> Item:
    """Deliveries wait in quarantine."""
    waits = _many(count, "delivery waits", "deliveries wait")
    return Item(
        Kind.QUARANTINE,
        None,
        count,
        oldest,
        f"{waits} in quarantine: nothing proves that Cal.com sent {_it(count)}.",
        "Compare the webhook's secret with Cal.com's, or give both a new one with `daybook webhooks rotate`; then "
        "`daybook deliveries release` lets them go on, `discard` does not.",
    )


def unknown(count: int, oldest: datetime) -> Item:
    """Runs stopped at a step whose end nobody knows."""
    stopped = _many(count, "run stopped at a step", "runs stopped at steps")
    return Item(
        Kind.UNKNOWN,
        None,
        count,
        oldest,
        f"{stopped} of which nobody knows whether {'it was' if count == 1 else 'they were'} done.",
        "Find out, and say so with `daybook runs retry --done` or `--not-done`; `--look` has Daybook look once more.",
    )


def dead(count: int, oldest: datetime | None) -> Item:
    """Runs were given up."""
    return Item(
        Kind.DEAD,
        None,
        count,
        oldest,
        f"{_many(count, 'run was', 'runs were')} given up; the reason is with {_it(count)}.",
        "`daybook runs list --state dead` shows them; mend the cause, then `daybook runs retry`.",
    )


def drift(connection: str, told: Sequence[tuple[str | None, str]], seen: datetime) -> Item:
    """The last look saw differences: of each webhook its name, None where nobody here knows it, and how it stands."""
    count = len(told)
    differs = _many(count, "webhook is not", "webhooks are not")
    words = [f"{name or 'one without a name'} is {_STANDS.get(kind, kind)}" for name, kind in told]
    return Item(
        Kind.DRIFT,
        connection,
        count,
        seen,
        f"{differs} at Cal.com as daybook.yaml wants for {connection}: {_some(words)}.",
        "`daybook webhooks plan` shows each, `daybook webhooks apply` mends what can be mended.",
    )


def unseen(connection: str, problem: str, at: datetime) -> Item:
    """The last look failed."""
    return Item(
        Kind.UNSEEN,
        connection,
        1,
        at,
        f"What Cal.com has registered for {connection} could not be seen at the last look: {problem}",
        f"`daybook connections test {connection}` says what is wrong; `daybook webhooks plan` looks again.",
    )


def silent(found: Silence, now: datetime) -> Item:
    """A trigger fell silent."""
    return Item(
        Kind.SILENT,
        found.trigger,
        1,
        found.last,
        f"{found.trigger} has not come for {_span(now - found.last)}; in four weeks it never paused for more than "
        f"{_span(found.longest)} before.",
        "`daybook webhooks plan` tells whether Cal.com still sends it; if it does, there may be nothing to send.",
    )


def unheard(found: Unheard) -> Item:
    """A trigger did not come though meetings ended."""
    return Item(
        Kind.SILENT,
        found.trigger,
        found.number,
        found.since,
        f"{_many(found.number, 'meeting', 'meetings')} ended and no {found.trigger} came, which a webhook waits for.",
        "`daybook webhooks plan` tells whether Cal.com still sends it. Of meetings that were booked before their "
        "webhook was made Cal.com sends none.",
    )


def spool(place: str, size: int, told: datetime) -> Item:
    """Deliveries are on a machine's disk, of so many bytes."""
    return Item(
        Kind.SPOOL,
        place,
        1,
        told,
        f"Deliveries of {_size(size)} are in the journal on disk, {place}, and not in the database yet.",
        "They go on by themselves once the database takes them; if they stay, `daybook doctor` says why it does not.",
    )


def set_aside(place: str, count: int, told: datetime) -> Item:
    """Files of the spool were set aside."""
    files = _many(count, "file of the journal on disk was", "files of the journal on disk were")
    return Item(
        Kind.SET_ASIDE,
        place,
        count,
        told,
        f"{files} set aside: the database refused what is in {_it(count)}, or a part of {_it(count)} cannot be read.",
        f"Look into {place}; docs/operations.md says what can be done with such a file.",
    )


def _many(count: int, one: str, more: str) -> str:
    return f"1 {one}" if count == 1 else f"{count:,} {more}"


def _it(count: int) -> str:
    return "it" if count == 1 else "them"


def _some(told: Sequence[str]) -> str:
    return ", ".join(told[:3]) + (f" and {len(told) - 3} more" if len(told) > 3 else "")


def _span(span: timedelta) -> str:
    """A span in whole hours up to two days, then in days."""
    hours = round(span / timedelta(hours=1))
    return _many(hours, "hour", "hours") if hours <= 48 else _many(round(hours / 24), "day", "days")


def _size(size: int) -> str:
    return f"{size / 1_000_000:.1f} MB" if size >= 100_000 else f"{size / 1000:.1f} KB"
