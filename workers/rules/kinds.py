"""What a rule file has to know of a kind of step: its keys, what can be checked at load, what its output looks like.

`workers.actions` has the kinds. Rules are read without it: a kind is what answers to `KindSpec`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Key:
    """One of the keys a step of a kind may have, beside those that every step may have."""

    #: JSON Schema of the value as it is written; `${{ … }}` may stand in place of any scalar in it
    schema: Mapping[str, Any]
    required: bool = False


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a step: where below it (`("with", "userId")`), and a sentence with the remedy."""

    path: tuple[str | int, ...]
    message: str


#: stands in a step's values for text that has an expression in it: what it will be is not known at load
UNKNOWN: Any = type("Unknown", (), {"__repr__": lambda _: "UNKNOWN"})()


class KindSpec(Protocol):
    """A kind of step, as a rule file sees it. Pure."""

    @property
    def name(self) -> str:
        """The key that makes a step one of this kind: `tool`, `http`, `wait`, …"""
        ...

    @property
    def keys(self) -> Mapping[str, Key]:
        """The kind's keys, its own name among them."""
        ...

    @property
    def duration(self) -> bool:
        """Whether an expression that is the whole value of the kind's own key may give a duration or an instant."""
        ...

    def problems(self, values: Mapping[str, Any]) -> Iterator[Problem]:
        """What is wrong with these values of `keys`, in which `UNKNOWN` stands for what expressions will give."""
        ...

    def output(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """JSON Schema of what the step gives to later ones; `{}` where that cannot be told (then any field goes)."""
        ...
