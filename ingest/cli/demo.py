"""`daybook demo`: what a newcomer sees. Everything runs for real; this tells it, event by event."""

from __future__ import annotations

import asyncio
import contextlib
from itertools import cycle
from typing import TYPE_CHECKING, Any

import typer
from rich.text import Text

from ingest import demo_mark
from ingest.cli import output
from workers.settings import Settings, load

if TYPE_CHECKING:
    from ingest.demo import Stage
    from workers.store.engine import Store

#: seconds between two looks at the history, between two events of the opening, between two stories after it
_LOOK = 0.1
_APART = 0.15
_PAUSE = 8.0
_KIND_COLOURS = {
    "booking": "green",
    "meeting": "cyan",
    "recording": "magenta",
    "form": "blue",
    "ooo": "yellow",
    "no_show": "red",
    "instant": "cyan",
    "delegation": "red",
    "assignment": "yellow",
}


def demo(
    once: bool = typer.Option(False, "--once", help="Stop when an event of every trigger has come; status 1 if not."),
) -> None:
    """Run everything against a stand-in Cal.com and show the events as they come."""
    from ingest import supervise
    from workers import logs

    settings = load()
    logs.set_up(settings.model_copy(update={"log_level": "warning"}))
    with supervise.alone(settings.data_dir):
        complete = asyncio.run(_run(settings, once=once))
    output.say("Stopped; no process is left behind.")
    raise typer.Exit(0 if complete or not once else 1)


async def _run(settings: Settings, *, once: bool) -> bool:
    from ingest import demo as theatre
    from ingest import machine, supervise
    from workers.store.engine import open_store

    log_to = settings.data_dir / "logs"
    async with supervise.until_signal() as stop:
        output.say("Starting Valkey, the web process, a worker and a stand-in Cal.com …", style="dim")
        demo_mark.leave(settings)
        async with (
            theatre.sandbox(log_to) as stage,
            machine.running(settings, log_to=log_to, rules=theatre.rules(settings)) as first,
        ):
            count = await asyncio.to_thread(theatre.subscribe, settings, stage)
            output.say(f"Registered one webhook for {count} triggers through Cal.com's API at {stage.address}.")
            output.say("A rule is live: a time-off booking makes an out-of-office entry there (`daybook runs list`).")
            if passed_over := rules_passed_over(settings):
                output.say(passed_over, style="yellow")
            if first is not None:
                output.say(f"Admin key of this demo (shown this once): {first.key}", style="yellow")
            output.say(
                f"Daybook is up at {machine.local_url(settings)}: look with `daybook events list` in another terminal "
                f"(data in {settings.data_dir}, logs in {log_to}); Ctrl-C stops everything.",
                style="bold green",
            )
            if first is not None:
                output.say(f"Its pages, with a link that signs you in once: {first.link}", style="bold")
            store = open_store(settings.database, pool_size=1)
            try:
                return await _show(store, stage, theatre.OPENING, theatre.stories(), stop, once=once)
            finally:
                output.say("Stopping …", style="dim")
                store.close()


def rules_passed_over(settings: Settings) -> str | None:
    """What is told to who has named a folder of rules, which would otherwise be looked for in vain."""
    if "rules" not in settings.model_fields_set:
        return None
    return f"The demo has rules of its own: those in {settings.rules}, which DAYBOOK_RULES names, are not read here."


async def _show(store: Store, stage: Stage, opening: Any, stories: Any, stop: asyncio.Event, *, once: bool) -> bool:
    """Print events as they come, while the sandbox is made to send. Ends by signal, or when all triggers were seen."""
    from workers.store import history

    with store.read() as connection:
        last = history.newest_seq(connection)
    sending = asyncio.create_task(_play(stage, opening, stories if not once else ()))
    missing = set(opening)
    deadline = asyncio.get_running_loop().time() + 60
    try:
        while not stop.is_set():
            rows = await asyncio.to_thread(_since, store, last)
            for row in rows:
                last = max(last, row.seq)
                missing.discard(row.trigger)
                if output.console.is_terminal:
                    output.console.print(_line(row), no_wrap=True, overflow="ellipsis")
                else:
                    output.console.print(_line(row), soft_wrap=True)
            if sending.done() and sending.exception() is not None:
                sending.result()
            if once and (not missing or asyncio.get_running_loop().time() > deadline):
                break
            await _wait(stop, _LOOK)
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
    if not missing:
        return True
    if once:
        output.say(f"These never came: {', '.join(sorted(missing))}; see the logs.", style="red")
    return False


async def _play(stage: Stage, opening: Any, stories: Any) -> None:
    for trigger in opening:
        await stage.send(trigger)
        await asyncio.sleep(_APART)
    for story in cycle(stories):
        await asyncio.sleep(_PAUSE)
        await stage.tell(story)


def _since(store: Store, last: int) -> Any:
    from workers.store import history

    with store.read() as connection:
        return history.since_seq(connection, history.Filter(), last, limit=200)


def _line(row: Any) -> Text:
    people = ", ".join(person["name"] or person["email"] or "?" for person in row.attendees[:2])
    if not people and row.organizer:
        people = row.organizer["name"] or row.organizer["email"] or ""
    return Text.assemble(
        (f"{row.received_at.astimezone():%H:%M:%S}  ", "dim"),
        (f"{row.trigger or row.kind:<46}", _KIND_COLOURS.get(row.kind, "")),
        output.clean(f"{(row.title or '')[:52]:<54}"),
        (output.clean(people), "dim"),
        ("  made by the rule" if row.caused_by else "", "bold yellow"),
    )


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
