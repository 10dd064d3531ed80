"""Attributes, their options, and who has them."""

from __future__ import annotations

from typing import Any

TOMAS, STRANGER = 90212, 90290
UNKNOWN = "00000000-0000-4000-8000-000000000000"


def make(api: Any, kind: str = "SINGLE_SELECT", slug: str = "team") -> Any:
    options = [{"value": "A", "slug": "a"}]
    return api.done("POST", "/attributes", {"name": "T", "slug": slug, "type": kind, "options": options})


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_an_unknown_attribute_is_null_and_its_options_are_none(api: Any) -> None:
    assert api.done("GET", f"/attributes/{UNKNOWN}") is None
    assert api.done("GET", f"/attributes/{UNKNOWN}/options") == []
    assert code(api("DELETE", f"/attributes/{UNKNOWN}")) == (404, "NOT_FOUND")
    assert code(api("PATCH", f"/attributes/{UNKNOWN}", {"name": "x"})) == (404, "NOT_FOUND")
    option = api("POST", f"/attributes/{UNKNOWN}/options", {"value": "x", "slug": "x"})
    assert code(option) == (400, "BAD_REQUEST")


def test_options_are_kept_for_selections_only(api: Any) -> None:
    for kind, kept in (("SINGLE_SELECT", 1), ("MULTI_SELECT", 1), ("TEXT", 0), ("NUMBER", 0)):
        attribute = make(api, kind, kind.lower())

        assert "options" not in attribute
        assert len(api.done("GET", f"/attributes/{attribute['id']}/options")) == kept


def test_options_must_be_sent_even_where_they_are_ignored(api: Any) -> None:
    assert api("POST", "/attributes", {"name": "T", "slug": "t", "type": "TEXT"}).status_code == 400


def test_a_slug_is_taken_once_per_organization(api: Any) -> None:
    first, other = make(api), make(api, slug="other")

    again = api("POST", "/attributes", {"name": "T", "slug": "team", "type": "TEXT", "options": []})

    assert code(again) == (409, "CONFLICT")
    assert code(api("PATCH", f"/attributes/{other['id']}", {"slug": "team"})) == (409, "CONFLICT")
    assert api.done("PATCH", f"/attributes/{first['id']}", {"slug": "team", "enabled": False})["enabled"] is False


def test_options_need_not_be_unique(api: Any) -> None:
    attribute = make(api)["id"]
    twice = [api.done("POST", f"/attributes/{attribute}/options", {"value": "B", "slug": "b"}) for _ in "12"]

    assert twice[0]["id"] != twice[1]["id"]
    assert len(api.done("GET", f"/attributes/{attribute}/options")) == 3


def test_deleting_an_option_ends_its_assignments(api: Any) -> None:
    attribute = make(api)["id"]
    option = api.done("GET", f"/attributes/{attribute}/options")[0]["id"]
    api.done("POST", f"/attributes/options/{TOMAS}", {"attributeId": attribute, "attributeOptionId": option})

    api.done("DELETE", f"/attributes/{attribute}/options/{option}")

    assert api.look("state")["assignments"] == []
    assert code(api("DELETE", f"/attributes/{attribute}/options/{option}")) == (404, "NotFoundException")
    gone = api("PATCH", f"/attributes/{attribute}/options/{option}", {"value": "x"})
    assert code(gone) == (404, "NOT_FOUND")


def test_the_same_option_twice_is_409_and_the_same_value_twice_is_two(api: Any) -> None:
    select, text = make(api)["id"], make(api, "TEXT", "desk")["id"]
    option = api.done("GET", f"/attributes/{select}/options")[0]["id"]
    by_option = {"attributeId": select, "attributeOptionId": option}
    by_value = {"attributeId": text, "value": "B12"}

    api.done("POST", f"/attributes/options/{TOMAS}", by_option)
    assert code(api("POST", f"/attributes/options/{TOMAS}", by_option)) == (409, "CONFLICT")

    for _ in "12":
        api.done("POST", f"/attributes/options/{TOMAS}", by_value)
    assert len(api.done("GET", f"/attributes/{text}/options")) == 2


def test_what_cannot_be_assigned_is_told_in_four_ways(api: Any) -> None:
    attribute = make(api)["id"]
    api.done("POST", "/memberships", {"userId": STRANGER})

    def assign(user: int, **body: Any) -> Any:
        return api("POST", f"/attributes/options/{user}", body)

    assert code(assign(TOMAS, attributeId=UNKNOWN, value="x")) == (404, "NotFoundException")
    assert code(assign(1, attributeId=attribute, value="x")) == (404, "NotFoundException")
    assert code(assign(STRANGER, attributeId=attribute, value="x")) == (404, "NotFoundException")
    assert code(assign(TOMAS, attributeId=attribute, value="x")) == (400, "BadRequestException")
    assert code(assign(TOMAS, attributeId=attribute, attributeOptionId=UNKNOWN)) == (400, "BAD_REQUEST")
    neither = assign(TOMAS, attributeId=attribute)
    assert neither.status_code == 500
    assert neither.json() == {"statusCode": 500, "message": "Internal server error"}


def test_unassigning_twice_is_404(api: Any) -> None:
    text = make(api, "TEXT", "desk")["id"]
    option = api.done("POST", f"/attributes/options/{TOMAS}", {"attributeId": text, "value": "B12"})

    path = f"/attributes/options/{TOMAS}/{option['attributeOptionId']}"
    member = {"Authorization": "Bearer cal_sandbox_member"}
    assert api.done("DELETE", path, headers=member)["id"] == option["id"]
    assert code(api("DELETE", path)) == (404, "NotFoundException")
