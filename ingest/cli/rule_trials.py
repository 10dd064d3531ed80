"""`daybook rules test | backtest`: what a rule would do with one event, or with the stored history. Nothing is done."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from ingest import moments
from ingest.cli import ids, output, progress, rule_files, rule_told
from ingest.cli.filters import Json, moment, said
from ingest.cli.workspace import opened
from workers.errors import BadInput, NotFound
from workers.settings import load

if TYPE_CHECKING:  # CEL and SQLAlchemy take a second to load, and `--help` needs none
    from sqlalchemy import Connection

File = Annotated[Path, typer.Argument(metavar="FILE", help="A rule file.")]
Named = Annotated[str | None, typer.Option("--rule", metavar="NAME", help="Which rule of the file.")]

#: bytes of an event in a file
_LARGEST = 16 * 1024 * 1024


def with_event(
    file: File,
    event: Annotated[
        str,
        typer.Option(
            metavar="ID|FILE",
            help="An event by its id; or a file with one as `events show --json` prints it, or with a delivery's body. "
            "-: stdin.",
        ),
    ],
    rule: Named = None,
    outputs: Annotated[
        list[str] | None,
        typer.Option(
            "--outputs", metavar="STEP=JSON", help="What a step is taken to have given to later ones; repeatable."
        ),
    ] = None,
    connection: Annotated[
        str | None, typer.Option(metavar="PCID", help="The connection that an event from a file is of.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show what a rule would do with an event: whether it matches and why, every value, every call. None is made."""
    from workers import rehearse

    given = _outputs(outputs or ())
    meant, kinds = rule_files.one(file, rule, load())
    now = datetime.now(UTC)
    body = _body(event)
    if body is not None:
        told = rehearse.event_of(body, pcid=connection or meant.connection, now=now)
        tried = rehearse.rehearse(meant, told, kinds, now=now, outputs=given)
    else:
        with opened() as workspace:
            with workspace.store.read() as sql:
                told = _stored(sql, event)
            tried = rehearse.rehearse(meant, told, kinds, now=now, outputs=given, store=workspace.store)
    if as_json:
        output.json_line(rehearse.shape(tried))
    else:
        rule_told.rehearsal(rehearse.shape(tried), told)


def _outputs(written: list[str] | tuple[()]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for each in written:
        step, equals, text = each.partition("=")
        try:
            found[step.strip()] = msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError):
            equals = ""
        if not equals:
            raise BadInput(f"--outputs must be STEP=JSON, like --outputs 'made={{\"id\": 7}}'; it is {each[:60]!r}.")
    return found


def _body(event: str) -> bytes | None:
    """What a file holds; None for what is an event's id."""
    if event == "-":
        return sys.stdin.buffer.read(_LARGEST)
    try:
        path = Path(event)
        if not path.is_file() and not path.is_fifo():
            if path.suffix or len(path.parts) > 1:
                raise NotFound(f"--event {event} is no file that is there; name one, or an event's id.")
            return None
        with path.open("rb") as file:
            body = file.read(_LARGEST + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no path"
        raise BadInput(f"--event {event[:60]!r} cannot be read: {reason}.") from None
    if len(body) > _LARGEST:
        raise BadInput(f"--event {event} has over {_LARGEST // 1024 // 1024} MB, which is no event.")
    return body


def _stored(sql: Connection, event: str) -> dict[str, Any]:
    from workers.store import history
    from workers.store.events import whole

    event_id = ids.meant(sql, event, "event")
    row = history.one(sql, event_id)
    if row is None:
        raise NotFound("there is no event with this id; `daybook events list` shows those there are.")
    return whole(sql, row)


def over_history(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A rule file, or a folder of them.")],
    since: Annotated[
        str, typer.Option(metavar="WHEN", help=f"Events received then or later: {moments.FORMS}.")
    ] = "30d",
    until: Annotated[
        str | None, typer.Option(metavar="WHEN", help="Received before; a date is meant with the whole day.")
    ] = None,
    connection: Annotated[str | None, typer.Option(metavar="PCID", help="Events of this connection.")] = None,
    rule: Annotated[str | None, typer.Option("--rule", metavar="NAME", help="Only this rule of the file.")] = None,
    as_json: Json = False,
) -> None:
    """Run rules over the stored history: what matches, what they would call, and what differs from the live ones."""
    from workers import backtest as trial
    from workers.actions.registry import kinds
    from workers.store import history
    from workers.store.history import Filter

    chosen = Filter(
        since=moment("--since", since),
        until=moment("--until", until, until=True),
        connection=said("--connection", connection),
    )
    step_kinds = kinds(load())
    rules = rule_files.sound(file, step_kinds).rules
    tested = [rule_files.chosen(rules, rule, file)] if rule is not None else rules
    with opened() as workspace:
        store = workspace.store
        live = trial.live(store, step_kinds)
        wanted = trial.wanted(tested, live, chosen)

        def count() -> int:
            with store.read() as sql:
                return history.count(sql, wanted)

        events = progress.watched(trial.stored(store, wanted), count, "backtesting")
        tallies = trial.backtest(store, tested, live, events, step_kinds)
        shown = [trial.shape(store, tally, chosen) for tally in tallies]
    for number, one in enumerate(shown):
        if as_json:
            output.json_line(one)
            continue
        if number:
            output.say("")
        rule_told.tally(one)
