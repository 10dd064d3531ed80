"""YAML, read with the place of everything in it. Not what it means: that is `load.py`'s.

Built from the parser's events, not by a loader: depth, aliases and repeated keys are bounded as they come. Plain
scalars are read as YAML 1.2 does, so that `on`, `yes` and `2026-01-01` are text.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
#: levels, and values and characters with what aliases repeat, in one file
_DEEPEST = 64
_MOST_VALUES = 50_000
_MOST_TEXT = 1_000_000
_BREAK = re.compile(r"\r\n|\r|\n")
_NOT_ALLOWED = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TAG = "tag:yaml.org,2002:"
_INTEGER = re.compile(r"[-+]?[0-9]{1,300}|0o[0-7]{1,100}|0x[0-9a-fA-F]{1,100}", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_CONSTANTS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
#: an anchor and a tag, which stand before their value
_PROPERTIES = re.compile(r"(?:[&!]\S*\s+)*")
_FOLD = re.compile(r"[ \t]*(?:(?:\r\n|\r|\n)[ \t]*)+")
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)", re.DOTALL)


class Unreadable(Exception):
    """A text is no YAML that can be read on: what is wrong, and at which character."""

    def __init__(self, message: str, index: int) -> None:
        super().__init__(message)
        self.message, self.index = message, index

    def place(self, text: str) -> tuple[int, int]:
        """Line and column, from 1, in the text that cannot be read."""
        before = text.removeprefix("\ufeff")[: self.index]
        breaks = list(_BREAK.finditer(before))
        return len(breaks) + 1, len(before) - (breaks[-1].end() if breaks else 0) + 1


@dataclass(slots=True, eq=False)
class Node:
    """A value in a YAML file."""

    #: where it begins and ends in the file's text, 0 is the first character
    begin: int
    end: int
    #: a scalar's value, a list's nodes, or a mapping's nodes by key
    value: Any
    #: how a scalar is written: plain is "", else its quote, `|` or `>`
    style: str = ""
    #: where a mapping's keys begin
    keys: dict[str, int] = field(default_factory=dict)
    size: int = 1
    height: int = 0
    #: characters of the texts in it, keys among them
    length: int = 0

    @property
    def mapping(self) -> dict[str, Node] | None:
        """Its members, if it is a mapping."""
        return self.value if isinstance(self.value, dict) else None

    @property
    def items(self) -> list[Node] | None:
        """Its items, if it is a list."""
        return self.value if isinstance(self.value, list) else None

    def plain(self) -> Any:
        """The value as JSON."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        return [node.plain() for node in self.value] if isinstance(self.value, list) else self.value

    def at(self, path: tuple[str | int, ...]) -> Node:
        """The node at a path below it, or the last one on the way."""
        node = self
        for step in path:
            inner: Any = node.value
            there = isinstance(inner, dict) and step in inner
            there = there or (isinstance(inner, list) and isinstance(step, int) and step < len(inner))
            if not there:
                break
            node = inner[step]
        return node


@dataclass(frozen=True, slots=True)
class Repeated:
    """A key that a mapping has twice: the second one's place."""

    key: str
    index: int


