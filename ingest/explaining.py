"""Why each live rule acted on an event, or did not: what history shows, and else what the rule makes of it now.

CEL takes half a second to load: a process that starts fast imports this where it is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias

from sqlalchemy import Connection

from ingest.brevity import cut
from workers.errors import BadInput, Misconfigured
from workers.rehearse import cause
from workers.rules.explain import Explanation, Part, explain
from workers.rules.rule import Rule
from workers.store.engine import Store
from workers.store.rules import Version

#: rules that are named where some are
NAMED = 25
#: characters of a reason
REASON = 300
_NOW = "Rules are looked at as they are live now, each with the time at which the event was received as `now`."

#: a version's rule, compiled; None where it can no longer be read
Compile: TypeAlias = Callable[[Connection, Version], Rule | None]
Outcome = Literal["run", "would match", "would be skipped", "no match"]


@dataclass(frozen=True, slots=True)
class Line:
    """One rule and one event: the run that there is of them, or what the rule makes of the event now.

    `parts` are what had to hold; none are told of a run that an earlier version of its rule had.
    """

    rule: str
    act: str
    outcome: Outcome
    because: str
    run: str | None
    parts: tuple[Part, ...] = ()


class Explaining:
    """What the live rules make of events. `name`: only of this one. `note`: what to know of how they were looked at."""

    def __init__(
        self, store: Store, compiled: Compile, live: Sequence[Version], *, name: str | None, ran: Collection[str]
    ) -> None:
        """`ran` are rules that had runs, and may be asked of though they are live no more. Raises BadInput."""
        if name is not None and name not in {*ran, *(version.name for version in live)}:
            there = ", ".join(version.name for version in live[:NAMED]) or "none"
            raise BadInput(f"rule: no live rule has this name; there are: {there}.")
        self._store = store
        self._name = name
        self._rules: list[tuple[Version, Rule]] = []
        self.note = _NOW
        wanted = [version for version in live if name in (None, version.name)]
        try:
            with store.read() as sql:
                found = [(version, compiled(sql, version)) for version in wanted]
        except Misconfigured as error:
            self.note = f"No rule could be looked at: {error.message}"
            return
        self._rules = [(version, rule) for version, rule in found if rule is not None]
        unread = [version.name for version, rule in found if rule is None]
        if unread:
            self.note = f"{_NOW} These cannot be read any more: {', '.join(unread[:NAMED])}."

    def lines(self, event: Mapping[str, Any], caused: Sequence[Mapping[str, Any]]) -> list[Line]:
        """Every live rule that hears the event, and every run of it, those that did or would do something first.

        `event` has its payload; `caused` are its runs, as `outcomes.run` shows them.
        """
        return sorted(self._lines(event, caused), key=lambda line: line.outcome == "no match")

    def _lines(self, event: Mapping[str, Any], caused: Sequence[Mapping[str, Any]]) -> Iterator[Line]:
        trigger, told_of = event["trigger"], set()
        of = cause(self._store, event)
        at = datetime.fromisoformat(event["received_at"]).astimezone(UTC)
        for version, rule in self._rules:
            if trigger in rule.on or (rule.undo is not None and trigger in rule.undo.on):
                told_of.add(rule.name)
                mine = [run for run in caused if run["rule"] == rule.name]
                same = any(run["version_id"] == str(version.id) for run in mine)
                told = explain(rule, event, now=at, caused_by=of) if same or not mine else None
                yield from (_ran(run, told, version) for run in mine)
                if told is not None and not mine:
                    yield _thought(told)
        for run in caused:
            if run["rule"] not in told_of and self._name in (None, run["rule"]):
                yield _ran(run, more=f"; as it is live now it does not hear {trigger}")


def _ran(
    run: Mapping[str, Any], told: Explanation | None = None, version: Version | None = None, *, more: str = ""
) -> Line:
    reason = f": {run['reason']}" if run["reason"] else ""
    because = cut(f"it matched, and its run is {run['state']}{reason}", REASON)
    same = told is not None and version is not None and (run["version_id"], run["act"]) == (str(version.id), told.act)
    return Line(run["rule"], run["act"], "run", f"{because}{more}", run["id"], told.parts if told and same else ())


def _thought(told: Explanation) -> Line:
    """What a rule without a run makes of the event now."""
    failing = "; ".join(f"{part.name}: {' '.join(part.why.split())}" for part in told.parts if not part.holds)
    skipped = told.decision.skipped if told.decision is not None else None
    outcome: Outcome
    if told.matched:
        outcome, because = "would match", "it matches as it is now and has no run: it was not live like this then"
    elif skipped is not None:
        outcome, because = "would be skipped", skipped
    else:
        outcome, because = "no match", f"did not match: {failing}"
    return Line(told.rule.name, told.act or "do", outcome, cut(because, REASON) or "", None, told.parts)
