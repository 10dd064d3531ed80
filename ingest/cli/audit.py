"""`daybook audit list`: who asked for what by MCP, the API or the pages, and what came of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from ingest import moments
from ingest.cli import output
from ingest.cli.filters import Json, Limit
from ingest.cli.telling import minute
from ingest.cli.workspace import opened
from workers.errors import BadInput

app = typer.Typer(help="Who asked for what, and what came of it.", no_args_is_help=True)


@app.command(name="list")
def list_entries(
    key: Annotated[str | None, typer.Option(metavar="NAME", help="What this key asked for.")] = None,
    what: Annotated[
        str | None, typer.Option(metavar="TOOL", help="Calls of this tool, or as `POST /runs/{id}/retry`.")
    ] = None,
    connection: Annotated[str | None, typer.Option(metavar="PCID", help="What was about this connection.")] = None,
    since: Annotated[str | None, typer.Option(metavar="WHEN", help=f"Asked then or later: {moments.FORMS}.")] = None,
    outcome: Annotated[
        str | None, typer.Option(metavar="OUTCOME", help="What came to this: done, refused, failed, begun.")
    ] = None,
    door: Annotated[str | None, typer.Option(metavar="DOOR", help="What came by this: api, dashboard, mcp.")] = None,
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """List calls, the newest first. Secrets in their arguments are not kept; --json shows the others."""
    from workers.store import audit

    begin = moments.moment(since, datetime.now(UTC), name="--since") if since is not None else None
    if outcome is not None and outcome not in list(audit.Outcome):
        raise BadInput(f"--outcome must be one of {', '.join(audit.Outcome)}.")
    came_to = audit.Outcome(outcome) if outcome is not None else None
    wanted = audit.Filter(name=key, what=what, connection=connection, since=begin, outcome=came_to, door=door)
    with opened() as workspace, workspace.store.read() as sql:
        entries = [audit.shape(row) for row in audit.page(sql, wanted, limit=limit)]
    if as_json:
        for entry in entries:
            output.json_line(entry)
        return
    output.table(
        ("at (UTC)", "key", "role", "what", "connection", "outcome", "detail"),
        [
            (
                minute(entry["at"]), entry["key"]["name"], entry["key"]["role"], entry["what"],
                entry["connection"] or "", entry["outcome"], entry["detail"] or "",
            )
            for entry in entries
        ],
        empty="Nothing was asked for yet.",
    )  # fmt: skip
