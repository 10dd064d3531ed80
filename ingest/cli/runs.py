"""`daybook runs list | show | retry | cancel`: what rules did, and what a person does where one came to a stop."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from ingest.cli import ids, output, pictures, run_told
from ingest.cli.filters import Json, of_runs, taking
from ingest.cli.workspace import Workspace, opened
from workers.errors import BadInput, Conflict, NotFound

if TYPE_CHECKING:  # SQLAlchemy takes half a second to load, and `--help` needs none
    from sqlalchemy import Connection, Row

    from workers.store.engine import Store
    from workers.store.ledger import Action
    from workers.store.runs import Filter

app = typer.Typer(help="Runs: one rule meeting one event, and what each step of it did.", no_args_is_help=True)

Ids = Annotated[list[str], typer.Argument(metavar="ID", help="Runs by id, or by a beginning that only one has.")]

#: runs read at once
_PAGE = 500
#: what is done to one run, in a transaction; a `Conflict` says why it is not, and changes nothing
_Deed = Callable[["Connection", "Row[Any]"], None]


@app.command(name="list")
@taking(of_runs)
def list_runs(
    wanted: Filter,
    event: Annotated[str | None, typer.Option(metavar="ID", help="Those that this event caused.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many are listed, the newest.")] = 50,
    as_json: Json = False,
) -> None:
    """List runs, the newest first."""
    from workers.store import outcomes

    with opened() as workspace:
        if event is not None:
            with workspace.store.read() as sql:
                wanted = replace(wanted, event_id=ids.meant(sql, event, "event"))
        shown = (outcomes.run(row) for row in _every(workspace.store, wanted, limit=limit))
        if as_json:
            for one in shown:
                output.json_line(one)
            return
        found = list(shown)
    columns, rows = run_told.table(found, output.width(), datetime.now(UTC))
    output.table(columns, rows, empty="No runs.", whole=run_told.WHOLE)


@app.command()
def show(
    run: Annotated[str, typer.Argument(metavar="ID", help="The run's id, or a beginning that only it has.")],
    as_json: Json = False,
) -> None:
    """Show a run: the event and the version of its rule, and each step with what it was told and what it gave."""
    from ingest import one_run

    with opened() as workspace, workspace.store.read() as sql:
        told = one_run.told(sql, _one(sql, run))
    if as_json:
        output.json_line(told)
        return
    pictures.sheet(run_told.sheet(told))
    for number, action in enumerate(told["actions"], 1):
        output.say("")
        output.say(f"{number}. {action['step']}: {run_told.what(action)}", style="bold")
        pictures.sheet(_lines(action))
    waiting = [action for action in told["actions"] if action["state"] == "unknown"]
    if told["state"] == "dead" and waiting:
        output.note(f"`daybook runs retry {told['id']}` says what is to be found out before it goes on.")
    elif told["state"] == "dead":
        output.note(f"`daybook runs retry {told['id']}` tries again, once what stood in its way is mended.")


@app.command()
def retry(
    runs_: Ids,
    done: Annotated[
        bool | None,
        typer.Option(
            "--done/--not-done", help="Of a step whose end nobody knows: whether it was done.", show_default=False
        ),
    ] = None,
    look: Annotated[
        bool, typer.Option("--look", help="Of such a step: look once more whether it was done, where that can be seen.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Try dead and failed runs again at once, from the step where they stopped."""
    from ingest import one_run
    from workers.store import outcomes

    if look and done is not None:
        raise BadInput("say --look, or that it was --done or --not-done, not both.")

    def deed(sql: Connection, row: Row[Any]) -> None:
        def undecided(action: Action) -> str:
            return run_told.undecided(outcomes.run(row), outcomes.action(action), f"{row.id}.{row.act}.{action.step}")

        leave = "leave --done, --not-done and --look away."
        one_run.retry(sql, row, done=done, look=look, undecided=undecided, needless=leave, now=datetime.now(UTC))

    _do(runs_, deed, "tried again", as_json=as_json)


@app.command()
def cancel(runs_: Ids, as_json: Json = False) -> None:
    """Do nothing more of unfinished runs. What they did stays done."""
    from ingest import one_run

    def deed(sql: Connection, row: Row[Any]) -> None:
        one_run.cancel(sql, row, now=datetime.now(UTC))

    _do(runs_, deed, "cancelled", as_json=as_json)


def _do(written: Sequence[str], deed: _Deed, verb: str, *, as_json: bool) -> None:
    """Do it to each run in a transaction of its own, ring for what may go on now, and say what changed."""
    from workers.store import outcomes

    changed: list[tuple[dict[str, Any], dict[str, Any]]] = []
    refused: list[Conflict] = []
    with opened() as workspace:
        with workspace.store.read() as sql:
            meant = dict.fromkeys(_one(sql, each).id for each in written)
        for run_id in meant:
            try:
                with workspace.store.write() as sql:
                    before = _row(sql, run_id)
                    deed(sql, before)
                    changed.append((outcomes.run(before), outcomes.run(_row(sql, run_id))))
            except Conflict as error:
                refused.append(error)
        rung = _ring(workspace, len(changed))
    for before_, after in changed:
        if as_json:
            output.json_line({**after, "before": before_["state"], "rung": rung})
        else:
            output.say(f"Run {after['id']} of {after['rule']} was {before_['state']} and is {verb}.")
    if changed and not rung and not as_json:
        output.note("The broker is away; a worker's sweep finds them when it is back.")
    if refused:
        more = f" {len(refused) - 1} more are left alone too." if len(refused) > 1 else ""
        raise Conflict(refused[0].message + more)


def _ring(workspace: Workspace, times: int) -> bool:
    """Ring for so many runs; False where the broker is away, and then the sweep rings when it is back."""
    from workers import queue

    if not times:
        return False
    broker = queue.open_broker(workspace.settings.broker)
    try:
        queue.ring_to_act(broker, times)
    except Exception:  # any broker, any way of being away
        return False
    finally:
        with contextlib.suppress(Exception):
            broker.close()
    return True


def _one(sql: Connection, written: str) -> Row[Any]:
    return _row(sql, ids.meant(sql, written, "run"))


def _row(sql: Connection, run_id: UUID) -> Row[Any]:
    from workers.store import runs

    row = runs.one(sql, run_id)
    if row is None:
        raise NotFound(f"there is no run {run_id}; `daybook runs list` shows those there are.")
    return row


def _lines(action: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "state", str(action["state"])
    for name in ("reason", "attempts"):
        if action[name]:
            yield name, str(action[name])
    for key, value in action["request"].items():
        if key != action["kind"]:
            yield key, run_told.compact(value)
    if action["answer"] is not None:
        yield "answer", run_told.compact(action["answer"])
    if action["caused"]:
        yield "caused", f"event {action['caused']}"
    yield "begun", f"{action['begun_at']}"
    if action["ended_at"]:
        yield "ended", f"{action['ended_at']}"


def _every(store: Store, wanted: Filter, *, limit: int) -> Iterator[Row[Any]]:
    """Runs newest first, a page at a time."""
    from workers.store import runs

    before: UUID | None = None
    while limit > 0:
        size = min(_PAGE, limit)
        with store.read() as sql:
            rows = runs.page(sql, wanted, before=before, limit=size)
        yield from rows
        if len(rows) < size:
            return
        before = rows[-1].id
        limit -= size
