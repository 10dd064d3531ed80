"""`daybook deliveries list | show | release | discard | replay`: what came in, and what a person does with it."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from ingest.cli import output, pictures, telling
from ingest.cli.filters import Json, Since, Until, Verdict, Webhook, id_of, of_deliveries
from ingest.cli.workspace import Workspace, opened
from workers.errors import BadInput, Conflict, NotFound

if TYPE_CHECKING:  # SQLAlchemy takes half a second to load, and `--help` needs none
    from sqlalchemy import Row

    from workers.store.deliveries import Filter
    from workers.store.engine import Store

app = typer.Typer(help="Deliveries: what came in, byte for byte, and what became of it.", no_args_is_help=True)

Ids = Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Deliveries by id; else by the options.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only count.")]
All = Annotated[bool, typer.Option("--all", help="Every delivery is meant, where no other option chooses.")]

_COLUMNS = ("received (UTC)", "webhook", "verdict", "state", "bytes", "seen", "id")
#: what there is room for on a narrow terminal
_FEW = ("received (UTC)", "webhook", "verdict", "state", "id")
_DONE = {"release": "Released", "discard": "Discarded", "replay": "Replayed"}
#: deliveries read at once
_PAGE = 500


@app.command(name="list")
def list_deliveries(
    state: Annotated[str | None, typer.Option(help="received, persisted, quarantined or discarded.")] = None,
    verdict: Verdict = None,
    webhook: Webhook = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option(min=1, help="Deliveries listed, the newest.")] = 50,
    as_json: Json = False,
) -> None:
    """List deliveries, newest first."""
    from workers.store.deliveries import shape

    wanted = of_deliveries(state, verdict, webhook, since, until)
    with opened() as workspace:
        shown = (shape(row) for row in _every(workspace.store, wanted, limit=limit))
        if as_json:
            for one in shown:
                output.json_line(one)
            return
        columns = _COLUMNS if output.wide() else _FEW
        rows = [[telling.minute(one["received_at"]), *(one[name] for name in columns[1:])] for one in shown]
    output.table(columns, rows, empty="No deliveries.", whole=("received (UTC)", "id"))


@app.command()
def show(
    delivery: Annotated[str, typer.Argument(metavar="ID", help="The delivery's id.")],
    raw: Annotated[
        bool, typer.Option("--body", help="Write the body to stdout, byte for byte, and nothing else.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show a delivery and the headers of its request."""
    from ingest import headers
    from workers.store import deliveries
    from workers.store.events import spell

    delivery_id = id_of(delivery, "delivery")
    with opened() as workspace, workspace.store.read() as sql:
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
def release(
    ids: Ids = None,
    verdict: Verdict = None,
    webhook: Webhook = None,
    since: Since = None,
    until: Until = None,
    everything: All = False,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Let deliveries out of quarantine: they become events, whatever their signature was."""
    wanted = of_deliveries("quarantined", verdict, webhook, since, until)
    _act("release", ids, wanted, everything=everything, yes=yes, dry_run=dry_run, as_json=as_json)


@app.command()
def discard(
    ids: Ids = None,
    verdict: Verdict = None,
    webhook: Webhook = None,
    since: Since = None,
    until: Until = None,
    everything: All = False,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Decide against deliveries in quarantine: they never become events, and no longer count there."""
    wanted = of_deliveries("quarantined", verdict, webhook, since, until)
    _act("discard", ids, wanted, everything=everything, yes=yes, dry_run=dry_run, as_json=as_json)


@app.command()
def replay(
    ids: Ids = None,
    verdict: Verdict = None,
    webhook: Webhook = None,
    since: Since = None,
    until: Until = None,
    everything: All = False,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Send persisted deliveries through the pipeline again: their events are read anew, in place."""
    wanted = of_deliveries("persisted", verdict, webhook, since, until)
    _act("replay", ids, wanted, everything=everything, yes=yes, dry_run=dry_run, as_json=as_json)


def _act(
    verb: str, ids: list[str] | None, wanted: Filter, *, everything: bool, yes: bool, dry_run: bool, as_json: bool
) -> None:
    """Do `verb` to the deliveries named, or to those of a filter once that was counted and asked."""
    from workers import replay as verbs

    _refuse_unclear(ids, wanted, everything=everything)
    done = {"release": verbs.release, "discard": verbs.discard, "replay": verbs.replay}[verb]
    with opened() as workspace:
        store = workspace.store
        named = _named(store, ids) if ids else []
        rung = False
        left_alone = [row for row in named if row.state != wanted.state]
        number = len(named) - len(left_alone) if ids else _count(store, wanted)
        if not dry_run:
            if not ids:
                _ask(verb, number, yes=yes, as_json=as_json)
            batches = iter([done(store, [row.id for row in named])]) if ids else verbs.each(store, done, wanted)
            number, rung = _settle(workspace, batches, rings=verb != "discard")
    if as_json:
        output.json_line({"verb": verb, "deliveries": number, "dry_run": dry_run, "rung": rung})
    else:
        output.say(f"{f'Would {verb}' if dry_run else _DONE[verb]} {_deliveries(number)}.")
        if number and not (dry_run or rung or verb == "discard"):
            output.note("The broker is away; a worker's sweep finds them when it is back.")
    if left_alone:
        first = left_alone[0]
        raise Conflict(
            f"{_deliveries(len(left_alone))} left alone: {first.id} is {first.state}, "
            f"and `{verb}` is for {wanted.state} ones."
        )


def _refuse_unclear(ids: list[str] | None, wanted: Filter, *, everything: bool) -> None:
    from workers.store.deliveries import Filter

    chooses = wanted != Filter(state=wanted.state) or everything
    if ids and chooses:
        raise BadInput("name deliveries by id or choose them by options, not both.")
    if not ids and not chooses:
        raise BadInput("name deliveries by id, choose them by --webhook, --verdict, --since or --until, or say --all.")


def _ask(verb: str, number: int, *, yes: bool, as_json: bool) -> None:
    if yes or not number:
        return
    if as_json:
        raise BadInput(f"this would {verb} {_deliveries(number)}; say --yes, for with --json nothing is asked.")
    typer.confirm(f"This will {verb} {_deliveries(number)}. Go on?", abort=True, err=True)


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


def _named(store: Store, ids: list[str]) -> Sequence[Row[Any]]:
    from workers.store import deliveries

    wanted = dict.fromkeys(id_of(each, "delivery") for each in ids)
    with store.read() as sql:
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
