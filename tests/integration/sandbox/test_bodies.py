"""What happens to a body before a controller sees it."""

from __future__ import annotations

from typing import Any

import pytest

WEBHOOK = {"active": True, "subscriberUrl": "http://127.0.0.1:9/x", "triggers": ["BOOKING_CREATED"]}


def errors(answer: Any) -> list[dict[str, Any]]:
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["message"] == "Bad Request Exception"
    assert answer.json()["error"]["code"] == "BadRequestException"
    found: list[dict[str, Any]] = answer.json()["error"]["details"]["errors"]
    return found


def test_a_validation_error_echoes_the_whole_body_secrets_included(api: Any) -> None:
    body = WEBHOOK | {"active": "yes", "secret": "s3cret"}

    (error,) = errors(api("POST", "/webhooks", body))

    assert error == {
        "target": body,
        "value": "yes",
        "property": "active",
        "children": [],
        "constraints": {"isBoolean": "active must be a boolean value"},
    }


def test_all_errors_come_at_once(api: Any) -> None:
    found = errors(api("POST", "/webhooks", {}))

    assert {error["property"] for error in found} == {"active", "subscriberUrl", "triggers"}


def test_an_error_in_a_list_of_objects_is_a_child(api: Any) -> None:
    body = {"name": "T", "slug": "t", "type": "TEXT", "options": [{"value": "a", "slug": "a"}, {"value": ""}]}

    (error,) = errors(api("POST", "/attributes", body))

    assert "constraints" not in error
    assert error["children"][0]["property"] == "1"
    assert {child["property"] for child in error["children"][0]["children"]} == {"value", "slug"}


def test_unknown_fields_are_silently_dropped(api: Any) -> None:
    member = api.done("GET", "/memberships")[2]

    changed = api.done("PATCH", f"/memberships/{member['id']}", {"rol": "ADMIN"})

    assert changed["role"] == member["role"] == "MEMBER"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/memberships", {"userId": "90211"}),
        ("/memberships", {"userId": True}),
        ("/users", {"email": 5}),
        ("/users", {"email": "a@b.example", "timeFormat": "12"}),
        ("/users", {"email": "a@b.example", "hideBranding": 1}),
        ("/users/90211/ooo", {"start": 5, "end": 6}),
    ],
)
def test_json_types_are_not_coerced(api: Any, path: str, body: dict[str, Any]) -> None:
    assert errors(api("POST", path, body))


def test_a_number_may_be_written_with_a_fraction_of_nothing(api: Any) -> None:
    answer = api.client.post(
        "/v2/organizations/4821/memberships",
        content=b'{"userId": 90211.0, "accepted": true, "role": "ADMIN"}',
        headers={"Authorization": "Bearer cal_sandbox_owner", "content-type": "application/json"},
    )

    assert answer.status_code == 201
    assert answer.json()["data"]["userId"] == 90211


@pytest.mark.parametrize("raw", [b"{", b"NaN", b"\xff\xfe", b"[" * 100_000])
def test_broken_json_is_400_and_no_more(api: Any, raw: bytes) -> None:
    answer = api.client.post(
        "/v2/organizations/4821/memberships",
        content=raw,
        headers={"Authorization": "Bearer cal_sandbox_owner", "content-type": "application/json"},
    )

    assert answer.status_code == 400


@pytest.mark.parametrize("body", [[], "text", 5, None])
def test_json_that_is_no_object_lacks_everything(api: Any, body: Any) -> None:
    assert errors(api("POST", "/webhooks", body))


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("take=250", 200),
        ("take=251", 400),
        ("take=0", 400),
        ("skip=-1", 400),
        ("take=x", 400),
        ("take=1&take=2", 400),
        ("skip=" + "9" * 5000, 400),
    ],
)
def test_take_and_skip_have_limits(api: Any, query: str, status: int) -> None:
    assert api("GET", f"/memberships?{query}").status_code == status


def test_users_may_be_taken_by_the_thousand(api: Any) -> None:
    assert api("GET", "/users?take=1000").status_code == 200
    assert api("GET", "/users?take=1001").status_code == 400


def test_a_page_is_a_part_of_the_whole(api: Any) -> None:
    whole = api.done("GET", "/memberships")

    assert api.done("GET", "/memberships?take=2&skip=1") == whole[1:3]
