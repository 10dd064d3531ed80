"""`daybook trigger TRIGGER`: send a signed sample to a webhook, as Cal.com would, and see what comes of it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ingest.cli import output
from ingest.cli.filters import Json
from ingest.cli.secret_input import given
from ingest.cli.workspace import Workspace, opened
from workers.errors import BadInput, NotFound

if TYPE_CHECKING:  # SQLAlchemy takes half a second to load, and `--help` needs none
    from ingest.sending import Target
    from workers.store.fates import Fate

#: what to do where nobody answers
_REMEDY = "start Daybook with `daybook up`, or name where it is with --url."


def add_to(app: typer.Typer) -> None:
    """Hang the command under `daybook` itself."""
    app.command(name="trigger")(trigger)


def trigger(
    name: Annotated[str, typer.Argument(metavar="TRIGGER", help="Such as BOOKING_CREATED.")],
    webhook: Annotated[
        str | None, typer.Option(metavar="NAME", help="Which webhook; the only one where left out.")
    ] = None,
    url: Annotated[str | None, typer.Option(help="Post there instead of to the webhook's own URL.")] = None,
    secret: Annotated[str | None, typer.Option(help="Sign with this, for a --url that is no webhook's here.")] = None,
    secret_file: Annotated[Path | None, typer.Option(help="A file that holds it; - reads stdin.")] = None,
    version: Annotated[str, typer.Option(help="X-Cal-Webhook-Version: 2021-10-20 or 2026-07-27.")] = "2021-10-20",
    count: Annotated[int, typer.Option(min=1, max=10_000, help="How many, each with ids of its own.")] = 1,
    wait: Annotated[float, typer.Option(min=0, max=300, help="Seconds to wait for the event; 0: do not.")] = 5.0,
    as_json: Json = False,
) -> None:
    """Send a signed sample of TRIGGER and print the answer and the event that came of it."""
    from ingest import sending
    from ingest.samples import sample

    sending.known(name)
    sample(name, now=datetime.now(UTC), version=version)  # a wrong version is said before anything is opened
    refused = False
    with opened() as workspace:
        target = _target(workspace, webhook, url, given("--secret", secret, secret_file))
        for _ in range(count):
            body = sample(name, now=datetime.now(UTC), version=version)
            status = sending.post(target, body, version, remedy=_REMEDY)
            refused = refused or not 200 <= status < 300
            fate = sending.fate(workspace.store, target, body, wait if status < 400 else 0.0)
            _print(name, target, status, fate, as_json=as_json)
    if refused:
        raise typer.Exit(1)


def _target(workspace: Workspace, name: str | None, url: str | None, secret: str | None) -> Target:
    from ingest.sending import Target
    from workers.store import webhooks

    with workspace.store.read() as sql:
        known = webhooks.every(sql, workspace.vault)
    if name is None and secret is not None:
        if url is None:
            raise BadInput("--secret needs --url, where the sample is posted to.")
        ours = next((one for one in known if url.endswith(f"/in/{one.token}")), None)
        return Target(url, secret, ours.id if ours else None, ours.name if ours else None)
    chosen = [one for one in known if name is None or one.name == name]
    if url is not None and name is None:
        chosen = [one for one in known if url.endswith(f"/in/{one.token}")] or chosen
    if not chosen:
        there = f"there are: {', '.join(one.name for one in known)}" if known else "there is none yet"
        raise NotFound(f"There is no such webhook; {there}. `daybook webhooks apply` or `adopt` makes one.")
    if len(chosen) > 1:
        raise BadInput(f"--webhook is needed, as there are several: {', '.join(one.name for one in chosen)}.")
    one = chosen[0]
    return Target(url or one.url(workspace.settings.base_url), secret or one.secrets[0].key, one.id, one.name)


def _print(name: str, target: Target, status: int, fate: Fate | None, *, as_json: bool) -> None:
    from ingest.sending import MEANINGS

    event = fate.event if fate is not None else None
    if as_json:
        output.json_line(
            {"trigger": name, "webhook": target.name, "status": status,
             "delivery_id": str(fate.delivery_id) if fate is not None else None, "event": event}
        )  # fmt: skip
        return
    meaning = MEANINGS.get(status, "")
    style = "green" if 200 <= status < 300 else "red"
    output.say(f"{name}: answered {status}{f' ({meaning})' if meaning else ''}", style=style)
    if event is not None:
        output.say(f"  event {event['id']}: {event['kind']}, {event['title'] or 'no title'}")
    elif fate is not None:
        output.say(
            f"  delivery {fate.delivery_id} is {fate.state}; no event of it yet: does a worker run?", style="yellow"
        )
