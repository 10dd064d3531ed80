"""Calls of an MCP server: the requests made, and what the replies in its answers are. Errors: test_mcp_errors."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.calcom import mcp
from workers.calcom.arguments import check
from workers.calcom.connection import Connection, McpToken
from workers.calcom.requests import Reply, Request
from workers.calcom.tools import TOOLS, find
from workers.errors import BadArguments, CalcomError, CalcomUnavailable, Missing, NotFound

TOKEN = "tok_0123456789"
REMOTE = Connection("acme", "https://tools.example.com/mcp", 4821, McpToken("theirs", TOKEN))

USERS = find("cal_organizations_users_controller_get_organizations_users")
ATTRIBUTE = find("cal_organizations_attributes_controller_get_organization_attribute")
CREATE = find("cal_organizations_users_controller_create_organization_user")
DELETE = find("cal_organizations_users_controller_delete_organization_user")
DELEGATION = find("cal_organizations_delegation_credential_controller_create_delegation_credential")
WHOLE = {"status": "success", "data": [{"id": 1, "new": True}], "pagination": {"totalItems": 1}}


def made(tool: str, **arguments: Any) -> Request:
    """The request for arguments that were checked."""
    found = find(tool)
    return mcp.build(found, REMOTE, check(found, arguments, REMOTE.org_id))


def answer(result: Any, **more: Any) -> bytes:
    """A JSON-RPC answer to our request."""
    return json.dumps({"jsonrpc": "2.0", "id": 1, "result": result, **more}).encode()


def text(*said: str) -> list[dict[str, Any]]:
    """A result's content of texts."""
    return [{"type": "text", "text": one} for one in said]


def read(body: bytes, tool: Any = USERS) -> Reply:
    """The reply in an answer of 200."""
    return mcp.decipher(tool, 200, {"X-Request-Id": "r-1"}, body)


def test_a_call_is_one_post_of_exactly_the_tools_parameters_and_the_servers_pcid() -> None:
    request = made(USERS.name, emails=["a@example.com"])

    assert (request.method, request.url) == ("POST", "https://tools.example.com/mcp/cal-organizations")
    assert request.query == ()
    assert request.headers["Authorization"] == f"Bearer {TOKEN}"
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["Accept"].split(", ") == ["application/json", "text/event-stream"]
    assert json.loads(request.body) == {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {
            "name": USERS.name,
            "arguments": {"orgId": 4821, "emails": ["a@example.com"], "PCID": "theirs"},
        },
    }


def test_a_list_is_one_where_the_tool_list_says_so() -> None:
    key = {"private_key": "k-e-y", "client_email": "c@example.com", "client_id": "1"}
    request = made(DELEGATION.name, workspacePlatformSlug="google", domain="example.com", serviceAccountKey=key)

    assert json.loads(request.body)["params"]["arguments"]["serviceAccountKey"] == [key]


def test_neither_the_token_nor_an_arguments_secret_shows() -> None:
    key = {"private_key": "k-e-y", "client_email": "c@example.com", "client_id": "1"}
    request = made(DELEGATION.name, workspacePlatformSlug="google", domain="example.com", serviceAccountKey=key)

    assert {TOKEN, "k-e-y"} <= set(request.secrets)
    assert TOKEN not in repr(request) + repr(REMOTE)
    assert "k-e-y" not in repr(request)


def test_a_token_that_has_to_be_got_first_is_not_in_the_request_until_it_is_borne() -> None:
    remote = Connection("acme", "https://tools.example.com", 1, McpToken("acme", file="/run/token"))
    request = mcp.build(USERS, remote, check(USERS, {}, 1))

    assert "Authorization" not in request.headers
    assert request.bearing("t-1234").headers["Authorization"] == "Bearer t-1234"
    assert "t-1234" in request.bearing("t-1234").secrets


@pytest.mark.parametrize(
    "result",
    [
        {"structuredContent": WHOLE, "content": text("not this")},
        {"structuredContent": WHOLE},
        {"structuredContent": {"result": WHOLE}},
        {"structuredContent": {"result": json.dumps(WHOLE)}},
        {"structuredContent": WHOLE, "content": text("x"), "isError": False},
        {"structuredContent": WHOLE, "isError": None},
        {"content": text(json.dumps(WHOLE))},
        {"structuredContent": None, "content": text(json.dumps(WHOLE))},
        {"structuredContent": "text", "content": text(json.dumps(WHOLE))},
        {"content": [{"type": "image", "data": "…"}, None, *text("Here it is:", json.dumps(WHOLE))]},
    ],
)
def test_the_structure_is_the_reply_and_a_text_of_json_where_there_is_none(result: dict[str, Any]) -> None:
    reply = read(answer(result))

    assert reply.json == WHOLE
    assert reply.data == WHOLE["data"]
    assert reply.pagination == {"totalItems": 1}
    assert (reply.status, reply.request_id) == (200, "r-1")


