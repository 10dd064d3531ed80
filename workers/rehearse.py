"""What a rule would do with an event, making nothing: every value and every call. Look-ups are not asked either.

What an earlier step of a run gives is known only when it runs, unless it is given, or an undo finds it in the ledger.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from workers.actions.kind import Kind
from workers.catalogue import bodies
from workers.catalogue.read import read
from workers.errors import BadInput
from workers.rules import allowance, literals
from workers.rules.decide import Cause
from workers.rules.explain import Explanation, explain
from workers.rules.expressions import Bindings, Expression, Template, Unresolved, bind
from workers.rules.kinds import UNKNOWN
from workers.rules.rule import Rule, Step
from workers.rules.ruleset import Act
from workers.rules.syntax import code
from workers.store import events, ledger, runs
from workers.store.engine import Store
from workers.store.ledger import ActionState
from workers.store.receipts import Arrived

#: stands for what only a run will know
LATER = "(known when it runs)"
_OUTPUT = re.compile(r"\b(run|undo)\s*\.\s*\??\s*(\w+)")


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """A step, as far as it is known before it runs."""

    id: str
    kind: str
    connection: str | None
    #: None: what earlier steps give decides
    runs: bool | None
    #: why it does not run, or may not
    why: str | None
    #: as people may see it
    request: Mapping[str, Any]
    #: why it would fail
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Before:
    """The run that a rule had for the same key."""

    run_id: UUID
    state: str


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A rule and an event."""

    explanation: Explanation
    event: Mapping[str, Any]
    #: the run that has the key already, so that there would be none
    before: Before | None
    #: the run that an undo takes back
    takes_back: Before | None
    steps: tuple[Rehearsed, ...]

    @property
    def acts(self) -> bool:
        """Whether there would be a run that goes through the steps."""
        return self.explanation.matched and self.before is None and not self.explanation.rule.dry_run


def rehearse(
    rule: Rule,
    event: Mapping[str, Any],
    kinds: Mapping[str, Kind],
    *,
    now: datetime,
    outputs: Mapping[str, Any] | None = None,
    store: Store | None = None,
) -> Rehearsal:
    """What the rule would do with the event, given outputs of earlier steps by their ids.

    Of an undo, outputs are those of the run that it takes back; `undo.<id>` names its own. With a `store`, what it
    knows counts too: whether there was a run for the key, what it gave, and which run caused the event. Raises BadInput
    for outputs of steps that there are not, StoreUnavailable. What takes longer than a trial may is told as without a
    value.
    """
    with allowance.for_all(allowance.TRIAL):
        return _rehearsal(rule, event, kinds, now, outputs, store)


def _rehearsal(
    rule: Rule,
    event: Mapping[str, Any],
    kinds: Mapping[str, Kind],
    now: datetime,
    outputs: Mapping[str, Any] | None,
    store: Store | None,
) -> Rehearsal:
    explanation = explain(rule, event, now=now, caused_by=cause(store, event) if store is not None else None)
    act = explanation.act or "do"
    run, undo = _named(rule, act, outputs or {})
    before = takes_back = None
    if store is not None and explanation.decision is not None:
        key = explanation.decision.once
        before = _before(store, rule, act, key)
        if act == "undo":
            takes_back = _before(store, rule, "do", key)
            run = {**_outputs(store, takes_back), **run}
    told = tuple(steps(rule, act, event, kinds, now=now, run=run, undo=undo))
    return Rehearsal(explanation, event, before, takes_back, told)


def steps(
    rule: Rule,
    act: Act,
    event: Mapping[str, Any],
    kinds: Mapping[str, Kind],
    *,
    now: datetime,
    run: Mapping[str, Any] | None = None,
    undo: Mapping[str, Any] | None = None,
) -> Iterator[Rehearsed]:
    """The steps of a rule for an event, with these outputs. Pure."""
    run, undo = run or {}, undo or {}
    look = _Look(bind(event, run, undo, now=now), run, undo)
    ends: tuple[bool, str] | None = None
    for step in rule.steps if act == "do" or rule.undo is None else rule.undo.steps:
        told = _rehearsed(step, look, kinds[step.kind], step.connection or rule.connection or event.get("connection"))
        if ends is not None and told.runs is not False:
            sure, why = ends
            told = replace(told, runs=False if sure else None, why=why)
        yield told
        ends = _ends(step, told) or ends


