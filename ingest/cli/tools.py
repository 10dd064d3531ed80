"""`daybook tools list | describe | call`: the 37 tools of a Cal.com organization, by hand and from scripts."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ingest.cli import output, pictures
from ingest.cli.workspace import Workspace, opened
from workers.errors import BadArguments, BadInput, NotFound

if TYPE_CHECKING:  # loading the tools takes a while, and `--help` needs none
    from workers.calcom.tool import Param, Tool

app = typer.Typer(help="The 37 tools of a Cal.com organization.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Name = Annotated[str, typer.Argument(metavar="TOOL", help="The tool's whole name; `tools list` shows them.")]
_PREFIX = "cal_organizations_"
_WIDEST_ENUM = 6


@app.command(name="list")
def list_tools(as_json: Json = False) -> None:
    """List the tools by what they are about. R reads only, ! takes something away for good."""
    from workers.calcom.tools import CONTROLLERS

    for controller in CONTROLLERS:
        noun = controller.__name__.rpartition(".")[2]
        if as_json:
            for tool in controller.TOOLS:
                output.json_line(
                    {"name": tool.name, "group": noun, "sentence": tool.sentence, "reads": tool.reads,
                     "destructive": tool.destructive, "min_role": tool.min_role}
                )  # fmt: skip
            continue
        output.say(noun, style="bold")
        for tool in controller.TOOLS:
            mark, style = ("R", "green") if tool.reads else ("!", "red") if tool.destructive else (" ", "")
            output.say(f"  {mark} {tool.name}", style=style)
            output.say(f"      {tool.sentence}", style="dim")


@app.command()
def describe(name: Name, as_json: Json = False) -> None:
    """Show a tool's parameters; with --json its JSON Schemas."""
    from workers.calcom.tools import find

    tool = find(name)
    if as_json:
        output.json_line(
            {"name": tool.name, "description": tool.description, "method": tool.method, "path": tool.path,
             "reads": tool.reads, "destructive": tool.destructive, "min_role": tool.min_role, "plan": tool.plan,
             "input_schema": tool.input_schema(), "output_schema": tool.output_schema()}
        )  # fmt: skip
        return
    output.say(tool.name, style="bold")
    output.say(tool.description)
    kind = "reads only" if tool.reads else "takes away for good" if tool.destructive else "changes"
    output.say(f"{tool.method} {tool.path} · {kind} · role {tool.min_role} · plan {tool.plan}", style="dim")
    output.table(
        ["parameter", "type", "required", "default", "what it is, and what it may be"],
        [_row(param) for param in tool.params],
        empty="It has no parameters.",
    )


@app.command()
def call(
    name: Name,
    pcid: Annotated[
        str | None, typer.Option("--PCID", "--pcid", help="The connection; may be left out where there is one only.")
    ] = None,
    arg: Annotated[list[str] | None, typer.Option(metavar="KEY=VALUE", help="One argument; may be repeated.")] = None,
    json_args: Annotated[
        str | None, typer.Option(metavar="JSON", help="All arguments as one JSON object; - reads stdin.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before taking something away.")] = False,
    as_json: Json = False,
) -> None:
    """Call a tool; prints Cal.com's reply, pages joined. orgId is the connection's where it is left out."""
    from workers.calcom.arguments import check
    from workers.calcom.tools import find
    from workers.catalogue.mask import mask
    from workers.reach import reach

    tool = find(name)
    arguments = _arguments(tool, arg or (), json_args)
    with opened() as workspace, reach(workspace.store, workspace.vault, _chosen(workspace, pcid)) as client:
        checked = check(tool, arguments, client.connection.org_id)
        if tool.destructive and not yes and sys.stdin.isatty():
            told = ", ".join(f"{key}={checked[key]}" for key in checked if not _secret(tool, key))
            question = f"{tool.sentence} ({told}): {tool.note or 'this cannot be undone.'} Go on?"
            if not output.agreed(question):
                raise output.unchanged()
        with output.stderr.status("Asking Cal.com …"):
            reply = client.call(tool, arguments)
    if as_json:
        output.json_line(reply.json)
    else:
        shown = mask({"": reply.json})[""]
        pictures.document(shown)
        if shown != reply.json:
            output.note("Secrets are hidden; --json shows them.")
        if reply.repeated:
            output.stderr.print("The first answer was lost; Cal.com says now that it is gone.", style="yellow")


def _arguments(tool: Tool, pairs: Sequence[str], text: str | None) -> dict[str, Any]:
    from workers.calcom.coerce import coerce

    arguments: dict[str, Any] = {}
    if text is not None:
        try:
            arguments = json.loads(sys.stdin.read() if text == "-" else text)
        except (ValueError, RecursionError):
            raise BadArguments("--json-args is not JSON; write an object like '{\"take\": 5}'.") from None
        if not isinstance(arguments, dict):
            raise BadArguments("--json-args must be one JSON object of parameter names and their values.")
    texts: dict[str, str] = {}
    for pair in pairs:
        key, found, value = pair.partition("=")
        if not found:
            raise BadArguments(f"--arg {pair[:60]!r} is not KEY=VALUE.")
        if key in texts or key in arguments:
            raise BadArguments(f"{key[:60]}: given twice.")
        texts[key] = value
    return {**arguments, **coerce(tool, texts)}


def _chosen(workspace: Workspace, pcid: str | None) -> str:
    """The connection named, else the only one there is."""
    from workers.store import connections

    if pcid is not None:
        return pcid
    with workspace.store.read() as sql:
        names = connections.names(sql)
    if not names:
        raise NotFound("There are no connections yet; `daybook connections add` makes one.")
    if len(names) > 1:
        raise BadInput(f"--PCID is needed, as there are several connections: {', '.join(names)}.")
    return names[0]


def _row(param: Param) -> tuple[Any, ...]:
    said = [f"{param.description.removesuffix('.')}. {param.note}".strip()]
    if param.enum:
        shown = [str(value) for value in param.enum[:_WIDEST_ENUM]]
        more = len(param.enum) - len(shown)
        rest = f" and {more} more (--json lists them)" if more > 0 else ""
        said.append(f"Allowed: {', '.join(shown)}{rest}.")
    elif param.minimum is not None or param.maximum is not None:
        low, high = ("any" if bound is None else bound for bound in (param.minimum, param.maximum))
        said.append(f"Allowed: {low} to {high}.")
    if param.nullable:
        said.append("May be null.")
    default = "the connection's" if param.name == "orgId" else None
    return (param.name, param.type, "yes" if param.required else "no", default, " ".join(said))


def _secret(tool: Tool, key: str) -> bool:
    param = tool.param(key)
    return param is None or param.secret
