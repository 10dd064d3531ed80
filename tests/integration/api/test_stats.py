"""The overview over HTTP: its figures, what needs a person, and what was last seen of Cal.com's webhooks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.api.conftest import Asked, conforms
from workers.histogram import BUCKETS
from workers.store import accept_times, drifts
from workers.store.events import spell
from workers.store.keys import Role

MISSING: dict[str, Any] = {"webhook": "org", "remote_id": None, "kind": "missing", "note": None, "fields": []}


@pytest.mark.parametrize("window", ["1h", "24h", "7d"])
def test_the_overview_of_each_window(asked: Asked, window: str) -> None:
    now = datetime.now(UTC)
    asked.filled.event(at=now)
    asked.filled.keep(b"?", at=now, verdict="unsigned")
    with asked.filled.store.write() as sql:
        accept_times.add(sql, {accept_times.minute(now): [2] * BUCKETS})
    answer = asked.get("/stats/overview", window=window).json()
    conforms(answer, "Overview")
    assert answer["window"] == window
    assert answer["deliveries"] == {"signed": 1, "mismatch": 0, "unsigned": 1}
    assert answer["events"] == {"BOOKING_CREATED": 1}
    assert answer["accepted"]["number"] == 2 * BUCKETS


def test_the_overview_is_of_a_day_unless_a_window_is_named(asked: Asked) -> None:
    assert asked.get("/stats/overview").json()["window"] == "24h"
    assert asked.get("/stats/overview", window="2h").status_code == 400


def test_what_needs_a_person_is_told_with_what_to_do(asked: Asked) -> None:
    assert asked.get("/attention").json() == {"data": []}
    asked.filled.keep(b"?", verdict="mismatch")
    answer = asked.get("/attention").json()
    conforms(answer, "AttentionList")
    assert [(item["kind"], item["count"]) for item in answer["data"]] == [("quarantine", 1)]


def test_the_last_look_at_each_connection_is_told(asked: Asked) -> None:
    asked.filled.webhook("org", "acme")
    asked.filled.webhook("other", "beta")
    at = datetime.now(UTC) - timedelta(hours=1)
    with asked.filled.store.write() as sql:
        drifts.keep(sql, "acme", [MISSING], None, at)
    answer = asked.get("/webhooks/drift").json()
    conforms(answer, "DriftList")
    assert answer["data"] == [
        {"connection": "acme", "at": spell(at), "problem": None, "differences": [MISSING]},
        {"connection": "beta", "at": None, "problem": None, "differences": []},
    ]


def test_a_look_at_a_connection_that_is_none_is_refused(asked: Asked) -> None:
    answer = asked.post("/webhooks/drift", connection="nobody")
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:daybook:problem:bad_input")
    assert "nobody" in answer.json()["detail"]


def test_without_webhooks_in_daybook_yaml_there_is_nothing_to_compare(
    asked: Asked, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("here")
    monkeypatch.chdir(folder)
    asked.filled.webhook()
    answer = asked.post("/webhooks/drift", connection="acme")
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:daybook:problem:conflict")
    for wrong in ("webhooks: 5", "webhooks: [{name: org, connection: nobody}]", "{"):
        (folder / "daybook.yaml").write_text(wrong)
        answer = asked.post("/webhooks/drift", connection="acme")
        assert answer.status_code == 409, answer.text


def test_a_look_that_fails_is_kept_with_its_reason(
    asked: Asked, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("here")
    monkeypatch.chdir(folder)
    (folder / "daybook.yaml").write_text("webhooks: [{name: org, connection: acme}]")
    asked.filled.webhook()
    answer = asked.post("/webhooks/drift", connection="acme")  # its credential is none that could be used
    conforms(answer.json(), "Drift")
    assert (answer.status_code, answer.json()["differences"]) == (200, [])
    assert "credential" in answer.json()["problem"]
    assert [item["kind"] for item in asked.get("/attention").json()["data"]] == ["unseen"]
    told = asked.get("/audit", role=Role.ADMIN).json()["data"][0]
    assert (told["what"], told["connection"], told["outcome"]) == ("POST /webhooks/drift", "acme", "done")
