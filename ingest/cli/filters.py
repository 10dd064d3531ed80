"""The options that choose events, deliveries and runs, once for all commands that take them, and what they become."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from ingest import moments
from workers.catalogue.event import Kind
from workers.catalogue.own import ABOUT
from workers.catalogue.triggers import TRIGGERS
from workers.errors import BadInput

if TYPE_CHECKING:  # SQLAlchemy takes half a second to load, and `--help` needs none
    from workers.store import deliveries, history, runs

Triggers = Annotated[
    list[str] | None, typer.Option("--trigger", metavar="TRIGGER", help="Events of this trigger; repeatable.")
]
Became = Annotated[
    list[str] | None,
    typer.Option("--trigger", metavar="TRIGGER", help="Deliveries that became events of this trigger; repeatable."),
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
Host = Annotated[str | None, typer.Option(help="Events that the person with this address hosts or organizes.")]
EventTypes = Annotated[
    list[str] | None,
    typer.Option("--event-type", metavar="SLUG", help="Events of this event type, by slug or id; repeatable."),
]
Statuses = Annotated[
    list[str] | None,
    typer.Option("--status", metavar="STATUS", help="Events with this status: ACCEPTED, CANCELLED, …; repeatable."),
]
CameBy = Annotated[
    str | None,
    typer.Option("--verdict", help="Events by deliveries found to be signed, or released: mismatch, unsigned."),
]
Rule = Annotated[str | None, typer.Option("--rule", metavar="NAME", help="Events that this rule has a run for.")]
Webhook = Annotated[str | None, typer.Option(metavar="NAME", help="Deliveries of this webhook.")]
Verdict = Annotated[str | None, typer.Option(help="Deliveries found to be signed, mismatch or unsigned.")]
Limit = Annotated[int, typer.Option(min=1, help="How many are listed, the newest.")]
Lines = Annotated[int, typer.Option("--lines", "-n", min=0, help="Events shown before new ones come.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def taking(choose: Callable[..., Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of `choose`, whose answer it gets as its first argument.

    Typer reads a command's options from its signature, so the options that many commands share would stand in each.
    """
    shared = _parameters(choose)

    def given(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def run(**options: Any) -> None:
            chosen = choose(**{one.name: options.pop(one.name) for one in shared})
            command(chosen, **options)

        own = _parameters(command, but=1)
        run.__signature__ = inspect.Signature([*shared, *own])  # type: ignore[attr-defined]
        run.__annotations__ = {one.name: one.annotation for one in (*shared, *own)}
        return run

    return given


def _parameters(function: Callable[..., Any], *, but: int = 0) -> list[inspect.Parameter]:
    """The parameters with their types looked up; but not the first few, whose types only the type checker may know."""
    found = list(inspect.signature(function).parameters.values())[but:]
    written = SimpleNamespace(__annotations__={one.name: one.annotation for one in found})
    types = get_type_hints(written, function.__globals__, include_extras=True)
    return [one.replace(annotation=types[one.name]) for one in found]


def of_events(
    triggers: Triggers = None,
    kinds: Kinds = None,
    booking: Booking = None,
    email: Email = None,
    since: Since = None,
    until: Until = None,
    words: Words = None,
    connection: Connection = None,
    host: Host = None,
    event_types: EventTypes = None,
    statuses: Statuses = None,
    verdict: CameBy = None,
    rule: Rule = None,
) -> history.Filter:
    """The filter that the options are; `BadInput` names the one that is wrong."""
    from workers.store import history, search

    if words is not None:
        search.words(words)
    return history.Filter(
        triggers=_known(triggers),
        kinds=tuple(kinds or ()),
        booking=_uid(booking),
        email=said("--email", email),
        since=moment("--since", since),
        until=moment("--until", until, until=True),
        text=said("--text", words),
        connection=said("--connection", connection),
        host=said("--host", host),
        event_types=_all_said("--event-type", event_types),
        statuses=_all_said("--status", statuses),
        verdict=_outcome(verdict),
        rule=said("--rule", rule),
    )


def of_deliveries(
    state: Annotated[str | None, typer.Option(help="received, persisted, quarantined or discarded.")] = None,
    triggers: Became = None,
    verdict: Verdict = None,
    webhook: Webhook = None,
    since: Since = None,
    until: Until = None,
    connection: Annotated[str | None, typer.Option(metavar="PCID", help="Deliveries for this connection.")] = None,
) -> deliveries.Filter:
    """The filter that the options are; `BadInput` names the one that is wrong."""
    from workers.store import deliveries
    from workers.store.receipts import State

    if state is not None and state not in list(State):
        raise BadInput(f"--state must be one of {', '.join(State)}.")
    return deliveries.Filter(
        state=State(state) if state else None,
        verdict=_outcome(verdict),
        webhook=said("--webhook", webhook),
        since=moment("--since", since),
        until=moment("--until", until, until=True),
        triggers=_known(triggers),
        connection=said("--connection", connection),
    )


def of_runs(
    states: Annotated[
        list[str] | None,
        typer.Option("--state", help="planned, running, failed, done, skipped or dead; repeatable."),
    ] = None,
    rules: Annotated[list[str] | None, typer.Option("--rule", metavar="NAME", help="Of this rule; repeatable.")] = None,
    since: Annotated[str | None, typer.Option(metavar="WHEN", help=f"Planned then or later: {moments.FORMS}.")] = None,
    until: Annotated[
        str | None, typer.Option(metavar="WHEN", help="Planned before; a date is meant with the whole day.")
    ] = None,
    connection: Annotated[str | None, typer.Option(metavar="PCID", help="Runs of this connection.")] = None,
) -> runs.Filter:
    """The filter that the options are; `BadInput` names the one that is wrong."""
    from workers.store import runs

    for state in states or ():
        if state not in list(runs.RunState):
            raise BadInput(f"--state must be one of {', '.join(runs.RunState)}.")
    return runs.Filter(
        states=tuple(map(runs.RunState, states or ())),
        rules=_all_said("--rule", rules),
        connection=said("--connection", connection),
        since=moment("--since", since),
        until=moment("--until", until, until=True),
    )


def _known(triggers: list[str] | None) -> tuple[str, ...]:
    return tuple(_trigger(each) for each in triggers or ())


def _trigger(written: str) -> str:
    """Cal.com's triggers in any case; one that is not known stays as it was typed, for it may be new, or was once."""
    import difflib

    from ingest.cli import output

    if not written.strip():
        raise BadInput(f"--trigger is empty; leave it out, or name one, such as {', '.join(TRIGGERS)}.")
    names = {each.upper(): each for each in ABOUT}
    if written.upper() in names:
        return names[written.upper()]
    near = [names[each] for each in difflib.get_close_matches(written.upper(), names, n=1)]
    hint = f"did you mean {near[0]}?" if near else "it is looked for as it is written."
    output.note(f"{written[:60]} is no trigger that Daybook knows; {hint}", style="yellow")
    return written


def _uid(booking: str | None) -> str | None:
    if booking is not None and booking.endswith("…"):
        raise BadInput("--booking takes a whole uid; `daybook bookings show` takes its beginning and tells the rest.")
    return said("--booking", booking)


def said(option: str, value: str | None) -> str | None:
    """An empty value comes of a variable that a script forgot to set: it must not mean everything."""
    if value is not None and not value.strip():
        raise BadInput(f"{option} is empty; leave it out, or give it a value.")
    return value


def _all_said(option: str, values: list[str] | None) -> tuple[str, ...]:
    for value in values or ():
        said(option, value)
    return tuple(values or ())


def _outcome(verdict: str | None) -> str | None:
    from ingest.signatures import Outcome

    if verdict is not None and verdict not in list(Outcome):
        raise BadInput(f"--verdict must be one of {', '.join(Outcome)}.")
    return verdict


def moment(option: str, written: str | None, *, until: bool = False) -> datetime | None:
    """The instant that an option's value is."""
    if written is None:
        return None
    return moments.moment(written, datetime.now(UTC), name=option, until=until)
