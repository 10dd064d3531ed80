"""Which rules an event is for, and what is to happen once for it. Pure: no clock, no SQL."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from workers.rules import allowance
from workers.rules.expressions import Bindings, Template, Unresolved, bind
from workers.rules.needs import said
from workers.rules.results import occasion
from workers.rules.rule import Rule
from workers.rules.ruleset import Act, Hearer, RuleSet

#: characters of a key; a longer one is told by its hash
LONGEST_KEY = 512
#: runs that cause each other in a row: the event that a run of this depth caused starts none
DEEPEST_CAUSE = 5


@dataclass(frozen=True, slots=True)
class Cause:
    """The run whose action caused an event: its rule, and how many runs deep it is (1: nobody's doing but ours)."""

    rule: str
    depth: int


@dataclass(frozen=True, slots=True)
class Decision:
    """A rule is for an event: it acts on it, or would have and is skipped."""

    rule: Rule
    act: Act
    #: the occasion: nothing happens twice for the same one. At most 512 characters
    once: str
    #: what runs keep their order for. At most 512 characters
    entity: str
    #: why nothing is to be done; None: it is
    skipped: str | None = None


def decide(rules: RuleSet, event: Mapping[str, Any], *, caused_by: Cause | None, now: datetime) -> list[Decision]:
    """What the rules make of an event: matches and failures, in the order of the rules' names; no match is nothing.

    `event` is as history shows it, with its payload. `now` is aware.
    """
    candidates = rules.candidates(event.get("trigger"), partial(said, event))
    if not candidates:
        return []
    bindings = bind(event, now=now, fields=frozenset().union(*(one.fields for one in candidates)))
    refused = rules.refused(event.get("trigger"), candidates, bindings)
    with allowance.for_dear(allowance.LIVE):  # of a payload that makes many loops long, the last rules say why they are
        decisions = [_decision(one, event, bindings, caused_by) for one in candidates if one not in refused]
    return [decision for decision in decisions if decision is not None]


def _decision(one: Hearer, event: Mapping[str, Any], bindings: Bindings, caused_by: Cause | None) -> Decision | None:
    rule = one.rule
    if rule.connection is not None and rule.connection != event.get("connection"):
        return None
    skipped = None
    try:
        if one.when is not None and not one.when.holds(bindings):
            return None
    except Unresolved as error:
        skipped = f"when: {error.reason}"
    once, failed = _key("once_per", rule.once_per, bindings, str(event.get("id")))
    entity, failed_too = _key("entity", rule.entity, bindings, "") if rule.entity is not None else (about(event), None)
    return Decision(
        rule, one.act, once, entity or about(event), skipped or held_back(rule, caused_by) or failed or failed_too
    )


def held_back(rule: Rule, caused_by: Cause | None) -> str | None:
    """Why a rule does not hear an event that a run of ours caused; None: it does."""
    if caused_by is None:
        return None
    if caused_by.depth >= DEEPEST_CAUSE:
        return f"depth: {caused_by.depth} runs caused each other in a row, {DEEPEST_CAUSE} is the most"
    if caused_by.rule == rule.name and not rule.allow_echo:
        return "echo: the rule itself caused this event; allow_echo lets it hear those"
    return None


def about(event: Mapping[str, Any]) -> str:
    """What an event is about, unless its rule says otherwise: its booking's lineage, else its person, else itself."""
    booking, person = event.get("booking") or {}, event.get("organizer") or {}
    return _short(str(booking.get("lineage") or booking.get("uid") or person.get("email") or event.get("id")))


def _key(part: str, written: Template, bindings: Bindings, otherwise: str) -> tuple[str, str | None]:
    """The text that a template gives; in place of one that fails, `otherwise` and the reason."""
    try:
        value = written.evaluate(bindings)
    except Unresolved as error:
        return otherwise, f"{part}: {error.reason}"
    if value in (None, ""):
        return otherwise, f"{part}: it gives nothing"
    return _short(occasion(value)), None


def _short(text: str) -> str:
    text = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return text if len(text) <= LONGEST_KEY else hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