@pytest.mark.parametrize(
    ("tool", "result", "data"),
    [
        (USERS, {"structuredContent": {"result": [{"id": 1}]}}, [{"id": 1}]),
        (USERS, {"content": text('[{"id": 1}]')}, [{"id": 1}]),
        (CREATE, {"structuredContent": {"id": 1, "status": "x"}}, {"id": 1, "status": "x"}),
        (CREATE, {"content": text('{"id": 1, "metadata": {}}')}, {"id": 1, "metadata": {}}),
        (CREATE, {"structuredContent": {"data": {"id": 1}}}, {"id": 1}),
        (CREATE, {"structuredContent": {"status": "success", "data": {"id": 1}, "path": "/"}}, {"id": 1}),
        (DELETE, {"structuredContent": {}}, None),
        (DELETE, {"content": []}, None),
        (DELETE, {}, None),
        (DELETE, {"content": text(" ")}, None),
        (DELETE, {"structuredContent": {"status": "success"}}, None),
    ],
)
def test_what_is_not_whole_is_the_data_of_a_reply(tool: Any, result: dict[str, Any], data: Any) -> None:
    assert read(answer(result), tool).data == data


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_an_answer_may_come_as_events_of_which_one_is_ours(end: str) -> None:
    progress = json.dumps({"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progress": 1}})
    other = json.dumps({"jsonrpc": "2.0", "id": 7, "result": {"structuredContent": {"status": "success", "data": []}}})
    ours = answer({"content": text('{"status": "success", "data": [{"name": "a\u2028b"}]}')}).decode()
    first, second = ours.split(", ", 1)
    events = [
        ": ping", "", "event: message", f"data: {progress}", "", f"data:{other}", "", "data: no JSON", "",
        "event: message", "id: 3", f"data: {first},", f"data:{second}",
    ]  # fmt: skip

    assert read(end.join(events).encode()).data == [{"name": "a\u2028b"}]
    assert read(b"\xef\xbb\xbf" + f"data: {ours}{end}{end}".encode()).data == [{"name": "a\u2028b"}]


@pytest.mark.parametrize(
    "body",
    [
        answer({"structuredContent": WHOLE}, id="1"),
        b"[" + answer({"structuredContent": {"data": []}}, id=2) + b"," + answer({"structuredContent": WHOLE}) + b"]",
    ],
)
def test_an_id_may_be_spelt_as_a_text_and_answers_may_come_together(body: bytes) -> None:
    assert read(body).json == WHOLE


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>502</html>",
        b"\xff\xfe\x00",
        b"null",
        b"[]",
        b"{}",
        b"[" * 100_000,
        b'{"jsonrpc": "2.0", "id": 1, "result": ' + b"[" * 100_000,
        b'{"jsonrpc": "2.0", "id": 1, "result": {"structuredContent": {"data": ' + b"9" * 5_000 + b"}}}",
        b'{"jsonrpc": "2.0", "id": 1, "result": {"structuredContent": {"data": 1e999}}}',
        b'{"jsonrpc": "2.0", "id": 1, "result": {"structuredContent": {"data": NaN}}}',
        answer(None),
        answer([]),
        answer("done"),
        answer({}),
        answer({"content": "done"}),
        answer({"content": text("You have 3 users.")}),
        answer({"content": text("[" * 100_000)}),
        answer({"content": text('"[]"')}),
        answer({"content": [{"type": "text", "text": 5}]}),
        answer({"structuredContent": WHOLE}, id=2),
        answer({"structuredContent": WHOLE}, id=None),
        answer({"structuredContent": {"status": "success"}}),
        answer({"structuredContent": {"status": "success", "data": {"users": []}}}),
        b"data: no JSON\n\n",
        b"event: message\n\n",
    ],
)
def test_what_is_no_answer_is_said_to_be_none(body: bytes) -> None:
    with pytest.raises(CalcomUnavailable) as caught:
        read(body)

    assert caught.value.sent
    assert len(caught.value.message) < 400


def test_of_a_change_that_is_answered_unreadably_it_is_said_that_it_may_have_been_done() -> None:
    with pytest.raises(CalcomUnavailable, match=r"not JSON.*may have been done or not: look first"):
        read(answer({"content": text("Created Ada.")}), CREATE)


def test_something_that_is_not_there_is_missing_as_it_is_at_calcom() -> None:
    with pytest.raises(Missing):
        read(answer({"structuredContent": {"status": "success", "data": None}}), ATTRIBUTE)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["data", "status", "error"]), inner),
    max_leaves=8,
)
RESULTS = st.fixed_dictionaries(
    {}, optional={"structuredContent": JSON, "isError": JSON, "content": JSON | st.lists(
        st.fixed_dictionaries({"type": st.just("text"), "text": JSON | JSON.map(json.dumps)}))}
)  # fmt: skip
MESSAGES = st.fixed_dictionaries(
    {"id": st.just(1) | JSON}, optional={"result": RESULTS | JSON, "error": JSON | st.fixed_dictionaries(
        {"code": st.integers() | JSON, "message": JSON})}
)  # fmt: skip


@given(
    tool=st.sampled_from([*TOOLS.values()]),
    status=st.integers(100, 599),
    headers=st.dictionaries(st.text(), st.text()),
    body=st.binary() | MESSAGES.map(lambda message: json.dumps(message).encode()),
)
def test_any_answer_is_a_reply_or_an_error_of_the_tree(
    tool: Any, status: int, headers: dict[str, str], body: bytes
) -> None:
    with suppress(CalcomError, BadArguments, NotFound):
        reply = mcp.decipher(tool, status, headers, body, secrets=["secret"])

        assert isinstance(reply.json, dict)
        assert 200 <= status < 300
