"""One delivery from its 202 to its last action, through the real queue: what is traced of it, and what is logged."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import structlog
from cryptography.fernet import Fernet
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pytest_httpserver import HTTPServer
from sqlalchemy import select

from tests.conftest import Valkey
from tests.integration.ingest.conftest import Door, OpenDoor
from workers import logs, traces
from workers.actors import WorkerProcess
from workers.otel import Spans
from workers.settings import Settings, load
from workers.store.tables import runs

BODY = (
    b'{"triggerEvent":"BOOKING_CREATED","createdAt":"2026-11-23T10:00:00Z","payload":'
    b'{"uid":"b1","title":"Secret talk","attendees":[{"email":"ada@example.com","name":"Ada"}]}}'
)
RULE = """
rules:
  - name: tell
    on: BOOKING_CREATED
    do:
      - {id: told, http: "%s", body: {who: "${{ event.attendees[0].email }}"}}
      - {id: broken, python: fails, retry: {attempts: 1}}
"""


def fails(values: object, event: object, key: object) -> None:
    """A step of somebody's that goes wrong, and names a person as it does."""
    logging.getLogger("theirs").warning("no such person: ada@example.com")
    raise ValueError("ada@example.com")


@dataclass
class Scene:
    """A receiver and a worker on one queue, what they trace and what they log."""

    door: Door
    spans: InMemorySpanExporter
    log: io.StringIO

    def over(self) -> bool:
        """Whether there are runs, and all of them are over."""
        with self.door.store.read() as sql:
            due = sql.execute(select(runs.c.due_at)).scalars().all()
        return bool(due) and not any(due)


@pytest.fixture
def scene(
    open_door: OpenDoor, broker_server: Valkey, httpserver: HTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Scene]:
    httpserver.expect_request("/told").respond_with_json({})
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "tell.yaml").write_text(RULE % httpserver.url_for("/told"))
    environ = {
        "BROKER_URL": broker_server.url, "HTTP_ALLOW": "127.0.0.1",
        "RULES": str(tmp_path / "rules"), "PYTHON_STEPS": f"fails={__name__}:fails", "SWEEP_INTERVAL": "0.2",
    }  # fmt: skip
    stream, exporter, root = io.StringIO(), InMemorySpanExporter(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    monkeypatch.setattr("sys.stderr", stream)
    logs.set_up(Settings(log_format="json"))
    traces.begin(Spans(SimpleSpanProcessor(exporter), "test"))
    try:
        door = open_door(**environ)
        environ |= {"DATA_DIR": str(tmp_path), "SECRET_KEY": Fernet.generate_key().decode()}  # it opens no secret
        named = {f"DAYBOOK_{name}": value for name, value in environ.items()}
        process = WorkerProcess(load(named, cwd=tmp_path))
        process.start()
        try:
            yield Scene(door, exporter, stream)
        finally:
            process.stop()
    finally:
        traces.close()
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.reset_defaults()


def test_one_trace_leads_from_the_answer_to_the_last_action(scene: Scene, eventually: Callable[..., None]) -> None:
    answer = scene.door.post(BODY, traceparent=f"00-{'a' * 32}-{'b' * 16}-01", **{"x-request-id": "from-cal-1"})
    assert (answer.status_code, answer.headers["x-request-id"]) == (202, "from-cal-1")
    eventually(scene.over, what="the run over")
    eventually(lambda: "run" in {span.name for span in scene.spans.get_finished_spans()}, what="the run's span")

    (receipt,) = scene.door.receipts()
    spans = scene.spans.get_finished_spans()
    assert {span.context.trace_id for span in spans} == {receipt.id.int}
    assert sorted(span.name for span in spans) == ["attempt", "attempt", "persist", "receive", "run"]
    by_name = {span.name: span for span in spans}
    root, run = by_name["receive"], by_name["run"]
    assert root.parent is None
    assert _above(run) == _above(by_name["persist"]) == root.context.span_id
    assert {_above(span) for span in spans if span.name == "attempt"} == {run.context.span_id}
    assert [one.context.trace_id for one in root.links] == [int("a" * 32, 16)]
    told = str([dict(span.attributes or {}) for span in spans])
    assert "ada" not in told
    assert "Secret" not in told


def test_a_line_that_a_step_logs_says_of_which_run_and_delivery_it_is(
    scene: Scene, eventually: Callable[..., None]
) -> None:
    assert scene.door.post(BODY).status_code == 202
    eventually(scene.over, what="the run over")

    (receipt,) = scene.door.receipts()
    with scene.door.store.read() as sql:
        (run_id,) = sql.execute(select(runs.c.id)).scalars()
    lines = [json.loads(line) for line in scene.log.getvalue().splitlines()]
    (theirs,) = [line for line in lines if line["logger"] == "theirs"]
    (dead,) = [line for line in lines if line["event"] == "run.dead"]
    for line in (theirs, dead):
        assert (line["run"], line["delivery"], line["rule"]) == (str(run_id), str(receipt.id), "tell")
    assert theirs["step"] == "broken"
    assert "ada@" not in scene.log.getvalue()


def test_a_line_about_a_delivery_names_it_and_the_request(scene: Scene) -> None:
    answer = scene.door.post(b"{}", secret="wrong")

    (receipt,) = scene.door.receipts()
    (line,) = [
        found
        for found in map(json.loads, scene.log.getvalue().splitlines())
        if found["event"] == "delivery.quarantined"
    ]
    assert (line["delivery"], line["request"]) == (str(receipt.id), answer.headers["x-request-id"])


@pytest.mark.parametrize("given", ["", "short", "x" * 65, "two words", "a@b.example.com"])
def test_an_id_that_is_not_sane_is_replaced(open_door: OpenDoor, given: str) -> None:
    answer = open_door().client.get("/health/live", headers={"x-request-id": given})

    assert answer.headers.get_list("x-request-id") != [given]
    assert len(answer.headers["x-request-id"]) == 36


def _above(span: ReadableSpan) -> int | None:
    return span.parent.span_id if span.parent is not None else None
