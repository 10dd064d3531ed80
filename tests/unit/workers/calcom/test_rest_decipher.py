"""Answers to replies and errors: any status, headers and bytes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.calcom.arguments import check
from workers.calcom.connection import BearerKey, Connection
from workers.calcom.requests import Reply, Request
from workers.calcom.rest import build, decipher
from workers.calcom.tool import Tool
from workers.calcom.tools import TOOLS, find
from workers.errors import (
    AlreadyExists,
    CalcomError,
    CalcomUnavailable,
    Forbidden,
    Missing,
    RateLimited,
    Rejected,
    Unauthorized,
)

KEY = "cal_live_0123456789"
ACME = Connection("acme", "https://api.cal.com/v2/", 1, BearerKey(KEY))

USERS = find("cal_organizations_users_controller_get_organizations_users")
ATTRIBUTE = find("cal_organizations_attributes_controller_get_organization_attribute")
OPTIONS = find("cal_organizations_attributes_options_controller_get_organization_attribute_options")
WEBHOOK = find("cal_organizations_webhooks_controller_create_organization_webhook")
WEBHOOK_DELETE = find("cal_organizations_webhooks_controller_delete_webhook")
DELEGATION = find("cal_organizations_delegation_credential_controller_create_delegation_credential")


def made(tool: Tool, connection: Connection = ACME, **arguments: Any) -> Request:
    """The request for arguments that were checked."""
    return build(tool, connection, check(tool, arguments, connection.org_id))


def envelope(message: Any, code: str = "SomeException", **error: Any) -> bytes:
    """An error as Cal.com wraps it."""
    return json.dumps(
        {"status": "error", "path": "/v2/x", "error": {"code": code, "message": message, **error}}
    ).encode()


def test_a_reply_is_kept_whole() -> None:
    body = {"status": "success", "data": [{"id": 1, "new": True}], "pagination": {"totalItems": 1}, "more": 2}
    headers = {
        "X-RateLimit-Limit-Default": "120",
        "x-ratelimit-remaining-default": "7",
        "X-RateLimit-Reset-Default": "30",
        "X-Request-Id": "r-1",
    }

    reply = decipher(USERS, 200, headers, json.dumps(body).encode())

    assert reply.json == body
    assert reply.data == [{"id": 1, "new": True}]
    assert reply.pagination == {"totalItems": 1}
    assert reply.request_id == "r-1"
    assert reply.rate is not None
    assert (reply.rate.limit, reply.rate.remaining, reply.rate.reset) == (120, 7, 30)


@pytest.mark.parametrize("status", [200, 201, 202, 203])
def test_any_success_is_one_though_another_was_expected(status: int) -> None:
    assert decipher(WEBHOOK, status, {}, b'{"status": "success", "data": {"id": 5}}').data == {"id": 5}


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Rejected),
        (401, Unauthorized),
        (403, Forbidden),
        (404, Missing),
        (408, CalcomUnavailable),
        (409, AlreadyExists),
        (413, Rejected),
        (422, Rejected),
        (429, RateLimited),
        (500, CalcomUnavailable),
        (503, CalcomUnavailable),
        (301, Rejected),
        (302, Rejected),
        (304, Rejected),
        (100, CalcomUnavailable),
        (0, CalcomUnavailable),
        (999, CalcomUnavailable),
    ],
)
def test_an_error_is_named_by_its_status_whatever_its_code_says(status: int, kind: type[CalcomError]) -> None:
    with pytest.raises(kind) as caught:
        decipher(USERS, status, {"x-request-id": "r-2"}, envelope("So it is", "CONFLICT"))

    assert type(caught.value) is kind
    assert caught.value.status == status
    assert caught.value.request_id == "r-2"
    assert '"So it is"' in caught.value.message
    assert USERS.name in caught.value.message


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"statusCode":500,"message":"Internal server error"}', "Internal server error"),
        (b'{"statusCode":500,"message":["one","two",3]}', "one; two"),
        (b'{"type":"about:blank","title":"Bad","detail":"Too bad","status":500}', "Too bad"),
        (b'{"error":"plain"}', "plain"),
        (b'{"error":{"message":{"odd":1},"code":7}}', "answered 500."),
        (b"<html>Bad gateway</html>", "not as JSON"),
        (b"", "answered 500."),
        (b"\xff\xfe\x00", "not as JSON"),
        (b"[1]", "answered 500."),
        (b"null", "answered 500"),
    ],
)
def test_an_error_may_come_in_any_dress(body: bytes, said: str) -> None:
    with pytest.raises(CalcomUnavailable) as caught:
        decipher(USERS, 500, {}, body)

    assert said in caught.value.message


@pytest.mark.parametrize("body", [b"<html></html>", b"", b"[]", b'"text"', b"\xff", b'{"a": NaN}', b'{"a": 1e999}'])
def test_a_success_that_is_not_cal_com_s_is_no_success(body: bytes) -> None:
    with pytest.raises(CalcomUnavailable, match=r"not Cal\.com's JSON"):
        decipher(WEBHOOK, 201, {"content-type": "text/html"}, body)


def test_an_empty_success_is_called_empty() -> None:
    with pytest.raises(CalcomUnavailable, match="empty") as caught:
        decipher(USERS, 200, {}, b" ")
    assert "look first" not in caught.value.message

    with pytest.raises(CalcomUnavailable, match=r"empty.*look first"):
        decipher(WEBHOOK, 201, {}, b"")


def test_a_delete_may_be_answered_with_nothing() -> None:
    assert decipher(WEBHOOK_DELETE, 204, {}, b"").data is None
    assert decipher(WEBHOOK_DELETE, 200, {}, b"").json == {}


@pytest.mark.parametrize(
    "body",
    [
        envelope("No"),
        b'{"status": "error", "message": "No"}',
        b'{"status": "error", "data": null, "message": "No"}',
        b'{"status": "error", "data": {"id": 5}, "error": {"message": "No"}}',
    ],
)
def test_a_success_that_tells_of_an_error_is_one(body: bytes) -> None:
    with pytest.raises(Rejected, match="No"):
        decipher(WEBHOOK, 200, {}, body)


def test_a_success_with_data_is_one_whatever_its_status_is_called() -> None:
    assert decipher(WEBHOOK, 201, {}, b'{"status": "error", "data": {"id": 5}}').data == {"id": 5}
    assert decipher(USERS, 200, {}, b'{"status": "error", "data": []}').data == []


def test_null_where_a_thing_was_asked_for_means_it_is_missing() -> None:
    with pytest.raises(Missing):
        decipher(ATTRIBUTE, 200, {}, b'{"status": "success", "data": null}')
    assert decipher(OPTIONS, 200, {}, b'{"status": "success", "data": null}').data is None
    assert decipher(WEBHOOK_DELETE, 200, {}, b'{"status": "success", "data": null}').data is None


def test_a_403_is_told_in_both_readings() -> None:
    with pytest.raises(Forbidden) as caught:
        decipher(USERS, 403, {}, envelope("IsUserInOrg"))

    assert "role ADMIN and the plan ESSENTIALS" in caught.value.message
    assert "not there" in caught.value.message


@pytest.mark.parametrize("body", [b"<html>404</html>", envelope("Cannot GET /organizations/1/users")])
def test_a_path_that_is_not_there_points_at_the_base_url(body: bytes) -> None:
    with pytest.raises(Rejected, match="base URL is probably wrong"):
        decipher(USERS, 404, {}, body)


def test_a_404_with_nothing_is_still_a_404() -> None:
    with pytest.raises(Missing):
        decipher(USERS, 404, {}, b"")


def test_details_are_never_shown_but_the_names_of_parameters_are() -> None:
    details = {
        "errors": [
            {"property": "secret", "value": "hush-hush", "target": {"secret": "hush-hush"}},
            {"property": "hush-hush"},
            "odd",
        ]
    }
    with pytest.raises(Rejected) as caught:
        decipher(WEBHOOK, 400, {}, envelope("Bad Request Exception", details=details))

    assert "hush" not in caught.value.message
    assert "It names secret." in caught.value.message


def test_secrets_are_scrubbed_from_what_cal_com_says() -> None:
    key = {"private_key": "-----BEGIN-----\nMIIEvQ==\n-----END-----", "client_email": "c@x.org", "client_id": "12"}
    request = made(DELEGATION, domain="x.org", workspacePlatformSlug="google", serviceAccountKey=key)
    said = f"Bad {KEY} and MIIEvQ== and {key['private_key']} of c@x.org\x1b[31m"

    with pytest.raises(Rejected) as caught:
        decipher(DELEGATION, 400, {}, envelope(said, KEY), secrets=request.secrets)

    for secret in (KEY, "MIIEvQ==", "c@x.org", "\x1b", "\n"):
        assert secret not in caught.value.message
    assert caught.value.code == "[hidden]"


def test_an_address_in_what_cal_com_says_is_hidden() -> None:
    with pytest.raises(AlreadyExists) as caught:
        decipher(USERS, 409, {}, envelope("A user with ann@example.com is there: <bo.b@x.example.org>."))

    assert "A user with [e-mail] is there: <[e-mail]>." in caught.value.message


def test_a_long_message_is_cut() -> None:
    with pytest.raises(Rejected) as caught:
        decipher(USERS, 400, {}, envelope("x" * 100_000))

    assert len(caught.value.message) < 600


def test_a_request_id_that_is_none_is_dropped() -> None:
    reply = decipher(USERS, 200, {"X-Request-Id": "a\nb" * 50}, b'{"data": []}')

    assert reply.request_id is None


def test_half_a_surrogate_pair_in_a_reply_does_not_reach_the_store() -> None:
    reply = decipher(USERS, 200, {}, b'{"data": ["\\ud800", "\\ud83d\\ude00", "\\u0041"]}')

    assert reply.data == ["?", "😀", "A"]


anything = st.binary(max_size=200) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["status", "error", "message", "code", "details", "errors", "property", "data"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
).map(lambda document: json.dumps(document).encode())
header_names = st.sampled_from(
    ["X-RateLimit-Reset-Default", "x-ratelimit-remaining-X", "Retry-After", "Date", "X-Request-Id", "Content-Type"]
)


@given(
    tool=st.sampled_from(list(TOOLS.values())),
    status=st.integers(min_value=-1, max_value=1000),
    headers=st.dictionaries(header_names | st.text(max_size=10), st.text(max_size=30), max_size=5),
    body=anything,
    secrets=st.lists(st.text(max_size=10), max_size=3),
)
def test_any_answer_is_a_reply_or_an_error_that_says_something(
    tool: Tool, status: int, headers: dict[str, str], body: bytes, secrets: list[str]
) -> None:
    outcome: Reply | CalcomError
    try:
        outcome = decipher(tool, status, headers, body, secrets=secrets)
    except CalcomError as error:
        outcome = error
    if isinstance(outcome, Reply):
        assert 200 <= status < 300
        json.dumps(outcome.json, ensure_ascii=False, allow_nan=False).encode()
    else:
        assert tool.name in outcome.message
        assert len(outcome.message) < 800
        assert outcome.message.isprintable()
        assert not isinstance(outcome, RateLimited) or 1 <= outcome.after <= 3600
