"""`daybook keys create | list | link | revoke`: who may ask the API, look at the pages, and command.

`daybook keys reseal` is about the keys that seal secrets."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from ingest.cli import output
from ingest.cli.filters import Json
from ingest.cli.telling import minute
from ingest.cli.workspace import opened
from workers.errors import BadInput, Conflict, NotFound

if TYPE_CHECKING:  # SQLAlchemy takes half a second to load, and `--help` needs none
    from sqlalchemy import Connection

    from workers.store.keys import Key

#: how the key in the settings is called
ADMIN = "DAYBOOK_ADMIN_KEY"

app = typer.Typer(help="Keys for the API and the pages, each with a role.", no_args_is_help=True)


@app.command()
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the key is for.")],
    role: Annotated[str, typer.Option(help="viewer reads; operator also replays, releases, discards; admin: all.")],
    as_json: Json = False,
) -> None:
    """Make a key and print it: this is the only time it is shown."""
    from workers.store import keys
    from workers.store.keys import Role

    if role not in list(Role):
        raise BadInput(f"--role must be one of {', '.join(Role)}.")
    keys.named(name)  # before anything is made
    with opened(making=True) as workspace, workspace.store.write() as sql:
        made, text = keys.issue(sql, name=name, role=Role(role), now=datetime.now(UTC))
    if as_json:
        output.json_line({**keys.shape(made), "key": text})
        return
    output.say(text)
    output.note(f"The key {name!r} has role {role}. It is kept as a hash only: this is the one time it is shown.")


@app.command(name="list")
def list_keys(as_json: Json = False) -> None:
    """List keys, revoked ones too. DAYBOOK_ADMIN_KEY is a setting and not among them."""
    from workers.store import keys

    with opened() as workspace, workspace.store.read() as sql:
        shown = [keys.shape(key) for key in keys.every(sql)]
    if as_json:
        for one in shown:
            output.json_line(one)
        return
    rows = [
        [one["name"], one["role"], minute(one["created_at"]), minute(one["revoked_at"]), one["id"]] for one in shown
    ]
    columns = ("name", "role", "created (UTC)", "revoked (UTC)", "id")
    output.table(columns, rows, empty="No keys; `daybook keys create NAME --role viewer` makes one.", whole=("id",))


@app.command()
def link(
    key: Annotated[str, typer.Argument(metavar="NAME|ID", help="The key's name or id, or DAYBOOK_ADMIN_KEY.")],
    as_json: Json = False,
) -> None:
    """Print a link that signs in on the pages in the name of a key: once, and within an hour."""
    from ingest import links
    from workers.store import keys
    from workers.store.events import spell
    from workers.store.sessions import LINK_LIVES

    now = datetime.now(UTC)
    with opened() as workspace, workspace.store.write() as sql:
        admin_key = workspace.settings.admin_key
        if admin_key is not None and key == ADMIN:
            digest: bytes | None = keys.digest(admin_key.get_secret_value())
        else:
            digest = keys.digest_of(sql, _live(sql, key).id)
        assert digest is not None, "it is live in this transaction"
        url = links.make(sql, workspace.settings, digest, now=now)
    if as_json:
        output.json_line({"url": url, "expires_at": spell(now + LINK_LIVES)})
        return
    output.console.print(url, soft_wrap=True, markup=False, highlight=False)
    output.note("It works once, within an hour, for whoever has it.")


@app.command()
def revoke(
    key: Annotated[str, typer.Argument(metavar="NAME|ID", help="The key's name or id.")],
    as_json: Json = False,
) -> None:
    """Make a key worthless, at once."""
    from workers.store import keys

    now = datetime.now(UTC)
    with opened() as workspace, workspace.store.write() as sql:
        live = _live(sql, key)
        keys.revoke(sql, live.id, now=now)
    if as_json:
        output.json_line(keys.shape(replace(live, revoked_at=now)))
    else:
        output.say(f"The key {live.name!r} is worthless now.")


@app.command()
def reseal(
    new_key: Annotated[bool, typer.Option("--new-key", help="First make a new key in the data directory.")] = False,
    drop_old: Annotated[bool, typer.Option("--drop-old", help="Then take the old keys out of that file.")] = False,
    as_json: Json = False,
) -> None:
    """Seal every credential, URL token and secret with the newest key of those that seal them, while everything runs.

    It may be stopped anywhere and run again. Where DAYBOOK_SECRET_KEY is set, new keys come by it: docs/keeping.md.
    """
    from workers import reseal as resealing
    from workers import vault as vaults

    with opened() as workspace:
        settings = workspace.settings
        if settings.secret_key is not None and (new_key or drop_old):
            raise BadInput(
                "the keys are those of DAYBOOK_SECRET_KEY, which only you can set: list the new key after the old one "
                "and restart every process, put it first and restart again, reseal, then take the old one out."
            )
        held = vaults.add_key(settings) if new_key else len(vaults.keys(settings)) if workspace.keyed else 0
        report = resealing.reseal(workspace.store, workspace.vault)
        dropped = 0
        if drop_old and held > 1:
            if report.unreadable or resealing.count_old(workspace.store, workspace.vault):
                raise Conflict("something is sealed with an old key still; run this again, and see `daybook doctor`.")
            dropped = vaults.drop_old_keys(settings)
    told = {"resealed": dict(report.resealed), "as_they_were": report.newest, "unreadable": report.unreadable}
    if as_json:
        output.json_line({**told, "keys": held - dropped, "dropped": dropped})
    else:
        said = ", ".join(f"{number:,} {what}" for what, number in report.resealed.items()) or "nothing"
        output.say(f"Sealed anew: {said}. With the newest key already: {report.newest:,}.")
        if dropped:
            output.say("The old key is gone from here; what backups hold still needs it.")
        elif held > 1:
            output.note("The old key is still there; `daybook keys reseal --drop-old` takes it out.")
    if report.unreadable:
        output.note(f"No key here opens {report.unreadable:,} of them; `daybook doctor` says more.", style="yellow")
        raise typer.Exit(1)


def _live(sql: Connection, key: str) -> Key:
    """The live key of that name or id."""
    from workers.store import keys

    live = [one for one in keys.every(sql) if one.revoked_at is None and key in (one.name, str(one.id))]
    if not live:
        raise NotFound(f"there is no live key {key!r}; `daybook keys list` shows those there are.")
    if len(live) > 1:
        raise Conflict(f"several keys are named {key!r}; name one by its id: {', '.join(str(o.id) for o in live)}.")
    return live[0]
