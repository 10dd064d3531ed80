"""One call of a tool on a remote MCP server: arguments to a JSON-RPC request, an answer to a reply. No I/O.

The server has the same tools at `/cal-organizations`, and a PCID of its own that says whom they act for. It is spoken
to without a session: one POST of `tools/call`, one answer, which may come as JSON or as events (`text/event-stream`).
The reply is `structuredContent`, whole as Cal.com's or its bare `data`; else the JSON in a text. What an error means
is in `mcp_errors`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from workers.calcom import hops, mcp_errors
from workers.calcom.connection import MCP_PATH, Connection, McpToken
from workers.calcom.requests import USER_AGENT, Reply, Request, parse, request_id_in, secrets_in
from workers.calcom.rest import is_error
from workers.calcom.tool import Tool
from workers.errors import CalcomUnavailable, Missing

#: the server walks the pages of a list that is asked for without `take` and `skip`
WHOLE_LISTS: bool = True
#: A request's id: there is one in a POST, and nothing else is sent over its connection meanwhile.
ID = 1
#: The protocol wants both said, though only JSON is hoped for.
ACCEPT = "application/json, text/event-stream"

#: what may stand beside `data` in a reply of Cal.com's; an object with other keys is `data` itself
_BESIDE = frozenset({"status", "pagination", "error", "message"})


def build(tool: Tool, connection: Connection, arguments: Mapping[str, Any]) -> Request:
    """The request for arguments that `arguments.check` gave back."""
    credential = connection.credential
    given = {name: _as_listed(tool, name, value) for name, value in arguments.items()}
    if isinstance(credential, McpToken):
        given["PCID"] = credential.pcid
    call = {
        "jsonrpc": "2.0",
        "id": ID,
        "method": "tools/call",
        "params": {"name": tool.name, "arguments": given},
    }
    return Request(
        method="POST",
        url=connection.base_url + MCP_PATH,
        headers={
            "Accept": ACCEPT,
            "Content-Type": "application/json",
            "User-Agent": USER_AGENT,
            hops.HEADER: str(hops.came_through.get() + 1),
            **credential.headers(),
        },
        body=json.dumps(call, allow_nan=False, separators=(",", ":")).encode(),
        secrets=(*credential.secrets(), *secrets_in(tool, arguments)),
    )


def _as_listed(tool: Tool, name: str, value: Any) -> Any:
    """A list where the tool list says one: Cal.com wants the key of a service account without."""
    param = tool.param(name)
    return [value] if param and param.many and not isinstance(value, list) else value


def decipher(
    tool: Tool, status: int, headers: Mapping[str, str], body: bytes, *, secrets: Collection[str] = ()
) -> Reply:
    """The reply in an answer. Total: for any other it raises a CalcomError, BadArguments or NotFound."""
    asked = mcp_errors.Asked(tool, secrets, request_id_in(headers))
    message = _message(body)
    if "error" in message and (200 <= status < 300 or mcp_errors.is_said_by_protocol(status)):
        raise mcp_errors.protocol(asked, message["error"], status)
    if not 200 <= status < 300:
        raise mcp_errors.http(asked, status, headers)
    result = message.get("result")
    if not isinstance(result, dict):
        raise mcp_errors.no_answer(asked, "is not an MCP server's", body)
    if result.get("isError") not in (None, False):
        raise mcp_errors.tool_error(asked, _structure(result), _texts(result))
    document = _structure(result)
    if document is None:
        document = _from_texts(asked, _texts(result))
    return _reply(asked, document, status)


def _message(body: bytes) -> Mapping[str, Any]:
    """The response to our request among what came; empty where there is none."""
    document = parse(body)
    found = _events(body) if document is None else iter(document if isinstance(document, list) else [document])
    return next((one for one in found if isinstance(one, dict) and _is_ours(one)), {})


def _is_ours(message: Mapping[str, Any]) -> bool:
    """Notifications and answers to others are not; an error may not know which request it is about."""
    if "error" in message and message.get("id") is None:
        return True
    return ("result" in message or "error" in message) and str(message.get("id")) == str(ID)


def _events(body: bytes) -> Iterator[Any]:
    """The JSON of each event in a stream of them."""
    text = body.decode("utf-8", "replace").removeprefix("\ufeff")
    data: list[str] = []
    for line in (*re.split(r"\r\n|\r|\n", text), ""):  # no other line break counts: texts may hold them
        if line.startswith("data:"):
            data.append(line[5:].removeprefix(" "))
        elif not line and data:
            yield parse("\n".join(data).encode())
            data = []


def _structure(result: Mapping[str, Any]) -> Any:
    """`structuredContent`, taken out of the object into which some servers wrap what is none; None: there is none."""
    found = result.get("structuredContent")
    if not isinstance(found, dict):
        return None
    if found.keys() == {"result"}:
        inner = found["result"]
        return parse(inner.encode()) if isinstance(inner, str) else inner
    return found


def _texts(result: Mapping[str, Any]) -> list[str]:
    """What the result says in texts."""
    content = result.get("content")
    texts = [one.get("text") for one in content if isinstance(one, dict)] if isinstance(content, list) else []
    return [text for text in texts if isinstance(text, str)]


def _from_texts(asked: mcp_errors.Asked, texts: list[str]) -> Any:
    """The first text that is JSON. Nothing at all is how a DELETE may be answered, as Cal.com does with 204."""
    for text in texts:
        if isinstance(document := parse(text.encode()), dict | list):
            return document
    said = "".join(texts).strip()
    if not said and asked.tool.method == "DELETE":
        return {}
    raise mcp_errors.no_answer(asked, "holds a text that is not JSON, and no structure", said.encode())


def _reply(asked: mcp_errors.Asked, document: Any, status: int) -> Reply:
    if is_error(document):
        raise mcp_errors.tool_error(asked, document, [])
    whole = document if _is_whole(document) else {"status": "success", "data": document}
    if asked.tool.reads and not asked.tool.lists and "data" in whole and whole["data"] is None:
        raise Missing(
            f"{asked.tool.name}: Cal.com has no such thing; it may have been deleted there.",
            status=status,
            request_id=asked.request_id,
        )
    if asked.tool.lists and not isinstance(whole.get("data"), list):
        raise CalcomUnavailable(  # passed on, it would read as an empty list
            f"{asked.tool.name}: the MCP server's answer holds no list; see what it is a server of.",
            status=status,
            request_id=asked.request_id,
        )
    return Reply(whole, status, request_id=asked.request_id)


def _is_whole(document: Any) -> bool:
    """Whether it is Cal.com's whole reply; else it is the bare `data` of one."""
    if not isinstance(document, dict):
        return False
    return not document or ("data" in document and _BESIDE & document.keys() != set()) or document.keys() <= {
        "data", *_BESIDE
    }  # fmt: skip
