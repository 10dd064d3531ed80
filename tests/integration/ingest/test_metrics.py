"""/metrics as Prometheus scrapes it: read with its own parser."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.integration.ingest.conftest import Door, OpenDoor
from workers.errors import StoreUnavailable
from workers.store import keys, leases
from workers.store.keys import Role

ADMIN = "an-admin-key-of-twenty-letters"


def metrics(door: Door, key: str = ADMIN) -> dict[str, Metric]:
    answer = door.client.get("/metrics", headers={"authorization": f"Bearer {key}"})
    assert answer.status_code == 200, answer.text
    return {family.name: family for family in text_string_to_metric_families(answer.text)}


def value(families: dict[str, Metric], name: str, **labels: str) -> float:
    (found,) = [
        sample.value
        for family in families.values()
        for sample in family.samples
        if sample.name == name and sample.labels == labels
    ]
    return found


@pytest.fixture
def gone(monkeypatch: pytest.MonkeyPatch) -> Callable[[Door], None]:
    """Takes a door's database away."""

    def take(door: Door) -> None:
        def away(*_: object, **__: object) -> None:
            raise StoreUnavailable("the database did not answer.")

        monkeypatch.setattr("workers.store.engine.Store.read", away)

    return take


def test_it_tells_what_was_answered_and_how_the_installation_stands(open_door: OpenDoor) -> None:
    door = open_door(ADMIN_KEY=ADMIN)
    assert door.post(b"{}").status_code == 202
    assert door.post(b"[]", secret="wrong").status_code == 401
    assert door.post(b"[]", token="nobody's").status_code == 404
    with door.store.write() as sql:
        leases.take(sql, "sweep", "w1", 60)

    told = metrics(door)

    assert value(told, "daybook_deliveries_total", verdict="signed", status="202") == 1
    assert value(told, "daybook_deliveries_total", verdict="mismatch", status="401") == 1
    assert value(told, "daybook_deliveries_total", verdict="none", status="404") == 1
    assert value(told, "daybook_accept_latency_seconds_count") == 1
    assert value(told, "daybook_accept_latency_seconds_bucket", le="+Inf") == 1
    assert value(told, "daybook_database_up") == 1
    assert value(told, "daybook_broker_up") == 0  # its socket does not exist
    assert value(told, "daybook_queue_receipts") == 1
    assert value(told, "daybook_queue_age_seconds") > 0
    assert value(told, "daybook_quarantined_deliveries") == 1
    assert value(told, "daybook_sweep_leader") == 1
    assert value(told, "daybook_calcom_budget_calls", connection="acme") > 0
    assert value(told, "process_resident_memory_bytes") > 0


def test_every_metric_says_what_it_is_and_is_named_as_prometheus_names_them(open_door: OpenDoor) -> None:
    told = metrics(open_door(ADMIN_KEY=ADMIN))

    for family in told.values():
        assert family.documentation, family.name
        assert family.name.startswith(("daybook_", "process_"))


@pytest.mark.parametrize("role", Role)
def test_any_key_may_read(open_door: OpenDoor, role: Role) -> None:
    door = open_door()
    with door.store.write() as sql:
        _, key = keys.create(sql, name="prometheus", role=role, now=datetime.now(UTC))

    assert "daybook_database_up" in metrics(door, key)


@pytest.mark.parametrize("header", [{}, {"authorization": "Bearer dbk_wrong"}, {"authorization": "Basic eDp5"}])
def test_without_a_key_nothing_is_told_unless_the_setting_says_so(open_door: OpenDoor, header: dict[str, str]) -> None:
    refused = open_door().client.get("/metrics", headers=header)
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
    assert "daybook_" not in refused.text


def test_where_the_setting_says_so_it_takes_no_key(open_door: OpenDoor) -> None:
    assert "daybook_queue_age_seconds 0.0" in open_door(METRICS_OPEN="true").client.get("/metrics").text


def test_while_sql_is_away_the_process_tells_of_itself(open_door: OpenDoor, gone: Callable[[Door], None]) -> None:
    door = open_door(ADMIN_KEY=ADMIN)
    gone(door)

    told = metrics(door)

    assert value(told, "daybook_database_up") == 0
    assert "daybook_queue_age_seconds" not in told
    assert value(told, "daybook_spool_bytes") == 0


def test_a_key_that_was_good_is_good_while_sql_is_away_and_no_other_is(
    open_door: OpenDoor, gone: Callable[[Door], None]
) -> None:
    door = open_door()
    with door.store.write() as sql:
        _, key = keys.create(sql, name="prometheus", role=Role.VIEWER, now=datetime.now(UTC))
    metrics(door, key)
    gone(door)

    metrics(door, key)
    assert door.client.get("/metrics", headers={"authorization": "Bearer dbk_other"}).status_code == 503


def test_the_spool_is_told(open_door: OpenDoor, tmp_path: Path) -> None:
    door = open_door(METRICS_OPEN="true")
    (tmp_path / "spool").mkdir(exist_ok=True)
    (tmp_path / "spool" / "a.refused").write_bytes(b"x")

    assert "daybook_spool_aside_files 1.0" in door.client.get("/metrics").text
