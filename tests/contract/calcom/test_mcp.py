"""What both clients do by way of an MCP server, against a stand-in for one: a real HTTP server on loopback."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import stamina
from pytest_httpserver import HTTPServer
from structlog.testing import capture_logs
from werkzeug import Request, Response

from tests.contract.calcom.test_client import CONTRACT, UNHURRIED, arguments_of
from workers.calcom.arguments import check
from workers.calcom.budget import LocalBudget
from workers.calcom.client import AsyncClient, Client
from workers.calcom.connection import Connection, McpToken
from workers.calcom.requests import Reply
from workers.calcom.rim import Timeouts
from workers.calcom.tool import Tool
from workers.calcom.tools import TOOLS
from workers.errors import CalcomUnavailable, DaybookError, Missing, RateLimited, Unauthorized

USERS = "cal_organizations_users_controller_get_organizations_users"
CREATE = "cal_organizations_users_controller_create_organization_user"
DELETE = "cal_organizations_users_controller_delete_organization_user"
ADA = {"email": "ada@example.com"}

#: what the tool of that name answers those arguments with: a result, or an error
Tools = Callable[[str, dict[str, Any]], dict[str, Any]]


class Server:
    """An MCP server of the tools: checks what has to be right of every call, and answers what a test says."""

    def __init__(self, server: HTTPServer) -> None:
        self.url = server.url_for("/base")
        #: arguments as they came
        self.calls: list[dict[str, Any]] = []
        #: statuses answered instead, in turn
        self.refusals: list[Response] = []
        self.tokens = {"tok_1"}
        self.seen: list[str] = []
        self.events = False
        self.result: Tools = lambda name, arguments: whole([])
        server.expect_request("/base/cal-organizations", method="POST").respond_with_handler(self._answer)

    def _answer(self, request: Request) -> Response:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        self.seen.append(token)
        if token not in self.tokens:
            return Response('{"error": "invalid_token"}', 401, content_type="application/json")
        call = request.get_json()
        assert (call["jsonrpc"], call["method"]) == ("2.0", "tools/call")
        assert call["params"]["arguments"].pop("PCID") == "theirs"
        assert "application/json" in request.headers["Accept"]
        assert request.headers["Content-Type"] == "application/json"
        self.calls.append(call["params"]["arguments"])
        if self.refusals:
            return self.refusals.pop(0)
        result = self.result(call["params"]["name"], call["params"]["arguments"])
        body = json.dumps({"jsonrpc": "2.0", "id": call["id"], "result": result})
        if self.events:
            return Response(f"event: message\r\ndata: {body}\r\n\r\n", content_type="text/event-stream")
        return Response(body, content_type="application/json")


def whole(data: Any) -> dict[str, Any]:
    """A result that is Cal.com's reply."""
    return {"structuredContent": {"status": "success", "data": data}, "content": []}


def failed(kind: str, **more: Any) -> dict[str, Any]:
    """A tool's error as a Daybook tells it."""
    error = {"kind": kind, "message": "What happened.", "status": None, "code": None, "after": None, **more}
    return {"isError": True, "structuredContent": {"error": error}, "content": [{"type": "text", "text": "What."}]}


@pytest.fixture
def server(httpserver: HTTPServer) -> Iterator[Server]:
    yield Server(httpserver)
    httpserver.check_assertions()


@pytest.fixture(autouse=True)
def no_pauses() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3, cap=True):
        yield


def call_sync(connection: Connection, budget: LocalBudget, timeouts: Timeouts, tool: str, arguments: Any) -> Reply:
    with Client(connection, budget, timeouts=timeouts, sleep=lambda _: None) as client:
        return client.call(tool, arguments)


def call_async(connection: Connection, budget: LocalBudget, timeouts: Timeouts, tool: str, arguments: Any) -> Reply:
    async def at_once(_: float) -> None:
        pass

    async def run() -> Reply:
        async with AsyncClient(connection, budget, timeouts=timeouts, sleep=at_once) as client:
            return await client.call(tool, arguments)

    return asyncio.run(run())


