"""What rules would have made of the stored history: which events, how many runs, which calls. It makes nothing.

Events are taken in the order they came, so that the first event of a key has the run and an undo finds what it takes
back. What was done before the time that is looked at is not known here.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from workers.actions.kind import Kind
from workers.rehearse import cause, steps
from workers.rules import allowance
from workers.rules.decide import Decision, decide
from workers.rules.kinds import UNKNOWN
from workers.rules.load import read_text
from workers.rules.rule import Rule, Step
from workers.rules.ruleset import Act, RuleSet
from workers.store import connections, history, rules
from workers.store.engine import Store
from workers.store.events import shape as event_shape
from workers.store.events import spell
from workers.store.history import MOST_NAMES, Filter

#: events that are named
EXAMPLES = 5
#: reasons that are told apart
REASONS = 50
_OTHER = "other reasons"


@dataclass(frozen=True, slots=True)
class Called:
    """What is called, and for which connection."""

    kind: str
    name: str
    connection: str | None


@dataclass(slots=True)
class Some:
    """Events: how many, and the first few of them."""

    number: int = 0
    examples: list[dict[str, Any]] = field(default_factory=list)

    def add(self, event: Mapping[str, Any]) -> None:
        """One more."""
        self.number += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append({name: event[name] for name in ("id", "trigger", "title", "received_at")})


@dataclass(slots=True)
class Tally:
    """What one rule would have done. `live` is the rule of its name that is live now."""

    rule: Rule
    live: Rule | None
    #: events of the triggers that it, or the live one, hears
    looked_at: int = 0
    matches: Some = field(default_factory=Some)
    #: runs, each key once; and those that take one of these back
    runs: int = 0
    undos: int = 0
    #: undoing events that find nothing to take back
    nothing_to_undo: int = 0
    #: calls of these runs; and those that an earlier step decides on
    sure: Counter[Called] = field(default_factory=Counter)
    perhaps: Counter[Called] = field(default_factory=Counter)
    #: why events that the rule was for are left out, and why steps would fail
    skipped: Counter[str] = field(default_factory=Counter)
    problems: Counter[str] = field(default_factory=Counter)
    #: events that only this rule, or only the live one, matches
    only_new: Some = field(default_factory=Some)
    only_live: Some = field(default_factory=Some)
    _keys: dict[Act, set[int]] = field(default_factory=lambda: {"do": set(), "undo": set()})

    def first(self, act: Act, key: str) -> bool:
        """Whether no run had the key so far. A key is eight bytes of its hash here: a history may have millions."""
        name = _name(key)
        new = name not in self._keys[act]
        self._keys[act].add(name)
        return new

    def done(self, key: str) -> bool:
        """Whether a run was there for the key."""
        return _name(key) in self._keys["do"]


def _name(key: str) -> int:
    return int.from_bytes(hashlib.blake2b(key.encode("utf-8", "replace"), digest_size=8).digest())


def live(store: Store, kinds: Mapping[str, Kind]) -> dict[str, Rule]:
    """The rules that are live by what SQL says, by name; one that can no longer be read is left out."""
    with store.read() as connection:
        versions = rules.live(connection)
    found = (read_text(version.source, version.file, kinds)[0] for version in versions)
    return {rule.name: rule for each in found for rule in each}


def wanted(tested: Sequence[Rule], live: Mapping[str, Rule], chosen: Filter) -> Filter:
    """The filter of the events that these rules, or the live ones of their names, hear; `chosen` narrows it."""
    names = {trigger for rule in _with_live(tested, live) for trigger in _hears(rule)}
    return Filter(
        triggers=tuple(sorted(names)) if len(names) <= MOST_NAMES else (),
        since=chosen.since,
        until=chosen.until,
        connection=chosen.connection,
    )


def stored(store: Store, chosen: Filter) -> Iterator[dict[str, Any]]:
    """The events with their payloads, the oldest first, at flat memory."""
    for row, payload in history.export(store, chosen, oldest_first=True):
        yield {**event_shape(row), "payload": payload}


def backtest(
    store: Store,
    tested: Sequence[Rule],
    live: Mapping[str, Rule],
    events: Iterable[Mapping[str, Any]],
    kinds: Mapping[str, Kind],
) -> list[Tally]:
    """What each rule would have made of these events. Raises StoreUnavailable."""
    tallies = [Tally(rule, live.get(rule.name)) for rule in tested]
    new, old = RuleSet(tested), RuleSet(tally.live for tally in tallies if tally.live is not None)
    for event in events:
        at = datetime.fromisoformat(event["received_at"])
        by = cause(store, event) if event["caused_by"] else None
        found = {(one.rule.name, one.act): one for one in decide(new, event, caused_by=by, now=at)}
        before = {(one.rule.name, one.act): one for one in decide(old, event, caused_by=by, now=at)}
        for tally in tallies:
            if any(event["trigger"] in _hears(rule) for rule in (tally.rule, tally.live) if rule is not None):
                _count(tally, event, found, before, kinds, at)
    return tallies


_Found = Mapping[tuple[str, Act], Decision]


def _count(
    tally: Tally, event: Mapping[str, Any], found: _Found, before: _Found, kinds: Mapping[str, Kind], now: datetime
) -> None:
    tally.looked_at += 1
    acts: tuple[Act, Act] = ("undo", "do")
    matched = [act for act in acts if _matches(found.get((tally.rule.name, act)))]
    matched_live = [act for act in acts if _matches(before.get((tally.rule.name, act)))]
    if matched:
        tally.matches.add(event)
    if tally.live is not None and set(matched) - set(matched_live):
        tally.only_new.add(event)
    if tally.live is not None and set(matched_live) - set(matched):
        tally.only_live.add(event)
    for act in acts:
        decision = found.get((tally.rule.name, act))
        if decision is not None and decision.skipped is not None:
            _reason(tally.skipped, decision.skipped)
        elif decision is not None:
            _run(tally, decision, event, kinds, now)


def _matches(decision: Decision | None) -> bool:
    return decision is not None and decision.skipped is None


def _run(tally: Tally, decision: Decision, event: Mapping[str, Any], kinds: Mapping[str, Kind], now: datetime) -> None:
    if decision.act == "undo" and not tally.done(decision.once):
        tally.nothing_to_undo += 1
        return
    if not tally.first(decision.act, decision.once):
        return
    if decision.act == "undo":
        tally.undos += 1
    else:
        tally.runs += 1
    with allowance.for_all(allowance.TRIAL):
        told = tuple(steps(tally.rule, decision.act, event, kinds, now=now))
    for step in told:
        for problem in step.problems:
            _reason(tally.problems, f"step {step.id}: {problem}")
        if step.runs is not False and not step.problems and _calls(kinds[step.kind]):
            called = Called(
                step.kind, _named(_written(tally.rule, decision.act, step.id), step.request), step.connection
            )
            (tally.sure if step.runs else tally.perhaps)[called] += 1


def _calls(kind: Kind) -> bool:
    """Whether a step of it asks or changes something outside."""
    return kind.changes or kind.name == "lookup"


def _written(rule: Rule, act: Act, step_id: str) -> Step:
    found = rule.steps if act == "do" or rule.undo is None else rule.undo.steps
    return next(step for step in found if step.id == step_id)


def _named(step: Step, request: Mapping[str, Any]) -> str:
    """What a step calls, where that is the same for every event."""
    fixed = step.values[step.kind].known() is not UNKNOWN
    return str(request.get(step.kind)) if fixed else "(the event decides)"


def _reason(counts: Counter[str], reason: str) -> None:
    counts[reason if reason in counts or len(counts) < REASONS else _OTHER] += 1


def _hears(rule: Rule) -> frozenset[str]:
    return rule.on | (rule.undo.on if rule.undo is not None else frozenset())


def _with_live(tested: Sequence[Rule], live: Mapping[str, Rule]) -> Iterator[Rule]:
    for rule in tested:
        yield rule
        if rule.name in live:
            yield live[rule.name]


def budgets(store: Store, tally: Tally) -> list[dict[str, Any]]:
    """Calls of Cal.com's API by connection, and how many minutes of its budget they take.

    `{"connection", "calls", "perhaps", "per_minute", "minutes"}`, `perhaps` not among `calls`, `minutes` of both; null
    where the connection has no rate of its own or is not there.
    """
    with store.read() as connection:
        rates = {one.pcid: one.per_minute for one in connections.every(connection)}
    found: dict[str | None, list[int]] = {}
    for counts, place in ((tally.sure, 0), (tally.perhaps, 1)):
        for called, number in counts.items():
            if called.kind in ("tool", "lookup"):
                found.setdefault(called.connection, [0, 0])[place] += number
    return [
        {
            "connection": pcid,
            "calls": calls,
            "perhaps": perhaps,
            "per_minute": rates.get(pcid or ""),
            "minutes": round((calls + perhaps) / rate, 1) if (rate := rates.get(pcid or "")) else None,
        }
        for pcid, (calls, perhaps) in sorted(found.items(), key=lambda item: item[0] or "")
    ]


def shape(store: Store, tally: Tally, chosen: Filter) -> dict[str, Any]:
    """A tally as it is printed as JSON."""

    both = tally.sure + tally.perhaps
    difference = None
    if tally.live is not None:
        difference = {"only_new": _some(tally.only_new), "only_live": _some(tally.only_live)}
    return {
        "rule": tally.rule.name,
        "version": tally.rule.digest,
        "live_version": tally.live.digest if tally.live is not None else None,
        "since": spell(chosen.since),
        "until": spell(chosen.until),
        "looked_at": tally.looked_at,
        "matches": _some(tally.matches),
        "runs": tally.runs,
        "undos": tally.undos,
        "nothing_to_undo": tally.nothing_to_undo,
        "calls": [
            {
                "kind": called.kind,
                "name": called.name,
                "connection": called.connection,
                "calls": tally.sure[called],
                "perhaps": tally.perhaps[called],
            }
            for called, _ in both.most_common()
        ],
        "budget": budgets(store, tally),
        "skipped": dict(tally.skipped.most_common()),
        "problems": dict(tally.problems.most_common()),
        "difference": difference,
    }


def _some(events: Some) -> dict[str, Any]:
    return {"number": events.number, "examples": events.examples}
