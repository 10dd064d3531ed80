"""`daybook deliveries list | show | release | discard | replay`: what came in, and what a person does with it."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from ingest.cli import ids, output, pictures, telling
from ingest.cli.filters import Json, Limit, Since, Until, Verdict, Webhook, Yes, of_deliveries, taking
from ingest.cli.workspace import Workspace, opened
from workers.errors import BadInput, Conflict, NotFound

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
_DONE = {"release": "Released", "discard": "Discarded", "replay": "Replayed"}
#: deliveries read at once
_PAGE = 500


@dataclass(frozen=True, slots=True)
class _Asked:
    """What `release`, `discard` and `replay` are asked for: deliveries by id, or those of the filter `chosen`."""

    ids: Sequence[str]
    chosen: Filter
    everything: bool
    yes: bool
    dry_run: bool
    as_json: bool


def _asked(
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="Deliveries by id; else by the options.")
    ] = None,
    verdict: Verdict = None,
    webhook: Webhook = None,
    since: Since = None,
    until: Until = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Every delivery is meant, where no other option chooses.")
    ] = False,
    yes: Yes = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
    as_json: Json = False,
) -> _Asked:
    chosen = of_deliveries(None, verdict, webhook, since, until)
    return _Asked(ids or (), chosen, everything, yes, dry_run, as_json)


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
    from ingest import headers
    from workers.store import deliveries
    from workers.store.events import spell

    with opened() as workspace, workspace.store.read() as sql:
        delivery_id = ids.meant(sql, delivery, "delivery")
        row = deliveries.one(sql, delivery_id)
        if row is None:
            raise _no_such(delivery)
        body = deliveries.body(sql, delivery_id) or b""
        sent = headers.shown(deliveries.headers(sql, delivery_id))
    if raw:
        sys.stdout.buffer.write(body)
        sys.stdout.buffer.flush()
        return
    told = {**deliveries.shape(row), "last_seen_at": spell(row.last_seen_at), "headers": sent}
    if as_json:
        output.json_line(told)
        return
    pictures.sheet([(name, str(value)) for name, value in told.items() if name != "headers" and value is not None])
    output.say("")
    pictures.sheet(sent)
    output.note("The body: daybook deliveries show --body " + str(delivery_id))


@app.command()
@taking(_asked)
def release(asked: _Asked) -> None:
    """Let deliveries out of quarantine: they become events, whatever their signature was."""
    _act("release", "quarantined", asked)


@app.command()
@taking(_asked)
def discard(asked: _Asked) -> None:
    """Decide against deliveries in quarantine: they never become events, and no longer count there."""
    _act("discard", "quarantined", asked)


@app.command()
@taking(_asked)
def replay(asked: _Asked) -> None:
    """Send persisted deliveries through the pipeline again: their events are read anew, in place."""
    _act("replay", "persisted", asked)


def _act(verb: str, state: str, asked: _Asked) -> None:
    """Do `verb` to the deliveries named, or to those of the filter in `state` once that was counted and asked."""
    from workers import replay as verbs
    from workers.store.receipts import State

    _refuse_unclear(asked)
    wanted = replace(asked.chosen, state=State(state))
    done = {"release": verbs.release, "discard": verbs.discard, "replay": verbs.replay}[verb]
    with opened() as workspace:
        store = workspace.store
        named = _named(store, asked.ids)
        rung = False
        left_alone = [row for row in named if row.state != state]
        number = len(named) - len(left_alone) if asked.ids else _count(store, wanted)
        if not asked.dry_run:
            if not asked.ids:
                _ask(verb, number, asked)
            batches = iter([done(store, [row.id for row in named])]) if named else verbs.each(store, done, wanted)
            number, rung = _settle(workspace, batches, rings=verb != "discard")
    if asked.as_json:
        output.json_line({"verb": verb, "deliveries": number, "dry_run": asked.dry_run, "rung": rung})
    else:
        output.say(f"{f'Would {verb}' if asked.dry_run else _DONE[verb]} {_deliveries(number)}.")
        if number and not (asked.dry_run or rung or verb == "discard"):
            output.note("The broker is away; a worker's sweep finds them when it is back.")
    if left_alone:
        first = left_alone[0]
        raise Conflict(
            f"{_deliveries(len(left_alone))} left alone: {first.id} is {first.state}, and `{verb}` is for {state} ones."
        )


def _refuse_unclear(asked: _Asked) -> None:
    from workers.store.deliveries import Filter

    chooses = asked.chosen != Filter() or asked.everything
    if asked.ids and chooses:
        raise BadInput("name deliveries by id or choose them by options, not both.")
    if not asked.ids and not chooses:
        raise BadInput("name deliveries by id, choose them by --webhook, --verdict, --since or --until, or say --all.")


def _ask(verb: str, number: int, asked: _Asked) -> None:
    if asked.yes or not number:
        return
    if asked.as_json:
        raise BadInput(f"this would {verb} {_deliveries(number)}; say --yes, for with --json nothing is asked.")
    if not output.agreed(f"This will {verb} {_deliveries(number)}. Go on?"):
        raise output.unchanged()


def _settle(workspace: Workspace, batches: Iterator[list[UUID]], *, rings: bool) -> tuple[int, bool]:
    """How many the batches moved, each rung for as soon as it is committed; and whether the broker heard it all."""
    from workers import queue
    from workers import replay as verbs

    if not rings:
        return sum(map(len, batches)), False
    broker = queue.open_broker(workspace.settings.broker)
    number, heard = 0, True
    try:
        for ids in batches:
            number += len(ids)
            heard = heard and verbs.ring(broker, ids)  # one that is away is not asked again for each batch
    finally:
        with contextlib.suppress(Exception):  # any broker, any way of being away
            broker.close()
    return number, heard and number > 0


def _named(store: Store, written: Sequence[str]) -> Sequence[Row[Any]]:
    from workers.store import deliveries

    with store.read() as sql:
        wanted = dict.fromkeys(ids.meant(sql, each, "delivery") for each in written)
        rows = deliveries.some(sql, list(wanted))
    missing = wanted.keys() - {row.id for row in rows}
    if missing:
        raise _no_such(", ".join(sorted(map(str, missing))))
    return rows


def _count(store: Store, wanted: Filter) -> int:
    from workers.store import deliveries

    with store.read() as sql:
        return deliveries.count(sql, wanted)


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


def _no_such(ids: str) -> NotFound:
    return NotFound(f"there is no delivery {ids}; `daybook deliveries list` shows those there are.")


def _deliveries(number: int) -> str:
    return f"{number:,} deliver{'y' if number == 1 else 'ies'}"