Call = Callable[..., Reply]


@pytest.fixture(params=[call_sync, call_async], ids=["Client", "AsyncClient"])
def call(request: pytest.FixtureRequest, server: Server) -> Call:
    def by_way_of(tool: str, credential: McpToken | None = None, **arguments: Any) -> Reply:
        connection = Connection("acme", server.url, 1, credential or McpToken("theirs", "tok_1"))
        budget = arguments.pop("budget", None) or LocalBudget()
        timeouts = arguments.pop("timeouts", UNHURRIED)
        found: Reply = request.param(connection, budget, timeouts, tool, arguments)
        return found

    return by_way_of


@pytest.mark.parametrize("events", [False, True], ids=["JSON", "events"])
@pytest.mark.parametrize("tool", TOOLS.values(), ids=[name[18:] for name in TOOLS])
def test_every_tool_goes_to_the_server_with_its_own_arguments(
    call: Call, server: Server, tool: Tool, events: bool
) -> None:
    reply_there = CONTRACT[tool.name]["response_example"]
    server.events = events
    server.result = lambda name, _: {"structuredContent": reply_there} if name == tool.name else {}
    given = arguments_of(tool)

    reply = call(tool.name, **given)

    assert reply.json == reply_there
    (sent,) = server.calls
    key = sent.get("serviceAccountKey")
    assert key is None or isinstance(key, list)
    assert check(tool, sent) == check(tool, given, 1)


def test_a_list_is_asked_for_once_and_a_first_page_is_asked_on(call: Call, server: Server) -> None:
    rows = [{"id": number} for number in range(620)]
    server.result = lambda _, arguments: whole(rows)

    assert call(USERS).data == rows
    assert server.calls == [{"orgId": 1}]

    server.calls.clear()
    server.result = lambda _, given: whole(rows[given.get("skip", 0) :][: given.get("take", 250)])

    assert call(USERS).data == rows
    assert [one.get("skip") for one in server.calls] == [None, 250, 500]


def test_an_error_there_is_the_same_error_here(call: Call, server: Server) -> None:
    server.result = lambda *_: failed("missing", status=404, code="NotFoundException", sent=True)

    with pytest.raises(Missing) as caught:
        call(DELETE, userId=5)

    assert (caught.value.status, caught.value.code) == (404, "NotFoundException")
    assert len(server.calls) == 1


def test_a_limit_there_halts_the_budget_here_and_then_the_call_goes_again(call: Call, server: Server) -> None:
    answers = [failed("rate_limited", after=17, sent=False), whole({"id": 1})]
    server.result = lambda *_: answers.pop(0)
    budget = LocalBudget(clock=lambda: 0.0)

    assert call(CREATE, **ADA, budget=budget).data == {"id": 1}
    assert budget.reserve() == pytest.approx(17)


@pytest.mark.parametrize(("kind", "sent", "calls"), [("calcom_unavailable", True, 1), ("calcom_unavailable", False, 3)])
def test_what_may_have_been_done_there_is_not_sent_again(
    call: Call, server: Server, kind: str, sent: bool, calls: int
) -> None:
    server.result = lambda *_: failed(kind, sent=sent)

    with pytest.raises(CalcomUnavailable) as caught:
        call(CREATE, **ADA)

    assert caught.value.sent is sent
    assert len(server.calls) == calls


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        (Response("<html>", 502), CalcomUnavailable),
        (Response("", 202), CalcomUnavailable),
        (Response("{", 200), CalcomUnavailable),
    ],
)
def test_whoever_answers_instead_of_the_server_leaves_a_creation_in_doubt(
    call: Call, server: Server, refusal: Response, kind: type[DaybookError]
) -> None:
    server.refusals = [refusal]

    with pytest.raises(kind):
        call(CREATE, **ADA)

    assert len(server.calls) == 1


def test_the_servers_own_limit_is_waited_for(call: Call, server: Server) -> None:
    server.refusals = [Response("", 429, headers={"Retry-After": "3"})]
    server.result = lambda *_: whole({"id": 1})

    assert call(CREATE, **ADA).data == {"id": 1}
    assert len(server.calls) == 2


