"""Sustained: from the first delivery sent to the last one committed by the worker, with the backlog worked off."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from tests.bench.databases import KINDS, TITLES
from tests.bench.plan import Bench, Contender
from tests.bench.report import Goal, Line

_PART = "sustained: accepted, worked, committed"
#: the goal is 4; this is what is aimed for
_AIM = 6.0


def measure(bench: Bench) -> list[Line]:
    """Events a second, ours against the naive design, on both databases."""
    servers = bench.servers
    contenders: dict[str, Callable[[], float]] = {}
    for kind in KINDS:
        contenders[f"daybook {kind}"] = turn(bench, partial(servers.daybook, kind, worker=True))
        contenders[f"naive {kind}"] = turn(bench, partial(servers.naive, kind, worker=True))
    found = bench.alternate("sustained", contenders)
    return [
        Line(
            _PART,
            TITLES[kind],
            "/s",
            found[f"daybook {kind}"],
            "naive design",
            found[f"naive {kind}"],
            Goal(">=", 4.0),
            note=f"aim {_AIM:g}x",
        )
        for kind in KINDS
    ]


def turn(bench: Bench, contender: Contender) -> Callable[[], float]:
    """A measurement: events a second, from the first delivery sent to the last one committed."""

    def measured() -> float:
        with contender() as running:
            assert running.committed is not None
            warm = bench.warm(running)
            running.committed.wait(warm)
            sent = bench.load(running)
            ended = running.committed.wait(warm + sent.kept)
            return sent.kept / (ended - sent.began)

    return measured
