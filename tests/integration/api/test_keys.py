"""Keys over HTTP: made, listed and revoked by an admin, each shown once."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.api.conftest import Asked, conforms
from workers.store.keys import Role


def create(asked: Asked, **params: str) -> Any:
    return asked.client.post("/api/v1/keys", params=params, headers=asked.headers(Role.ADMIN))


def revoke(asked: Asked, key: str) -> Any:
    return asked.client.delete(f"/api/v1/keys/{key}", headers=asked.headers(Role.ADMIN))


def test_a_key_is_shown_once_and_works_until_it_is_revoked(asked: Asked) -> None:
    told = create(asked, name="reports", role="viewer")
    assert told.status_code == 200
    conforms(told.json(), "KeyMade")
    key = told.json()["key"]
    headers = {"Authorization": f"Bearer {key}"}
    assert asked.client.get("/api/v1/events", headers=headers).status_code == 200
    assert asked.client.get("/api/v1/keys", headers=headers).status_code == 403

    listed = asked.get("/keys", role=Role.ADMIN)
    conforms(listed.json(), "KeyList")
    assert [one["name"] for one in listed.json()["data"]] == ["viewer", "operator", "admin", "reports"]
    assert key not in listed.text

    gone = revoke(asked, told.json()["id"])
    conforms(gone.json(), "Key")
    assert gone.json()["revoked_at"] is not None
    assert asked.client.get("/api/v1/events", headers=headers).status_code == 401
    assert revoke(asked, told.json()["id"]).status_code == 404
    assert revoke(asked, "reports").status_code == 404


def test_two_live_keys_do_not_have_one_name(asked: Asked) -> None:
    first = create(asked, name="reports", role="viewer").json()
    again = create(asked, name="reports", role="admin")
    assert again.status_code == 409
    conforms(again.json(), "Problem")
    revoke(asked, first["id"])
    assert create(asked, name="reports", role="admin").status_code == 200


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"name": "a"},
        {"role": "viewer"},
        {"name": "a", "role": "owner"},
        {"name": "a\x1bb", "role": "viewer"},
        {"name": "a" * 101, "role": "viewer"},
    ],
)
def test_a_key_without_a_fit_name_and_role_is_a_problem_that_says_so(asked: Asked, params: dict[str, str]) -> None:
    answer = create(asked, **params)
    assert answer.status_code == 400
    conforms(answer.json(), "Problem")


def test_the_log_says_who_made_a_key_and_does_not_have_it(asked: Asked) -> None:
    key = create(asked, name="reports", role="viewer").json()["key"]
    log = asked.get("/audit", role=Role.ADMIN)
    (entry,) = log.json()["data"]
    assert (entry["what"], entry["arguments"]) == ("POST /keys", {"name": "reports", "role": "viewer"})
    assert key not in log.text
