"""What follows an answer or its absence: sent again, given up, done already. No network, no clock."""

from __future__ import annotations

import json
from typing import Any

import pytest

from workers.calcom.arguments import check
from workers.calcom.connection import BearerKey, Connection, McpToken
from workers.calcom.exchange import Answer, Exchange, Patience, halt, plan
from workers.calcom.requests import Reply
from workers.calcom.tools import find
from workers.errors import (
    BadArguments,
    CalcomUnavailable,
    Conflict,
    Forbidden,
    Missing,
    RateLimited,
    Rejected,
    Unauthorized,
)

ACME = Connection("acme", "https://api.cal.com/v2", 1, BearerKey("cal_live_0123456789"))
REMOTE = Connection("acme", "https://tools.example.com", 1, McpToken("theirs", "tok_0123456789"))
USERS = "cal_organizations_users_controller_get_organizations_users"
USER_CREATE = "cal_organizations_users_controller_create_organization_user"
USER_CHANGE = "cal_organizations_users_controller_update_organization_user"
USER_DELETE = "cal_organizations_users_controller_delete_organization_user"
MEMBERSHIP = "cal_organizations_memberships_controller_create_membership"
MEMBERSHIP_DELETE = "cal_organizations_memberships_controller_delete_membership"
OOO_CHANGE = "cal_organizations_users_ooocontroller_update_organization_user_ooo"
OOO_DAYS = {"userId": 5, "oooId": 1, "start": "2026-02-02", "end": "2026-02-03"}
MEMBER = {"userId": 5, "role": "MEMBER", "accepted": True, "disableImpersonation": False}

LOST = CalcomUnavailable("cut", sent=True)
NEVER_LEFT = CalcomUnavailable("refused", sent=False)


def under_way(tool: str, max_wait: float = 120.0, **arguments: Any) -> Exchange:
    """The first exchange of a call."""
    return next(plan(ACME, find(tool), arguments, max_wait))


def refused(status: int, **headers: str) -> Answer:
    """Cal.com's own error of that status."""
    body = json.dumps({"status": "error", "error": {"code": "X", "message": "m"}}).encode()
    return Answer(status, headers, body)


@pytest.mark.parametrize(
    ("tool", "arguments", "again"),
    [
        (USERS, {}, True),
        (USER_CREATE, {"email": "ann@example.com"}, False),
        (USER_CHANGE, {"userId": 5, "bio": "b"}, True),
        (USER_DELETE, {"userId": 5}, True),
        (MEMBERSHIP, {"userId": 5, "role": "MEMBER"}, False),
        (MEMBERSHIP, MEMBER, True),
        (OOO_CHANGE, OOO_DAYS, False),
        (OOO_CHANGE, {"userId": 5, "oooId": 1, "notes": "n"}, True),
    ],
)
def test_after_a_lost_answer_only_what_does_no_harm_is_sent_again(
    tool: str, arguments: dict[str, Any], again: bool
) -> None:
    assert under_way(tool, **arguments).again(LOST) is again
    assert under_way(tool, **arguments).again(NEVER_LEFT) is True


@pytest.mark.parametrize(
    "error", [Rejected("r"), Unauthorized("u"), Forbidden("f"), Missing("m"), Conflict("c"), ValueError("v")]
)
def test_other_errors_are_not_argued_with(error: Exception) -> None:
    assert under_way(USERS).again(error) is False


def test_a_429_is_sent_again_at_once_since_the_budget_does_the_waiting() -> None:
    assert under_way(USER_CREATE, email="ann@example.com").again(RateLimited("r", after=60)) == 0.0


def test_a_429_longer_than_the_patience_is_given_up() -> None:
    assert under_way(USERS).again(RateLimited("r", after=121)) is False
    assert under_way(USERS, max_wait=10).again(RateLimited("r", after=11)) is False


def test_patience_is_spent_until_it_is_not_enough() -> None:
    patience = Patience(50)

    assert patience.spend(find(USERS), 30) == 30
    with pytest.raises(RateLimited, match="not sent") as caught:
        patience.spend(find(USERS), 21)
    assert caught.value.after == 21
    assert patience.spend(find(USERS), 20) == 20


@pytest.mark.parametrize(
    ("tool", "argument", "status", "done"),
    [
        (USER_DELETE, "userId", 403, True),
        (USER_DELETE, "userId", 404, True),
        (MEMBERSHIP_DELETE, "membershipId", 404, True),
        (MEMBERSHIP_DELETE, "membershipId", 403, False),
    ],
)
def test_a_delete_sent_again_is_done_when_cal_com_says_the_thing_is_gone(
    tool: str, argument: str, status: int, done: bool
) -> None:
    exchange = under_way(tool, **{argument: 5})
    exchange.again(LOST)

    if done:
        assert exchange.answered(refused(status)) == Reply({}, status, repeated=True)
    else:
        with pytest.raises(Forbidden):
            exchange.answered(refused(status))


def test_a_first_delete_of_what_is_not_there_is_an_error() -> None:
    with pytest.raises(Missing):
        under_way(MEMBERSHIP_DELETE, membershipId=5).answered(refused(404))


def test_a_delete_that_never_left_before_is_a_first_one() -> None:
    exchange = under_way(MEMBERSHIP_DELETE, membershipId=5)
    exchange.again(NEVER_LEFT)

    with pytest.raises(Missing):
        exchange.answered(refused(404))


