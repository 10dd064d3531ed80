"""`daybook bookings show UID`: one booking's timeline, from what was received to what it says."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ingest.cli import ids, output, telling
from ingest.cli.filters import Connection, Json
from ingest.cli.workspace import opened
from workers.errors import NotFound

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
    """Show how a booking stands and every event of it, through all reschedules."""
    from workers.store import timeline

    with opened() as workspace, workspace.store.read() as sql:
        told = timeline.read(sql, uid, pcid=connection)
        told = told or timeline.read(sql, ids.uid(sql, uid), pcid=connection)
    if told is None:
        raise NotFound("no event told of a booking with this uid; `daybook events list --text …` finds events.")
    if as_json:
        output.json_line(told)
        return
    output.say(telling.standing(told), style="bold")
    output.say("")
    for event in told["events"]:
        _step(event, last=event is told["events"][-1])


def _step(event: dict[str, Any], *, last: bool) -> None:
    """`received -> event`, a line each, with the thread that joins them drawn on the left."""
    delivery, uid = event["delivery"], event["booking"]["uid"]
    bar = " " if last else "│"
    came = (
        f"delivery {delivery['id']}, {delivery['verdict']}, {delivery['bytes']:,} bytes" if delivery else "no delivery"
    )
    seen = f", seen {delivery['seen']} times" if delivery and delivery["seen"] > 1 else ""
    says = [event["title"], event["status"], f"starts {telling.minute(event['start'])} UTC" if event["start"] else None]
    output.say(f"● {telling.when(event['received_at'])} UTC  {event['trigger'] or event['kind']}", style="bold")
    output.say(f"{bar}   received  {came}{seen}", style="dim")
    output.say(f"{bar}   event     {', '.join(filter(None, says)) or event['kind']}")
    people = telling.who(event)
    if people:
        output.say(f"{bar}   who       {people}")
    output.say(f"{bar}   uid       {uid}", style="dim")
    output.say(bar)
