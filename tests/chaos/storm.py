"""Bookings come, each with runs of several rules, and meanwhile everything goes wrong: then the effects are counted.

The dice are seeded. What they meet is not the same twice, for processes take turns as they like.
"""

from __future__ import annotations

import contextlib
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Row

from tests.chaos.installation import LEASE, Installation, installation
from tests.chaos.receiver import Receiver, receiver
from tests.chaos.sender import FIRST_DAY
from tests.chaos.standin import StandIn, standin
from workers.errors import StoreUnavailable
from workers.store import history, runs
from workers.store.engine import Store, open_store

RULES = (Path(__file__).parent / "rules.yaml").read_text()
#: runs that each booking causes; a cancelled one causes one more
EACH = 5
MAYA = 90211


@dataclass(frozen=True, slots=True)
class Plan:
    """How much of what. `trouble` is the share of calls that go wrong; `every` so many seconds something else does, in
    all so many `deeds`, or for as long as there is something to do."""

    bookings: int
    seed: int
    trouble: float = 0.25
    every: float = 2.0
    deeds: int | None = None
    #: seconds over which the bookings come
    over: float = 5.0
    #: seconds for everything to come to an end afterwards
    patience: float = 60.0
    postgresql: bool = False


@dataclass
class Outcome:
    """What there was in the end, and all that should not be."""

    wrong: list[str] = field(default_factory=list)
    states: Counter[str] = field(default_factory=Counter)
    calls: list[dict[str, Any]] = field(default_factory=list)
    done_to_it: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    log: str = ""


