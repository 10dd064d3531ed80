"""`daybook reconcile`: compare the history with what Cal.com tells, and write down what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ingest.cli import output
from ingest.cli.filters import Json
from ingest.cli.workspace import opened

if TYPE_CHECKING:  # Cal.com's client and CEL take a while to load, and `--help` needs neither
    from workers.looking import Report

#: events of one list that people are told one by one
_MOST_TOLD = 20


def add_to(app: typer.Typer) -> None:
    """Hang the command under `daybook` itself."""
    app.command(name="reconcile")(reconcile)


def reconcile(
    connection: Annotated[
        str | None, typer.Option(metavar="PCID", help="Only this connection; all of them where left out.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be found, and write nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Compare the history with what Cal.com tells, and write what is missing as events that rules hear.

    The first time a list is looked at, only its picture is taken. Calls of rules' actions go first. Status 1 where a
    connection could not be reached; a list that the key may not read is told and passed over.
    """
    from workers import reconcile as verb
    from workers.actions.registry import kinds
    from workers.rulebook import Rulebook

    with opened() as workspace:
        settings, store = workspace.settings, workspace.store
        book = Rulebook(store, settings.rules, kinds(settings))
        with output.stderr.status("Asking Cal.com …") as status:

            def told(report: Report) -> None:
                status.stop()  # while it shows, rich sends stdout to where it shows itself
                _print(report, dry_run=dry_run, as_json=as_json)
                status.start()

            reports = verb.reconcile(store, workspace.vault, book.kept, only=connection, dry_run=dry_run, told=told)
    if not reports and not as_json:
        output.say("There are no connections yet; `daybook connections add` makes one.", style="dim")
    if any(report.failed for report in reports):
        raise typer.Exit(1)


def _print(report: Report, *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        output.json_line(_shape(report, dry_run=dry_run))
        return
    where = f"{report.connection}: {report.part}" if report.part else report.connection
    output.say(f"{where:<24} {_sentence(report, dry_run=dry_run)}", style=_style(report))
    for event in report.events[:_MOST_TOLD]:
        output.say(f"{'':<24} {event.trigger} {event.title or ''}".rstrip())
    if len(report.events) > _MOST_TOLD:
        output.say(f"{'':<24} and {len(report.events) - _MOST_TOLD:,} more", style="dim")


def _style(report: Report) -> str:
    if report.failed:
        return "red"
    if not report.part:
        return "dim"
    return "yellow" if report.problem is not None or report.events else ""


def _sentence(report: Report, *, dry_run: bool) -> str:
    if report.problem is not None:
        if not report.part and not report.failed:
            return f"passed over: {report.problem}"
        ended = report.later and not report.failed
        return f"{'cut short; the next look goes on' if ended else 'could not be read'}: {report.problem}"
    if report.first:
        return f"{report.rows:,} read: the first look only takes the picture."
    found = f"{len(report.events):,} missing" if report.events else "nothing missing"
    said = [f"{report.rows:,} read, {found}{' (nothing was written)' if dry_run and report.events else ''}"]
    if report.waiting:
        said.append(f"{report.waiting:,} left for the next look")
    if report.skipped:
        said.append(f"{report.skipped:,} without sense passed over")
    if report.later:
        said.append("the next look goes on")
    return "; ".join(said) + "."


def _shape(report: Report, *, dry_run: bool) -> dict[str, Any]:
    return {
        "connection": report.connection,
        "part": report.part or None,
        "rows": report.rows,
        "skipped": report.skipped,
        "first": report.first,
        "waiting": report.waiting,
        "later": report.later,
        "dry_run": dry_run,
        "problem": report.problem,
        "failed": report.failed,
        "events": [
            {
                "trigger": event.trigger,
                "title": event.title,
                "booking": event.booking.uid if event.booking is not None else None,
                "user": event.organizer.id if event.organizer is not None else None,
            }
            for event in report.events
        ],
    }
