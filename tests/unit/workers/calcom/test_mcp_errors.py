"""What errors of an MCP server mean: the server's own, the protocol's, a Daybook's, and those that are mere words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from workers import errors
from workers.calcom import mcp
from workers.calcom.tools import find
from workers.errors import (
    AlreadyExists,
    BadArguments,
    CalcomUnavailable,
    DaybookError,
    Forbidden,
    Missing,
    NotFound,
    RateLimited,
    Rejected,
    Unauthorized,
)

USERS = find("cal_organizations_users_controller_get_organizations_users")
CREATE = find("cal_organizations_users_controller_create_organization_user")
DELETE = find("cal_organizations_users_controller_delete_organization_user")
TOKEN = "tok_0123456789"


def error_of(body: Any, status: int = 200, tool: Any = CREATE, **headers: str) -> Any:
    """The error that an answer means."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(DaybookError) as caught:
        mcp.decipher(tool, status, {"X-Request-Id": "r-1", **headers}, content, secrets=[TOKEN])
    return caught.value


def rpc(code: Any, message: Any = "no", **more: Any) -> dict[str, Any]:
    """A JSON-RPC error."""
    return {"jsonrpc": "2.0", "id": 1, "error": {"code": code, "message": message}, **more}


def failed(text: str = "", structure: Any = None) -> dict[str, Any]:
    """A tool's error."""
    result: dict[str, Any] = {"isError": True, "content": [{"type": "text", "text": text}]}
    if structure is not None:
        result["structuredContent"] = structure
    return {"jsonrpc": "2.0", "id": 1, "result": result}


def daybook(kind: str, **more: Any) -> dict[str, Any]:
    """A tool's error as a Daybook tells it."""
    error = {"kind": kind, "message": "What happened. What to do.", "status": None, "code": None, "after": None, **more}
    return failed("What happened. What to do.", {"error": error})


@pytest.mark.parametrize(
    ("status", "kind", "said"),
    [
        (401, Unauthorized, "refuses the token"),
        (403, Forbidden, "Its token may not"),
        (404, Rejected, "/cal-organizations"),
        (405, Rejected, "/cal-organizations"),
        (406, Rejected, "refused again"),
        (413, Rejected, "refused again"),
        (302, Rejected, "points elsewhere"),
        (408, CalcomUnavailable, "may have been done"),
        (500, CalcomUnavailable, "may have been done"),
        (502, CalcomUnavailable, "may have been done"),
        (503, CalcomUnavailable, "may have been done"),
        (599, CalcomUnavailable, "may have been done"),
    ],
)
def test_a_status_of_the_server_is_about_the_server(status: int, kind: type[DaybookError], said: str) -> None:
    error = error_of(b"<html>", status)

    assert type(error) is kind
    assert isinstance(error, errors.CalcomError)
    assert said in error.message
    assert "the MCP server" in error.message
    assert (error.status, error.request_id) == (status, "r-1")
    # else a 404 of the server would tell that what a DELETE names is gone
    assert error.code is None
    assert getattr(error, "sent", True)


@pytest.mark.parametrize(("header", "after"), [({"Retry-After": "7"}, 7), ({}, 60)])
def test_the_servers_own_limit_halts_the_connection(header: dict[str, str], after: float) -> None:
    error = error_of(b"", 429, **header)

    assert isinstance(error, RateLimited)
    assert error.after == after


@pytest.mark.parametrize(
    ("code", "message", "status", "kind"),
    [
        (-32602, "take: must be a whole number", 200, BadArguments),
        (-32602, "Unknown tool: cal_x", 200, NotFound),
        (-32602, "Tool cal_x not found", 400, NotFound),
        (-32700, "parse error", 400, Rejected),
        (-32600, "Missing session ID", 400, Rejected),
        (-32601, "Method not found", 200, Rejected),
        (-32601, "Method not found", 404, Rejected),
        (-32603, "Internal error", 200, CalcomUnavailable),
        (-32603, "Internal error", 400, CalcomUnavailable),
        (-32001, "Request timed out", 200, CalcomUnavailable),
        (0, "boom", 200, CalcomUnavailable),
        ("x", None, 200, CalcomUnavailable),
        (None, ["boom"], 200, CalcomUnavailable),
        (-32602, "x", 500, CalcomUnavailable),
        (-32602, "x", 401, Unauthorized),
        (-32602, "x", 429, RateLimited),
    ],
)
def test_an_error_of_the_protocol_is_told_by_its_code(
    code: Any, message: Any, status: int, kind: type[DaybookError]
) -> None:
    error = error_of(rpc(code, message), status)

    assert type(error) is kind
    assert getattr(error, "sent", True)


