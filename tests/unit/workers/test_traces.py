from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from uuid import UUID

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from workers import traces
from workers.otel import Spans
from workers.settings import Settings

DELIVERY = UUID("01957a3c-1111-7222-8333-444455556666")


@pytest.fixture
def told() -> Iterator[InMemorySpanExporter]:
    """What is told while the test runs."""
    exporter = InMemorySpanExporter()
    traces.begin(Spans(SimpleSpanProcessor(exporter), "test"))
    yield exporter
    traces.close()


def test_the_trace_of_a_delivery_is_found_by_its_id(told: InMemorySpanExporter) -> None:
    root = traces.root(DELIVERY)
    traces.tell("receive", DELIVERY, began=traces.now(), facts={"status": 202}, own=root)
    traces.tell("persist", DELIVERY, began=traces.now(), facts={}, under=root)

    first, second = told.get_finished_spans()
    assert first.context.trace_id == second.context.trace_id == DELIVERY.int
    assert first.parent is None
    assert second.parent is not None
    assert second.parent.span_id == first.context.span_id == root
    assert dict(first.attributes or {}) == {"daybook.status": 202}


def test_spans_that_nothing_lies_under_have_ids_of_their_own(told: InMemorySpanExporter) -> None:
    for _ in range(2):
        traces.tell("attempt", DELIVERY, began=traces.now(), facts={}, under=traces.root(DELIVERY), failed="lost")

    ids = {span.context.span_id for span in told.get_finished_spans()}
    assert len(ids) == 2
    assert {span.status.status_code for span in told.get_finished_spans()} == {StatusCode.ERROR}


@pytest.mark.parametrize("link", [None, "", "00-x-y-00", "00-" + "0" * 32 + "-" + "1" * 16 + "-01", "\xff"])
def test_what_is_no_traceparent_links_to_nothing(told: InMemorySpanExporter, link: str | None) -> None:
    traces.tell("receive", DELIVERY, began=traces.now(), facts={}, link=link)

    (span,) = told.get_finished_spans()
    assert span.links == ()


def test_a_senders_trace_is_linked_to_and_not_joined(told: InMemorySpanExporter) -> None:
    link = f"00-{'a' * 32}-{'b' * 16}-01"
    traces.tell("receive", DELIVERY, began=traces.now(), facts={}, link=link)

    (span,) = told.get_finished_spans()
    assert span.context.trace_id == DELIVERY.int
    assert [one.context.trace_id for one in span.links] == [int("a" * 32, 16)]


def test_the_ids_of_spans_are_the_same_in_every_process_and_never_none() -> None:
    assert traces.span_id("run", "x") == traces.span_id("run", "x") != traces.span_id("run", "y")
    assert 0 < traces.root(DELIVERY) < 2**64


@pytest.mark.parametrize(
    ("setting", "endpoint", "wanted"),
    [(None, None, False), (None, "http://127.0.0.1:9", True), (False, "http://127.0.0.1:9", False), (True, None, True)],
)
def test_it_is_on_where_the_setting_or_the_standard_variable_says_so(
    monkeypatch: pytest.MonkeyPatch, setting: bool | None, endpoint: str | None, wanted: bool
) -> None:
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    if endpoint:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
    monkeypatch.setattr(
        "workers.otel.OverHttp", lambda process: Spans(SimpleSpanProcessor(InMemorySpanExporter()), process)
    )

    traces.set_up(Settings(otel=setting), "test")

    assert traces.on() == wanted
    traces.close()
    assert not traces.on()


def test_while_it_is_off_nothing_that_makes_or_sends_spans_is_imported() -> None:
    code = (
        "import sys, ingest.web, workers.actors; from workers import traces; from workers.settings import Settings;"
        "traces.set_up(Settings(otel=False), 'serve'); traces.tell('x', None, began=0, facts={});"
        "wrong = ('opentelemetry.sdk.trace', 'opentelemetry.exporter');"
        "print([name for name in sys.modules if name.startswith(wrong)])"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
