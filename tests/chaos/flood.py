"""Deliveries come at a steady rate while everything around Daybook goes wrong; then it is counted what became of each.

The seed decides what is done and in which order; what it meets is not the same twice.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import psutil
from sqlalchemy import func, select

from tests.chaos.effects import EACH, RULES, judged
from tests.chaos.faults import Faults
from tests.chaos.receiver import Receiver, receiver
from tests.chaos.sender import Sender
from tests.chaos.site import LEASE, Site, site
from tests.chaos.standin import StandIn, standin
from workers.errors import StoreUnavailable
from workers.settings import Settings
from workers.store import history, receipts, runs, webhooks
from workers.store.engine import Store, open_store
from workers.store.history import Filter
from workers.store.ledger import ActionState
from workers.store.runs import RunState
from workers.store.tables import actions
from workers.vault import open_vault

#: Cal.com's own pauses before the second, third and fourth time
CALCOM = (10.0, 15.0, 22.5)
#: bytes of memory that a process may have grown by, beside half of what it had
_GROWN = 64 * 1024 * 1024
#: files that it may have opened since: its pools may not have been full, of 25 connections to SQLite with three files
#: each and 32 to others; what thousands of deliveries leak is more
_FILES = 24 + 3 * 25 + 32


@dataclass(frozen=True)
class Plan:
    """What is to happen, and where."""

    kind: str
    seed: int
    rate: float = 4.0  #: bookings a second
    outage: float = 300.0  #: seconds that something is gone that goes for long
    short: float = 15.0  #: seconds of everything else
    pause: float = 4.0  #: seconds between two things
    pauses: Sequence[float] = CALCOM
    only: Sequence[str] | None = None  #: those faults alone
    trouble: float = 0.2  #: the share of calls that go wrong
    most: int = 3_000
    patience: float = 1_800.0  #: seconds for everything to come to an end afterwards


@dataclass
class Outcome:
    """What there was in the end, and all that should not be."""

    wrong: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    deliveries: int = 0
    accepted: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    #: by what a process is: megabytes and open files, before and after
    size: dict[str, tuple[float, int, float, int]] = field(default_factory=dict)
    settled: float = 0.0
    seconds: float = 0.0
    log: str = ""


def flood(plan: Plan, say: Callable[[str], object] = lambda _: None) -> Outcome:
    """Let it happen, and count."""
    began, outcome = time.monotonic(), Outcome()
    with standin() as calcom, receiver(seed=plan.seed) as service:
        calcom.attribute("booking")
        with site(plan.kind, calcom, service, RULES) as made:
            made.start()
            made.daybook.run("webhooks", "apply")
            with contextlib.closing(open_store(made.database.url, pool_size=2)) as store:
                try:
                    _flood(plan, made, store, calcom, service, outcome, say)
                finally:
                    outcome.log = made.log()
    outcome.seconds = time.monotonic() - began
    return outcome


def _flood(
    plan: Plan,
    made: Site,
    store: Store,
    calcom: StandIn,
    service: Receiver,
    outcome: Outcome,
    say: Callable[[str], object],
) -> None:
    faults = Faults(plan.seed, plan.outage, plan.short)
    outcome.left_out = faults.left_out(made)
    sender = _sender(plan, made, store)
    over = threading.Event()
    with ThreadPoolExecutor(1) as pool, _ending(over):
        sending = pool.submit(sender.run, over.is_set)
        time.sleep(2 * plan.pause)  # what a process needs once it works is what it is compared with
        before = _sizes(made)
        _go_wrong(plan, calcom, service)
        for name in faults.order(made, plan.only):
            say(f"{sum(one.accepted for one in sender.sent)} accepted; now: {name}")
            faults.carry_out(made, name)
            time.sleep(plan.pause)
            if sending.done():
                sending.result()  # raises what it ended with; else it has sent as much as it may
    sending.result()
    outcome.done = faults.done
    calcom.tell("faults")
    service.trouble = {}
    say(f"{len(sender.sent)} deliveries; waiting for what they cause")
    at = time.monotonic()
    _until_settled(store, made, plan.patience, say)
    outcome.settled = time.monotonic() - at
    time.sleep(plan.pause)
    outcome.deliveries = len(sender.sent)
    outcome.accepted = sum(one.accepted for one in sender.sent)
    outcome.answers = sender.answers()
    outcome.calls.update(call["fault"] for call in calcom.look("calls")["calls"] if call["fault"])
    outcome.wrong = [
        *_lost(sender, store),
        *_effects(sender, store, calcom, service, outcome),
        *_stuck(store, made),
        *_grown(before, _sizes(made), outcome),
    ]


@contextlib.contextmanager
def _ending(over: threading.Event) -> Iterator[None]:
    """Whatever happens in the block, the sender comes to an end."""
    try:
        yield
    finally:
        over.set()


def _sender(plan: Plan, made: Site, store: Store) -> Sender:
    settings = Settings(data_dir=made.daybook.folder / "data")
    with store.read() as sql:
        (webhook,) = webhooks.every(sql, open_vault(settings))
    urls = [webhook.url(address) for address in made.addresses]
    key = webhook.secrets[0].key.encode()
    return Sender(urls, key, plan.seed, plan.rate, plan.pauses, plan.most)


def _go_wrong(plan: Plan, calcom: StandIn, service: Receiver) -> None:
    """From now on calls end badly: before the deed and after it, and in the middle of an answer."""
    kinds = ("error_before", "error_after", "cut_before", "cut")
    calls: list[dict[str, Any]] = [{"kind": kind, "chance": plan.trouble / 5} for kind in kinds]
    calls += [{"kind": "hang", "chance": plan.trouble / 40, "seconds": 0.8 * LEASE}]
    calcom.tell("faults", seed=plan.seed, calls=[{**one, "times": 1_000_000} for one in calls])
    service.goes_by_time = False
    service.trouble = dict.fromkeys(("busy", "before", "after", "cut_before", "cut"), plan.trouble / 5)


def _lost(sender: Sender, store: Store) -> Iterator[str]:
    """Every delivery that was accepted is one event, no other is more, and none was told not to come again."""
    with store.read() as sql:
        rows = history.page(sql, Filter(triggers=("BOOKING_CREATED", "BOOKING_CANCELLED")), limit=1_000_000)
    found = Counter((row.trigger, row.booking_uid) for row in rows)
    for one in sender.sent:
        number = found.pop((one.trigger, one.uid), 0)
        if one.accepted and number != 1:
            yield f"{one.trigger} {one.uid} was answered {one.answers} and is {number} events"
        elif number > 1:
            yield f"{one.trigger} {one.uid} is {number} events"
        if one.refused is not None:
            yield f"{one.trigger} {one.uid} was answered {one.answers}: Cal.com does not repeat that"
    if found:
        yield f"{found.total()} events that nobody sent"


def _effects(sender: Sender, store: Store, calcom: StandIn, service: Receiver, outcome: Outcome) -> Iterator[str]:
    """What the events had to cause is there, once."""
    with store.read() as sql:
        rows = history.page(sql, Filter(triggers=("BOOKING_CREATED", "BOOKING_CANCELLED")), limit=1_000_000)
        found = list(runs.page(sql, runs.Filter(), limit=1_000_000))
    there = {(row.trigger, row.booking_uid) for row in rows}
    bookings = {one.uid: one.number for one in sender.sent if one.trigger == "BOOKING_CREATED"}
    uids = {uid: number for uid, number in bookings.items() if ("BOOKING_CREATED", uid) in there}
    cancelled = [uid for uid in uids if ("BOOKING_CANCELLED", uid) in there]
    outcome.states.update(str(row.state) for row in found)
    if len(found) != EACH * len(uids) + len(cancelled):
        yield f"{len(found)} runs in place of {EACH * len(uids) + len(cancelled)}"
    yield from judged(uids, cancelled, found, calcom, service)


def _until_settled(store: Store, made: Site, seconds: float, say: Callable[[str], object]) -> None:
    """Wait until nothing is under way any more."""
    began = told = time.monotonic()
    wanted = runs.Filter(states=(RunState.PLANNED, RunState.RUNNING, RunState.FAILED))
    while True:
        left = "the database is away"
        with contextlib.suppress(StoreUnavailable), store.read() as sql:
            numbers = receipts.count_waiting(sql), runs.count(sql, wanted), _spooled(made)
            if not any(numbers):
                return
            left = "{} deliveries wait, {} runs are under way, {} files are in the spool".format(*numbers)
        assert time.monotonic() < began + seconds, f"after {seconds:.0f} s: {left}\n{made.log()[-3000:]}"
        if time.monotonic() > told + 15:
            say(left)
            told = time.monotonic()
        time.sleep(0.5)


def _spooled(made: Site) -> int:
    return len(list((made.daybook.folder / "data" / "spool").glob("*.*")))


def _stuck(store: Store, made: Site) -> Iterator[str]:
    with store.read() as sql:
        for state in (ActionState.PLANNED, ActionState.SENDING):
            found = select(func.count()).select_from(actions).where(actions.c.state == state)
            if number := sql.execute(found).scalar_one():
                yield f"{number} actions are {state}"
    if number := _spooled(made):
        yield f"{number} files are left in the spool"


def _sizes(made: Site) -> dict[str, tuple[int, int]]:
    """The largest of each: bytes of memory of its own, and open files."""
    found: dict[str, tuple[int, int]] = {}
    for name, processes in made.processes().items():
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                size, files = found.get(name, (0, 0))
                found[name] = max(size, process.memory_info().rss), max(files, process.num_fds())
    return found


def _grown(before: dict[str, tuple[int, int]], after: dict[str, tuple[int, int]], outcome: Outcome) -> Iterator[str]:
    for name, (size, files) in before.items():
        size_now, files_now = after.get(name, (0, 0))
        outcome.size[name] = (size / 1e6, files, size_now / 1e6, files_now)
        if size_now > 1.5 * size + _GROWN:
            yield f"a {name} process has {size_now / 1e6:.0f} MB, and had {size / 1e6:.0f} MB"
        if files_now > files + _FILES:
            yield f"a {name} process has {files_now} files open, and had {files}"
        if not files_now:
            yield f"no {name} process is left"
