"""The rules that are live together, found by trigger."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Literal, TypeAlias

from workers.rules.expressions import Expression
from workers.rules.rule import Rule

#: what an event is to a rule: an occasion to act, or to take back what was done
Act: TypeAlias = Literal["do", "undo"]


class RuleSet:
    """Rules by name, each name once."""

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        self.rules: Mapping[str, Rule] = MappingProxyType({rule.name: rule for rule in rules})
        listening: dict[str, list[tuple[Rule, Act]]] = defaultdict(list)
        for rule in sorted(self.rules.values(), key=lambda rule: rule.name):
            for trigger in rule.undo.on if rule.undo is not None else ():
                listening[trigger].append((rule, "undo"))
            for trigger in rule.on:
                listening[trigger].append((rule, "do"))
        self._listening = {trigger: tuple(pairs) for trigger, pairs in listening.items()}
        self._fields = {trigger: frozenset().union(*map(_fields, pairs)) for trigger, pairs in listening.items()}
        self._payloads = {
            trigger
            for trigger, pairs in listening.items()
            if any(each.payload for one in pairs for each in _asked(one))
        }

    def on(self, trigger: str | None) -> Sequence[tuple[Rule, Act]]:
        """The rules that hear a trigger, in the order of their names; undoing comes before doing."""
        return self._listening.get(trigger, ()) if trigger is not None else ()

    def fields(self, trigger: str | None) -> frozenset[str]:
        """The event's fields that the decision of these rules may ask for, but for its payload."""
        return self._fields.get(trigger, frozenset()) if trigger is not None else frozenset()

    def sees_payload(self, trigger: str | None) -> bool:
        """Whether the decision of these rules may ask for the event's payload."""
        return trigger in self._payloads


def _fields(heard: tuple[Rule, Act]) -> frozenset[str]:
    return frozenset().union(*(each.fields for each in _asked(heard)))


def _asked(heard: tuple[Rule, Act]) -> list[Expression]:
    """The expressions that a rule's decision is made with."""
    rule, act = heard
    when = rule.when if act == "do" else rule.undo.when if rule.undo is not None else None
    templates = [rule.once_per, *([rule.entity] if rule.entity is not None else [])]
    return [each for template in templates for each in template.expressions] + ([when] if when else [])