@pytest.mark.parametrize("body", [rpc(-32602, id=None), {"error": "no"}, {"error": None, "id": 1}])
def test_an_error_need_not_know_which_request_it_is_about(body: dict[str, Any]) -> None:
    assert isinstance(error_of(body), BadArguments | CalcomUnavailable)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("unauthorized", Unauthorized),
        ("forbidden", Forbidden),
        ("missing", Missing),
        ("already_exists", AlreadyExists),
        ("rejected", Rejected),
        ("calcom_unavailable", CalcomUnavailable),
        ("bad_arguments", BadArguments),
        ("bad_input", BadArguments),
        ("not_found", NotFound),
        ("store_unavailable", CalcomUnavailable),
        ("misconfigured", CalcomUnavailable),
    ],
)
def test_an_error_of_a_daybook_is_the_one_it_was_there(kind: str, expected: type[DaybookError]) -> None:
    error = error_of(daybook(kind, status=404, code="NotFoundException", sent=True))

    assert type(error) is expected
    assert error.message == "Through the MCP server: What happened. What to do."
    if isinstance(error, errors.CalcomError):
        assert (error.status, error.code, error.request_id) == (404, "NotFoundException", "r-1")


def test_a_key_whose_role_does_not_cover_the_call_tells_nothing_of_what_is_at_calcom() -> None:
    error = error_of(daybook("not_allowed"), tool=DELETE)

    assert type(error) is Forbidden
    assert (error.status, error.code) == (None, None)


def test_the_store_of_the_other_daybook_is_not_ours() -> None:
    assert not isinstance(error_of(daybook("store_unavailable", sent=False)), errors.StoreUnavailable)


@pytest.mark.parametrize(("sent", "known"), [(False, False), (True, True), (None, True), ("no", True), (0, True)])
def test_only_a_plain_no_says_that_nothing_was_sent(sent: Any, known: bool) -> None:
    assert error_of(daybook("calcom_unavailable", sent=sent)).sent is known


@pytest.mark.parametrize(
    ("after", "seconds"),
    [(30, 30), (2.5, 2.5), (None, 60), ("9", 60), (True, 60), (-5, 1), (0, 1), (10**400, 3600), (1e300, 3600)],
)
def test_the_wait_of_a_limit_is_a_sensible_one(after: Any, seconds: float) -> None:
    for kind in ("rate_limited", "too_many_requests"):
        error = error_of(daybook(kind, after=after, sent=False))

        assert isinstance(error, RateLimited)
        assert error.after == seconds


@pytest.mark.parametrize(
    ("more", "kind"),
    [
        ({"status": 404}, Missing),
        ({"status": 503}, CalcomUnavailable),
        ({"sent": False}, Rejected),
        ({"sent": True}, CalcomUnavailable),
        ({}, CalcomUnavailable),
        ({"status": True, "code": 7}, CalcomUnavailable),
    ],
)
def test_a_kind_of_a_later_daybook_is_read_by_its_status_else_as_what_may_have_been_done(
    more: dict[str, Any], kind: type[DaybookError]
) -> None:
    assert type(error_of(daybook("some_day", **more))) is kind