class Document:
    """The one document of a file."""

    def __init__(self, text: str) -> None:
        """Reads it. Raises Unreadable."""
        self.text = text.removeprefix("\ufeff")
        self._lines = [0, *(found.end() for found in _BREAK.finditer(self.text))]
        self.repeated: list[Repeated] = []
        #: where the characters of the scalar are that was asked for last: it may have many mistakes
        self._asked: tuple[Node, list[int]] | None = None
        #: None: there is nothing but comments
        self.root = _Builder(self).build()

    def place(self, index: int) -> tuple[int, int]:
        """Line and column, from 1, of a character of the text."""
        line = bisect_right(self._lines, index)
        return line, index - self._lines[line - 1] + 1

    def character(self, node: Node, offset: int) -> int:
        """Where in the text a character of a scalar's value is written."""
        if self._asked is None or self._asked[0] is not node:
            self._asked = node, list(self._characters(node)) if isinstance(node.value, str) else []
        places = self._asked[1]
        return places[min(offset, len(places) - 1)] if places else node.begin

    def _characters(self, node: Node) -> Iterator[int]:
        if node.style in ("|", ">"):
            return self._block(node)
        return self._flow(node)

    def _block(self, node: Node) -> Iterator[int]:
        """Each written line is found again in the value, in turn; what is between them are line breaks."""
        at, value = 0, node.value
        for begin, line in self._written_lines(node):
            found = value.find(line, at) if line else -1
            if found < 0:
                continue
            yield from (begin for _ in range(at, found))
            yield from range(begin, begin + len(line))
            at = found + len(line)
        yield from (node.end for _ in range(at, len(value)))

    def _written_lines(self, node: Node) -> Iterator[tuple[int, str]]:
        first = bisect_right(self._lines, node.begin)
        last = bisect_right(self._lines, max(node.end - 1, node.begin))
        spans = [(self._lines[line], self.line(line)) for line in range(first, last)]
        filled = [text for _, text in spans if text.strip(" ")]
        indent = min((len(text) - len(text.lstrip(" ")) for text in filled), default=0)
        return ((begin + indent, text[indent:]) for begin, text in spans)

    def line(self, number: int) -> str:
        """A line of the text without its break; 0 is the first."""
        end = self._lines[number + 1] if number + 1 < len(self._lines) else len(self.text)
        return self.text[self._lines[number] : end].rstrip("\r\n")

    def _flow(self, node: Node) -> Iterator[int]:
        """Quoted and plain scalars: an escape is one character, a line break with the blanks around it one or more."""
        begin = _PROPERTIES.match(self.text, node.begin).end()  # type: ignore[union-attr]
        at, end = (begin + 1, node.end - 1) if node.style else (begin, node.end)
        while at < end:
            fold = _FOLD.match(self.text, at, end)
            if fold is not None:
                breaks = len(_BREAK.findall(fold[0]))
                yield from (at for _ in range(max(breaks - 1, 1)))
                at = fold.end()
            elif node.style == '"' and (escape := _ESCAPE.match(self.text, at, end)):
                at = escape.end()
                if escape[1] in "\r\n":
                    at += len(self.text[at:end]) - len(self.text[at:end].lstrip(" \t\r\n"))
                else:
                    yield escape.start()
            elif node.style == "'" and self.text.startswith("''", at):
                yield at
                at += 2
            else:
                yield at
                at += 1


