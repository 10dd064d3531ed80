"""Spans by OpenTelemetry's SDK, sent by OTLP over HTTP. Imported only where traces are on: it is an extra.

A collector that is away, or slow, costs nothing but its spans: they wait in a bounded queue, and are dropped when that
is full. The standard `OTEL_…` variables say where to, with which headers, and how the service is called.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import threading
from collections.abc import Iterator
from importlib.metadata import version
from uuid import UUID

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from workers.traces import Facts

#: seconds that what waits may take to be sent when the process ends
_LAST = 5.0
#: seconds that a collector may take for one batch
_PATIENCE = 5
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")
_KINDS = {"receive": SpanKind.SERVER, "persist": SpanKind.CONSUMER, "attempt": SpanKind.CLIENT}


class Spans:
    """Tells spans to a processor of the SDK."""

    def __init__(self, processor: SpanProcessor, process: str) -> None:
        named = {} if os.environ.get("OTEL_SERVICE_NAME") else {"service.name": "daybook"}
        about = {**named, "service.version": version("daybook"), "daybook.process": process}
        self._ids = _Ids()
        # Which traces are kept is the collector's to say, when it has seen how they end: here each is whole.
        self._provider = TracerProvider(
            sampler=ALWAYS_ON, resource=Resource.create(about), id_generator=self._ids, shutdown_on_exit=False
        )
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("daybook", version("daybook"))

    def tell(
        self,
        name: str,
        trace: UUID,
        *,
        began: int,
        facts: Facts,
        own: int | None,
        under: int | None,
        failed: str | None,
        link: str | None,
    ) -> None:
        """See `traces.tell`."""
        above = None
        if under is not None:
            context = SpanContext(trace.int, under, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
            above = set_span_in_context(NonRecordingSpan(context))
        with self._ids.being(trace.int, own):
            span = self._tracer.start_span(
                name,
                context=above,
                kind=_KINDS.get(name, SpanKind.INTERNAL),
                attributes={f"daybook.{key}": value for key, value in facts.items()},
                links=_links(link),
                start_time=began,
            )
        if failed is not None:
            span.set_status(Status(StatusCode.ERROR, failed))
        span.end()

    def close(self) -> None:
        """Send what waits, and end; a collector that hangs is not waited for."""
        closing = threading.Thread(target=self._provider.shutdown, name="traces", daemon=True)
        closing.start()
        closing.join(_LAST)


class OverHttp(Spans):
    """Spans to a collector, in batches, from a thread of their own."""

    def __init__(self, process: str) -> None:
        # The SDK tells of each batch that it could not send, with a traceback where it did not expect that.
        logging.getLogger("opentelemetry").setLevel(logging.ERROR)
        super().__init__(BatchSpanProcessor(OTLPSpanExporter(timeout=_PATIENCE)), process)


class _Ids(RandomIdGenerator):
    """Ids as they are asked for by whoever makes a span in this thread, else random ones."""

    def __init__(self) -> None:
        self._asked = threading.local()

    @contextlib.contextmanager
    def being(self, trace: int, span: int | None) -> Iterator[None]:
        self._asked.trace, self._asked.span = trace, span
        try:
            yield
        finally:
            self._asked.trace = self._asked.span = None

    def generate_trace_id(self) -> int:
        return getattr(self._asked, "trace", None) or super().generate_trace_id()

    def generate_span_id(self) -> int:
        return getattr(self._asked, "span", None) or super().generate_span_id()


def _links(traceparent: str | None) -> list[Link]:
    found = _TRACEPARENT.fullmatch(traceparent or "")
    if found is None:
        return []
    context = SpanContext(int(found[1], 16), int(found[2], 16), is_remote=True)
    return [Link(context)] if context.is_valid else []
