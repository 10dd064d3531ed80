"""Where expressions are in text: `${{ … }}`, found without understanding them. What is inside is CEL's to read."""

from __future__ import annotations

import re
from dataclasses import dataclass

OPENS, CLOSES, ESCAPED = "${{", "}}", "$${{"

_LITERAL = re.compile(
    r"[rR][bB]?(?P<raw>'''|\"\"\"|'|\")(?s:.*?)(?P=raw)"
    r"|[bB]?[rR]?(?P<quote>'''|\"\"\"|'|\")(?s:\\.|.)*?(?P=quote)"
    r"|//[^\n]*"
)
_NEXT = re.compile(rf"{_LITERAL.pattern}|[{{}}]")


class Unclosed(Exception):
    """An expression has a beginning, at `offset` of the text, and no end."""

    def __init__(self, offset: int) -> None:
        super().__init__(f"the expression that begins here is not closed: {CLOSES} is missing")
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Inner:
    """The inside of one `${{ … }}`, and where it begins in the text."""

    text: str
    offset: int


def pieces(text: str) -> list[str | Inner]:
    """Text and expressions in turn, none of them empty text. `$${{` stands for `${{` as text. Raises Unclosed."""
    found: list[str | Inner] = []
    plain, at = "", 0
    while (opens := text.find(OPENS, at)) >= 0:
        if opens > 0 and text[opens - 1] == "$":
            plain += text[at : opens - 1] + OPENS
            at = opens + len(OPENS)
            continue
        plain += text[at:opens]
        begin = opens + len(OPENS)
        end = _end(text, begin)
        if end is None:
            raise Unclosed(opens)
        found += [plain, Inner(text[begin:end], begin)] if plain else [Inner(text[begin:end], begin)]
        plain, at = "", end + len(CLOSES)
    plain += text[at:]
    return [*found, plain] if plain else found


def has_expression(text: str) -> bool:
    """Whether text is more than just text."""
    try:
        return any(isinstance(piece, Inner) for piece in pieces(text))
    except Unclosed:
        return True


def code(expression: str) -> str:
    """An expression with blanks where its literals and comments are: every other character keeps its place."""
    return _LITERAL.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), expression)


def _end(text: str, begin: int) -> int | None:
    depth = 0
    for found in _NEXT.finditer(text, begin):
        match found[0]:
            case "{":
                depth += 1
            case "}" if depth > 0:
                depth -= 1
            case "}" if text.startswith(CLOSES, found.start()):
                return found.start()
    return None
