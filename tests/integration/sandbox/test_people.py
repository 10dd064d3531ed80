"""Users and memberships: upserts, accounts that stay, and 403 for 404."""

from __future__ import annotations

from typing import Any

MAYA, TOMAS, SOFIA, STRANGER = 90211, 90212, 90213, 90290


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_creating_a_membership_twice_is_an_upsert_that_resets_what_is_left_out(api: Any) -> None:
    first = api.done(
        "POST", "/memberships", {"userId": STRANGER, "accepted": True, "role": "ADMIN", "disableImpersonation": True}
    )

    again = api.done("POST", "/memberships", {"userId": STRANGER})

    assert again["id"] == first["id"]
    assert (first["accepted"], first["role"], first["disableImpersonation"]) == (True, "ADMIN", True)
    assert (again["accepted"], again["role"], again["disableImpersonation"]) == (False, "MEMBER", False)


def test_a_membership_alone_makes_no_user_of_the_organization(api: Any) -> None:
    api.done("POST", "/memberships", {"userId": STRANGER, "accepted": True})

    assert STRANGER not in [user["id"] for user in api.done("GET", "/users")]
    assert api("PATCH", f"/users/{STRANGER}", {"theme": "dark"}).status_code == 403


def test_a_membership_of_nobody_is_a_bad_foreign_key(api: Any) -> None:
    assert code(api("POST", "/memberships", {"userId": 1})) == (400, "BAD_REQUEST")


def test_deleting_a_membership_takes_the_user_out_and_a_second_time_is_404(api: Any) -> None:
    member = next(m for m in api.done("GET", "/memberships") if m["userId"] == SOFIA)

    gone = api.done("DELETE", f"/memberships/{member['id']}")

    assert gone["userId"] == SOFIA
    assert code(api("DELETE", f"/memberships/{member['id']}")) == (404, "NotFoundException")
    assert api("GET", f"/users/{SOFIA}/ooo").status_code == 403


def test_a_membership_shows_its_attributes_by_kind(api: Any) -> None:
    member = next(m for m in api.done("GET", "/memberships") if m["userId"] == MAYA)
    for kind, value in (("TEXT", "B12"), ("NUMBER", "3"), ("NUMBER", "many"), ("MULTI_SELECT", None)):
        body = {"name": kind, "slug": f"{kind}{value}", "type": kind, "options": []}
        attribute = api.done("POST", "/attributes", body)["id"]
        if value is not None:
            api.done("POST", f"/attributes/options/{MAYA}", {"attributeId": attribute, "value": value})
            continue
        for skill in ("python", "sql"):
            option = api.done("POST", f"/attributes/{attribute}/options", {"value": skill, "slug": skill})["id"]
            assign = {"attributeId": attribute, "attributeOptionId": option}
            api.done("POST", f"/attributes/options/{MAYA}", assign)

    shown = api.done("GET", f"/memberships/{member['id']}")["attributes"]

    assert [(a["type"], a.get("option")) for a in shown[:3]] == [("text", "B12"), ("number", 3), ("number", None)]
    assert shown[3]["type"] == "multiSelect"
    assert [option["option"] for option in shown[3]["options"]] == ["python", "sql"]


def test_a_new_user_is_lower_cased_and_has_defaults(api: Any) -> None:
    user = api.done("POST", "/users", {"email": "Ann@Example.COM", "timeZone": "europe/paris", "typo": 1})

    assert user["email"] == "ann@example.com"
    assert user["username"] == "ann"
    assert user["timeZone"] == "Europe/Paris"
    assert (user["timeFormat"], user["weekStart"], user["locale"]) == (12, "Sunday", None)
    assert "metadata" not in user
    members = [m for m in api.done("GET", "/memberships") if m["userId"] == user["id"]]
    assert [(m["role"], m["accepted"]) for m in members] == [("MEMBER", True)]


def test_three_conflicts_speak_two_vocabularies(api: Any) -> None:
    here = api("POST", "/users", {"email": "maya.okonkwo@harbourlight.example"})
    elsewhere = api("POST", "/users", {"email": "Noah.Whitlock@example.net"})
    taken = api("POST", "/users", {"email": "new@example.net", "username": "MAYA"})

    assert code(here) == (409, "ConflictException")
    assert code(elsewhere) == (409, "CONFLICT")
    assert code(taken) == (409, "ConflictException")
    assert "details" not in elsewhere.json()["error"]
    assert code(api("PATCH", f"/users/{TOMAS}", {"email": "noah.whitlock@example.net"})) == (409, "CONFLICT")
    assert code(api("PATCH", f"/users/{TOMAS}", {"username": "maya"})) == (409, "ConflictException")


