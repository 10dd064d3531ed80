"""A toolset as an MCP server, by the official SDK. Who asks is found out by whoever carries the messages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import metadata
from typing import Any, TypeAlias

import anyio.to_thread
import structlog
from mcp import types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError
from mcp.types import INTERNAL_ERROR, INVALID_PARAMS

from ingest.mcp import wire
from ingest.mcp.counter import Counter
from ingest.mcp.pace import TOO_MANY, TooManyRequests
from ingest.mcp.toolset import Toolset, named
from workers.errors import BadInput, DaybookError, NotFound
from workers.store.audit import Who
from workers.store.engine import Store

log = structlog.get_logger(__name__)

#: calls of one server at work at once, in threads of their own
_THREADS = 16

Context: TypeAlias = ServerRequestContext[Any]
#: who sent a message
Asker: TypeAlias = Callable[[Context], Who]


def make_server(store: Store, toolset: Toolset, asker: Asker, *, per_minute: int) -> Server[Any]:
    """A server of these tools; each key may call so many times a minute, 0: as often as it will."""
    counter = Counter(store, toolset, per_minute)
    limiter = anyio.CapacityLimiter(_THREADS)

    async def list_tools(context: Context, _: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        return wire.tools(await told(counter.offers, asker(context)))

    async def call_tool(context: Context, asked: types.CallToolRequestParams) -> types.CallToolResult:
        who, arguments = asker(context), asked.arguments or {}
        # By a plain name first: that there is no such tool is no tool's answer.
        try:
            await told(lambda: named(toolset.offers(), asked.name))
        except MCPError:
            await told(counter.take, who)
            raise
        try:
            found = await anyio.to_thread.run_sync(counter.call, who, asked.name, arguments, limiter=limiter)
        except DaybookError as error:
            return wire.refusal(error)
        return wire.answer(found)

    async def list_pages(context: Context, _: types.PaginatedRequestParams | None) -> types.ListResourcesResult:
        await told(counter.take, asker(context))
        return types.ListResourcesResult(resources=[wire.resource(page) for page in await told(toolset.pages)])

    async def read_page(context: Context, asked: types.ReadResourceRequestParams) -> types.ReadResourceResult:
        await told(counter.take, asker(context))
        uri = str(asked.uri)
        text = await told(toolset.page, uri)
        media = next((page.media for page in await told(toolset.pages) if page.uri == uri), "application/json")
        return types.ReadResourceResult(contents=[types.TextResourceContents(uri=uri, mime_type=media, text=text)])

    async def list_prompts(context: Context, _: types.PaginatedRequestParams | None) -> types.ListPromptsResult:
        await told(counter.take, asker(context))
        return types.ListPromptsResult(prompts=[wire.prompt(one) for one in toolset.prompts()])

    async def get_prompt(context: Context, asked: types.GetPromptRequestParams) -> types.GetPromptResult:
        await told(counter.take, asker(context))
        return _prompted(toolset, asked.name, asked.arguments or {})

    server: Server[Any] = Server(
        f"daybook-{toolset.name}",
        version=metadata.version("daybook"),
        title=toolset.title,
        instructions=toolset.instructions,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_list_resources=list_pages,
        on_read_resource=read_page,
        on_list_prompts=list_prompts,
        on_get_prompt=get_prompt,
    )
    return server


async def told(ask: Callable[..., Any], *values: Any) -> Any:
    """What something gives that reads SQL; its errors as JSON-RPC's, for they are no tool's."""
    try:
        return await anyio.to_thread.run_sync(lambda: ask(*values))
    except TooManyRequests as error:
        raise MCPError(TOO_MANY, error.message, wire.parts(error)) from None
    except (NotFound, BadInput) as error:
        raise MCPError(INVALID_PARAMS, error.message, wire.parts(error)) from None
    except DaybookError as error:
        raise MCPError(INTERNAL_ERROR, error.message, wire.parts(error)) from None
    except Exception as error:
        log.exception("mcp.failed")
        raise MCPError(INTERNAL_ERROR, "Something in Daybook went wrong; its log says what.") from error


def _prompted(toolset: Toolset, name: str, values: Mapping[str, str]) -> types.GetPromptResult:
    one = next((prompt for prompt in toolset.prompts() if prompt.name == name), None)
    if one is None:
        known = ", ".join(prompt.name for prompt in toolset.prompts())
        raise MCPError(INVALID_PARAMS, f"There is no prompt {name[:100]!r}; there are: {known}.")
    missing = [blank.name for blank in one.blanks if blank.required and not values.get(blank.name)]
    if missing:
        raise MCPError(INVALID_PARAMS, f"{', '.join(missing)}: missing; the prompt {name} cannot do without.")
    return wire.asked(one, values)
