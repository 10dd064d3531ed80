"""A store with rules, and a world that steps change: what is counted there is what was really done."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Row
from uuid_utils.compat import uuid7

from tests.contract.store.filled import START, Filled, body
from workers.act import Acting
from workers.actions.kind import Absent, Again, Call, Caller, Done, Kind, Lost, Outcome, Refused, Toolbox, Unknowable
from workers.actions.stop import StopStep
from workers.actions.wait import WaitStep
from workers.persist import persist
from workers.replay import replay
from workers.rulebook import Rulebook
from workers.rules.kinds import Key, Problem
from workers.store import claims, ledger, runs
from workers.store.engine import Store
from workers.store.ledger import Action
from workers.vault import Vault


class Crash(BaseException):
    """The process ends here, whatever it was doing."""


@dataclass
class World:
    """What steps of the kind `make` did: things by name, each as often as it was made."""

    made: Counter[str] = field(default_factory=Counter)
    #: what happens to the next attempts: None is that all goes well
    script: list[Callable[[World, str], Outcome | None]] = field(default_factory=list)
    probes: Callable[[World, str], Any] | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class Make:
    """A step that makes a thing in the world, which can be looked for there."""

    name = "make"
    keys: Mapping[str, Key] = {"make": Key({"type": "string"}, required=True)}
    duration = False
    changes = True
    sees_payload = False

    def __init__(self, world: World) -> None:
        self._world = world

    def problems(self, values: Mapping[str, Any]) -> Iterator[Problem]:
        yield from ()

    def output(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"type": "object", "properties": {"id": {"type": "string"}, "secret": {"type": "string"}}}

    def perform(self, call: Call, box: Toolbox) -> Outcome:
        thing = str(call.values["make"])
        with self._world.lock:
            happens = self._world.script.pop(0) if self._world.script else None
            told = happens(self._world, thing) if happens is not None else None
            if told is not None:
                return told
            self._world.made[thing] += 1
            return Done({"id": f"id of {thing}", "secret": "s3cret"})

    def probe(self, call: Call, box: Toolbox) -> Done | Absent | Unknowable | Again:
        thing = str(call.values["make"])
        if self._world.probes is not None:
            answer: Done | Absent | Unknowable | Again = self._world.probes(self._world, thing)
            return answer
        return Done({"id": f"id of {thing}"}, found=True) if self._world.made[thing] else Absent()

    def shown(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        return values

    def effect(self, call: Call) -> str | None:
        return None


def lost_after(world: World, thing: str) -> Outcome:
    """It is done, and the answer is lost."""
    world.made[thing] += 1
    return Lost("the connection was cut")


def lost_before(_world: World, _thing: str) -> Outcome:
    """It is not done, and nobody is told."""
    return Lost("the connection was cut")


def had_already(_world: World, thing: str) -> Outcome:
    """Somebody else had made it."""
    return Done({"id": f"id of {thing}"}, found=True, note="it was there")


def busy(_world: World, _thing: str) -> Outcome:
    return Again("503")


def refused(_world: World, _thing: str) -> Outcome:
    return Refused("it is not allowed")


def crashes_before(_world: World, _thing: str) -> Outcome:
    raise Crash


def crashes_after(world: World, thing: str) -> Outcome:
    world.made[thing] += 1
    raise Crash


class NoBox:
    def caller(self, pcid: str) -> Caller:
        raise AssertionError(pcid)

    def count_events(self, pcid: str, *_: object, **__: object) -> int:
        raise AssertionError(pcid)


class Clock:
    def __init__(self) -> None:
        self.now = datetime.now(UTC) + timedelta(days=1)  # ahead of whatever is planned while the test runs

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        self.now += timedelta(**by)


class Office:
    """A store that deliveries come to, with the rules of a folder, and processes that carry them out."""

    def __init__(self, store: Store, vault: Vault, folder: Path) -> None:
        self.store = store
        self.filled = Filled(store, vault)
        self.world = World()
        self.clock = Clock()
        self.folder = folder
        self.kinds: Mapping[str, Kind] = {
            kind.name: kind for kind in (Make(self.world), WaitStep(self.clock), StopStep())
        }
        self.book = Rulebook(store, folder, self.kinds, clock=self._later)
        self._looks = 0.0
        self._minutes = 0

    def _later(self) -> float:
        self._looks += 100.0
        return self._looks

    def rules(self, text: str, name: str = "rules.yaml") -> None:
        """Write a file of rules; none of it may be wrong."""
        (self.folder / name).write_text(text)
        assert [str(fault) for fault in self.book.live().faults] == []

    def comes(self, **fields: Any) -> UUID:
        """A delivery comes and becomes an event."""
        self._minutes += 1
        at = fields.pop("at", START + timedelta(minutes=self._minutes))
        delivery = self.filled.keep(body(at=at, **fields), at=at)
        persist(self.store, [delivery], self.book.live())
        return delivery

    def again(self, delivery: UUID) -> None:
        """A person replays it."""
        assert replay(self.store, [delivery])
        persist(self.store, [delivery], self.book.live())

    def process(self) -> tuple[str, Acting]:
        """A new worker process, by the name it holds its leases under."""
        holder = str(uuid7())
        return holder, Acting(
            self.store, self.book, self.kinds, NoBox(), holder=holder, clock=self.clock, dice=lambda: 1.0
        )

    def work(self, *, most: int = 50) -> int:
        """Carry out what is due in a process; one that crashes loses its leases, and another goes on. How many did."""
        crashes = 0
        holder, acting = self.process()
        for _ in range(most):
            try:
                if not acting.act():
                    return crashes
            except Crash:
                crashes += 1
                with self.store.write() as connection:
                    claims.give_back(connection, holder)
                holder, acting = self.process()
        raise AssertionError("it does not come to an end")

    def runs(self) -> list[Row[Any]]:
        """All runs, the oldest first."""
        with self.store.read() as connection:
            return list(runs.page(connection, runs.Filter(), limit=1000))[::-1]

    def actions(self, run_id: UUID) -> list[Action]:
        with self.store.read() as connection:
            return ledger.of_run(connection, run_id)


@pytest.fixture
def office(store: Store, vault: Vault, tmp_path: Path) -> Office:
    folder = tmp_path / "rules"
    folder.mkdir()
    return Office(store, vault, folder)
