"""A rule file's document to rules."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from workers.catalogue.own import ABOUT
from workers.rules import allowance
from workers.rules.document import Document, Node
from workers.rules.expressions import Template, template
from workers.rules.kinds import KindSpec
from workers.rules.problems import nearest
from workers.rules.reader import ONE_LINE, Reader
from workers.rules.rule import Rule, Step, Undo
from workers.rules.scope import scope
from workers.rules.source import source
from workers.rules.steps import Steps
from workers.rules.syntax import has_expression

NAME = r"[a-z0-9][a-z0-9-]{0,63}"
#: keys of a rule, in the order of the documentation
KEYS = (
    "name", "description", "on", "connection", "when", "once_per", "entity", "dry_run", "allow_echo", "do", "undo",
)  # fmt: skip
UNDO_KEYS = ("on", "when", "do")


class Reading:
    """Reads the rules of one file."""

    def __init__(self, document: Document, file: str, kinds: Mapping[str, KindSpec]) -> None:
        self._kinds = kinds
        self._reader = Reader(document, file)
        self.faults = self._reader.faults

    def rules(self) -> list[Rule]:
        """The rules without faults."""
        reader, root = self._reader, self._reader.document.root
        for repeated in reader.document.repeated:
            reader.fault(repeated.index, f'the key "{repeated.key}" stands twice in the same mapping')
        if root is None:
            reader.fault(0, "the file is empty; a rule file has the key rules with a list of rules")
            return []
        listed = reader.members(root, "a rule file", ("rules",), ("rules",)).get("rules")
        found: dict[str, Rule] = {}
        for node in reader.items(listed, "rules", some=False) if listed is not None else []:
            try:
                rule = self._sound(node)
            except allowance.Spent:
                reader.fault(node, "to read so many expressions takes too long here; give fewer rules, or shorter ones")
                break
            if rule is not None and rule.name in found:
                reader.fault(
                    node.at(("name",)), f'there is a rule "{rule.name}" already, in line {found[rule.name].line}'
                )
            elif rule is not None:
                found[rule.name] = rule
        return list(found.values())

    def _sound(self, node: Node) -> Rule | None:
        before = len(self.faults)
        rule = self._rule(node)
        return rule if len(self.faults) == before else None

    def _rule(self, node: Node) -> Rule:
        allowance.ask()
        reader = self._reader
        members = reader.members(node, "a rule", KEYS, ("name", "on", "do"))
        do = Steps(reader, self._kinds)
        steps = do.read(members["do"]) if "do" in members else ()
        text = source(node.plain())
        return Rule(
            name=reader.text(members.get("name"), "name", NAME, "small letters, digits and -, at most 64") or "",
            description=reader.text(members.get("description"), "description", "(?s).*") or "",
            digest=hashlib.sha256(text.encode("utf-8", "replace")).hexdigest(),
            source=text,
            file=reader.file,
            line=reader.document.place(node.begin)[0],
            on=self._triggers(members.get("on")),
            connection=reader.text(members.get("connection"), "connection", ONE_LINE, "one line of text"),
            when=reader.condition(members.get("when"), "when", scope()),
            once_per=self._key(members.get("once_per"), "once_per") or _each_event(),
            entity=self._key(members.get("entity"), "entity"),
            steps=steps,
            undo=self._undo(members, do),
            dry_run=reader.flag(members.get("dry_run"), "dry_run"),
            allow_echo=reader.flag(members.get("allow_echo"), "allow_echo"),
        )

    def _undo(self, members: Mapping[str, Node], do: Steps) -> Undo | None:
        node = members.get("undo")
        if node is None:
            return None
        reader = self._reader
        inner = reader.members(node, "undo", UNDO_KEYS, ("on", "do"))
        if "once_per" not in members:
            reader.fault(node, "undo needs once_per beside it: by it the event finds the run that it takes back")
        steps: tuple[Step, ...] = ()
        if "do" in inner:
            steps = Steps(reader, self._kinds, do.outputs).read(inner["do"])
        return Undo(self._triggers(inner.get("on")), reader.condition(inner.get("when"), "when", scope()), steps)

    def _triggers(self, node: Node | None) -> frozenset[str]:
        if node is None:
            return frozenset()
        nodes = [node] if isinstance(node.value, str) else self._reader.items(node, "on")
        return frozenset(trigger for each in nodes if (trigger := self._trigger(each)) is not None)

    def _trigger(self, node: Node) -> str | None:
        name = self._reader.text(node, "a trigger", ONE_LINE, "one line of text")
        if name is not None and name not in ABOUT:
            self._reader.fault(node, f'there is no trigger "{name}"{nearest(name, ABOUT)}')
        return name

    def _key(self, node: Node | None, what: str) -> Template | None:
        if node is None:
            return None
        made = self._reader.template(node, scope(now=what != "once_per"), strict=True)
        if not isinstance(node.value, str) or not has_expression(node.value):
            self._reader.fault(node, f"{what} must have an expression in it, like ${{{{ event.booking.uid }}}}")
        return made


def _each_event() -> Template:
    return template("${{ event.id }}", scope(now=False))[0]
