"""`daybook connections add | list | test | remove`: the Cal.com organizations that Daybook may act for."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from ingest.cli import output
from ingest.cli.credential_options import HOSTED, KeyOptions, TokenOptions, api_url, credential_of
from ingest.cli.demo import MARK
from ingest.cli.filters import Json
from ingest.cli.workspace import Workspace, opened
from workers.errors import BadInput, Conflict, DaybookError, NotFound
from workers.store.connections import Connection
from workers.store.events import spell

app = typer.Typer(help="Cal.com organizations that Daybook may act for.", no_args_is_help=True)

Pcid = Annotated[str, typer.Argument(metavar="PCID", help="The connection's id: any name, such as acme.")]
#: calls a minute: Cal.com allows an API key 120 and locks accounts that go over it in bursts
_PER_MINUTE = 90
_LONGEST_PCID = 200
#: Cal.com's ids are 32-bit integers
_GREATEST_ID = 2_147_483_647


@app.command()
def add(
    pcid: Pcid,
    org_id: Annotated[int, typer.Option(min=1, max=_GREATEST_ID, help="The organization's id at Cal.com.")],
    base_url: Annotated[
        str | None,
        typer.Option(
            help="Cal.com's API, ending in /v2; or the MCP server, to whose URL /cal-organizations is added.",
            show_default=HOSTED,
        ),
    ] = None,
    kind: Annotated[
        str, typer.Option(help="calcom: Cal.com's API v2; mcp: the same tools on an MCP server.")
    ] = "calcom",
    api_key: Annotated[str | None, typer.Option(help="An API key of an admin of the organization.")] = None,
    api_key_file: Annotated[Path | None, typer.Option(help="A file that holds the key; - reads stdin.")] = None,
    client_id: Annotated[str | None, typer.Option(help="A platform client's id, instead of an API key.")] = None,
    client_secret: Annotated[str | None, typer.Option(help="The platform client's secret.")] = None,
    client_secret_file: Annotated[Path | None, typer.Option(help="A file that holds it; - reads stdin.")] = None,
    remote_pcid: Annotated[
        str | None, typer.Option(help="The MCP server's PCID for the organization.", show_default="the same")
    ] = None,
    token: Annotated[str | None, typer.Option(help="A bearer token of the MCP server.")] = None,
    token_file: Annotated[Path | None, typer.Option(help="A file that holds the token; - reads stdin.")] = None,
    token_from: Annotated[
        Path | None, typer.Option(help="A file that is read for every call: somebody renews the token in it.")
    ] = None,
    token_command: Annotated[
        str | None,
        typer.Option(help="A command that prints a token, run without a shell, and again when the token is refused."),
    ] = None,
    per_minute: Annotated[
        int, typer.Option(min=0, max=100_000, help="Calls a minute over all processes; 0: as many as come.")
    ] = _PER_MINUTE,
    replacing: Annotated[bool, typer.Option("--replace", help="Change the connection of that PCID.")] = False,
    as_json: Json = False,
) -> None:
    """Add a connection. Nothing is sent to anybody; `connections test` does that."""
    from sqlalchemy.exc import IntegrityError

    from workers.calcom.connection import Connection as Reached
    from workers.reach import pack
    from workers.store import connections

    if not pcid.isprintable() or not pcid or " " in pcid or len(pcid) > _LONGEST_PCID:
        raise BadInput(f"PCID must be 1 to {_LONGEST_PCID} printable characters without a space.")
    if kind not in list(connections.Kind):
        raise BadInput(f"--kind may be {' or '.join(connections.Kind)}.")
    keys = KeyOptions(api_key, api_key_file, client_id, client_secret, client_secret_file)
    tokens = TokenOptions(remote_pcid, token, token_file, token_from, token_command)
    credential = credential_of(kind, pcid, keys, tokens)
    reached = Reached(pcid, api_url(kind, base_url), org_id, credential)
    row = connections.Connection(pcid, connections.Kind(kind), reached.base_url, org_id, per_minute, datetime.now(UTC))
    with opened(making=True) as workspace:
        _refuse_beside_the_demo(workspace)
        try:
            with workspace.store.write() as sql:
                replaced = replacing and connections.replace(sql, workspace.vault, row, pack(credential))
                if not replaced:
                    connections.add(sql, workspace.vault, row, pack(credential))
        except IntegrityError:
            raise Conflict(f"There is a connection {pcid} already; --replace changes it.") from None
    if as_json:
        output.json_line(_shape(row))
        return
    output.say(f"{'Changed' if replaced else 'Added'} connection {pcid}.", style="green")
    if reached.hint:
        output.say(f"Note: {reached.hint}", style="yellow")
    asked = "Cal.com" if row.kind is connections.Kind.CALCOM else "the MCP server"
    output.say(f"`daybook connections test {pcid}` asks {asked} whether it works.", style="dim")


@app.command(name="list")
def list_connections(as_json: Json = False) -> None:
    """List the connections; credentials are never shown."""
    from workers.store import connections

    with opened() as workspace, workspace.store.read() as sql:
        found = connections.every(sql)
    if as_json:
        for row in found:
            output.json_line(_shape(row))
        return
    output.table(
        ["PCID", "kind", "base URL", "org id", "calls a minute", "since"],
        [
            (
                row.pcid,
                row.kind.value,
                row.base_url,
                row.org_id,
                row.per_minute or "no limit",
                f"{row.created_at:%Y-%m-%d}",
            )
            for row in found
        ],
        empty="There are no connections yet; `daybook connections add` makes one.",
    )


@app.command(name="test")
def ask(
    pcid: Annotated[str | None, typer.Argument(metavar="[PCID]", help="One connection; all where left out.")] = None,
    as_json: Json = False,
) -> None:
    """Call a tool that only reads, and say what Cal.com answered. Status 1 where a connection does not work."""
    from workers.store import connections

    with opened() as workspace:
        with workspace.store.read() as sql:
            names = list(connections.names(sql))
        if pcid is not None and pcid not in names:
            raise connections.unknown(pcid, names)
        if not names:
            raise NotFound("There are no connections yet; `daybook connections add` makes one.")
        with output.stderr.status("Asking Cal.com …"):
            seen = [_tested(workspace, name) for name in ([pcid] if pcid else names)]
    for result in seen:
        if as_json:
            output.json_line(result)
        elif result["ok"]:
            output.say(f"{result['pcid']}: works. {result['detail']}", style="green")
        else:
            output.say(f"{result['pcid']}: {result['detail']}", style="red")
    if not all(result["ok"] for result in seen):
        raise typer.Exit(1)


@app.command()
def remove(pcid: Pcid, as_json: Json = False) -> None:
    """Forget a connection and its credential. Refused while webhooks use it."""
    from sqlalchemy.exc import IntegrityError

    from workers.store import connections, removals

    with opened() as workspace:
        with workspace.store.read() as sql:
            users, names = removals.users(sql, pcid), connections.names(sql)
        if users:
            raise _in_use(pcid, users)
        try:
            with workspace.store.write() as sql:
                gone = removals.connection(sql, pcid)
        except IntegrityError:  # a webhook was made this moment
            with workspace.store.read() as sql:
                raise _in_use(pcid, removals.users(sql, pcid)) from None
        if not gone:
            raise connections.unknown(pcid, names)
    if as_json:
        output.json_line({"pcid": pcid, "removed": True})
    else:
        output.say(f"Removed connection {pcid}.", style="green")


def _in_use(pcid: str, users: list[str]) -> Conflict:
    return Conflict(
        f"The connection {pcid} is used by the webhooks {', '.join(users)}. Take them out of daybook.yaml and run "
        "`daybook webhooks apply --prune`, or `daybook webhooks remove NAME` for an adopted one. A webhook that ever "
        "got a delivery stays as long as the history does; to end what a connection may do, revoke its key at Cal.com."
    )


def _tested(workspace: Workspace, pcid: str) -> dict[str, Any]:
    from workers.enrol import listed
    from workers.reach import reach

    try:
        with reach(workspace.store, workspace.vault, pcid, max_wait=20.0) as client:
            count = len(listed(client))
    except DaybookError as error:
        return {
            "pcid": pcid, "ok": False, "kind": error.kind, "status": getattr(error, "status", None),
            "detail": error.message,
        }  # fmt: skip
    detail = f"The credential is good, the role reads webhooks: {count} at Cal.com."
    return {"pcid": pcid, "ok": True, "kind": None, "status": 200, "webhooks": count, "detail": detail}


def _shape(row: Connection) -> dict[str, Any]:
    return {
        "pcid": row.pcid,
        "kind": row.kind.value,
        "base_url": row.base_url,
        "org_id": row.org_id,
        "per_minute": row.per_minute,
        "created_at": spell(row.created_at),
    }


def _refuse_beside_the_demo(workspace: Workspace) -> None:
    """The demo's connection leads to a Cal.com that is gone: beside it `plan` and `doctor` would fail for ever."""
    folder = workspace.settings.data_dir
    if (folder / MARK).exists() and workspace.settings.database_url is None:
        raise Conflict(
            f"{folder} holds the data of `daybook demo`; remove it with `rm -r {folder}`, or set DAYBOOK_DATA_DIR."
        )
