"""`daybook deliveries list | show | release | discard | replay`: what came in, and what a person does with it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from ingest.cli import ids, moving, output, pictures, telling
from ingest.cli.filters import Json, Limit, of_deliveries, taking
from ingest.cli.workspace import opened
from workers.errors import BadInput

if TYPE_CHECKING:  # SQLAlchemy takes half a second to load, and `--help` needs none
    from sqlalchemy import Row

    from workers.store.deliveries import Filter
    from workers.store.engine import Store

app = typer.Typer(help="Deliveries: what came in, byte for byte, and what became of it.", no_args_is_help=True)

_COLUMNS = ("received (UTC)", "webhook", "verdict", "state", "bytes", "seen", "id")
#: and on a terminal, where there is room for a whole id or not
_WIDE = ("local time", "webhook", "verdict", "state", "bytes", "seen", "id")
_NARROW = ("local time", "webhook", "verdict", "state", "bytes", "id")
_ROOM = 120
#: deliveries read at once
_PAGE = 500


@app.command(name="list")
@taking(of_deliveries)
def list_deliveries(wanted: Filter, limit: Limit = 50, as_json: Json = False) -> None:
    """List deliveries, newest first."""
    from workers.store.deliveries import shape

    with opened() as workspace:
        shown = (shape(row) for row in _every(workspace.store, wanted, limit=limit))
        if as_json:
            for one in shown:
                output.json_line(one)
            return
        found = list(shown)
    columns, rows = _table(found, output.width())
    output.table(columns, rows, empty="No deliveries.", whole=("local time", "received (UTC)", "id"))


def _table(found: Sequence[dict[str, Any]], width: int | None) -> tuple[Sequence[str], list[list[Any]]]:
    """Deliveries as a table's columns and rows, for a terminal of `width` columns; None is a pipe."""
    columns = _COLUMNS if width is None else _WIDE if width >= _ROOM else _NARROW
    named = telling.shortened([one["id"] for one in found]) if columns is _NARROW else [one["id"] for one in found]
    now = datetime.now(UTC)
    rows = []
    for one, name in zip(found, named, strict=True):
        at = one["received_at"]
        cells = {**one, "received (UTC)": telling.minute(at), "local time": telling.local(at, now), "id": name}
        rows.append([cells[column] for column in columns])
    return columns, rows


@app.command()
def show(
    delivery: Annotated[str, typer.Argument(metavar="ID", help="The delivery's id, or a beginning that only it has.")],
    raw: Annotated[
        bool, typer.Option("--body", help="Write the body to stdout, byte for byte, and nothing else.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show a delivery and the headers of its request."""
    from ingest import forgotten, headers
    from workers.store import deliveries
    from workers.store.events import spell

    with opened() as workspace, workspace.store.read() as sql:
        delivery_id = ids.meant(sql, delivery, "delivery")
        row = deliveries.one(sql, delivery_id)
        if row is None:
            raise moving.no_such(delivery)
        body = deliveries.body(sql, delivery_id)
        sent = headers.shown(deliveries.headers(sql, delivery_id))
    if raw:
        if body is None:
            raise forgotten.nothing_to_read()
        sys.stdout.buffer.write(body)
        sys.stdout.buffer.flush()
        return
    told = {**deliveries.shape(row), "last_seen_at": spell(row.last_seen_at), "headers": sent}
    told["body"] = "forgotten" if body is None else "kept"
    if as_json:
        output.json_line(told)
        return
    pictures.sheet([(name, str(value)) for name, value in told.items() if name != "headers" and value is not None])
    output.say("")
    pictures.sheet(sent)
    if body is None:
        output.note(f"{forgotten.SENTENCE.capitalize()}.")
    else:
        output.note("The body: daybook deliveries show --body " + str(delivery_id))


@app.command()
@taking(moving.asked)
def release(wish: moving.Asked) -> None:
    """Let deliveries out of quarantine: they become events, whatever their signature was."""
    moving.act("release", "quarantined", wish)


@app.command()
@taking(moving.asked)
def discard(wish: moving.Asked) -> None:
    """Decide against deliveries in quarantine: they never become events, and no longer count there."""
    moving.act("discard", "quarantined", wish)


@app.command()
@taking(moving.asked_by_event)
def replay(
    wish: moving.Asked,
    rate: Annotated[float | None, typer.Option(min=0.01, help="At most so many a second.")] = None,
    again: Annotated[
        bool, typer.Option("--again", help="What rules did of their events may happen a second time; this is asked.")
    ] = False,
    yes_again: Annotated[bool, typer.Option("--yes-again", help="Do not ask about --again either.")] = False,
) -> None:
    """Send persisted deliveries through the pipeline again: their events are read anew, in place.

    What rules did of them is not done again, unless you say so with --again. Ctrl-C ends it in good order.
    """
    if yes_again and not again:
        raise BadInput("--yes-again answers for --again; say both, or neither.")
    moving.act("replay", "persisted", wish, moving.How(rate=rate, again=again, yes_again=yes_again))


def _every(store: Store, wanted: Filter, *, limit: int) -> Iterator[Row[Any]]:
    """Deliveries newest first, a page at a time."""
    from workers.store import deliveries

    before: UUID | None = None
    while limit > 0:
        size = min(_PAGE, limit)
        with store.read() as sql:
            rows = deliveries.page(sql, wanted, before=before, limit=size)
        yield from rows
        if len(rows) < size:
            return
        before = rows[-1].id
        limit -= size
