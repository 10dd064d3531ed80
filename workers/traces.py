"""One trace for each delivery, from its arrival to the last action it leads to. Off unless it is set up.

Nothing is carried along: messages are only doorbells, and a run may begin days later in another process. The trace's
id is the delivery's (which is an event's too), and the ids of the spans that others lie under follow from what they
are of, so that every process knows them. A span is told when it is over. What it costs while off is one comparison.
"""

from __future__ import annotations

import importlib.util
import os
import time
from collections.abc import Mapping
from hashlib import blake2b
from typing import Protocol
from uuid import UUID

import structlog

from workers.errors import Misconfigured
from workers.settings import Settings

log = structlog.get_logger(__name__)

#: what a span says of what it is of: ids, names of rules and steps, verdicts. Never what a delivery or a call holds
Facts = Mapping[str, str | int | float | bool]

#: where the standard variables say that traces go
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


class Teller(Protocol):
    """Where spans go."""

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
    ) -> None: ...

    def close(self) -> None: ...


_tellers: list[Teller] = []


def set_up(settings: Settings, process: str) -> None:
    """Begin to tell, where the settings or the standard variables say so. `process` is what this one is.

    Raises Misconfigured where the setting asks for what is not installed.
    """
    wanted = settings.otel
    if wanted is None:
        wanted = any(os.environ.get(name) for name in _ENDPOINTS)
    if not wanted:
        return
    if any(importlib.util.find_spec(f"opentelemetry.{name}") is None for name in ("sdk", "exporter")):
        if settings.otel:
            raise Misconfigured("DAYBOOK_OTEL is set, which needs the extra: pip install 'daybook[otel]'.")
        log.warning("traces.not_installed", remedy="pip install 'daybook[otel]'")
        return
    from workers.otel import OverHttp

    begin(OverHttp(process))


def begin(teller: Teller | None) -> None:
    """Tell it to `teller` from now on; None: to nobody."""
    _tellers[:] = [teller] if teller is not None else []


def close() -> None:
    """Send what was told and not sent yet, as far as that takes no more than seconds."""
    for teller in _tellers:
        teller.close()
    begin(None)


def on() -> bool:
    """Whether anybody listens: what is only made for a span need not be made else."""
    return bool(_tellers)


def now() -> int:
    """When a span begins, for `tell`: Unix nanoseconds."""
    return time.time_ns()


def span_id(*of: str) -> int:
    """The id of the span that is of these, 1 to 2⁶⁴-1: the same in every process."""
    return int.from_bytes(blake2b("\0".join(of).encode(), digest_size=8).digest()) or 1


def root(trace: UUID) -> int:
    """The span of a delivery's arrival: all the others lie under it."""
    return span_id("receive", trace.hex)


def tell(
    name: str,
    trace: UUID,
    *,
    began: int,
    facts: Facts,
    own: int | None = None,
    under: int | None = None,
    failed: str | None = None,
    link: str | None = None,
) -> None:
    """Tell of a span that is over now. `own` is its id where others lie under it; `under`: None for the root.

    `failed` says in a word or two why it did; `link` is the `traceparent` that a sender gave, which is believed in
    nothing but that there may be something to look at.
    """
    for teller in _tellers:
        teller.tell(name, trace, began=began, facts=facts, own=own, under=under, failed=failed, link=link)
