"""`daybook keys create | list | link | revoke`: who may ask the API, look at the pages, and command."""

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


def _live(sql: Connection, key: str) -> Key:
    """The live key of that name or id."""
    from workers.store import keys

    live = [one for one in keys.every(sql) if one.revoked_at is None and key in (one.name, str(one.id))]
    if not live:
        raise NotFound(f"there is no live key {key!r}; `daybook keys list` shows those there are.")
    if len(live) > 1:
        raise Conflict(f"several keys are named {key!r}; name one by its id: {', '.join(str(o.id) for o in live)}.")
    return live[0]
