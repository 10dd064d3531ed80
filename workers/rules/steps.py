"""Steps of a rule file, one after the other: each sees what the steps before it give."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Literal, cast

from workers.retries import Retry
from workers.rules import allowance, literals
from workers.rules.document import Node
from workers.rules.expressions import Template
from workers.rules.kinds import KindSpec, Problem
from workers.rules.problems import nearest
from workers.rules.reader import ONE_LINE, Reader
from workers.rules.rule import Step
from workers.rules.scope import Outputs, Scope, scope
from workers.rules.shapes import Schema

#: keys that every step may have
COMMON = ("id", "if", "retry", "on_error", "connection")
ID = r"[a-z][a-z0-9_]{0,63}"
#: steps of one `do`
MOST_STEPS = 50
_NAMES_OUTPUTS = re.compile(r"\b(?:run|undo)\b")


class Steps:
    """Reads the steps of `do` or of `undo`."""

    def __init__(self, reader: Reader, kinds: Mapping[str, KindSpec], run: Outputs | None = None) -> None:
        """`run`: what the steps gave that are to be taken back; None where none are."""
        self._reader, self._kinds, self._run = reader, kinds, run
        #: what each step read so far gives, by its id
        self.outputs: dict[str, Schema] = {}

    def read(self, node: Node) -> tuple[Step, ...]:
        """All steps of a list."""
        nodes = self._reader.items(node, "do")
        if len(nodes) > MOST_STEPS:
            self._reader.fault(nodes[MOST_STEPS], f"a rule has at most {MOST_STEPS} steps; make it two rules")
        steps = (self._step(inner, f"step{number}") for number, inner in enumerate(nodes[:MOST_STEPS], 1))
        return tuple(step for step in steps if step is not None)

    def _step(self, node: Node, default_id: str) -> Step | None:
        allowance.ask()
        kind = self._kind(node)
        if kind is None:
            return None
        members = self._reader.members(node, f"a {kind.name} step", (*COMMON, *kind.keys), _needed(kind))
        seen = self._scope(node)
        step = Step(
            id=self._id(node, members.get("id"), default_id),
            kind=kind.name,
            values={
                key: self._reader.template(members[key], seen, spans=kind.duration and key == kind.name)
                for key in kind.keys
                if key in members
            },
            condition=self._reader.condition(members.get("if"), "if", seen),
            retry=self._retry(members.get("retry")),
            on_error=cast(
                "Literal['stop', 'continue']",
                self._reader.choice(members.get("on_error"), "on_error", ("stop", "continue")),
            ),
            connection=self._reader.text(members.get("connection"), "connection", ONE_LINE, "one line of text"),
        )
        sound = self._check(node, kind, step.values)
        self.outputs[step.id] = kind.output(_known(step.values)) if sound else {}
        return step

    def _kind(self, node: Node) -> KindSpec | None:
        members = node.mapping
        if members is None:
            self._reader.fault(node, f"a step must be a mapping with one of {', '.join(self._kinds)}")
            return None
        named = [key for key in members if key in self._kinds]
        if len(named) == 1:
            return self._kinds[named[0]]
        if len(named) > 1:
            self._reader.fault(node.keys[named[1]], f"a step does one thing: {' or '.join(named)}; make it two steps")
            return None
        near = [key for key in members if key not in COMMON and nearest(key, self._kinds).startswith("; did")]
        where = node.keys[near[0]] if near else node
        hint = f', not "{near[0]}"{nearest(near[0], self._kinds)}' if near else ""
        self._reader.fault(where, f"a step needs one of {', '.join(self._kinds)}{hint}")
        return None

    def _id(self, node: Node, written: Node | None, default: str) -> str:
        found = self._reader.text(written, "id", ID, "a name of small letters, digits and _, a letter first")
        made = found or default
        if made in self.outputs:
            self._reader.fault(written or node, f'there is a step "{made}" before this one; give it another id')
        return made

    def _retry(self, node: Node | None) -> Retry:
        default = Retry()
        if node is None:
            return default
        members = self._reader.members(node, "retry", ("attempts", "first", "longest"))
        attempts = members.get("attempts")
        count = attempts.value if attempts is not None else default.attempts
        if attempts is not None and (type(count) is not int or not 1 <= count <= 100):
            self._reader.fault(attempts, "attempts must be a number from 1 to 100")
            count = default.attempts
        first = self._reader.span(members.get("first"), "first", default.first)
        longest = self._reader.span(members.get("longest"), "longest", max(default.longest, first))
        if longest < first:
            self._reader.fault(members["longest"], "longest must not be shorter than first")
        return Retry(count, first, longest)

    def _scope(self, node: Node) -> Scope:
        """A scope of its own costs time and memory, so a step that names no outputs does without."""
        if not _NAMES_OUTPUTS.search(json.dumps(node.plain())):
            return scope()
        if self._run is None:
            return scope(run=self.outputs)
        return scope(run=self._run, undo=self.outputs)

    def _check(self, node: Node, kind: KindSpec, values: Mapping[str, Template]) -> bool:
        """Whether the literals are right, as far as they are known."""
        known = _known(values)
        found = [
            Problem((key, *problem.path), f"{key}: {problem.message}")
            for key, value in known.items()
            for problem in literals.problems(kind.keys[key].schema, value)
        ]
        if not found and all(key in known for key in _needed(kind)):
            found = list(kind.problems(known))
        for problem in found:
            self._reader.fault(_place(node, problem.path), problem.message)
        return not found


def _needed(kind: KindSpec) -> list[str]:
    return [name for name, key in kind.keys.items() if key.required]


def _known(values: Mapping[str, Template]) -> dict[str, object]:
    return {key: value.known() for key, value in values.items()}


def _place(node: Node, path: tuple[str | int, ...]) -> Node | int:
    """Where what a problem is about is written: a key if the path leads to one, else the nearest value around it."""
    parent = node.at(path[:-1]) if path else node
    return parent.keys.get(str(path[-1]), parent.begin) if path and parent.mapping is not None else node.at(path)
