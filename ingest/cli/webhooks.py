"""`daybook webhooks plan | apply | list | rotate | adopt | remove`: what Cal.com sends, and where to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ingest.cli import output
from ingest.cli.secret_input import given
from ingest.cli.workspace import Workspace, opened
from workers.errors import BadInput, Conflict

if TYPE_CHECKING:  # Cal.com's client takes a while to load, and `list` needs none
    from workers.desired import Desired
    from workers.differences import Change
    from workers.register import Failure, Registry
    from workers.store.webhooks import Webhook

app = typer.Typer(help="Webhooks: registered as daybook.yaml wants them, or adopted.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="The webhook's name.")]


@app.command()
def plan(as_json: Json = False) -> None:
    """Show what `apply` would change. Nothing is changed.

    What was seen is kept for the overview, unless daybook.yaml says nothing about webhooks.
    """
    from ingest.cli import changes_shown
    from workers.drift import look
    from workers.register import survey

    with opened() as workspace:
        wanted = _wanted(workspace)
        with output.stderr.status("Asking Cal.com …"):
            registry = _registry(workspace)
            changes, failures = survey(registry, ()) if wanted is None else look(registry, wanted)
    for change in changes:
        changes_shown.line(change, change.kind.value, as_json=as_json)
    if not as_json:
        changes_shown.summary(workspace.settings, changes, complete=not failures)
    _fail(failures, as_json=as_json)


@app.command()
def apply(
    prune: Annotated[bool, typer.Option("--prune", help="Delete those at Cal.com that nobody wants.")] = False,
    resend: Annotated[
        bool, typer.Option("--resend", help="Send every field again, also those that Cal.com does not tell back.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make Cal.com's webhooks what daybook.yaml says. Safe to run twice, and from two places at once."""
    from ingest.cli import changes_shown
    from workers import register

    with opened() as workspace:
        wanted = _wanted(workspace, must=prune) or ()
        with output.stderr.status("Registering at Cal.com …") as status:

            def told(change: Change) -> None:
                status.stop()  # while it shows, rich sends stdout to where it shows itself
                changes_shown.line(change, changes_shown.done(change), as_json=as_json)
                status.start()

            done, failures = register.apply(_registry(workspace), wanted, prune=prune, resend=resend, told=told)
    if not done and not failures and not as_json:
        output.say("Nothing to change: Cal.com's webhooks are as daybook.yaml says.", style="green")
    _fail(failures, as_json=as_json)


@app.command(name="list")
def list_webhooks(
    urls: Annotated[bool, typer.Option("--urls", help="Show whole URLs, tokens included.")] = False,
    as_json: Json = False,
) -> None:
    """List the webhooks Daybook knows, how each stands, when it last got a delivery, and its live secrets.

    A retired one is not at Cal.com any more; its deliveries stay in the history.
    """
    from workers.differences import masked
    from workers.store import webhooks
    from workers.store.events import spell

    now = datetime.now(UTC)
    with opened() as workspace, workspace.store.read() as sql:
        found = webhooks.every(sql, workspace.vault)
        last = webhooks.last_delivery(sql)
    rows: list[dict[str, Any]] = []
    for webhook in found:
        url = webhook.url(workspace.settings.base_url)
        rows.append(
            {
                "name": webhook.name,
                "connection": webhook.connection,
                "origin": webhook.origin,
                "state": webhooks.state(webhook.remote_id, webhook.origin, used=webhook.id in last),
                "remote_id": webhook.remote_id,
                "url": url if urls else masked(url),
                "last_delivery": spell(last.get(webhook.id)),
                "secrets": _live(webhook, now),
                "created_at": spell(webhook.created_at),
            }
        )
    if as_json:
        for row in rows:
            output.json_line(row)
        return
    output.table(
        ["name", "connection", "origin", "state", "URL", "last delivery", "live secrets"],
        [
            (row["name"], row["connection"], row["origin"], row["state"], row["url"],
             _minute(row["last_delivery"]), _secrets(row["secrets"]))
            for row in rows
        ],
        empty="There are no webhooks yet; name them in daybook.yaml and run `daybook webhooks apply`.",
    )  # fmt: skip


@app.command()
def rotate(
    name: Name,
    overlap: Annotated[str, typer.Option(help="How long the replaced secret stays good: 90s, 30m, 12h, 7d.")] = "7d",
    secret: Annotated[str | None, typer.Option(help="The new secret; made where left out.")] = None,
    secret_file: Annotated[Path | None, typer.Option(help="A file that holds it; - reads stdin.")] = None,
    as_json: Json = False,
) -> None:
    """Give a webhook a new secret; the old one proves deliveries for the overlap, as Cal.com signs with it for days.

    A secret that was replaced before keeps the end it was given then.
    """
    from workers.rotate import rotate as rotated_by
    from workers.store.events import spell

    span = duration(overlap)
    with opened() as workspace, output.stderr.status("Telling Cal.com …"):
        rotated = rotated_by(_registry(workspace), name, overlap=span, secret=given("--secret", secret, secret_file))
    old = [one.expires_at for one in rotated.webhook.secrets[1:] if one.expires_at]
    live = _live(rotated.webhook, datetime.now(UTC))
    if as_json:
        until = spell(max(old))
        output.json_line({"name": name, "old_secrets_until": until, "secret": rotated.secret, "secrets": live})
        return
    if rotated.secret is None:
        output.say(f"Cal.com signs {name} with a new secret now.", style="green")
    else:
        until = _minute(spell(old[0]))
        output.say(f"Paste this secret in Cal.com's pages before {until}, when the old one ends:", style="yellow")
        output.say(rotated.secret, style="bold")
    output.say(f"Secrets that prove deliveries of {name}:")
    for one in live:
        end = _minute(one["live_until"])
        output.say(f"  made {_minute(one['created_at'])}, good until {end or 'it is replaced'}")


