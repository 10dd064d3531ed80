"""The rules that are live together, found by trigger and by what an event says."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Literal, TypeAlias

from workers.rules.expressions import LONGEST, Bindings, Expression, any_of
from workers.rules.needs import FIELDS, Needs, Says, Value, both, is_sure, met, seen
from workers.rules.rule import Rule

#: characters that join a condition to the one before it
_JOINT = len(" || (\n)")
#: what an event is to a rule: an occasion to act, or to take back what was done
Act: TypeAlias = Literal["do", "undo"]


@dataclass(frozen=True, slots=True, eq=False)
class Hearer:
    """A rule that hears a trigger, and how it decides."""

    rule: Rule
    act: Act
    when: Expression | None
    #: the event's fields that the decision may ask for, but for its payload
    fields: frozenset[str]
    #: whether it may ask for the payload
    payload: bool
    #: what an event must say to be for the rule
    needs: Needs


class RuleSet:
    """Rules by name, each name once."""

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        self.rules: Mapping[str, Rule] = MappingProxyType({rule.name: rule for rule in rules})
        hearers: dict[str, list[Hearer]] = defaultdict(list)
        for rule in sorted(self.rules.values(), key=lambda rule: rule.name):
            if rule.undo is not None:
                undoing = _hearer(rule, "undo", rule.undo.when)
                for trigger in rule.undo.on:
                    hearers[trigger].append(undoing)
            doing = _hearer(rule, "do", rule.when)
            for trigger in rule.on:
                hearers[trigger].append(doing)
        self._found = {trigger: _Index(found) for trigger, found in hearers.items()}

    def on(self, trigger: str | None) -> Sequence[Hearer]:
        """The rules that hear a trigger, in the order of their names; undoing comes before doing."""
        index = self._found.get(trigger) if trigger is not None else None
        return index.all if index is not None else ()

    def candidates(self, trigger: str | None, says: Says) -> Sequence[Hearer]:
        """Those of `on` that an event may be for; for the others it is certainly no match."""
        index = self._found.get(trigger) if trigger is not None else None
        return index.candidates(says) if index is not None else ()

    def refused(self, trigger: str | None, candidates: Collection[Hearer], bindings: Bindings) -> Collection[Hearer]:
        """Rules whose conditions are found to be false together, as far as candidates are among them.

        The conditions of the others may be false too.
        """
        index = self._found.get(trigger) if trigger is not None else None
        return index.refused(candidates, bindings) if index is not None else ()


@dataclass(frozen=True, slots=True)
class _Screen:
    """Rules whose conditions are asked all at once."""

    #: false where each of theirs is
    condition: Expression
    hearers: frozenset[Hearer]


class _Index:
    """The rules that hear one trigger, each filed under the values of one field that it needs, if it needs any.

    So an event is compared with hundreds of rules by as many look-ups as there are fields to file under.
    """

    def __init__(self, hearers: Sequence[Hearer]) -> None:
        self.all = tuple(hearers)
        common = Counter(found for one in hearers for found in _pairs(one.needs))
        self._anyway: list[int] = []
        self._filed: dict[str, dict[Value, list[int]]] = {}
        self._under: dict[str, list[int]] = defaultdict(list)
        for place, one in enumerate(self.all):
            if not one.needs:
                self._anyway.append(place)
                continue
            # The field whose values the fewest others need tells most.
            field = min(one.needs, key=lambda name: (_others(name, one.needs[name], common), FIELDS.index(name)))
            self._under[field].append(place)
            filed = self._filed.setdefault(field, defaultdict(list))
            for value in one.needs[field]:
                filed[value].append(place)

    def candidates(self, says: Says) -> Sequence[Hearer]:
        found = self._anyway
        for field, filed in self._filed.items():
            value = seen(says(field))
            places = filed.get(value) if is_sure(value) else self._under[field]
            if places:
                found = found + places
        if found is self._anyway and len(found) == len(self.all):
            return self.all
        return [one for place in sorted(found) if met((one := self.all[place]).needs, says)]

    def refused(self, candidates: Collection[Hearer], bindings: Bindings) -> Collection[Hearer]:
        found: frozenset[Hearer] = frozenset()
        for screen in self._screens:
            if not screen.hearers.isdisjoint(candidates) and screen.condition.is_false(bindings):
                found |= screen.hearers
        return found

    @cached_property
    def _screens(self) -> Sequence[_Screen]:
        """Made when an event is here: most rule sets hear far more triggers than ever come."""
        return list(_screens([one for one in self.all if one.when is not None and not one.when.needs]))


def _screens(hearers: Sequence[Hearer]) -> Iterator[_Screen]:
    """As few as the length of an expression allows. A loop's time and memory are its own: it is asked by itself."""
    for payload in (False, True):  # a payload can be such that whoever looks at it has no value
        pack: list[Hearer] = []
        length = 0
        for one in hearers:
            if one.when is None or one.when.loops or one.when.payload is not payload:
                continue
            more = len(one.when.text) + _JOINT
            if length + more > LONGEST:
                yield from _screen(pack)
                pack, length = [], 0
            pack.append(one)
            length += more
        yield from _screen(pack)


def _screen(pack: Sequence[Hearer]) -> Iterator[_Screen]:
    joined = any_of([one.when for one in pack if one.when is not None]) if len(pack) > 1 else None
    if joined is not None:
        yield _Screen(joined, frozenset(pack))


def _hearer(rule: Rule, act: Act, when: Expression | None) -> Hearer:
    templates = [rule.once_per, *([rule.entity] if rule.entity is not None else [])]
    asked = [each for template in templates for each in template.expressions] + ([when] if when is not None else [])
    own: Needs = {"connection": frozenset([rule.connection])} if rule.connection is not None else {}
    return Hearer(
        rule,
        act,
        when,
        fields=frozenset().union(*(each.fields for each in asked)),
        payload=any(each.payload for each in asked),
        needs=both(when.needs, own) if when is not None else own,
    )


def _pairs(needs: Needs) -> Iterable[tuple[str, Value]]:
    return ((field, value) for field, values in needs.items() for value in values)


def _others(field: str, values: frozenset[Value], common: Mapping[tuple[str, Value], int]) -> int:
    return sum(common[field, value] for value in values)
