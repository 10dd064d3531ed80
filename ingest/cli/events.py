"""`daybook events list | show | tail | stats | export`: the history. How events are put into words is `telling.py`."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ingest import forgotten
from ingest.cli import ids, output, pictures, progress, telling
from ingest.cli.filters import Json, Limit, Lines, of_events, taking
from ingest.cli.stopping import until_ctrl_c
from ingest.cli.workspace import opened
from ingest.exported import Format
from workers.errors import NotFound, StoreUnavailable

if TYPE_CHECKING:  # SQLAlchemy takes half a second to load, and `--help` needs none
    from workers.store.engine import Store
    from workers.store.history import Filter
    from workers.store.tail import Tail

app = typer.Typer(help="The history: what Cal.com told, newest first.", no_args_is_help=True)

#: seconds between two looks of `tail`
_PACE = 0.5
#: days that `stats` shows one by one; a longer time is shown by month
_DAYS = 31


@app.command(name="list")
@taking(of_events)
def list_events(wanted: Filter, limit: Limit = 50, as_json: Json = False) -> None:
    """List events, newest first. With --json each has its whole payload, secrets included."""
    from workers.store import history
    from workers.store.events import shape

    with opened() as workspace:
        if as_json:
            for event in _exported(workspace.store, wanted, limit=limit):
                output.json_line(event)
            return
        with workspace.store.read() as sql:
            found = [shape(row) for row in history.page(sql, wanted, limit=limit)]
    columns, rows = telling.table(found, output.width(), datetime.now(UTC))
    output.table(columns, rows, empty="No events.", whole=telling.WHOLE)


@app.command()
def show(
    event: Annotated[str, typer.Argument(metavar="ID", help="The event's id, or a beginning that only it has.")],
    unmasked: Annotated[bool, typer.Option("--unmasked", help="Show secrets in the payload.")] = False,
    as_json: Json = False,
) -> None:
    """Show one event with all it says. With --json its payload is whole, secrets included."""
    from workers.catalogue.mask import mask
    from workers.store import deliveries, history
    from workers.store.events import payloads, shape

    with opened() as workspace, workspace.store.read() as sql:
        event_id = ids.meant(sql, event, "event")
        row = history.one(sql, event_id)
        if row is None:
            raise NotFound("there is no event with this id; `daybook events list` shows those there are.")
        told, payload = shape(row), payloads(sql, [row])[event_id]
        gone = row.payload is None and bool(deliveries.bodiless(sql, [event_id]))
    if as_json:
        output.json_line({**told, "payload": payload})
        return
    pictures.sheet(telling.sheet(told))
    output.say("")
    if gone:
        output.note(f"No payload: {forgotten.SENTENCE}.")
    else:
        pictures.document(payload if unmasked else mask(payload))


@app.command()
@taking(of_events)
def tail(
    wanted: Filter,
    lines: Lines = 10,
    stop_after: Annotated[int | None, typer.Option(min=1, help="End after so many new events.")] = None,
    as_json: Json = False,
) -> None:
    """Show the last events, then each new one as it is written, until Ctrl-C."""
    from workers.store import history
    from workers.store.tail import Tail

    with until_ctrl_c() as ended, opened() as workspace:
        following = Tail(workspace.store, wanted)  # before the last ones are read: what comes in between is not missed
        with workspace.store.read() as sql:
            last = history.page(sql, wanted, limit=lines)[::-1] if lines else []
        _tell(workspace.store, last, as_json=as_json)
        told = {row.id for row in last}
        left = stop_after
        for rows in _looks(following, ended):
            fresh = [row for row in rows if row.id not in told][:left]
            _tell(workspace.store, fresh, as_json=as_json)
            if left is not None:
                left -= len(fresh)
                if left == 0:
                    return


@app.command()
@taking(of_events)
def stats(wanted: Filter, as_json: Json = False) -> None:
    """Count events by trigger, kind, connection and day, and the deliveries of that time by state and verdict."""
    from workers.store import deliveries, history

    with opened() as workspace, workspace.store.read() as sql:
        counted = history.stats(sql, wanted)
        came = deliveries.stats(sql, deliveries.Filter(since=wanted.since, until=wanted.until))
    if as_json:
        output.json_line({**counted, "deliveries": came})
        return
    output.say(f"{counted['events']:,} events, {came['deliveries']:,} deliveries.", style="bold")
    pictures.bars("Events by trigger", counted["triggers"])
    pictures.bars("Events by kind", counted["kinds"])
    pictures.bars("Events by connection", counted["connections"])
    days = counted["days"]
    if len(days) > _DAYS:
        pictures.bars("Events by month (UTC)", telling.by_month(days))
    else:
        pictures.bars("Events by day (UTC)", days)
    pictures.bars("Deliveries by state", came["states"])
    pictures.bars("Deliveries by verdict", came["verdicts"])


@app.command()
@taking(of_events)
def export(
    wanted: Filter,
    form: Annotated[
        Format, typer.Option("--format", help="csv has no payload, and no cell that a spreadsheet would run.")
    ] = Format.NDJSON,
    file: Annotated[str | None, typer.Option("--output", "-o", metavar="FILE", help="Unset, or -: stdout.")] = None,
    masked: Annotated[bool, typer.Option("--masked", help="Hide secrets in payloads.")] = False,
) -> None:
    """Write events out, newest first, however many there are."""
    from ingest.cli import exporting
    from workers.store import history

    with opened() as workspace, exporting.opened(file) as target:
        store = workspace.store

        def count() -> int:
            with store.read() as sql:
                return history.count(sql, wanted)

        told = _exported(store, wanted, masked=masked)
        number = exporting.write(progress.watched(told, count), form, target)
    if file not in (None, "-"):
        output.note(f"{number:,} events in {file}.")


def _exported(
    store: Store, wanted: Filter, *, limit: int | None = None, masked: bool = False
) -> Iterator[dict[str, Any]]:
    from workers.catalogue.mask import mask
    from workers.store import history
    from workers.store.events import shape

    for row, payload in history.export(store, wanted, limit=limit):
        yield {**shape(row), "payload": mask(payload) if masked else payload}


def _looks(following: Tail, ended: threading.Event) -> Iterator[Any]:
    """What each look finds. A database that goes away is waited for, and said once."""
    away = False
    while not ended.is_set():
        try:
            rows = following.fresh()
        except StoreUnavailable as error:
            if not away:
                output.note(error.message)
            away = True
            rows = []
        else:
            away = False
            yield rows
        if not rows:
            ended.wait(_PACE)


def _tell(store: Store, rows: Any, *, as_json: bool) -> None:
    from workers.store.events import payloads, shape

    if not as_json:
        for row in rows:
            output.say(telling.line(shape(row)))
        return
    with store.read() as sql:
        held = payloads(sql, rows)
    for row in rows:
        output.json_line({**shape(row), "payload": held[row.id]})
