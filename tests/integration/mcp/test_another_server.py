"""Tools on a server that is no Daybook: one of the SDK's own kind, in each of the ways it may answer."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
import stamina
import uvicorn
from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

from tests.conftest import PATIENCE
from workers.calcom.budget import LocalBudget
from workers.calcom.client import Client
from workers.calcom.connection import Connection, McpToken
from workers.errors import CalcomUnavailable, DaybookError, Missing, NotFound, Rejected

USERS = "cal_organizations_users_controller_get_organizations_users"
CREATE = "cal_organizations_users_controller_create_organization_user"
DELETE = "cal_organizations_users_controller_delete_organization_user"
WEBHOOKS = "cal_organizations_webhooks_controller_get_all_organization_webhooks"
MEMBERS = "cal_organizations_memberships_controller_get_all_memberships"
ATTRIBUTE = "cal_organizations_attributes_controller_get_organization_attribute"


def tools() -> MCPServer:
    """A server whose tools answer and fail each in its own way."""
    server = MCPServer("another")

    @server.tool(USERS)
    def users(PCID: str, orgId: int) -> dict[str, Any]:  # noqa: N803
        return {"status": "success", "data": [{"id": orgId, "name": PCID}]}

    @server.tool(WEBHOOKS)
    def webhooks(PCID: str, orgId: int) -> list[dict[str, Any]]:  # noqa: N803
        return [{"id": orgId, "name": PCID}]

    @server.tool(MEMBERS, structured_output=False)
    def members(PCID: str, orgId: int) -> str:  # noqa: N803
        return json.dumps({"status": "success", "data": [{"id": orgId, "name": PCID}]})

    @server.tool(CREATE)
    def create(PCID: str, orgId: int, email: str) -> dict[str, Any]:  # noqa: N803
        raise RuntimeError("boom")

    @server.tool(DELETE)
    def delete(PCID: str, orgId: int, userId: int) -> dict[str, Any]:  # noqa: N803
        raise ToolError("Request failed with status code 404")

    return server


@contextmanager
def served(**how: Any) -> Iterator[str]:
    """The URL of such a server in a thread."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
        app = tools().streamable_http_app(streamable_http_path="/x/cal-organizations", **how)
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        deadline = time.monotonic() + PATIENCE
        while not server.started:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{port}/x"
        finally:
            server.should_exit = True
            thread.join(PATIENCE)


@contextmanager
def client_of(url: str) -> Iterator[Client]:
    """A client of it."""
    connection = Connection("acme", url, 7, McpToken("theirs", "tok_1"))
    with stamina.set_testing(True, attempts=1), Client(connection, LocalBudget()) as client:
        yield client


@pytest.fixture(scope="module", params=[True, False], ids=["JSON", "events"])
def client(request: pytest.FixtureRequest) -> Iterator[Client]:
    with served(stateless_http=True, json_response=request.param) as url, client_of(url) as made:
        yield made


@pytest.mark.parametrize("tool", [USERS, WEBHOOKS, MEMBERS], ids=["whole", "bare", "text"])
def test_a_reply_is_read_in_whichever_form_it_comes(client: Client, tool: str) -> None:
    assert client.call(tool).json == {"status": "success", "data": [{"id": 7, "name": "theirs"}]}


@pytest.mark.parametrize(
    ("tool", "arguments", "kind"),
    [
        (CREATE, {"email": "ann@example.com"}, CalcomUnavailable),
        (DELETE, {"userId": 5}, Missing),
        (ATTRIBUTE, {"attributeId": "3f2b8c1e-6a53-4f0e-9d1b-2a9d6f0c7b11"}, NotFound),
    ],
)
def test_an_error_is_read_from_its_words(
    client: Client, tool: str, arguments: dict[str, Any], kind: type[DaybookError]
) -> None:
    with pytest.raises(kind) as caught:
        client.call(tool, arguments)

    assert type(caught.value) is kind
    assert getattr(caught.value, "sent", True)


def test_a_server_that_wants_a_session_is_told_to_be_none_that_will_do() -> None:
    with served() as url, client_of(url) as client, pytest.raises(Rejected, match="without a session"):
        client.call(USERS)
