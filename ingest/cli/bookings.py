"""`daybook bookings show UID`: one booking's timeline, from what was received to what it says."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.text import Text

from ingest.cli import booking_told, ids, output, telling
from ingest.cli.filters import Connection, Json
from ingest.cli.workspace import opened
from workers.errors import NotFound

#: characters of a line, however narrow the terminal
_LEAST = 20

app = typer.Typer(help="Bookings, as their events tell of them.", no_args_is_help=True)


@app.callback()
def _noun() -> None:
    """Keeps `show` a command of its own while it is the only one."""


@app.command()
def show(
    uid: Annotated[
        str,
        typer.Argument(metavar="UID", help="Cal.com's uid of the booking or of one it replaced, or its beginning."),
    ],
    connection: Connection = None,
    as_json: Json = False,
) -> None:
    """Show how a booking stands, with its seats or series, and every event of it, through all reschedules."""
    from workers.store import timeline

    with opened() as workspace, workspace.store.read() as sql:
        told = timeline.read(sql, uid, pcid=connection)
        told = told or timeline.read(sql, ids.uid(sql, uid), pcid=connection)
    if told is None:
        raise NotFound("no event told of a booking with this uid; `daybook events list --text …` finds events.")
    if as_json:
        output.json_line(told)
        return
    _say(telling.standing(told), style="bold")
    for sentence in booking_told.beside(told):
        _say(sentence)
    output.say("")
    for event in told["events"]:
        _step(event, last=event is told["events"][-1])


def _step(event: dict[str, Any], *, last: bool) -> None:
    """`received -> event`, each under its name, with the thread that joins the steps drawn on the left."""
    thread = " " if last else "│"
    output.say(f"● {telling.when(event['received_at'])} UTC  {event['trigger'] or event['kind']}", style="bold")
    for name, text, style in booking_told.step(event):
        _say(text, first=f"{thread}   {name:<10}", rest=f"{thread}{'':<13}", style=style)
    output.say(thread)


def _say(text: str, *, first: str = "", rest: str = "", style: str = "") -> None:
    """Text after `first`. A terminal has it folded between words, each further line after `rest`."""
    width = output.width()
    lines = [text]
    if width is not None:
        room = max(width - len(first), _LEAST)
        lines = [line.plain.rstrip() for line in Text(output.clean(text)).wrap(output.console, room)]
    for number, line in enumerate(lines):
        output.say(f"{rest if number else first}{line}", style=style)
