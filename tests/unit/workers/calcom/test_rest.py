"""Arguments to a request: where each goes, and what a repr never shows."""

from __future__ import annotations

import json
from typing import Any

from workers.calcom import bookings
from workers.calcom.arguments import check
from workers.calcom.connection import BearerKey, ClientCredentials, Connection
from workers.calcom.requests import Request
from workers.calcom.rest import build
from workers.calcom.tool import Tool
from workers.calcom.tools import TOOLS, find

KEY = "cal_live_0123456789"
ACME = Connection("acme", "https://api.cal.com/v2/", 1, BearerKey(KEY))

USERS = find("cal_organizations_users_controller_get_organizations_users")
USER_CHANGE = find("cal_organizations_users_controller_update_organization_user")
WEBHOOK = find("cal_organizations_webhooks_controller_create_organization_webhook")
WEBHOOK_DELETE = find("cal_organizations_webhooks_controller_delete_webhook")


def made(tool: Tool, connection: Connection = ACME, **arguments: Any) -> Request:
    """The request for arguments that were checked."""
    return build(tool, connection, check(tool, arguments, connection.org_id))


def test_a_read_has_its_filters_in_the_query_each_in_its_own_way() -> None:
    request = made(USERS, emails=["a+b@example.com", "c@example.com"], teamIds=[1, 2], take=5)

    assert (request.method, request.url) == ("GET", "https://api.cal.com/v2/organizations/1/users")
    assert request.query == (
        ("take", "5"),
        ("emails", "a+b@example.com"),
        ("emails", "c@example.com"),
        ("teamIds", "1,2"),
    )
    assert request.body == b""
    assert "Content-Type" not in request.headers


def test_bookings_are_asked_for_by_the_version_that_knows_times_of_change_and_are_no_tool() -> None:
    request = made(bookings.LIST, afterUpdatedAt="2026-11-25T09:00:00.000Z", sortUpdatedAt="asc", take=100)

    assert request.url == "https://api.cal.com/v2/organizations/1/bookings"
    assert request.headers["cal-api-version"] == "2024-08-13"
    assert dict(request.query)["afterUpdatedAt"] == "2026-11-25T09:00:00.000Z"
    assert bookings.LIST.name not in TOOLS
    assert "cal-api-version" not in made(USERS).headers


def test_a_change_has_a_json_body_without_the_ids_of_the_path() -> None:
    request = made(USER_CHANGE, userId=5, theme=None, bio="ä")

    assert request.url.endswith("/organizations/1/users/5")
    assert json.loads(request.body) == {"theme": None, "bio": "ä"}
    assert request.headers["Content-Type"] == "application/json"


def test_a_change_of_nothing_still_has_a_body() -> None:
    assert made(USER_CHANGE, userId=5).body == b"{}"


def test_a_delete_has_no_body() -> None:
    request = made(WEBHOOK_DELETE, webhookId="7f1c")

    assert (request.method, request.body) == ("DELETE", b"")


def test_a_bearer_key_and_client_credentials_are_never_sent_together() -> None:
    platform = Connection("p", "https://cal.example.com/v2", 1, ClientCredentials("id-1", "secret-1"))

    assert made(USERS).headers["Authorization"] == f"Bearer {KEY}"
    headers = made(USERS, platform).headers
    assert headers["x-cal-client-id"] == "id-1"
    assert headers["x-cal-secret-key"] == "secret-1"
    assert "Authorization" not in headers


def test_a_request_s_repr_shows_no_secret() -> None:
    request = made(
        WEBHOOK,
        active=True,
        subscriberUrl="https://hooks.example.com",
        triggers=["BOOKING_CREATED"],
        secret="hush-hush",
    )

    assert KEY not in repr(request)
    assert "hush" not in repr(request)
    assert "hush-hush" in request.secrets