def _ends(step: Step, told: Rehearsed) -> tuple[bool, str] | None:
    """Whether no later step is reached, for sure or perhaps, and why."""
    if told.runs is False:
        return None
    if step.kind == "stop":
        return told.runs is True, f"step {step.id} ends the run" + ("" if told.runs else ", if its `if` holds")
    if told.problems and told.runs and step.on_error == "stop":
        return True, f"step {step.id} would fail before it"
    return None


@dataclass(frozen=True, slots=True)
class _Look:
    """Evaluates expressions as far as the outputs that are known allow."""

    bindings: Bindings
    run: Mapping[str, Any]
    undo: Mapping[str, Any]

    def ahead(self, expression: Expression) -> bool:
        """Whether an expression asks for an output that is still to come."""
        known = {"run": self.run, "undo": self.undo}
        return any(step not in known[root] for root, step in _OUTPUT.findall(code(expression.text)))

    def values(self, template: Template, failed: list[str]) -> tuple[Any, Any]:
        """A value for people and one to be checked, in which `UNKNOWN` stands for what is not known."""
        found: dict[Expression, Any] = {}

        def give(expression: Expression, depth: int) -> Any:
            if self.ahead(expression):
                return UNKNOWN
            if expression not in found:
                try:
                    found[expression] = expression.evaluate(self.bindings, depth)
                except Unresolved as error:
                    failed.append(f"{_line(expression)}: {error.reason}")
                    found[expression] = UNKNOWN
            return found[expression]

        def show(expression: Expression, depth: int) -> Any:
            value = give(expression, depth)
            if value is not UNKNOWN:
                return value
            return LATER if self.ahead(expression) else f"${{{{ {_line(expression)} }}}}"

        try:
            return template.filled(show), template.filled(give)
        except Unresolved as error:
            failed.append(error.reason)
            return LATER, UNKNOWN


def _rehearsed(step: Step, look: _Look, kind: Kind, connection: str | None) -> Rehearsed:
    runs_, why, failed = _condition(step, look)
    shown, checked = {}, {}
    for key, template in step.values.items():
        wrong: list[str] = []
        shown[key], checked[key] = look.values(template, wrong)
        failed += [f"{key}: {each}" for each in wrong]
    if runs_ is not False and not failed:
        failed = list(_problems(kind, checked))
    return Rehearsed(
        id=step.id,
        kind=step.kind,
        connection=connection,
        runs=runs_,
        why=why,
        request=kind.shown(shown),
        problems=tuple(failed) if runs_ is not False else (),
    )


def _condition(step: Step, look: _Look) -> tuple[bool | None, str | None, list[str]]:
    """Whether the step runs, why it does not, and why that cannot be told."""
    if step.condition is None:
        return True, None, []
    if look.ahead(step.condition):
        return None, f"if: {_line(step.condition)} is {LATER.strip('()')}", []
    try:
        holds = step.condition.holds(look.bindings)
    except Unresolved as error:
        return True, None, [f"if: {_line(step.condition)}: {error.reason}"]
    return holds, None if holds else f"if: {_line(step.condition)} is false", []


def _line(expression: Expression) -> str:
    return " ".join(expression.text.split())


def _problems(kind: Kind, values: Mapping[str, Any]) -> Iterator[str]:
    found = [
        f"{key}: {problem.message}"
        for key, value in values.items()
        for problem in literals.problems(kind.keys[key].schema, value)
    ]
    yield from found or (problem.message for problem in kind.problems(values))


