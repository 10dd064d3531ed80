"""`daybook doctor`: look at everything Daybook needs, one line each, with the remedy. It mends nothing."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from ingest.cli import output
from ingest.cli.filters import Json
from ingest.cli.verdicts import State, Verdict, fail, ok, warn
from ingest.cli.workspace import missing_file
from workers.errors import DaybookError
from workers.settings import Settings, load
from workers.store.engine import Store, open_store

_STYLES = {State.OK: "green", State.WARN: "yellow", State.FAIL: "bold red"}


def add_to(app: typer.Typer) -> None:
    """Hang the command under `daybook` itself."""
    app.command(name="doctor")(doctor)


def doctor(
    as_json: Json = False,
    local: Annotated[bool, typer.Option("--local", help="Only this machine: ask neither Cal.com nor the URL.")] = False,
) -> None:
    """Check everything Daybook needs and say what to do about what is wrong. Status 1 if anything fails."""
    failed = False
    with output.stderr.status("Looking …") as status:
        for verdict in _examine(local=local):
            failed = failed or verdict.state is State.FAIL
            status.stop()  # while it shows, rich sends stdout to where it shows itself
            _print(verdict, as_json=as_json)
            status.start()
    if failed:
        raise typer.Exit(1)


def _examine(*, local: bool) -> Iterator[Verdict]:
    from ingest.cli.machine_checks import machine
    from workers import logs

    try:
        settings = load()
        logs.set_up(settings.model_copy(update={"log_level": "error"}))
        store = open_store(settings.database, pool_size=2)
    except DaybookError as error:
        yield fail("settings", error.message, "Mend that setting; nothing else can be looked at before.")
        return
    yield ok("settings", f"data in {settings.data_dir.absolute()}, webhooks at {settings.base_url}")
    with contextlib.closing(store):
        missing = missing_file(store)
        if missing:
            yield _not_there(settings, missing)
            return
        usable = True
        for verdict in _whatever_happens("this machine", machine(settings, store)):
            usable = usable and verdict.state not in _STOPS.get(verdict.check, ())
            yield verdict
        if usable and not local:
            yield from _whatever_happens("outside", _outside(settings, store))


def _not_there(settings: Settings, file: Path) -> Verdict:
    if settings.database_url is not None and not file.parent.is_dir():
        return fail("database", f"{file} cannot be made: its folder is not there", "Mend DAYBOOK_DATABASE_URL.")
    return warn("database", f"{file} is not there yet", "`daybook up` makes it, and `daybook migrate` does.")


#: without these there is nothing to ask Cal.com about
_STOPS = {
    "database": (State.FAIL,), "migrations": (State.FAIL, State.WARN), "secrets": (State.FAIL,),
    "this machine": (State.FAIL,),
}  # fmt: skip


def _whatever_happens(part: str, looks: Iterator[Verdict]) -> Iterator[Verdict]:
    """The verdicts, the last of them a failure where looking itself failed: a doctor tells, and does not fall ill."""
    try:
        yield from looks
    except DaybookError as error:
        yield fail(part, error.message, "Mend that first; what comes after it was not looked at.")
    except Exception as error:
        if os.environ.get("DAYBOOK_LOG_LEVEL") == "debug":
            raise
        said = f"looking ended in an unexpected {type(error).__name__}"
        yield fail(part, said, "That is a bug; DAYBOOK_LOG_LEVEL=debug shows where.")


def _outside(settings: Settings, store: Store) -> Iterator[Verdict]:
    from ingest.cli import outside_checks
    from workers.desired import parse
    from workers.settings import read_config
    from workers.store import connections
    from workers.vault import open_vault

    with store.read() as sql:
        known = connections.every(sql)
    path = settings.config_path
    try:
        wanted = parse(read_config(path).get("webhooks"), str(path)) if path.exists() else ()
        missing = sorted({one.connection for one in wanted} - {one.pcid for one in known})
    except DaybookError as error:
        yield fail("daybook.yaml", error.message, "Mend the file.")
    else:
        if missing:
            remedy = "`daybook connections add` makes them."
            yield fail("daybook.yaml", f"it names connections there are not: {', '.join(missing)}", remedy)
        elif wanted:
            yield ok("daybook.yaml", f"{len(wanted)} webhooks wanted")
    if not known:
        yield warn("connections", "there are none yet", "`daybook connections add` makes one.")
    for connection in known:
        yield outside_checks.at_calcom(store, open_vault(settings), connection)
    yield from outside_checks.public_url(settings, known)
    if known:
        yield outside_checks.clock_against(known[0].base_url)


def _print(verdict: Verdict, *, as_json: bool) -> None:
    if as_json:
        output.json_line(
            {"check": verdict.check, "state": verdict.state.value, "detail": verdict.detail,
             "remedy": verdict.remedy or None}
        )  # fmt: skip
        return
    line = Text.assemble(
        (f"{verdict.state.value:<5}", _STYLES[verdict.state]),
        (f"{output.clean(verdict.check)}: ", "bold"),
        output.clean(verdict.detail),
    )
    output.console.print(line, soft_wrap=True)
    if verdict.remedy:
        output.console.print(Text(f"     {output.clean(verdict.remedy)}", style="dim"), soft_wrap=True)
