"""From values to MCP's own types, and errors to what a model can act on. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from mcp import types

from ingest.mcp.pace import TooManyRequests
from ingest.mcp.toolset import Offer, Page, Prompt
from workers.errors import CalcomError, CalcomUnavailable, DaybookError, RateLimited


def tool(offer: Offer) -> types.Tool:
    """A tool as a list shows it."""
    return types.Tool(
        name=offer.name,
        title=offer.title,
        description=offer.description,
        input_schema=dict(offer.input_schema),
        output_schema=None if offer.output_schema is None else dict(offer.output_schema),
        annotations=types.ToolAnnotations(
            title=offer.title,
            read_only_hint=offer.reads,
            destructive_hint=offer.destructive,
            idempotent_hint=offer.idempotent,
            open_world_hint=offer.open_world,
        ),
    )


def answer(value: Mapping[str, Any]) -> types.CallToolResult:
    """What a tool gave: as JSON, and the same as text for clients that read nothing else."""
    text = msgspec.json.encode(value).decode()
    return types.CallToolResult(content=[types.TextContent(text=text)], structured_content=dict(value))


def refusal(error: DaybookError) -> types.CallToolResult:
    """An error as a tool's answer: a sentence that says what to do, and the same in parts for programs."""
    return types.CallToolResult(
        content=[types.TextContent(text=error.message)],
        structured_content={"error": parts(error)},
        is_error=True,
    )


def parts(error: DaybookError) -> dict[str, Any]:
    """An error for programs. `sent`: whether Cal.com may have got the call; `after`: seconds to wait."""
    told: dict[str, Any] = {"kind": error.kind, "message": error.message}
    if isinstance(error, CalcomError):
        told |= {"status": error.status, "code": error.code, "request_id": error.request_id}
        told["sent"] = error.sent if isinstance(error, CalcomUnavailable) else error.status not in (None, 429)
    if isinstance(error, RateLimited | TooManyRequests):
        told |= {"sent": False, "after": math.ceil(error.after * 10) / 10}  # who comes before is told again
    return told


def resource(page: Page) -> types.Resource:
    """A page as a list shows it."""
    return types.Resource(uri=page.uri, name=page.name, description=page.description, mime_type=page.media)


def prompt(one: Prompt) -> types.Prompt:
    """A prompt as a list shows it."""
    blanks = [
        types.PromptArgument(name=blank.name, description=blank.description, required=blank.required)
        for blank in one.blanks
    ]
    return types.Prompt(name=one.name, description=one.description, arguments=blanks)


def asked(one: Prompt, values: Mapping[str, str]) -> types.GetPromptResult:
    """A prompt with its values."""
    said = types.PromptMessage(role="user", content=types.TextContent(text=one.text(values)))
    return types.GetPromptResult(description=one.description, messages=[said])


def tools(offers: Sequence[Offer]) -> types.ListToolsResult:
    """A list of tools."""
    return types.ListToolsResult(tools=[tool(offer) for offer in offers])
