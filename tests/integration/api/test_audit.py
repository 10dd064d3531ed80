"""The audit log over HTTP: what the API writes into it, and what an admin reads of it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode
from uuid import UUID

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ingest.api.endpoint import Endpoint
from ingest.api.routes import ENDPOINTS
from tests.integration.api.conftest import Asked, conforms
from tests.integration.api.test_api import address, named
from workers import replay
from workers.store.keys import Role


def entries(asked: Asked, **params: Any) -> list[dict[str, Any]]:
    answer = asked.get("/audit", role=Role.ADMIN, **params)
    assert answer.status_code == 200
    conforms(answer.json(), "AuditPage")
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


def test_a_change_is_written_down_with_who_asked_and_what_came_of_it(asked: Asked) -> None:
    delivery = asked.filled.keep(b"{}", verdict="mismatch")
    assert asked.post(f"/deliveries/{delivery}/release").status_code == 200
    assert asked.post(f"/deliveries/{delivery}/release").status_code == 409
    second, first = entries(asked)
    assert (first["door"], first["what"]) == ("api", "POST /deliveries/{id}/release")
    assert (first["key"]["name"], first["key"]["role"]) == ("operator", "operator")
    assert first["arguments"] == {"id": str(delivery)}
    assert (first["outcome"], first["detail"]) == ("done", None)
    assert second["outcome"] == "refused"
    assert second["detail"].startswith("conflict: ")


def test_reading_the_body_of_a_delivery_is_written_down_and_other_reading_is_not(asked: Asked) -> None:
    delivery = asked.filled.event()
    for path in ("/events", f"/deliveries/{delivery}", "/runs", "/rules"):
        assert asked.get(path).status_code == 200
    assert entries(asked) == []
    assert asked.get(f"/deliveries/{delivery}/body", role=Role.OPERATOR).status_code == 200
    (entry,) = entries(asked)
    assert (entry["what"], entry["outcome"]) == ("GET /deliveries/{id}/body", "done")


def test_reading_payloads_with_their_secrets_is_written_down_and_so_is_being_refused(asked: Asked) -> None:
    mine = asked.filled.event(oneTimePassword="hunter2")
    for path in ("/events", "/events/export", f"/events/{mine}"):
        assert asked.get(path, role=Role.OPERATOR, unmasked="false").status_code == 200
    assert entries(asked) == []
    assert asked.get("/events/export", role=Role.OPERATOR, unmasked="true", trigger="BOOKING_CREATED").text
    assert "hunter2" in asked.get(f"/events/{mine}", role=Role.OPERATOR, unmasked="true").text
    assert asked.get("/events", unmasked="true").status_code == 403
    refused, one, export = entries(asked)
    assert (export["what"], export["outcome"]) == ("GET /events/export", "done")
    assert export["arguments"] == {"unmasked": True, "trigger": ["BOOKING_CREATED"]}
    assert (one["what"], one["arguments"]) == ("GET /events/{id}", {"id": str(mine), "unmasked": True})
    assert (refused["what"], refused["key"]["role"], refused["outcome"]) == ("GET /events", "viewer", "refused")


def test_the_filter_of_a_replay_is_written_down_as_it_was_understood(asked: Asked) -> None:
    assert asked.post("/deliveries/replay", trigger=["PING"], since="2026-11-01", dry_run="true").status_code == 200
    (entry,) = entries(asked)
    assert entry["arguments"] == {"trigger": ["PING"], "since": "2026-11-01T00:00:00Z", "dry_run": True}


def test_a_bug_is_written_down_as_a_failure(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("jon@client.example")

    monkeypatch.setattr(replay, "replay", broken)
    assert asked.post(f"/deliveries/{UUID(int=7)}/replay").status_code == 500
    (entry,) = entries(asked)
    assert (entry["outcome"], entry["detail"]) == ("failed", "an unexpected RuntimeError, which is a bug")


@pytest.mark.parametrize("endpoint", [each for each in ENDPOINTS if each.audited], ids=named)
def test_a_change_that_a_key_may_not_make_is_written_down_as_refused(asked: Asked, endpoint: Endpoint) -> None:
    answer = asked.client.request(endpoint.method, address(endpoint), headers=asked.headers(Role.VIEWER))
    assert answer.status_code == 403
    (entry,) = entries(asked)
    assert (entry["what"], entry["key"]["name"], entry["outcome"]) == (named(endpoint), "viewer", "refused")


def test_entries_are_found_by_key_what_connection_and_time_a_page_at_a_time(asked: Asked) -> None:
    for role in (Role.OPERATOR, Role.ADMIN, Role.OPERATOR):
        assert asked.post(f"/runs/{UUID(int=7)}/cancel", role=role).status_code == 404
    wanted: tuple[tuple[dict[str, str], int], ...] = (
        ({"key": "operator"}, 2),
        ({"key": "nobody"}, 0),
        ({"what": "POST /runs/{id}/cancel"}, 3),
        ({"what": "POST /runs/{id}/retry"}, 0),
        ({"connection": "acme"}, 0),
        ({"outcome": "refused"}, 3),
        ({"outcome": "done"}, 0),
        ({"door": "api"}, 3),
        ({"door": "\0"}, 0),
        ({"since": "1h"}, 3),
        ({"since": "2100-01-01"}, 0),
    )
    for params, number in wanted:
        assert len(entries(asked, **params)) == number, params
    first = asked.get("/audit", role=Role.ADMIN, limit=2).json()
    second = asked.get("/audit", role=Role.ADMIN, limit=2, cursor=first["next"]).json()
    assert [one["key"]["name"] for one in first["data"] + second["data"]] == ["operator", "admin", "operator"]
    assert second["next"] is None


@pytest.mark.parametrize(
    "params", [{"cursor": "x"}, {"limit": 201}, {"since": "one day"}, {"name": "x"}, {"outcome": "x"}]
)
def test_a_filter_or_cursor_of_the_log_that_is_wrong_is_a_problem(asked: Asked, params: dict[str, Any]) -> None:
    answer = asked.get("/audit", role=Role.ADMIN, **params)
    assert answer.status_code == 400
    conforms(answer.json(), "Problem")


@settings(max_examples=40)
@given(id_=st.text(min_size=1, max_size=20), name=st.text(max_size=20), trigger=st.text(max_size=20))
@example(id_="\0", name="\0", trigger="\0")
def test_nothing_that_is_asked_for_is_too_strange_to_be_written_down(
    asked_on_each: Asked, id_: str, name: str, trigger: str
) -> None:
    paths = (f"/runs/{quote(id_, safe='')}/cancel?", f"/keys?role=viewer&{urlencode({'name': name})}")
    for path in (*paths, f"/deliveries/replay?dry_run=true&{urlencode({'trigger': trigger})}"):
        answer = asked_on_each.client.post(f"/api/v1{path}", headers=asked_on_each.headers(Role.ADMIN))
        assert answer.status_code in (200, 400, 404, 405, 409), answer.text