def storm(plan: Plan, say: Callable[[str], object] = lambda _: None) -> Outcome:
    """Let it happen, and count."""
    began, outcome = time.monotonic(), Outcome()
    with standin() as calcom, receiver(seed=plan.seed) as service:
        calcom.attribute("booking")
        with (
            installation(calcom, service, RULES, postgresql=plan.postgresql) as made,
            contextlib.closing(open_store(made.url, pool_size=2)) as store,
        ):
            _go_wrong(plan, calcom, service)
            with _violence(plan, made, outcome):
                uids, cancelled = _bookings(plan, calcom)
                say(f"{len(uids)} bookings came; waiting for their events")
                _until(lambda: _events(store) == len(uids), plan.patience, "every delivery an event")
                for uid in uids[1::3]:
                    calcom.tell("emit", trigger="BOOKING_CANCELLED", changes={"uid": uid})
                cancelled += uids[1::3]
                wanted = EACH * len(uids) + len(cancelled)
                _until(lambda: len(_runs(store)) == wanted, plan.patience, "every run planned")
                say(f"{wanted} runs; waiting for the last one")
                _until(lambda: _under_way(store) <= wanted // 20, plan.patience, "nearly every run over")
            _until(lambda: _under_way(store) == 0, plan.patience, "every run over")
            calcom.tell("faults")
            found, numbered = _runs(store), {uid: number for number, uid in enumerate(uids)}
            outcome.states.update(f"{row.rule} {row.act}: {row.state}" for row in found)
            outcome.calls = calcom.look("calls")["calls"]
            outcome.wrong = [*judged(numbered, cancelled, found, calcom, service)]
            outcome.log = made.log()
    outcome.seconds = time.monotonic() - began
    return outcome


def _go_wrong(plan: Plan, calcom: StandIn, service: Receiver) -> None:
    """From now on calls end badly, before the deed and after it, and deliveries overtake each other."""
    kinds = ("error_before", "error_after", "cut_before", "cut")
    faults: list[dict[str, Any]] = [{"kind": kind, "chance": plan.trouble / 5} for kind in kinds]
    # A call that gets no answer in time costs its thread some seconds, a 429 costs everybody one.
    faults += [{"kind": kind, "chance": plan.trouble / 40, "seconds": 0.8 * LEASE} for kind in ("hang", "slow")]
    faults += [{"kind": "throttle", "chance": plan.trouble / 40}]
    late = [{"kind": "reorder", "trigger": "BOOKING_CREATED", "times": plan.bookings // 2, "seconds": 1.0}]
    often = [{**fault, "times": 1_000_000} for fault in faults]
    calcom.tell("faults", seed=plan.seed, calls=often, deliveries=late)
    shares = dict.fromkeys(("busy", "before", "after", "cut_before", "cut"), plan.trouble / 5)
    service.trouble = {**shares, "hang_before": plan.trouble / 40, "hang": plan.trouble / 40}


@contextlib.contextmanager
def _violence(plan: Plan, made: Installation, outcome: Outcome) -> Iterator[None]:
    """While the block runs, workers are killed and stopped, the broker is emptied, and the database crashes."""
    dice, over = random.Random(plan.seed), threading.Event()
    deeds = ["kill", "flush", "kill", *(["crash"] if made.crash_database else []), "stop"]
    failed: list[BaseException] = []

    def rage() -> None:
        try:
            while outcome.done_to_it.total() != plan.deeds:
                if over.wait(plan.every * (0.5 + dice.random())):
                    return
                deed = deeds[outcome.done_to_it.total() % len(deeds)]
                if deed in ("kill", "stop"):
                    made.end_worker(dice.randrange(100), signal.SIGKILL if deed == "kill" else signal.SIGTERM)
                elif deed == "flush":
                    made.broker.client.flushall()
                elif made.crash_database is not None:
                    made.crash_database()
                outcome.done_to_it[deed] += 1
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=rage, daemon=True)
    thread.start()
    try:
        yield
    finally:
        if plan.deeds is None:
            over.set()
        thread.join()
    if failed:
        raise failed[0]


def _bookings(plan: Plan, calcom: StandIn) -> tuple[list[str], list[str]]:
    """Bookings, each on a day of its own, evenly over the time; and those of them that are cancelled at once, so that
    the cancellation may be the first to come."""
    uids, cancelled = [], []
    for number in range(plan.bookings):
        start = FIRST_DAY + timedelta(days=number)
        changes = {"start": start.isoformat(), "end": (start + timedelta(hours=1)).isoformat()}
        steps = ["BOOKING_CREATED", *(["BOOKING_CANCELLED"] if number % 6 == 0 else [])]
        told = calcom.tell("story", steps=steps, changes=changes)["chapters"]
        uids.append(told[0]["uid"])
        cancelled += [chapter["uid"] for chapter in told[1:]]
        time.sleep(plan.over / plan.bookings)
    return uids, cancelled


def judged(
    uids: Mapping[str, int], cancelled: list[str], found: list[Row[Any]], calcom: StandIn, service: Receiver
) -> Iterator[str]:
    """All that is not as it should be, of bookings that are each on a day of its own, by its number."""
    yield from _states(found)
    never = {row.key for row in found if row.rule == "absence" and row.act == "do" and row.state == "skipped"}
    if not never <= {*cancelled}:
        yield f"bookings that nobody cancelled have no absence: {never - {*cancelled}}"
    for row in found:
        fitting = "skipped" if row.rule == "absence" and row.key in never else "done"
        if row.rule != "shouted" and row.state != fitting:
            yield f"{row.rule} {row.act} of {row.key} is {row.state}: {row.reason}"
    days = {uid: f"{FIRST_DAY + timedelta(days=number):%Y-%m-%d}" for uid, number in uids.items()}
    made = calcom.effects("POST", f"/users/{MAYA}/ooo")
    begun = [day for uid, day in days.items() if uid not in never]
    yield from _once("absences", made, lambda effect: effect["body"]["start"][:10], begun)
    people = [effect for effect in calcom.effects("POST", "/users") if "email" in effect["body"]]
    yield from _once("users", people, lambda e: e["body"]["email"].partition("@")[0], uids)
    members = calcom.effects("POST", "/memberships")
    yield from _once("memberships", members, lambda e: e["body"]["userId"], range(len(uids)), named=False)
    yield from _once("options", calcom.effects("POST", "/options"), lambda e: e["body"]["value"], uids)
    hooks = [effect for effect in calcom.effects("POST", "/webhooks") if not effect["body"]["active"]]
    yield from _once("webhooks", hooks, lambda e: e["body"]["subscriberUrl"].rpartition("/")[2], uids)
    gone = calcom.effects("DELETE", f"/users/{MAYA}/ooo")
    taken_back = range(len(cancelled) - len(never))
    yield from _once("absences taken back", gone, lambda e: e["path"], taken_back, named=False)
    left = {entry["start"][:10] for entry in calcom.every(f"/users/{MAYA}/ooo")}
    if amiss := left ^ {days[uid] for uid in uids if uid not in cancelled}:
        yield f"the absences left are not those of the bookings left; these differ: {sorted(amiss)[:20]}"
    yield from _http(found, service)


def _states(found: list[Row[Any]]) -> Iterator[str]:
    """Every run says what happened."""
    for (rule, act, key), number in Counter((row.rule, row.act, row.key) for row in found).items():
        if number != 1:
            yield f"{rule} has {number} runs ({act}) for {key}"
    for row in found:
        if row.state not in ("done", "dead", "skipped"):
            yield f"run {row.id} of {row.rule} is {row.state}"
        if row.state != "done" and not row.reason:
            yield f"run {row.id} of {row.rule} is {row.state} and does not say why"


def _once(
    what: str, effects: list[dict[str, Any]], name: Callable[[dict[str, Any]], Any], wanted: Any, *, named: bool = True
) -> Iterator[str]:
    """Each of those that are wanted is there, once."""
    times: Counter[Any] = Counter()
    for effect in effects:
        times[name(effect)] += effect["times"]
    expected = set(wanted)
    yield from (f"{what}: {key} {number} times" for key, number in times.items() if number != 1)
    if len(times) != len(expected) or (named and times.keys() != expected):
        yield f"{what}: {len(times)} in place of {len(expected)}"


def _http(found: list[Row[Any]], service: Receiver) -> Iterator[str]:
    """Whoever goes by ids got each once; whoever does not, never twice, and once where the run is done."""
    once = Counter(body["uid"] for _, body in service.at("/once"))
    each = Counter(body["uid"] for _, body in service.at("/each"))
    for row in found:
        if row.rule == "told" and once[row.key] != 1:
            yield f"told: {row.key} {once[row.key]} times"
        if row.rule == "shouted" and (each[row.key] > 1 or (row.state == "done" and each[row.key] != 1)):
            yield f"shouted: {row.key} {each[row.key]} times, and its run is {row.state}"
        if row.rule == "shouted" and row.state == "dead" and "nobody knows" not in str(row.reason):
            yield f"shouted: {row.key} is dead: {row.reason}"
    if service.forged:
        yield f"{service.forged} requests had a wrong signature"


def _events(store: Store) -> int:
    with store.read() as connection:
        return history.count(connection, history.Filter(triggers=("BOOKING_CREATED",)))


def _runs(store: Store) -> list[Row[Any]]:
    with store.read() as connection:
        return list(runs.page(connection, runs.Filter(), limit=1_000_000))


def _under_way(store: Store) -> int:
    wanted = runs.Filter(states=(runs.RunState.PLANNED, runs.RunState.RUNNING, runs.RunState.FAILED))
    with store.read() as connection:
        return runs.count(connection, wanted)


def _until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait for it; the database may be away meanwhile."""
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(StoreUnavailable):
            if condition():
                return
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.2)
