"""Reads values of a rule file by what they should be; whatever they are instead becomes a fault at its place."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from datetime import timedelta
from typing import Any

from workers.rules.document import Document, Node
from workers.rules.durations import duration
from workers.rules.expressions import Broken, Expression, Template, condition, template
from workers.rules.fault import Fault, shortened
from workers.rules.problems import nearest
from workers.rules.scope import Scope
from workers.rules.syntax import has_expression

#: a name that is somebody else's to choose
ONE_LINE = r"[^\x00-\x1f\x7f]{1,200}"
#: faults of one mapping's keys: whoever has more has mistaken the place, not the keys
_MOST_UNKNOWN = 20
_WORDS = {dict: "a mapping", list: "a list", str: "text", bool: "true or false", type(None): "nothing"}


class Reader:
    """Reads one document, and keeps its faults."""

    def __init__(self, document: Document, file: str) -> None:
        self.document, self.file = document, file
        self.faults: list[Fault] = []

    def fault(self, where: Node | int, message: str) -> None:
        """Keeps what is wrong at a value, or at a character of the file."""
        line, column = self.document.place(where if isinstance(where, int) else where.begin)
        self.faults.append(Fault(self.file, line, column, shortened(message)))

    def members(self, node: Node, what: str, known: Collection[str], needed: Iterable[str] = ()) -> dict[str, Node]:
        """The members of a mapping that are known; {} for what is no mapping."""
        members = node.mapping
        if members is None:
            self.fault(node, f"{what} must be a mapping, not {_kind(node)}")
            return {}
        unknown = [key for key in members if key not in known]
        for key in unknown[:_MOST_UNKNOWN]:
            self.fault(node.keys[key], f'{what} has no key "{key}"{nearest(key, known)}')
        for key in needed:
            if key not in members:
                self.fault(node, f'{what} needs the key "{key}"')
        return {key: inner for key, inner in members.items() if key in known}

    def items(self, node: Node, what: str, *, some: bool = True) -> list[Node]:
        """The items of a list, `some`: that has at least one; [] for anything else."""
        if node.items is None:
            self.fault(node, f"{what} must be a list, not {_kind(node)}")
        elif some and not node.items:
            self.fault(node, f"{what} must not be empty")
        return node.items or []

    def text(self, node: Node | None, what: str, pattern: str = r"(?s).+", like: str = "text") -> str | None:
        """A text without expressions that matches a pattern; None if there is none."""
        if node is None:
            return None
        if not isinstance(node.value, str):
            self.fault(node, f"{what} must be text, not {_kind(node)}; quotes make it text")
        elif has_expression(node.value):
            self.fault(node, f"{what} cannot have an expression in it: it must be known before any event")
        elif not re.fullmatch(pattern, node.value):
            self.fault(node, f"{what} must be {like}")
        else:
            return node.value
        return None

    def flag(self, node: Node | None, what: str) -> bool:
        """Yes or no; no if there is none."""
        if node is not None and not isinstance(node.value, bool):
            self.fault(node, f"{what} must be true or false, not {_kind(node)}")
        return node is not None and node.value is True

    def choice(self, node: Node | None, what: str, choices: tuple[str, ...]) -> str:
        """One of the choices; the first if there is none."""
        if node is None or node.value in choices:
            return choices[0] if node is None else str(node.value)
        self.fault(node, f"{what} must be {' or '.join(choices)}{nearest(str(node.value), choices)}")
        return choices[0]

    def span(self, node: Node | None, what: str, default: float) -> float:
        """Seconds of a duration of at least a second."""
        if node is None:
            return default
        found = duration(node.value) if isinstance(node.value, str) else None
        if found is None or found < timedelta(seconds=1):
            self.fault(node, f"{what} must be a duration of at least a second, like 90s, 10m or 1h30m")
            return default
        return found.total_seconds()

    def condition(self, node: Node | None, what: str, scope: Scope) -> Expression | None:
        """A condition; None if there is none."""
        if node is None:
            return None
        if isinstance(node.value, bool):
            return condition(str(node.value).lower(), scope)
        if not isinstance(node.value, str):
            self.fault(node, f"{what} must be an expression, not {_kind(node)}")
            return None
        try:
            return condition(node.value, scope)
        except Broken as error:
            for mistake in error.mistakes:
                self.fault(self.document.character(node, mistake.offset), mistake.message)
            return None

    def template(self, node: Node, scope: Scope, *, strict: bool = False, spans: bool = False) -> Template:
        """JSON that may have expressions in it."""
        made, wrong = template(node.plain(), scope, strict=strict, spans=spans)
        for path, mistake in wrong:
            self.fault(self.document.character(node.at(path), mistake.offset), mistake.message)
        return made


def _kind(node: Node) -> str:
    value: Any = node.value
    return _WORDS.get(type(value), "a number")
