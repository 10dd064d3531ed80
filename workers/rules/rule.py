"""A rule as it was read and compiled: values only. `load.py` makes them, `decide.py` asks them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from workers.retries import Retry
from workers.rules.expressions import Expression, Template

_OUTPUT = re.compile(r"\brun\s*\.\s*([a-z][a-z0-9_]*)")


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a rule."""

    #: unique in the rule's `do`, or in its `undo`
    id: str
    #: name of its kind: `tool`, `http`, `wait`, …
    kind: str
    #: what each key of the kind is to be: nested JSON in which text may hold expressions
    values: Mapping[str, Template]
    #: `if`: the step is left out unless it is true
    condition: Expression | None
    retry: Retry
    on_error: Literal["stop", "continue"]
    #: PCID that the step acts for; None: the rule's, else the event's
    connection: str | None

    #: the steps whose outputs its values are made of: of the run itself, or of the one that is taken back
    outputs: frozenset[str] = field(init=False, repr=False, compare=False)
    #: the event's fields that one of its expressions looks at, but for the payload
    fields: frozenset[str] = field(init=False, repr=False, compare=False)
    #: whether one of them looks at the event's payload
    sees_payload: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        values = [each for template in self.values.values() for each in template.expressions]
        asked = values if self.condition is None else [self.condition, *values]
        found = {
            "outputs": frozenset(name for each in values for name in _OUTPUT.findall(each.text)),
            "fields": frozenset().union(*(each.fields for each in asked)),
            "sees_payload": any(each.payload for each in asked),
        }
        for name, value in found.items():
            object.__setattr__(self, name, value)


@dataclass(frozen=True, slots=True)
class Undo:
    """How a run is taken back."""

    on: frozenset[str]
    when: Expression | None
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """On these triggers, when this holds, do these steps."""

    name: str
    description: str
    #: SHA-256, in hex, of `source`: the rule's version
    digest: str
    #: a rule file with this rule alone, spelled anew: equal rules have equal sources, whatever their comments
    source: str
    #: where it was read, for people; line 1 is the first
    file: str
    line: int
    on: frozenset[str]
    #: PCID of the connection whose events it hears; None: those of every connection
    connection: str | None
    when: Expression | None
    #: two events that give the same text are the same occasion
    once_per: Template
    #: what runs must keep their order for; None: what the event is about
    entity: Template | None
    steps: tuple[Step, ...]
    undo: Undo | None
    dry_run: bool
    allow_echo: bool