class _Builder:
    """Makes nodes of the parser's events."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._anchors: dict[str, Node] = {}
        self._values = self._length = 0

    def build(self) -> Node | None:
        """The root. Raises Unreadable."""
        try:
            return self._document_of(yaml.parse(self._document.text, _LOADER))
        except UnicodeEncodeError as error:
            raise Unreadable("there is half a character here, which is no Unicode", error.start) from error
        except yaml.reader.ReaderError as error:
            found = _NOT_ALLOWED.search(self._document.text)
            index = found.start() if found is not None else 0
            raise Unreadable("there is a character here that YAML does not allow", index) from error
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            index = mark.index if mark is not None else 0
            raise Unreadable(self._said(error, index), index) from error

    def _said(self, error: yaml.MarkedYAMLError, index: int) -> str:
        said = error.problem or "this is no YAML"
        line = self._document.line(self._document.place(index)[0] - 1)
        if self._document.text[index : index + 1] == "\t":
            return "a tab stands where YAML takes blanks only; replace it by blanks"
        if "${{" in line:
            return f'{said}; a value with ${{{{ }}}} in it may need quotes: "${{{{ … }}}}"'
        return said

    def _document_of(self, events: Iterator[Any]) -> Node | None:
        root: Node | None = None
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent) and root is not None:
                raise Unreadable("a second document begins here; a rule file is one", _index(event))
            if isinstance(event, yaml.NodeEvent):
                root = self._node(event, events, 0)
        return root

    def _node(self, event: Any, events: Iterator[Any], depth: int) -> Node:
        begin = _index(event)
        if depth > _DEEPEST:
            raise Unreadable(f"nested more than {_DEEPEST} levels deep", begin)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, depth)
        self._count(1, len(event.value) if isinstance(event, yaml.ScalarEvent) else 0, begin)
        if isinstance(event, yaml.ScalarEvent):
            node = _scalar(event)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = self._sequence(event, events, depth)
        else:
            node = self._mapping(event, events, depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _sequence(self, event: Any, events: Iterator[Any], depth: int) -> Node:
        _no_tag(event)
        items: list[Node] = []
        for inner in events:
            if isinstance(inner, yaml.SequenceEndEvent):
                return _of(items, _index(event), _end(inner), items)
            items.append(self._node(inner, events, depth + 1))
        raise Unreadable("this list has no end", _index(event))

    def _mapping(self, event: Any, events: Iterator[Any], depth: int) -> Node:
        _no_tag(event)
        members: dict[str, Node] = {}
        keys: dict[str, int] = {}
        for inner in events:
            if isinstance(inner, yaml.MappingEndEvent):
                node = _of(list(members.values()), _index(event), _end(inner), members)
                node.keys = keys
                return node
            key, at = self._key(inner), _index(inner)
            self._count(0, len(key), at)
            value = self._node(next(events), events, depth + 1)
            if key in members:
                self._document.repeated.append(Repeated(key, at))
            else:
                members[key], keys[key] = value, at
        raise Unreadable("this mapping has no end", _index(event))

    def _key(self, event: Any) -> str:
        at = _index(event)
        if not isinstance(event, yaml.ScalarEvent):
            raise Unreadable("a key must be text", at)
        if event.value == "<<" and not event.style:
            raise Unreadable("keys cannot be merged with <<; write them out", at)
        return str(event.value)

    def _alias(self, event: Any, depth: int) -> Node:
        at = _index(event)
        node = self._anchors.get(event.anchor)
        if node is None:
            raise Unreadable(f"there is no anchor &{event.anchor} before this alias", at)
        if depth + node.height > _DEEPEST:
            raise Unreadable(f"nested more than {_DEEPEST} levels deep", at)
        self._count(node.size, node.length, at)
        return node

    def _count(self, values: int, length: int, index: int) -> None:
        self._values += values
        self._length += length
        if self._length > _MOST_TEXT:
            raise Unreadable(
                f"more than {_MOST_TEXT:,} characters in one file, aliases counted as often as used", index
            )
        if self._values > _MOST_VALUES:
            raise Unreadable(f"more than {_MOST_VALUES:,} values in one file, aliases counted as often as used", index)


def _index(event: Any) -> int:
    return int(event.start_mark.index)


def _end(event: Any) -> int:
    return int(event.end_mark.index)


def _of(inner: list[Node], begin: int, end: int, value: Any) -> Node:
    size = 1 + sum(node.size for node in inner)
    height = 1 + max((node.height for node in inner), default=0)
    length = sum(node.length for node in inner) + (sum(map(len, value)) if isinstance(value, dict) else 0)
    return Node(begin, end, value, size=size, height=height, length=length)


def _no_tag(event: Any) -> None:
    if event.tag is not None and event.tag not in (f"{_TAG}map", f"{_TAG}seq"):
        raise Unreadable(f"the tag {event.tag} has no meaning here; leave it out", _index(event))


def _scalar(event: Any) -> Node:
    begin, end = _index(event), _end(event)
    style = event.style if event.style in ("'", '"', "|", ">") else ""
    tag = event.tag
    if tag not in (None, "!", *(_TAG + name for name in ("str", "int", "float", "bool", "null"))):
        raise Unreadable(f"the tag {tag} has no meaning here; leave it out", begin)
    text = style or tag in ("!", f"{_TAG}str")
    return Node(begin, end, event.value if text else resolved(event.value), style, length=len(event.value))


def resolved(text: str) -> Any:
    """What a plain scalar is by YAML 1.2's core schema."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INTEGER.fullmatch(text):
        return int(text, 0) if text.startswith(("0o", "0x")) else int(text)
    if _FLOAT.fullmatch(text) and math.isfinite(number := float(text)):
        return number
    return text
