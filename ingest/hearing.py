"""What the live rules make of an event: which hear it, and of each whether it ran, or why it did not.

Rules are looked at as they are live now. Nothing is decided here, and nothing changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import Connection

from workers.errors import Misconfigured
from workers.rules import allowance
from workers.store.engine import Store
from workers.store.rules import Version

if TYPE_CHECKING:  # CEL takes half a second to load, and the web process starts without it
    from workers.rules.explain import Explanation
    from workers.rules.rule import Rule

#: how rules are looked at
NOW = "Rules are looked at as they are live now, each with the time at which the event was received as `now`."
#: rules that a note names
_NAMED = 25


class Reads(Protocol):
    """Compiles versions of rules: see `live_rules.Reader`."""

    @property
    def store(self) -> Store:
        """Where they are."""

    def rule(self, sql: Connection, version: Version) -> Rule | None:
        """A version's rule; None where it can no longer be read. Raises Misconfigured."""


class Hearing:
    """What these live versions make of events. `name`: only of the rule called so. `note`: what to know of the answer
    beside `NOW`; None: nothing."""

    def __init__(self, reads: Reads, live: Sequence[Version], *, name: str | None = None) -> None:
        self._store = reads.store
        self._name = name
        self._rules: list[tuple[Version, Rule]] = []
        self.note: str | None = None
        wanted = [version for version in live if name in (None, version.name)]
        try:
            with reads.store.read() as sql:
                found = [(version, reads.rule(sql, version)) for version in wanted]
        except Misconfigured as error:
            self.note = f"No rule could be looked at: {error.message}"
            return
        self._rules = [(version, rule) for version, rule in found if rule is not None]
        unread = [version.name for version, rule in found if rule is None]
        if unread:
            self.note = f"{NOW} These cannot be read any more: {', '.join(unread[:_NAMED])}."

    def lines(self, event: Mapping[str, Any], caused: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """One for each rule that hears the event (as `events.whole` gives it) or ran, those without a match last.

        `caused`: its runs, as `outcomes.run` gives them. A line is `{"rule", "act", "outcome", "because", "run",
        "parts": [{"name", "holds", "why"}, …]}`: outcome `run`, `would match`, `would be skipped` or `no match`; run
        its id or null. Parts are what has to hold; none are told of the run that another version of its rule had.
        `because` and `why` may be long.
        """
        with allowance.for_dear(allowance.LIVE):
            return sorted(self._told(event, caused), key=lambda line: line["outcome"] == "no match")

    def _told(self, event: Mapping[str, Any], caused: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
        from workers.rehearse import cause
        from workers.rules.explain import explain

        trigger, told_of = event["trigger"], set()
        of = cause(self._store, event)
        at = datetime.fromisoformat(event["received_at"]).astimezone(UTC)
        for version, rule in self._rules:
            if trigger in rule.on or (rule.undo is not None and trigger in rule.undo.on):
                told_of.add(rule.name)
                mine = [run for run in caused if run["rule"] == rule.name]
                alike = [run for run in mine if run["version_id"] == str(version.id)]
                told = explain(rule, event, now=at, caused_by=of) if alike or not mine else None
                yield from (_ran(run, told if run in alike else None) for run in mine)
                if told is not None and not mine:
                    yield _thought(told)
        for run in caused:
            if run["rule"] not in told_of and self._name in (None, run["rule"]):
                yield {**_ran(run), "because": f"{_ran(run)['because']}; as it is live now it does not hear {trigger}"}


def _ran(run: Mapping[str, Any], told: Explanation | None = None) -> dict[str, Any]:
    """A run; `told` is what its version of the rule makes of the event."""
    reason = f": {run['reason']}" if run["reason"] else ""
    because = f"it matched, and its run is {run['state']}{reason}"
    parts = _parts(told) if told is not None and told.act == run["act"] else []
    return {
        "rule": run["rule"],
        "act": run["act"],
        "outcome": "run",
        "because": because,
        "run": run["id"],
        "parts": parts,
    }


def _thought(told: Explanation) -> dict[str, Any]:
    """What a rule without a run makes of the event now."""
    failing = "; ".join(f"{part.name}: {' '.join(part.why.split())}" for part in told.parts if not part.holds)
    skipped = told.decision.skipped if told.decision is not None else None
    if told.matched:
        outcome, because = "would match", "it matches as it is now and has no run: it was not live like this then"
    elif skipped is not None:
        outcome, because = "would be skipped", skipped
    else:
        outcome, because = "no match", f"did not match: {failing}"
    return {
        "rule": told.rule.name,
        "act": told.act or "do",
        "outcome": outcome,
        "because": because,
        "run": None,
        "parts": _parts(told),
    }


def _parts(told: Explanation) -> list[dict[str, Any]]:
    return [{"name": part.name, "holds": part.holds, "why": " ".join(part.why.split())} for part in told.parts]
