"""`daybook trigger TRIGGER`: send a signed sample to a webhook, as Cal.com would, and see what comes of it."""

from __future__ import annotations

import difflib
import hashlib
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from ingest.cli import output
from ingest.cli.filters import Json
from ingest.cli.secret_input import given
from ingest.cli.workspace import Workspace, opened
from workers.errors import BadInput, DaybookError, NotFound

#: Cal.com gives up on an answer after so many seconds
_TIMEOUT = 20.0
_LOOK = 0.1


class NotDelivered(DaybookError):
    """The sample did not arrive; start Daybook with `daybook up`, or name where it is with --url."""


@dataclass(frozen=True, slots=True)
class _Target:
    url: str
    secret: str
    #: None: the webhook is not one of this database
    webhook_id: UUID | None
    name: str | None


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
    from ingest.samples import TRIGGERS_WITH_SAMPLES, sample

    if name not in TRIGGERS_WITH_SAMPLES:
        near = difflib.get_close_matches(name.upper(), TRIGGERS_WITH_SAMPLES, 1, cutoff=0.5)
        hint = f"did you mean {near[0]}? " if near else ""
        raise NotFound(f"There is no sample of {name[:60]!r}; {hint}There are: {', '.join(TRIGGERS_WITH_SAMPLES)}.")
    sample(name, now=datetime.now(UTC), version=version)  # a wrong version is said before anything is opened
    refused = False
    with opened() as workspace:
        target = _target(workspace, webhook, url, given("--secret", secret, secret_file))
        for _ in range(count):
            body = sample(name, now=datetime.now(UTC), version=version)
            status = _post(target, body, version)
            refused = refused or not 200 <= status < 300
            fate = _fate(workspace, target, body, wait if status < 400 else 0.0)
            _print(name, target, status, fate, as_json=as_json)
    if refused:
        raise typer.Exit(1)


def _target(workspace: Workspace, name: str | None, url: str | None, secret: str | None) -> _Target:
    from workers.store import webhooks

    with workspace.store.read() as sql:
        known = webhooks.every(sql, workspace.vault)
    if name is None and secret is not None:
        if url is None:
            raise BadInput("--secret needs --url, where the sample is posted to.")
        ours = next((one for one in known if url.endswith(f"/in/{one.token}")), None)
        return _Target(url, secret, ours.id if ours else None, ours.name if ours else None)
    chosen = [one for one in known if name is None or one.name == name]
    if url is not None and name is None:
        chosen = [one for one in known if url.endswith(f"/in/{one.token}")] or chosen
    if not chosen:
        there = f"there are: {', '.join(one.name for one in known)}" if known else "there is none yet"
        raise NotFound(f"There is no such webhook; {there}. `daybook webhooks apply` or `adopt` makes one.")
    if len(chosen) > 1:
        raise BadInput(f"--webhook is needed, as there are several: {', '.join(one.name for one in chosen)}.")
    one = chosen[0]
    return _Target(url or one.url(workspace.settings.base_url), secret or one.secrets[0].key, one.id, one.name)


def _post(target: _Target, body: bytes, version: str) -> int:
    """Post it as Cal.com does: the same headers, no redirect followed. Raises NotDelivered."""
    import httpx2

    from ingest import signatures

    try:
        answer = httpx2.post(
            target.url,
            content=body,
            headers={
                "Content-Type": "application/json",
                "X-Cal-Signature-256": signatures.sign(body, target.secret.encode()).decode(),
                "X-Cal-Webhook-Version": version,
            },
            timeout=_TIMEOUT,
            follow_redirects=False,
        )
    except httpx2.InvalidURL:
        raise BadInput("--url must be an http:// or https:// address.") from None
    except httpx2.UnsupportedProtocol:
        raise BadInput("--url must be an http:// or https:// address.") from None
    except httpx2.HTTPError as error:
        from workers.differences import masked

        raise NotDelivered(
            f"{masked(target.url)} did not answer ({type(error).__name__}); "
            "start Daybook with `daybook up`, or name where it is with --url."
        ) from None
    return answer.status_code


def _fate(workspace: Workspace, target: _Target, body: bytes, wait: float) -> Any:
    """What became of the delivery, as far as SQL knows within `wait` seconds; None for a webhook that is not ours."""
    from workers.store import fates

    if target.webhook_id is None or not wait:
        return None
    digest = hashlib.sha256(body).digest()
    deadline = time.monotonic() + wait
    while True:
        with workspace.store.read() as sql:
            fate = fates.find(sql, target.webhook_id, digest)
        if (fate is not None and fate.event is not None) or time.monotonic() > deadline:
            return fate
        time.sleep(_LOOK)


def _print(name: str, target: _Target, status: int, fate: Any, *, as_json: bool) -> None:
    event = fate.event if fate is not None else None
    if as_json:
        output.json_line(
            {"trigger": name, "webhook": target.name, "status": status,
             "delivery_id": str(fate.delivery_id) if fate is not None else None, "event": event}
        )  # fmt: skip
        return
    meaning = {202: "kept", 401: "the signature is not this webhook's", 404: "no webhook has this URL"}.get(status, "")
    style = "green" if 200 <= status < 300 else "red"
    output.say(f"{name}: answered {status}{f' ({meaning})' if meaning else ''}", style=style)
    if event is not None:
        output.say(f"  event {event['id']}: {event['kind']}, {event['title'] or 'no title'}")
    elif fate is not None:
        output.say(
            f"  delivery {fate.delivery_id} is {fate.state}; no event of it yet: does a worker run?", style="yellow"
        )
