"""What the events of a storm have to cause, and each of it once: counted at the stand-in and at the service."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Row

from tests.chaos.receiver import Receiver
from tests.chaos.sender import FIRST_DAY
from tests.chaos.standin import StandIn

RULES = (Path(__file__).parent / "rules.yaml").read_text()
#: runs that each booking causes; a cancelled one causes one more
EACH = 5
MAYA = 90211


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
