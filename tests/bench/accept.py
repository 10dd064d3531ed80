"""Accepting: how many deliveries a second are answered with 202. No worker runs; the door alone is measured."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from tests.bench.databases import KINDS, TITLES
from tests.bench.load import Sent
from tests.bench.plan import Bench, Contender
from tests.bench.report import Goal, Line

_PART = "accept: 202 after fsync"


def measure(bench: Bench) -> list[Line]:
    """Ours on both databases against a bare route, the naive handler, and an INSERT for each request."""
    servers = bench.servers
    contenders: dict[str, Callable[[], Sent]] = {
        "trivial": _turn(bench, servers.trivial),
        "bare": _turn(bench, servers.bare),
        "naive": _turn(bench, partial(servers.naive, "sqlite", worker=False)),
        "naive durable": _turn(bench, partial(servers.naive, "sqlite", worker=False, durable=True)),
    }
    for kind in KINDS:
        contenders[f"daybook {kind}"] = _turn(bench, partial(servers.daybook, kind, worker=False))
        contenders[f"flask {kind}"] = _turn(bench, partial(servers.flask, kind))
    found = bench.alternate("accept", contenders)
    rates = {name: [sent.per_second for sent in runs] for name, runs in found.items()}
    share = max(sent.sender_cpu for name, runs in found.items() if name != "trivial" for sent in runs)
    lines = [
        Line(
            _PART,
            "the sender's own limit",
            "/s",
            rates["trivial"],
            against="Starlette, verify only",
            other=rates["bare"],
            note=f"it used at most {share:.0%} of a core",
        )
    ]
    for kind in KINDS:
        title, ours = TITLES[kind], found[f"daybook {kind}"]
        p99 = sorted(sent.p99 for sent in ours)[len(ours) // 2]
        for against, other, goal in (
            ("Starlette, verify only", "bare", 0.4),
            ("naive handler, 202 after fsync", "naive durable", 3.0),
            ("naive handler, up to 1 s not on disk", "naive", None),
            ("Flask, INSERT a request", f"flask {kind}", 4.0),
        ):
            lines.append(
                Line(
                    _PART,
                    title,
                    "/s",
                    rates[f"daybook {kind}"],
                    against,
                    rates[other],
                    Goal(">=", goal) if goal else None,
                    note=f"p99 {p99:.0f} ms",
                )
            )
    return lines


def _turn(bench: Bench, contender: Contender) -> Callable[[], Sent]:
    def turn() -> Sent:
        with contender() as running:
            bench.warm(running)
            return bench.load(running)

    return turn
