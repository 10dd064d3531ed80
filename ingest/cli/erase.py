"""`daybook erase --email`: take one person out of everything that is kept here, and say what was done."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from ingest.cli import output, progress
from ingest.cli.filters import Json, Yes
from ingest.cli.workspace import Workspace, opened
from workers.errors import BadInput

if TYPE_CHECKING:  # SQLAlchemy takes half a second to load, and `--help` needs none
    from workers.erase import Report
    from workers.scrub import Person
    from workers.store.receipts import Receipt


def add_to(app: typer.Typer) -> None:
    """Hang the command under `daybook` itself."""
    app.command(name="erase")(erase)


def erase(
    email: Annotated[str, typer.Option(metavar="ADDRESS", help="Who is to go, in any letter case.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Erase a person from deliveries, events, runs, actions, search, audit log and spool. It cannot be taken back.

    What happened stays, with a mark for the address and `Erased` for the name. Backups keep the person: see
    docs/keeping.md. Status 1 where something had to be left; run it again then.
    """
    from workers.erase import erase as from_sql
    from workers.scrub import Person

    person, now = Person(email), datetime.now(UTC)
    with opened() as workspace:
        _ask(dry_run=dry_run, yes=yes, as_json=as_json)
        with _recorded(workspace, person, dry_run=dry_run), progress.bar("looking", lambda: _rows(workspace)) as tell:
            spooled, busy = _spool(workspace, person, now, dry_run=dry_run)
            report = from_sql(workspace.store, person, now, dry_run=dry_run, tell=tell)
        report.rows["spool"] += spooled
        sqlite = workspace.store.sqlite
    _say(person, report, busy, dry_run=dry_run, as_json=as_json)
    if not (as_json or dry_run or sqlite):
        output.note("PostgreSQL keeps what was overwritten until VACUUM; `VACUUM` now makes an end of it.")
    if report.left or busy:
        raise typer.Exit(1)


def _ask(*, dry_run: bool, yes: bool, as_json: bool) -> None:
    if dry_run or yes:
        return
    if as_json:
        raise BadInput("this erases for good; say --yes, for with --json nothing is asked, or --dry-run.")
    if not output.agreed("This erases the person for good, here but not in backups. Go on?"):
        raise output.unchanged()


@contextlib.contextmanager
def _recorded(workspace: Workspace, person: Person, *, dry_run: bool) -> Iterator[None]:
    """Write down that somebody was erased, by a digest and never by the address."""
    from workers.store import audit
    from workers.store.keys import Role

    if dry_run:
        yield
        return
    who = audit.Who("the command line", Role.ADMIN, None)
    told = {"digest": person.digest}
    with workspace.store.write() as sql:
        entry = audit.begin(
            sql, who, door="cli", what="erase", connection=None, arguments=told, now=datetime.now(UTC)
        )  # fmt: skip
    outcome = audit.Outcome.FAILED
    try:
        yield
        outcome = audit.Outcome.DONE
    finally:
        with workspace.store.write() as sql:
            audit.end(sql, entry, outcome, detail=None, now=datetime.now(UTC))


def _rows(workspace: Workspace) -> int:
    """How many deliveries and events are looked at."""
    from workers.store import deliveries, history
    from workers.store.deliveries import Filter as Deliveries
    from workers.store.history import Filter as Events

    with workspace.store.read() as sql:
        return deliveries.count(sql, Deliveries()) + history.count(sql, Events())


def _spool(workspace: Workspace, person: Person, now: datetime, *, dry_run: bool) -> tuple[int, int]:
    """Records that named the person, and files that another process has in hand."""
    from ingest.spool import Spool
    from workers.erase import marked
    from workers.scrub import parsed

    counted = 0

    def change(receipt: Receipt) -> Receipt:
        nonlocal counted
        said = parsed(receipt.body)
        person.learn(said)
        named = person.is_in(said if said is not None else receipt.body.decode("utf-8", "replace"))
        body = person.body(receipt.body, person.names if named else ())
        headers = person.headers(receipt.headers)
        if (body, headers) == (receipt.body, receipt.headers):
            return receipt
        counted += 1
        return receipt if dry_run else msgspec.structs.replace(receipt, body=body, headers=marked(headers, now))

    def blot(rest: bytes) -> bytes:
        nonlocal counted
        blotted = person.text(rest.decode("latin-1")).encode("latin-1")
        counted += blotted != rest
        return rest if dry_run else blotted

    settings = workspace.settings
    busy = Spool(settings.data_dir / "spool", settings.spool_bytes).rewrite(change, blot)
    return counted, busy


def _say(person: Person, report: Report, busy: int, *, dry_run: bool, as_json: bool) -> None:
    rows = {table: number for table, number in sorted(report.rows.items()) if number}
    if as_json:
        told = {"erased": rows, "digest": person.digest, "mark": person.mark, "dry_run": dry_run}
        output.json_line({**told, "left": {"events": report.left, "spool": busy}})
        return
    if not rows:
        output.say("Nothing here names this person.")
    else:
        output.table(("what", "would change" if dry_run else "changed"), list(rows.items()), empty="")
        if not dry_run:
            output.say(f"In place of the address stands {person.mark} now. Backups keep the person.")
    if report.left:
        output.note(
            f"Left alone: {report.left:,} with runs under way. Wait for them, or end them with `daybook runs cancel`, "
            "and run this again.",
            style="yellow",
        )
    if busy:
        output.note(
            f"Left alone: {busy} files of the spool that a process has in hand. Run this again.", style="yellow"
        )
