"""Who may call, and how often."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

OWNER = {"Authorization": "Bearer cal_sandbox_owner"}
MEMBER = {"Authorization": "Bearer cal_sandbox_member"}
PLATFORM = {"x-cal-client-id": "sandbox-client", "x-cal-secret-key": "sandbox-client-secret"}
USERS = "/v2/organizations/4821/users"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        (OWNER, 200),
        ({"Authorization": "Basic cal_sandbox_owner"}, 401),
        ({"Authorization": "Bearer cal_unknown"}, 401),
        ({"Authorization": "Bearer some-access-token"}, 401),
        (PLATFORM, 200),
        (PLATFORM | {"Authorization": "Bearer cal_unknown"}, 200),
        (OWNER | PLATFORM | {"x-cal-secret-key": "wrong"}, 401),
        (OWNER | {"x-cal-client-id": "alone"}, 200),
    ],
)
def test_platform_headers_win_over_the_key(api: Any, headers: dict[str, str], status: int) -> None:
    assert api.client.get(USERS, headers=headers).status_code == status


def test_an_unknown_key_is_refused_by_the_throttler(api: Any) -> None:
    answer = api.client.get(USERS, headers={"Authorization": "Bearer cal_unknown"})

    error = answer.json()["error"]
    assert error["code"] == "UnauthorizedException"
    assert error["message"] == "CustomThrottlerGuard - Invalid API Key"
    assert error["details"] == {"message": error["message"], "error": "Unauthorized", "statusCode": 401}


def test_an_error_says_its_path_and_has_a_request_id(api: Any) -> None:
    answer = api.client.get(USERS)

    assert answer.json()["status"] == "error"
    assert answer.json()["path"] == USERS
    assert answer.json()["timestamp"] == "2027-01-04T09:30:00.000Z"
    assert len(answer.headers["X-Request-Id"]) == 36


def test_an_organization_that_does_not_exist_is_403(api: Any) -> None:
    assert api("GET", "/v2/organizations/999/users").status_code == 403


def test_a_path_id_that_is_no_number_is_400(api: Any) -> None:
    for path in ("/v2/organizations/abc/users", "/users/5x/ooo", "/memberships/1.5", "/memberships/0x10"):
        answer = api("GET", path)

        assert answer.status_code == 400
        assert answer.json()["error"]["message"] == "Validation failed (numeric string is expected)"


def test_a_member_may_read_attributes_and_no_users(api: Any) -> None:
    assert api("GET", "/attributes", headers=MEMBER).status_code == 200
    assert api("GET", "/users", headers=MEMBER).status_code == 403
    assert api("POST", "/attributes", {}, headers=MEMBER).status_code == 403


def test_only_a_platform_manages_organizations(make_api: Callable[..., Any]) -> None:
    ordinary = make_api(platform=False)

    assert ordinary("GET", "/organizations").status_code == 403
    assert ordinary("GET", "/users").status_code == 200


def test_me_leads_from_the_key_to_the_organization(api: Any) -> None:
    assert api.done("GET", "/v2/me")["organizationId"] == 4821


def test_a_path_or_method_that_does_not_exist_is_404_in_the_envelope(api: Any) -> None:
    for method, path in (("GET", "/v2/nothing"), ("PUT", "/v2/me"), ("GET", "/users/90211")):
        answer = api(method, path)

        assert answer.status_code == 404
        assert answer.json()["error"]["code"] == "NotFoundException"


def test_every_answer_says_where_the_limit_stands(make_api: Callable[..., Any]) -> None:
    api = make_api(rate_limit=3)

    first = api("GET", "/users")
    api.clock.advance(seconds=10)
    second = api("GET", "/memberships/1")

    assert second.status_code == 404
    shown = [
        [answer.headers[f"X-RateLimit-{name}-Default"] for name in ("Limit", "Remaining", "Reset")]
        for answer in (first, second)
    ]
    assert shown == [["3", "2", "60"], ["3", "1", "50"]]


def test_over_the_limit_the_key_is_blocked_for_sixty_seconds(make_api: Callable[..., Any]) -> None:
    api = make_api(rate_limit=2)
    api("GET", "/users")
    api.clock.advance(seconds=55)
    api("GET", "/users")

    over = api("GET", "/users")
    api.clock.advance(seconds=59)  # the window is long over, the block is not
    still = api("GET", "/users")
    api.clock.advance(seconds=1)
    again = api("GET", "/users")

    assert [over.status_code, still.status_code, again.status_code] == [429, 429, 200]
    assert over.json()["error"] == {
        "code": "ThrottlerException",
        "message": "CustomThrottlerGuard - Too many requests. Please try again later.",
        "details": "CustomThrottlerGuard - Too many requests. Please try again later.",
    }
    assert over.headers["X-RateLimit-Reset-Default"] == "60"
    assert still.headers["X-RateLimit-Reset-Default"] == "1"
    assert "retry-after" not in over.headers


def test_keys_are_counted_apart(make_api: Callable[..., Any]) -> None:
    api = make_api(rate_limit=1)
    api("GET", "/users")

    assert api("GET", "/users").status_code == 429
    assert api("GET", "/attributes", headers=MEMBER).status_code == 200


def test_deleting_managed_organizations_has_a_limit_of_its_own(make_api: Callable[..., Any]) -> None:
    api = make_api(rate_limit=100)
    ids = [api.done("POST", "/organizations", {"name": name})["id"] for name in ("A", "B")]

    first, second = (api("DELETE", f"/organizations/{managed}") for managed in ids)
    api.clock.advance(seconds=1)
    third = api("DELETE", f"/organizations/{ids[1]}")

    assert [a.status_code for a in (first, second, third)] == [200, 429, 200]
    assert second.headers["X-RateLimit-Limit-Organizations_delete"] == "1"


def test_a_key_of_a_managed_organization_works_there_until_it_expires(api: Any) -> None:
    made = api.done("POST", "/organizations", {"name": "Acme", "apiKeyDaysValid": 1})
    headers = {"Authorization": f"Bearer {made['apiKey']}"}

    path = f"/v2/organizations/{made['id']}/memberships"
    assert api("GET", path, headers=headers).status_code == 200
    api.clock.advance(days=1)
    assert api("GET", path, headers=headers).status_code == 401