def test_a_server_may_be_silent_for_longer_than_a_page_takes(call: Call, server: Server) -> None:
    def slowly(*_: Any) -> dict[str, Any]:
        time.sleep(1.0)
        return whole([])

    server.result = slowly

    assert call(USERS, timeouts=Timeouts(UNHURRIED.connect, 0.3, UNHURRIED.total)).data == []


def test_a_token_that_is_given_and_refused_is_not_tried_again(call: Call, server: Server) -> None:
    server.tokens = {"tok_2"}

    with pytest.raises(Unauthorized, match="connections add --replace"):
        call(USERS)

    assert server.seen == ["tok_1"]


def test_a_token_is_read_from_its_file_at_every_call(call: Call, server: Server, tmp_path: Path) -> None:
    file = tmp_path / "token"
    for token in ("tok_1", "tok_2"):
        server.tokens = {token}
        file.write_text(f"{token}\n")

        assert call(USERS, McpToken("theirs", file=str(file))).data == []

    assert server.seen == ["tok_1", "tok_2"]


def test_a_refused_token_is_renewed_once_and_the_call_goes_again_whatever_it_is(
    call: Call, server: Server, tmp_path: Path
) -> None:
    printing = "import pathlib, sys; print(pathlib.Path(sys.argv[1]).read_text())"
    file = tmp_path / "token"
    credential = McpToken("theirs", command=(sys.executable, "-c", printing, str(file)))
    server.result = lambda *_: whole({"id": 1})
    file.write_text("tok_1")
    call(CREATE, credential, **ADA)
    server.tokens = {"tok_2"}
    file.write_text("tok_2")

    with capture_logs() as logs:
        assert call(CREATE, credential, **ADA).data == {"id": 1}

    assert server.seen == ["tok_1", "tok_1", "tok_2"]
    assert len(server.calls) == 2
    assert [line["event"] for line in logs] == ["calcom.token_renewed", "calcom.answered"]
    assert "tok_" not in repr(logs)

    server.tokens = set()
    file.write_text("tok_3")
    with pytest.raises(Unauthorized) as caught:
        call(CREATE, credential, **ADA)

    assert server.seen[3:] == ["tok_2", "tok_3"]
    assert "tok_" not in caught.value.message


def test_without_a_token_nothing_is_sent(call: Call, server: Server, tmp_path: Path) -> None:
    with capture_logs() as logs, pytest.raises(CalcomUnavailable, match="cannot be read") as caught:
        call(CREATE, McpToken("theirs", file=str(tmp_path / "none")), **ADA)

    assert not caught.value.sent
    assert server.seen == []
    assert [line["error"] for line in logs if line["event"] == "calcom.failed"] == ["calcom_unavailable"] * 3


def test_a_token_that_the_server_repeats_does_not_show(call: Call, server: Server, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("tok_1")
    server.result = lambda *_: failed("rejected", message="tok_1 of ada@example.com is no good")

    with capture_logs() as logs, pytest.raises(DaybookError) as caught:
        call(CREATE, McpToken("theirs", file=str(file)), **ADA)

    assert "tok_1" not in caught.value.message + repr(logs)
    assert "ada@" not in caught.value.message + repr(logs)


def test_an_error_of_the_arguments_there_is_logged_too(call: Call, server: Server) -> None:
    server.result = lambda *_: failed("not_found", message="There is no connection 'theirs'.")

    with capture_logs() as logs, pytest.raises(DaybookError, match="There is no connection"):
        call(USERS)

    assert [(line["event"], line["error"]) for line in logs] == [("calcom.failed", "not_found")]


def test_a_limit_longer_than_a_call_may_wait_is_told(call: Call, server: Server) -> None:
    server.result = lambda *_: failed("rate_limited", after=500)

    with pytest.raises(RateLimited) as caught:
        call(USERS)

    assert caught.value.after == 500
    assert len(server.calls) == 1
