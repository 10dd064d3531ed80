"""`daybook up | serve | work | migrate`: the processes. What they do inside is theirs."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import structlog
import typer

from ingest import demo_mark
from ingest.cli import copying, demo, output
from workers.errors import BadInput
from workers.settings import Settings, load

if TYPE_CHECKING:
    from ingest.machine import First

#: seconds after which a signal is noticed at the latest: one that comes just as a wait begins does not end that wait
_NOTICED = 1.0
#: in the data directory: touched every second by a worker all of whose threads run, for a probe to look at
ALIVE = "work.alive"
_MIGRATE = "Bring the database's tables up to date; or copy everything into another database, with --from and --to."


def add_to(app: typer.Typer) -> None:
    """Hang the commands under `daybook` itself."""
    app.command(help="Run everything on this machine: broker, web process, workers. Ctrl-C stops it.")(up)
    app.command(help="`up` with a stand-in Cal.com that sends signed deliveries: nothing to set up first.")(demo.demo)
    app.command(help="Run one web process.")(serve)
    app.command(help="Run one worker process.")(work)
    app.command(name="migrate", help=_MIGRATE)(migrate_tables)


def up() -> None:
    """Start the broker, migrate, start the web process and a worker; keep them running until a signal."""
    from ingest import machine, supervise
    from workers import logs

    settings = load()
    logs.set_up(settings)

    async def run() -> None:
        async with supervise.until_signal() as stop, machine.running(settings) as first:
            announce(settings, first)
            if demo_mark.there(settings):
                output.say(f"Note: {settings.data_dir} also holds events of `daybook demo`.", style="yellow")
            await stop.wait()
            output.say("Stopping …")

    with supervise.alone(settings.data_dir):
        asyncio.run(run())
    output.say("Stopped; everything is kept.")


def announce(settings: Settings, first: First | None) -> None:
    """Where to look, where Cal.com must send, how to stop; and the first key, the only time it is known."""
    from ingest.machine import local_url

    here = local_url(settings)
    if first is not None:
        output.say(f"Admin key (shown this once, keep it): {first.key}", style="bold yellow")
        output.say(f"Sign in to the pages with this link, which works once and for an hour: {first.link}", style="bold")
    output.say(
        f"Daybook is up at {here}: look there, or with `daybook events tail`; {here}/api/v1/openapi.json is the API. "
        "Ctrl-C stops it.",
        style="bold green",
    )
    if settings.public_url:
        output.say(f"Cal.com must send to {settings.public_url}/in/…, as `daybook webhooks list --urls` says in full.")
    else:
        output.say(
            f"Cal.com must send to {here}/in/…, which only this machine surely reaches: "
            "set DAYBOOK_PUBLIC_URL to the https address that leads here.",
            style="yellow",
        )


def serve() -> None:
    """One web process. It starts, and keeps deliveries, even while SQL or the broker is away."""
    from ingest import server
    from ingest.web import make_app
    from workers import garbage, logs, traces

    settings = load()
    logs.set_up(settings)
    traces.set_up(settings, "serve")
    _key_fits(settings)
    app = make_app(settings)
    garbage.settle_down()
    server.run(app, settings)
    traces.close()


def work() -> None:
    """One worker process, until SIGINT or SIGTERM."""
    from workers import garbage, logs, traces
    from workers.actors import WorkerProcess

    settings = load()
    logs.set_up(settings)
    traces.set_up(settings, "work")
    _key_fits(settings)
    stop = threading.Event()

    def end(number: int, _frame: object) -> None:
        if stop.is_set():  # told twice: what is under way is left as a crash leaves it
            os._exit(128 + number)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    process = WorkerProcess(settings)
    process.start()
    garbage.settle_down()
    structlog.get_logger(__name__).info("work.started", threads=settings.work_threads)
    while not stop.wait(_NOTICED):
        if process.alive():
            with contextlib.suppress(OSError):  # a full disk is no reason to end; a probe will say that it saw nothing
                (settings.data_dir / ALIVE).touch()
    process.stop()
    traces.close()


def _key_fits(settings: Settings) -> None:
    """Refuse to start with a key that does not open this database's secrets: each delivery would end in an error.

    While the database is away nothing can be said, and the process starts: its deliveries go to the spool.
    """
    from workers.errors import Misconfigured, StoreUnavailable
    from workers.store import webhooks
    from workers.store.engine import open_store
    from workers.vault import KEY_FILE, open_vault

    with contextlib.closing(open_store(settings.database, pool_size=1)) as store:
        try:
            with store.read() as connection:
                sealed = webhooks.anything_sealed(connection)
                ours = settings.secret_key is not None or (settings.data_dir / KEY_FILE).exists()
                if sealed and not ours:
                    raise Misconfigured(
                        "this database's secrets were sealed with a key that is not here; set DAYBOOK_SECRET_KEY to "
                        f"it (the text of {KEY_FILE} in the first machine's data directory)."
                    )
                if sealed:
                    webhooks.every(connection, open_vault(settings))
        except StoreUnavailable as error:
            structlog.get_logger(__name__).warning("start.sql_away", reason=error.message)


def migrate_tables(
    source: Annotated[
        str | None, typer.Option("--from", metavar="URL|sqlite|postgresql", help="The database to copy, all of it.")
    ] = None,
    target: Annotated[
        str | None, typer.Option("--to", metavar="URL|sqlite|postgresql", help="The empty database to copy it into.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Run the migrations that are missing, in one transaction; or copy."""
    if source is not None and target is not None:
        copying.copy(source, target, as_json=as_json)
        return
    if source is not None or target is not None:
        raise BadInput("a copy needs both --from and --to, as in `daybook migrate --from sqlite --to postgresql`.")
    from workers import logs
    from workers.store.engine import open_store
    from workers.store.migrate import migrate

    settings = load()
    logs.set_up(settings.model_copy(update={"log_level": "warning"}))
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with contextlib.closing(open_store(settings.database, pool_size=1)) as store:
        began = datetime.now(UTC)
        before, after = migrate(store)
    seconds = (datetime.now(UTC) - began).total_seconds()
    if as_json:
        output.json_line({"before": before, "after": after, "seconds": round(seconds, 3)})
    elif before == after:
        output.say(f"The tables are up to date (revision {after}).")
    else:
        output.say(f"Migrated from {before or 'nothing'} to {after} in {seconds:.1f} s.", style="green")
    sys.stdout.flush()
