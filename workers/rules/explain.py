"""Why a rule is for an event or is not, and every value it would use. Pure, and for people: nothing is decided here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from workers.rules.decide import Cause, Decision, about, decide, held_back
from workers.rules.expressions import Bindings, Expression, Unresolved, bind
from workers.rules.rule import Rule, Step
from workers.rules.ruleset import Act, RuleSet


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that must hold: `on`, `connection`, `when`, `caused_by`. `why` says what there was instead."""

    name: str
    holds: bool
    why: str


@dataclass(frozen=True, slots=True)
class Told:
    """One step's values for this event. What earlier steps must give first stays as it is written."""

    id: str
    kind: str
    #: None: whether the step is left out depends on earlier steps
    runs: bool | None
    connection: str | None
    values: Mapping[str, Any]
    #: why some values are not known
    unknown: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """A rule and an event."""

    rule: Rule
    #: what the event would be to the rule; None: its trigger is neither in `on` nor in `undo`
    act: Act | None
    #: None: no match, and nothing is recorded
    decision: Decision | None
    parts: tuple[Part, ...]
    #: what `once_per` gives; None: nothing
    once: Any
    entity: str
    steps: tuple[Told, ...]

    @property
    def matched(self) -> bool:
        """Whether the rule would act."""
        return self.decision is not None and self.decision.skipped is None


def explain(rule: Rule, event: Mapping[str, Any], *, now: datetime, caused_by: Cause | None = None) -> Explanation:
    """What the rule makes of the event. Where it would both undo and do, the doing is told."""
    heard = [one.act for one in RuleSet([rule]).on(event.get("trigger"))]
    act = heard[-1] if heard else None
    decisions = decide(RuleSet([rule]), event, caused_by=caused_by, now=now)
    decision = next((decision for decision in decisions if decision.act == act), None)
    bindings = bind(event, now=now)
    steps = rule.steps if act != "undo" or rule.undo is None else rule.undo.steps
    once, unknown = rule.once_per.preview(bindings)
    return Explanation(
        rule=rule,
        act=act,
        decision=decision,
        parts=tuple(_parts(rule, act, event, bindings, caused_by)),
        once=None if unknown else once,
        entity=decision.entity if decision is not None else about(event),
        steps=tuple(_told(step, rule, event, bindings) for step in steps),
    )


def _parts(
    rule: Rule, act: Act | None, event: Mapping[str, Any], bindings: Bindings, caused_by: Cause | None
) -> Iterator[Part]:
    trigger = event.get("trigger")
    heard = sorted(rule.on | (rule.undo.on if rule.undo is not None else frozenset()))
    yield Part("on", act is not None, f"the trigger is {trigger}; the rule hears {', '.join(heard)}")
    if rule.connection is not None:
        connection = event.get("connection")
        yield Part("connection", connection == rule.connection, f"the event is of {connection}, not {rule.connection}")
    when = rule.undo.when if act == "undo" and rule.undo is not None else rule.when
    if when is not None:
        holds, why = _holds(when, bindings)
        yield Part("when", holds is True, why)
    if caused_by is not None:
        held = held_back(rule, caused_by)
        yield Part("caused_by", held is None, held or f"a run of {caused_by.rule} caused the event")


def _holds(condition: Expression, bindings: Bindings) -> tuple[bool | None, str]:
    try:
        holds = condition.holds(bindings)
    except Unresolved as error:
        return None, f"{condition.text}: {error.reason}"
    return holds, f"{condition.text} is {'true' if holds else 'false'}"


def _told(step: Step, rule: Rule, event: Mapping[str, Any], bindings: Bindings) -> Told:
    runs, unknown = True if step.condition is None else None, []
    if step.condition is not None:
        runs, why = _holds(step.condition, bindings)
        unknown += [f"if: {why}"] if runs is None else []
    values = {}
    for key, template in step.values.items():
        values[key], failed = template.preview(bindings)
        unknown += [f"{key}: {each}" for each in failed]
    connection = step.connection or rule.connection or event.get("connection")
    return Told(step.id, step.kind, runs, connection, values, tuple(unknown))
