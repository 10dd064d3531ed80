"""A worker's own port: what probes and Prometheus see of it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from cryptography.fernet import Fernet
from prometheus_client.parser import text_string_to_metric_families

from tests.conftest import PLAIN, Valkey, free_port
from workers.actors import WorkerProcess
from workers.errors import Misconfigured
from workers.settings import Settings, load


@pytest.fixture
def settings(sqlite_database: str, broker_server: Valkey, tmp_path: Path) -> Settings:
    environ = {
        "DATABASE_URL": sqlite_database, "BROKER_URL": broker_server.url, "SECRET_KEY": Fernet.generate_key().decode(),
        "WORK_METRICS_PORT": str(free_port()), "DATA_DIR": str(tmp_path), "WORK_THREADS": "1", "ACT_THREADS": "1",
    }  # fmt: skip
    return load({f"DAYBOOK_{name}": value for name, value in environ.items()}, cwd=tmp_path)


@contextlib.contextmanager
def running(settings: Settings) -> Iterator[WorkerProcess]:
    process = WorkerProcess(settings)
    process.start()
    try:
        yield process
    finally:
        process.stop()


def get(settings: Settings, path: str) -> httpx2.Response:
    return httpx2.get(f"http://127.0.0.1:{settings.work_metrics_port}{path}", **PLAIN)


def test_it_tells_that_the_process_lives_and_what_it_measured(settings: Settings) -> None:
    with running(settings) as process:
        assert get(settings, "/health/live").json() == {"status": "live"}
        names = {family.name for family in text_string_to_metric_families(get(settings, "/metrics").text)}
        assert names >= {"daybook_persist_lag_seconds", "daybook_attempt_seconds", "daybook_sweep_rung_receipts"}
        assert get(settings, "/else").status_code == 404

        process._workers[0].workers[0].stop()  # a thread that takes nothing up any more
        process._workers[0].workers[0].join()
        assert get(settings, "/health/live").status_code == 503
    with pytest.raises(httpx2.ConnectError):
        get(settings, "/health/live")


def test_a_port_that_is_taken_is_said_with_its_setting(settings: Settings) -> None:
    with running(settings), pytest.raises(Misconfigured, match="DAYBOOK_WORK_METRICS_PORT"):
        WorkerProcess(settings)