def test_a_daybooks_error_may_come_as_text_too() -> None:
    text = json.dumps({"error": {"kind": "missing", "message": "Gone.", "status": 404, "code": "X"}})

    error = error_of(failed(text))

    assert type(error) is Missing
    assert (error.status, error.code) == (404, "X")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('cal_x: Cal.com answered 404 "User not found".', Missing),
        ("Request failed with status code 403", Forbidden),
        ("HTTP 409: Conflict", AlreadyExists),
        ("HTTP/1.1 400 Bad Request", Rejected),
        ("404 Not Found", Missing),
        ("Error: 422 Unprocessable Entity", Rejected),
        ("API error (status: 500)", CalcomUnavailable),
        ("Error 503", CalcomUnavailable),
        ("status=408", CalcomUnavailable),
        ("API returned 429 Too Many Requests", RateLimited),
        ("Rate limit exceeded, slow down", RateLimited),
        ("Request failed with status code 401", Unauthorized),
        ('{"statusCode": 404, "message": "no such user"}', Missing),
        ('{"status": 409, "message": "there"}', AlreadyExists),
        ('{"status": "error", "error": {"status": 400, "message": "no"}}', Rejected),
        ('{"error": {"code": 404, "message": "no"}}', Missing),
        ('{"status": "error", "error": {"code": "X", "message": "HTTP 404"}}', Missing),
    ],
)
def test_of_another_server_the_status_is_looked_for_in_its_words(text: str, kind: type[DaybookError]) -> None:
    assert type(error_of(failed(text))) is kind


def test_calcoms_own_envelope_keeps_its_code_and_what_it_complains_about() -> None:
    details = {"errors": [{"property": "email", "constraints": {}}, {"property": TOKEN}]}
    text = json.dumps(
        {"status": "error", "statusCode": 400, "error": {"code": "BadRequest", "message": "bad", "details": details}}
    )

    error = error_of(failed(text))

    assert (error.status, error.code) == (400, "BadRequest")
    assert "It names email." in error.message


@pytest.mark.parametrize(
    "text",
    [
        "Input validation error: 'email' is a required property",
        "Missing required argument PCID",
        "PCID acme not found",
        "Permission denied",
    ],
)
def test_words_that_tell_a_refusal_before_the_deed_are_one(text: str) -> None:
    assert type(error_of(failed(text))) is Rejected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Error executing tool cal_x: boom",
        "Something went wrong",
        "fetch failed",
        "connect ETIMEDOUT",
        "Request timed out",
        "upstream connection reset, user not found in pool",
        "Output validation error: 'id' is a required property",
        "Invalid response from Cal.com: missing required field",
        "The order of 4040 things failed",
    ],
)
def test_a_change_of_which_nothing_tells_how_it_ended_may_have_been_done(text: str) -> None:
    error = error_of(failed(text))

    assert type(error) is CalcomUnavailable
    assert error.sent


@pytest.mark.parametrize(
    ("text", "kind"), [("Something went wrong", Rejected), ("Request timed out", CalcomUnavailable)]
)
def test_a_look_that_fails_is_refused_unless_it_is_a_matter_of_time(text: str, kind: type[DaybookError]) -> None:
    assert type(error_of(failed(text), tool=USERS)) is kind


def test_a_tool_that_another_server_does_not_have_is_not_found() -> None:
    assert type(error_of(failed(f"Unknown tool: {CREATE.name}"))) is NotFound


def test_a_success_whose_structure_is_an_error_is_one() -> None:
    structure = {"status": "error", "statusCode": 404, "error": {"code": "NotFoundException", "message": "no"}}
    body = {"jsonrpc": "2.0", "id": 1, "result": {"structuredContent": structure}}

    assert type(error_of(body, tool=DELETE)) is Missing


@pytest.mark.parametrize(
    "body",
    [
        rpc(-32602, f"{TOKEN} of ada@example.com\x1b[31m\n" + "x" * 5000),
        rpc(-32603, f"{TOKEN} of ada@example.com\x1b[31m\n" + "x" * 5000),
        failed(f"Bad: {TOKEN} of ada@example.com\x1b[31m\n" + "x" * 5000),
        failed(json.dumps({"message": f"{TOKEN} ada@example.com\n", "statusCode": 400})),
        failed("", {"error": {"kind": "rejected", "message": f"{TOKEN} ada@example.com\n" + "x" * 9000}}),
        failed("", {"error": {"kind": f"{TOKEN}", "status": 404, "message": f"{TOKEN} a@example.com"}}),
        failed("", {"error": {"kind": f"{TOKEN} ada@example.com\n" + "x" * 9000}}),
    ],
)
def test_no_message_shows_a_secret_or_an_address_or_fills_a_screen(body: dict[str, Any]) -> None:
    message = error_of(body).message

    assert TOKEN not in message
    assert "@" not in message
    assert message.isprintable()
    assert len(message) < 1_200