def test_a_weekday_fails_after_the_account_was_made(api: Any) -> None:
    body = {"email": "ann@example.com", "weekday": "Monday"}

    assert code(api("POST", "/users", body)) == (500, "INTERNAL_SERVER_ERROR")
    assert code(api("POST", "/users", body)) == (409, "CONFLICT")
    assert code(api("PATCH", f"/users/{TOMAS}", {"weekday": "Monday"})) == (500, "INTERNAL_SERVER_ERROR")


def test_deleting_a_user_deletes_the_account_and_a_second_time_is_403(api: Any) -> None:
    api.done("POST", f"/users/{SOFIA}/ooo", {"start": "2027-02-01T00:00:00Z", "end": "2027-02-02T00:00:00Z"})

    assert api.done("DELETE", f"/users/{SOFIA}")["id"] == SOFIA

    assert api("DELETE", f"/users/{SOFIA}").status_code == 403
    assert api.done("GET", "/ooo") == []
    assert SOFIA not in [user["id"] for user in api.look("state")["users"]]


def test_metadata_is_replaced_and_absent_when_empty(api: Any) -> None:
    assert api.done("PATCH", f"/users/{TOMAS}", {"metadata": {"a": 1, "b": True}})["metadata"] == {"a": 1, "b": True}
    assert api.done("PATCH", f"/users/{TOMAS}", {"metadata": {"c": "x"}})["metadata"] == {"c": "x"}
    assert "metadata" not in api.done("PATCH", f"/users/{TOMAS}", {"metadata": {}})
    bad: list[Any] = [{"a": None}, {"a": {}}, {"k" * 41: 1}, {"a": "x" * 501}, {str(n): n for n in range(51)}, []]
    for metadata in bad:
        assert api("PATCH", f"/users/{TOMAS}", {"metadata": metadata}).status_code == 400


def test_emails_are_repeated_and_teams_comma_joined(api: Any) -> None:
    maya, tomas = "maya.okonkwo@harbourlight.example", "tomas.rivera@harbourlight.example"

    found = api.done("GET", f"/users?emails={maya}&emails={tomas}")

    assert [user["id"] for user in found] == [MAYA, TOMAS]
    assert api("GET", f"/users?emails={maya},{tomas}").status_code == 400
    assert len(api.done("GET", "/users?teamIds=4821,7")) == 4
    assert api("GET", "/users?teamIds=4821&teamIds=7").status_code == 400
    assert api("GET", "/users?teamIds=one").status_code == 400


def test_users_are_found_by_their_options(api: Any) -> None:
    body = {"name": "T", "slug": "t", "type": "MULTI_SELECT", "options": []}
    attribute = api.done("POST", "/attributes", body)["id"]
    a, b = (api.done("POST", f"/attributes/{attribute}/options", {"value": v, "slug": v})["id"] for v in ("a", "b"))
    for user, option in ((MAYA, a), (MAYA, b), (TOMAS, a), (SOFIA, b)):
        api.done("POST", f"/attributes/options/{user}", {"attributeId": attribute, "attributeOptionId": option})

    def found(operator: str, ids: str) -> list[int]:
        query = f"assignedOptionIds={ids}{operator and '&attributeQueryOperator='}{operator}"
        return [user["id"] for user in api.done("GET", f"/users?{query}")]

    assert found("", f"{a},{b}") == found("AND", f"{a},{b}") == [MAYA]
    assert found("OR", f"{a},{b}") == [MAYA, TOMAS, SOFIA]
    assert found("NONE", a) == [SOFIA]  # the owner, without any attribute, is not found
    assert api("GET", f"/users?assignedOptionIds={a}&attributeQueryOperator=XOR").status_code == 400
    both = api("GET", f"/users?assignedOptionIds={a}&emails=a@b.example")
    assert code(both) == (500, "INTERNAL_SERVER_ERROR")