def test_a_page_from_a_firewall_does_not_pass_for_done() -> None:
    exchange = under_way(USER_DELETE, userId=5)
    exchange.again(LOST)

    with pytest.raises(Forbidden):
        exchange.answered(Answer(403, {}, b"<html>Firewall</html>"))


def test_a_change_sent_again_that_finds_nothing_is_an_error() -> None:
    exchange = under_way(USER_CHANGE, userId=5, bio="b")
    exchange.again(LOST)

    with pytest.raises(Missing):
        exchange.answered(refused(404))


def test_a_429_and_a_window_used_up_halt_everyone() -> None:
    spent = {"X-RateLimit-Remaining-Default": "0", "X-RateLimit-Reset-Default": "17"}

    assert halt(refused(429)) == 60
    assert halt(Answer(200, spent, b"")) == 17
    assert halt(Answer(200, {**spent, "X-RateLimit-Reset-Default": "0"}, b"")) == 1
    assert halt(Answer(200, {**spent, "X-RateLimit-Remaining-Default": "1"}, b"")) == 0
    assert halt(Answer(200, {"X-RateLimit-Remaining-Default": "0"}, b"")) == 0


def test_a_plan_refuses_wrong_arguments_before_its_first_step() -> None:
    with pytest.raises(BadArguments):
        plan(ACME, find(USER_CREATE), {}, 120)


def test_all_pages_of_a_call_share_one_patience() -> None:
    steps = plan(ACME, find(USERS), check(find(USERS), {}, 1), 50)
    first = next(steps)
    second = steps.send(Reply({"data": [{"id": number} for number in range(250)]}))

    assert first.patience is second.patience
    assert ("skip", "250") in second.request.query


def told(kind: str, **more: object) -> Answer:
    """A tool's error as a remote Daybook tells it."""
    result = {"isError": True, "structuredContent": {"error": {"kind": kind, "message": "m", **more}}}
    return Answer(200, {}, json.dumps({"jsonrpc": "2.0", "id": 1, "result": result}).encode())


def through(tool: str, **arguments: Any) -> Exchange:
    """The first exchange of a call by way of an MCP server."""
    return next(plan(REMOTE, find(tool), arguments, 120.0))


def test_how_a_request_is_made_and_read_is_for_the_credential_to_say() -> None:
    assert under_way(USERS).request.url == "https://api.cal.com/v2/organizations/1/users"
    assert through(USERS).request.url == "https://tools.example.com/cal-organizations"
    with pytest.raises(BadArguments):
        through(USERS, take=0)


def test_a_limit_that_comes_in_a_body_pauses_everyone_too() -> None:
    exchange = through(USER_CREATE, email="ann@example.com")

    with pytest.raises(RateLimited) as caught:
        exchange.answered(told("rate_limited", after=17))

    assert exchange.pause == 17
    assert exchange.again(caught.value) == 0.0


@pytest.mark.parametrize(("sent", "again"), [(False, True), (True, False)])
def test_through_an_mcp_server_too_a_creation_is_sent_again_only_if_it_never_left(sent: bool, again: bool) -> None:
    exchange = through(USER_CREATE, email="ann@example.com")

    with pytest.raises(CalcomUnavailable) as caught:
        exchange.answered(told("calcom_unavailable", sent=sent))

    assert exchange.again(caught.value) is again


def test_through_an_mcp_server_too_a_lost_delete_is_done_when_calcom_says_that_it_is_gone() -> None:
    exchange = through(USER_DELETE, userId=5)
    exchange.again(LOST)

    assert exchange.answered(told("forbidden", status=403, code="ForbiddenException")).repeated
    with pytest.raises(Forbidden):
        exchange.answered(Answer(403, {}, b""))


@pytest.mark.parametrize("connection", [ACME, REMOTE], ids=["api", "mcp"])
def test_a_token_that_is_echoed_in_a_good_reply_is_taken_out_of_it(connection: Connection) -> None:
    exchange = next(plan(connection, find(USERS), {}, 120.0))
    token = exchange.request.bearer
    assert token is not None
    deep: Any = f"Bearer {token}"
    for _ in range(200):
        deep = [deep]
    reply = {"status": "success", "data": [{"headers": {token: 1, "a": f"Bearer {token}, {token}"}, "deep": deep}]}
    result = {"structuredContent": reply, "content": []} if connection is REMOTE else None
    body = {"jsonrpc": "2.0", "id": 1, "result": result} if result else reply

    found = exchange.answered(Answer(200, {}, json.dumps(body).encode()))

    assert token not in json.dumps(found.json)
    assert found.data[0]["headers"] == {"[hidden]": 1, "a": "Bearer [hidden], [hidden]"}


def test_a_token_got_from_elsewhere_is_taken_out_too() -> None:
    exchange = through(USERS)
    exchange.request = exchange.request.bearing("tok_of_a_file")

    result = {"structuredContent": {"status": "success", "data": [{"name": "tok_of_a_file"}]}}
    answer = Answer(200, {}, json.dumps({"jsonrpc": "2.0", "id": 1, "result": result}).encode())
    assert exchange.answered(answer).data == [{"name": "[hidden]"}]
