"""Memory and disk: what a delivery takes at the broker while it waits, and what its event takes once it is stored.

One turn each: these numbers do not depend on how busy the machine is.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from tests.bench.databases import KINDS, TITLES
from tests.bench.load import drive
from tests.bench.plan import Bench, Contender
from tests.bench.report import Line
from tests.bench.servers import Running

_PART = "memory and disk"
#: seconds after which the broker has let go of what it only held for its clients and its file
_SETTLED = 2.0
_SECONDS = 60.0


def measure(bench: Bench) -> list[Line]:
    """Bytes a delivery, ours against the naive design's. Disk counts ours whole: delivery, event, every index."""
    servers = bench.servers
    queued: dict[str, Callable[[], float]] = {
        "daybook": _queued(bench, partial(servers.daybook, "sqlite", worker=False)),
        "naive": _queued(bench, partial(servers.naive, "sqlite", worker=False)),
    }
    found = bench.alternate("memory", queued, rounds=1)
    lines = [Line(_PART, "Valkey, a waiting delivery", "B", found["daybook"], "naive design", found["naive"])]
    stored: dict[str, Callable[[], float]] = {}
    for kind in KINDS:
        stored[f"daybook {kind}"] = _stored(bench, partial(servers.daybook, kind, worker=True))
        stored[f"naive {kind}"] = _stored(bench, partial(servers.naive, kind, worker=True))
    found = bench.alternate("disk", stored, rounds=1)
    return lines + [
        Line(
            _PART,
            f"{TITLES[kind]}, a stored event",
            "B",
            found[f"daybook {kind}"],
            "naive design",
            found[f"naive {kind}"],
            note="the naive row has no index and two fields beside the body",
        )
        for kind in KINDS
    ]


def _queued(bench: Bench, contender: Contender) -> Callable[[], float]:
    def turn() -> float:
        with contender() as running:
            bench.warm(running)
            time.sleep(_SETTLED)
            before = running.used_memory()
            kept = _fill(bench, running)
            time.sleep(_SETTLED)
            return (running.used_memory() - before) / kept

    return turn


def _stored(bench: Bench, contender: Contender) -> Callable[[], float]:
    def turn() -> float:
        with contender() as running:
            assert running.committed is not None
            empty = running.committed.bytes()
            kept = _fill(bench, running)
            running.committed.wait(kept)
            return (running.committed.bytes() - empty) / kept

    return turn


def _fill(bench: Bench, running: Running) -> int:
    return drive(running.ports, seconds=_SECONDS, at_most=bench.plan.queued, connections=bench.plan.connections).kept