@app.command()
def adopt(
    name: Name,
    connection: Annotated[str, typer.Option(metavar="PCID", help="Whose webhook it is.")],
    secret: Annotated[str | None, typer.Option(help="The secret typed in Cal.com's pages.")] = None,
    secret_file: Annotated[Path | None, typer.Option(help="A file that holds it; - reads stdin.")] = None,
    as_json: Json = False,
) -> None:
    """Take over a webhook someone makes by hand in Cal.com's pages; prints the URL to paste there."""
    from workers.desired import valid_name
    from workers.rotate import adopt as adopted_by

    if not valid_name(name):
        raise BadInput("NAME must be 1 to 64 letters, digits, dots, hyphens or underscores, like team-sales.")
    text = given("--secret", secret, secret_file)
    if text is None:
        raise BadInput("Give --secret (or --secret-file): the one that was typed in Cal.com's pages.")
    with opened() as workspace:
        webhook = adopted_by(_registry(workspace), name, pcid=connection, secret=text)
        url = webhook.url(workspace.settings.base_url)
    if as_json:
        output.json_line({"name": name, "url": url})
        return
    output.say(f"Adopted {name}. Paste this as the subscriber URL in Cal.com's pages:", style="green")
    output.console.print(url, style="bold", soft_wrap=True, markup=False)


@app.command()
def remove(name: Name, as_json: Json = False) -> None:
    """Forget a webhook that never got a delivery, and its URL. At Cal.com nothing is changed."""
    from workers.rotate import find
    from workers.store import removals

    with opened() as workspace:
        webhook = find(_registry(workspace), name)
        with workspace.store.write() as sql:
            gone = removals.webhook(sql, webhook.id)
        if not gone:
            raise Conflict(
                f"The webhook {name} has deliveries in the history, which names it, so it stays. To stop what it "
                "sends, delete it in Cal.com's pages, or take it out of daybook.yaml and run `webhooks apply --prune`."
            )
    if as_json:
        output.json_line({"name": name, "removed": True})
    else:
        output.say(f"Forgot the webhook {name}; what still comes for its URL is answered 404.", style="green")


def duration(text: str) -> Any:
    """A span such as 90s, 30m, 12h or 7d. Raises BadInput."""
    import re
    from datetime import timedelta

    found = re.fullmatch(r"(\d{1,6})\s*([smhd])", text.strip().lower(), re.ASCII)
    if found is None:
        raise BadInput("--overlap must be a number and a unit: 90s, 30m, 12h or 7d.")
    unit = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}[found[2]]
    return timedelta(**{unit: int(found[1])})


def _registry(workspace: Workspace) -> Registry:
    from workers.reach import reach
    from workers.register import Registry

    return Registry(
        workspace.store,
        workspace.vault,
        workspace.settings.base_url,
        lambda pcid: reach(workspace.store, workspace.vault, pcid),
    )


def _wanted(workspace: Workspace, *, must: bool = False) -> Sequence[Desired] | None:
    """What daybook.yaml wants; None where it does not say. `must`: it has to, since from nothing `--prune` would delete
    everything."""
    from workers.drift import wanted

    path = workspace.settings.config_path
    found = wanted(workspace.settings)
    if found is None and must:
        raise BadInput(
            f"--prune deletes what daybook.yaml does not name, and {path} has no section `webhooks:` (or is not in "
            "this folder; DAYBOOK_CONFIG says where it is). An empty list, `webhooks: []`, deletes all."
        )
    if found is None:
        output.stderr.print(f"{path} names no webhooks (its section `webhooks:`).", style="yellow", markup=False)
    return found


def _fail(failures: Sequence[Failure], *, as_json: bool) -> None:
    for failure in failures:
        error = failure.error
        message = f"connection {failure.connection}: {error.message}"
        output.error(error.kind, message, getattr(error, "status", None), as_json=as_json)
    if failures:
        raise typer.Exit(1)


def _live(webhook: Webhook, now: datetime) -> list[dict[str, Any]]:
    """The secrets that prove deliveries, newest first, without themselves."""
    from workers.store.events import spell

    return [
        {"created_at": spell(one.created_at), "live_until": spell(one.expires_at)}
        for one in webhook.secrets
        if one.expires_at is None or one.expires_at > now
    ]


def _secrets(live: Sequence[dict[str, Any]]) -> str:
    ends = [_minute(one["live_until"]) for one in live]
    return ", ".join("current" if end is None else f"old until {end}" for end in ends)


def _minute(instant: str | None) -> str | None:
    """An instant as people read it; --json has it whole."""
    return f"{instant[:10]} {instant[11:16]}Z" if instant else None
