"""Rules: what 200 of them cost the events that pass by. None of them is for any, so that nothing is done."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from tests.bench.databases import KINDS, TITLES
from tests.bench.plan import Bench
from tests.bench.report import Goal, Line
from tests.bench.sustained import turn
from workers.catalogue.triggers import TRIGGERS

_PART = "rules: 200 asked, none matches"
_RULES = 200


def measure(bench: Bench) -> list[Line]:
    """Events a second from the first sent to the last committed, with the rules against without them."""
    contenders: dict[str, Callable[[], float]] = {}
    for kind in KINDS:
        for name, rules in (("with rules", _rules()), ("without", "")):
            contenders[f"{name} {kind}"] = turn(bench, partial(bench.servers.daybook, kind, worker=True, rules=rules))
    found = bench.alternate("rules", contenders)
    return [
        Line(
            _PART,
            TITLES[kind],
            "/s",
            found[f"with rules {kind}"],
            "without rules",
            found[f"without {kind}"],
            Goal(">=", 0.8),
        )
        for kind in KINDS
    ]


def _rules() -> str:
    """A file of rules spread evenly over the triggers, each with a condition of its own on two fields."""
    triggers = sorted(TRIGGERS)
    rules = [
        f"  - name: rule-{number}\n    on: [{triggers[number % len(triggers)]}]\n"
        f'    when: event.type == "type-{number}" && event.organizer.id == {number}\n    do: [{{stop: never}}]\n'
        for number in range(_RULES)
    ]
    return "rules:\n" + "".join(rules)
