"""The options that choose events and deliveries, once for all commands that take them, and what they become."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from ingest import moments
from workers.catalogue.event import Kind
from workers.catalogue.triggers import TRIGGERS
from workers.errors import BadInput

if TYPE_CHECKING:  # SQLAlchemy takes half a second to load, and `--help` needs none
    from workers.store import deliveries, history

Triggers = Annotated[
    list[str] | None, typer.Option("--trigger", metavar="TRIGGER", help="Events of this trigger; repeatable.")
]
Kinds = Annotated[list[Kind] | None, typer.Option("--kind", help="Events of this kind; repeatable.")]
Booking = Annotated[
    str | None, typer.Option(metavar="UID", help="Events of this booking, and of what it was rescheduled from or to.")
]
Email = Annotated[str | None, typer.Option(help="Events that a person with this address is part of.")]
Since = Annotated[str | None, typer.Option(metavar="WHEN", help=f"Received then or later: {moments.FORMS}.")]
Until = Annotated[str | None, typer.Option(metavar="WHEN", help="Received before; a date is meant with the whole day.")]
Words = Annotated[
    str | None, typer.Option("--text", help="Events with these words in title, names or notes; the last may be begun.")
]
Connection = Annotated[str | None, typer.Option(metavar="PCID", help="Events of this connection.")]
Webhook = Annotated[str | None, typer.Option(metavar="NAME", help="Deliveries of this webhook.")]
Verdict = Annotated[str | None, typer.Option(help="Deliveries found to be signed, mismatch or unsigned.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")]


def of_events(
    triggers: list[str] | None,
    kinds: list[Kind] | None,
    booking: str | None,
    email: str | None,
    since: str | None,
    until: str | None,
    words: str | None,
    connection: str | None,
) -> history.Filter:
    """The filter that the options are; `BadInput` names the one that is wrong."""
    from workers.store import history, search

    if words is not None:
        search.words(words)
    return history.Filter(
        triggers=tuple(_trigger(each) for each in triggers or ()),
        kinds=tuple(kinds or ()),
        booking=_said("--booking", booking),
        email=_said("--email", email),
        since=_moment("--since", since),
        until=_moment("--until", until, until=True),
        text=_said("--text", words),
        connection=_said("--connection", connection),
    )


def of_deliveries(
    state: str | None, verdict: str | None, webhook: str | None, since: str | None, until: str | None
) -> deliveries.Filter:
    """The filter that the options are; `BadInput` names the one that is wrong."""
    from ingest.signatures import Outcome
    from workers.store import deliveries
    from workers.store.receipts import State

    if state is not None and state not in list(State):
        raise BadInput(f"--state must be one of {', '.join(State)}.")
    if verdict is not None and verdict not in list(Outcome):
        raise BadInput(f"--verdict must be one of {', '.join(Outcome)}.")
    return deliveries.Filter(
        state=State(state) if state else None,
        verdict=verdict,
        webhook=_said("--webhook", webhook),
        since=_moment("--since", since),
        until=_moment("--until", until, until=True),
    )


def nearest_trigger(wanted: history.Filter) -> str | None:
    """A sentence for triggers that Cal.com does not have, which is why nothing was found; None where it has them."""
    import difflib

    for name in wanted.triggers:
        if name not in TRIGGERS:
            near = difflib.get_close_matches(name.upper(), TRIGGERS, n=1)
            return f"Cal.com has no trigger {name}" + (f"; did you mean {near[0]}?" if near else ".")
    return None


def id_of(written: str, noun: str) -> UUID:
    """An id as it was typed; `BadInput` names the command that lists them."""
    try:
        return UUID(written)
    except ValueError:
        plural = {"event": "events", "delivery": "deliveries"}[noun]
        raise BadInput(f"{written!r} is no id of a {noun}; `daybook {plural} list` shows them.") from None


def _trigger(name: str) -> str:
    """Cal.com's triggers in any case; one that is not known stays as it was typed, for it may be new."""
    return name.upper() if name.upper() in TRIGGERS else name


def _said(option: str, value: str | None) -> str | None:
    """An empty value comes of a variable that a script forgot to set: it must not mean everything."""
    if value is not None and not value.strip():
        raise BadInput(f"{option} is empty; leave it out, or give it a value.")
    return value


def _moment(option: str, written: str | None, *, until: bool = False) -> datetime | None:
    if written is None:
        return None
    return moments.moment(written, datetime.now(UTC), name=option, until=until)
