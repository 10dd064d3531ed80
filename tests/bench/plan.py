"""How much is measured, and the order: contenders take turns, so that a slow minute of the machine is shared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TypeVar

from rich.progress import Progress

from tests.bench.load import Sent, drive
from tests.bench.servers import Running, Servers

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Plan:
    """The bounds of a run."""

    rounds: int  #: each contender's turns; the median counts
    connections: int  #: of the sender, each with one delivery under way
    warm: int  #: deliveries before the clock starts
    seconds: float  #: of sending, each turn
    at_most: int  #: deliveries sent, each turn
    lone: int  #: deliveries sent one by one, each turn
    queued: int  #: deliveries that wait at the broker when its memory is read
    events: int  #: events in the history that is searched
    searches: int  #: times that each search is timed
    young: int  #: events in a history that has just begun
    old: int  #: events in one that has been lived with for years
    waiting: int  #: deliveries that are no events yet while others come
    steady: int  #: deliveries a second of an ordinary hour
    outage: int  #: seconds of them that come while SQL is away


FULL = Plan(
    rounds=3, connections=64, warm=1000, seconds=8, at_most=60_000, lone=150, queued=20_000, events=300_000,
    searches=21, young=10_000, old=3_000_000, waiting=1_000_000, steady=50, outage=300,
)  # fmt: skip
QUICK = Plan(
    rounds=1, connections=64, warm=300, seconds=2, at_most=15_000, lone=30, queued=2_000, events=20_000, searches=5,
    young=2_000, old=50_000, waiting=20_000, steady=50, outage=20,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bench:
    """What a measure works with."""

    plan: Plan
    servers: Servers
    progress: Progress

    def alternate(
        self, what: str, contenders: Mapping[str, Callable[[], T]], *, rounds: int | None = None
    ) -> dict[str, list[T]]:
        """Let every contender take its turn, then every one again: `{name: [result of each round]}`.

        `rounds` is the plan's where nothing is said.
        """
        rounds = self.plan.rounds if rounds is None else rounds
        found: dict[str, list[T]] = {name: [] for name in contenders}
        task = self.progress.add_task(what, total=rounds * len(contenders))
        for _ in range(rounds):
            for name, measure in contenders.items():
                self.progress.update(task, description=f"{what}: {name}")
                found[name].append(measure())
                self.progress.advance(task)
        self.progress.update(task, description=what)
        return found

    def load(self, running: Running) -> Sent:
        """The plan's deliveries, as fast as they are answered."""
        plan = self.plan
        return drive(running.ports, seconds=plan.seconds, at_most=plan.at_most, connections=plan.connections)

    def warm(self, running: Running) -> int:
        """A few deliveries before the clock starts, committed where that happens; how many."""
        plan = self.plan
        return drive(running.ports, seconds=plan.seconds, at_most=plan.warm, connections=plan.connections).kept


Contender = Callable[[], AbstractContextManager[Running]]