def _named(rule: Rule, act: Act, outputs: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Outputs as `run` and as `undo`. Raises BadInput."""
    run: dict[str, Any] = {}
    undo: dict[str, Any] = {}
    mine = {step.id for step in rule.steps}
    undoing = {step.id for step in rule.undo.steps} if rule.undo is not None and act == "undo" else set[str]()
    for name, value in outputs.items():
        target, step, known = (undo, name[5:], undoing) if name.startswith("undo.") else (run, name, mine)
        if step not in known:
            there = ", ".join([*sorted(mine), *(f"undo.{each}" for each in sorted(undoing))])
            raise BadInput(f"rule {rule.name} has no step {name[:60]!r} here; it has {there}.")
        target[step] = value
    return run, undo


def cause(store: Store, event: Mapping[str, Any]) -> Cause | None:
    """The run whose action caused an event. Raises StoreUnavailable."""
    action_id = _uuid(event.get("caused_by"))
    if action_id is None:
        return None
    with store.read() as connection:
        found = ledger.caused_by(connection, action_id)
    return Cause(found.rule, found.depth + 1) if found is not None else None


def _before(store: Store, rule: Rule, act: Act, key: str) -> Before | None:
    with store.read() as connection:
        row = runs.of_key(connection, rule.name, key, act=act)
    return Before(row.id, row.state) if row is not None and row.once is not None else None


def _outputs(store: Store, of: Before | None) -> dict[str, Any]:
    """What a run gave, by step."""
    if of is None:
        return {}
    with store.read() as connection:
        found = ledger.of_run(connection, of.run_id)
    return {action.step: action.answer for action in found if action.state is ActionState.DONE}


def _uuid(written: object) -> UUID | None:
    try:
        return UUID(str(written))
    except ValueError:
        return None


#: what an event has, and of what JSON each is
_MAPPINGS = ("booking", "event_type", "organizer", "payload")
_LISTS = ("hosts", "attendees")
_TEXTS = (
    "id", "trigger", "kind", "connection", "webhook", "webhook_version", "delivery_id", "received_at", "occurred_at",
    "caused_by", "title", "status", "type", "start", "end", "notes",
)  # fmt: skip


def event_of(body: bytes, *, pcid: str | None, now: datetime) -> dict[str, Any]:
    """An event as `daybook events show --json` prints it, or the one that a delivery's body says. Raises BadInput.

    `pcid` is the connection that it is of; an event of its own knows.
    """
    document = bodies.decode(body)
    if document is None:
        raise BadInput("an event must be one JSON object: an event as `daybook events show --json` prints it, or a "
                       "delivery's body.")  # fmt: skip
    if "triggerEvent" in document or "trigger" not in document:
        arrived = Arrived(uuid7(), now, [], body, "", pcid or "", False)
        event = read(body, content_type=None, version=None, received_at=now)
        return events.told(arrived, event)
    _check(document)
    blank: dict[str, Any] = {
        **dict.fromkeys((*_MAPPINGS, *_TEXTS)),
        "hosts": [],
        "attendees": [],
        "payload": {},
        "id": str(uuid7()),
    }
    told = {**blank, "received_at": events.spell(now), "occurred_at": events.spell(now), **document}
    if told["booking"] is not None:
        alone = {"id": None, "lineage": told["booking"].get("uid"), "seat": None, "series": None}
        told["booking"] = {**alone, **told["booking"]}
    return {**told, "connection": pcid} if pcid is not None else told


def _check(document: Mapping[str, Any]) -> None:
    fits: Sequence[tuple[Sequence[str], Callable[[Any], bool], str]] = (
        (_MAPPINGS, lambda value: isinstance(value, dict), "a JSON object"),
        (_LISTS, lambda value: isinstance(value, list) and all(isinstance(one, dict) for one in value), "a list"),
        (_TEXTS, lambda value: isinstance(value, str), "text"),
    )
    for names, fit, what in fits:
        for name in names:
            value = document.get(name)
            if value is not None and not fit(value):
                raise BadInput(f"the event's {name} must be {what}, as `daybook events show --json` prints it.")


def shape(rehearsal: Rehearsal) -> dict[str, Any]:
    """A rehearsal as it is printed as JSON."""
    told = rehearsal.explanation
    return {
        "rule": told.rule.name,
        "version": told.rule.digest,
        "dry_run": told.rule.dry_run,
        "event": rehearsal.event.get("id"),
        "trigger": rehearsal.event.get("trigger"),
        "act": told.act,
        "matches": told.matched,
        "acts": rehearsal.acts,
        "skipped": told.decision.skipped if told.decision is not None else None,
        "parts": [{"part": part.name, "holds": part.holds, "why": part.why} for part in told.parts],
        "once": told.decision.once if told.decision is not None else None,
        "entity": told.entity,
        "before": _run(rehearsal.before),
        "takes_back": _run(rehearsal.takes_back),
        "steps": [
            {
                "id": step.id,
                "kind": step.kind,
                "connection": step.connection,
                "runs": step.runs,
                "why": step.why,
                "request": step.request,
                "problems": list(step.problems),
            }
            for step in rehearsal.steps
        ],
    }


def _run(of: Before | None) -> dict[str, str] | None:
    return {"run_id": str(of.run_id), "state": of.state} if of is not None else None
