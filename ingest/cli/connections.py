"""`daybook connections add | list | test | remove`: the Cal.com organizations that Daybook may act for."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from ingest import connecting, demo_mark
from ingest.cli import output
from ingest.cli.credential_options import HOSTED, KeyOptions, TokenOptions, api_url, credential_of
from ingest.cli.filters import Json
from ingest.cli.workspace import opened
from workers.errors import NotFound
from workers.store.connections import Connection, Kind
from workers.store.events import spell

app = typer.Typer(help="Cal.com organizations that Daybook may act for.", no_args_is_help=True)

Pcid = Annotated[str, typer.Argument(metavar="PCID", help="The connection's id: any name, such as acme.")]


@app.command()
def add(
    pcid: Pcid,
    org_id: Annotated[int, typer.Option(min=1, max=connecting.GREATEST_ID, help="The organization's id at Cal.com.")],
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
        int,
        typer.Option(
            min=0, max=connecting.MOST_PER_MINUTE, help="Calls a minute over all processes; 0: as many as come."
        ),
    ] = connecting.PER_MINUTE,
    replacing: Annotated[bool, typer.Option("--replace", help="Change the connection of that PCID.")] = False,
    as_json: Json = False,
) -> None:
    """Add a connection. Nothing is sent to anybody; `connections test` does that."""
    from workers.calcom.connection import Connection as Reached

    connecting.named(pcid)
    meant = connecting.of_kind(kind)
    keys = KeyOptions(api_key, api_key_file, client_id, client_secret, client_secret_file)
    tokens = TokenOptions(remote_pcid, token, token_file, token_from, token_command)
    credential = credential_of(kind, pcid, keys, tokens)
    reached = Reached(pcid, api_url(kind, base_url), org_id, credential)
    row = Connection(pcid, meant, reached.base_url, org_id, per_minute, datetime.now(UTC))
    with opened(making=True) as workspace:
        demo_mark.refuse(workspace.settings)
        replaced = connecting.add(workspace.store, workspace.vault, row, credential, replacing=replacing)
    if as_json:
        output.json_line(_shape(row))
        return
    output.say(f"{'Changed' if replaced else 'Added'} connection {pcid}.", style="green")
    if reached.hint:
        output.say(f"Note: {reached.hint}", style="yellow")
    asked = "Cal.com" if row.kind is Kind.CALCOM else "the MCP server"
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
            seen = [connecting.tested(workspace.store, workspace.vault, name) for name in ([pcid] if pcid else names)]
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
    with opened() as workspace:
        connecting.remove(workspace.store, pcid)
    if as_json:
        output.json_line({"pcid": pcid, "removed": True})
    else:
        output.say(f"Removed connection {pcid}.", style="green")


def _shape(row: Connection) -> dict[str, Any]:
    return {
        "pcid": row.pcid,
        "kind": row.kind.value,
        "base_url": row.base_url,
        "org_id": row.org_id,
        "per_minute": row.per_minute,
        "created_at": spell(row.created_at),
    }
