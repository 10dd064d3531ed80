"""Personal data out of an answer: people become person-1, person-2, …; free text is left out. Pure.

A pseudonym says who is who within one answer, and nothing beyond it. What a form, a request or a reply holds is
unknown, so of that only what is known to be harmless is kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

HIDDEN = "(hidden)"

_EMAIL = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+(?:@|%40)[\w-]+(?:\.[\w-]+)*")
#: with the sign or zeros that a number across borders begins with: instants and ids have neither
_PHONE = re.compile(r"(?<![\w.:-])(?:\+|00)\d[\d ()/.-]{5,18}\d(?![\w:-])")
_PSEUDONYM = re.compile(r"(?:person|phone)-[0-9]+")
#: text that people wrote for people
_FREE = frozenset({"title", "notes", "text", "message", "description"})
#: JSON whose form is somebody else's
_FOREIGN = frozenset({"payload", "request", "answer", "outputs"})
#: keys under which such JSON has words of programs: names of tools and triggers, uids, instants
_PLAIN = frozenset(
    {
        "tool", "lookup", "python", "history", "wait", "method", "trigger", "triggerevent", "type", "status", "state",
        "uid", "bookinguid", "rescheduleuid", "uuid", "start", "end", "starttime", "endtime", "createdat", "updatedat",
        "currency", "eventtypeslug", "connection", "rule", "step", "kind",
    }
)  # fmt: skip
#: a form's author chooses the keys of its answers, and whoever answers what is under them
_ANSWERS = frozenset({"responses", "userfieldsresponses", "custominputs", "metadata"})
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d(?:[T ][\d:.]+(?:Z|[+-]\d\d:?\d\d)?)?")
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
#: what Daybook itself puts in the place of a value
_REMARK = re.compile(r"\((hidden|known when it runs|\d+ (members|more members|more items|bytes of JSON: [a-z ]+))\)")
#: headers but those that a proxy, or whoever sent it, does not add
_HEADERS = re.compile(r"content-(type|length)|x-cal-.*", re.IGNORECASE)
#: letters of a part of a name that is looked for by itself, and characters of a name that is looked for
_PART, _NAME = 3, 200
#: characters of a text that is looked through, for looking takes the square of them
_LONGEST = 3_000


class Masker:
    """Hides what it is given; the same person has the same pseudonym as long as it lives."""

    def __init__(self) -> None:
        #: pseudonym by address, name or username, folded
        self._known: dict[str, str] = {}
        self._people = 0
        self._phones: dict[str, str] = {}
        self._names: re.Pattern[str] | None = None

    def __call__(self, value: Any) -> Any:
        """A copy without personal data. Done a second time it changes nothing."""
        for person in _people(value):
            self._meet(person)
        parts = sorted((name for name in self._known if "@" not in name and len(name) <= _NAME), key=len, reverse=True)
        said = "|".join(re.escape(part) for part in parts)
        self._names = re.compile(rf"(?<!\w)(?:{said})(?!\w)", re.IGNORECASE) if parts else None
        return self._hidden(value, "", foreign=False)

    def _meet(self, person: Mapping[str, Any]) -> None:
        """Give someone a pseudonym, unless the address, or for want of one the name, has it already."""
        email, name, username = (_word(person.get(key)) for key in ("email", "name", "username"))
        mark = email or name or username
        if mark is None:
            return
        pseudonym = self._known.get(mark) or self._named()
        for each in (email, name, username):
            if each is not None:
                self._known.setdefault(each, pseudonym)
        for part in (name or "")[:_NAME].split():
            if len(part) >= _PART:
                self._known.setdefault(part, pseudonym)

    def _named(self) -> str:
        self._people += 1
        return f"person-{self._people}"

    def _hidden(self, value: Any, key: str, *, foreign: bool) -> Any:
        if isinstance(value, Mapping):
            return {name: self._member(str(name), inner, value, foreign=foreign) for name, inner in value.items()}
        if isinstance(value, list | tuple):
            if key == "headers" and not foreign:
                return [[name, told if _HEADERS.fullmatch(name) else HIDDEN] for name, told in value]
            return [self._hidden(inner, key, foreign=foreign) for inner in value]
        if not isinstance(value, str) or _PSEUDONYM.fullmatch(value):
            return value
        return self._foreign(value, key) if foreign else self._text(value)

    def _member(self, key: str, value: Any, of: Mapping[str, Any], *, foreign: bool) -> Any:
        folded = key.casefold()
        if isinstance(value, str):
            if folded in ("email", "name", "username") and "email" in of:
                return self._whose(value, of)
            if folded in _FREE and value and not _PSEUDONYM.fullmatch(value):
                return HIDDEN
        if foreign and folded in _ANSWERS and value:
            return HIDDEN
        return self._hidden(value, folded, foreign=foreign or folded in _FOREIGN)

    def _whose(self, value: str, person: Mapping[str, Any]) -> str:
        if not value or _PSEUDONYM.fullmatch(value):
            return value
        mark = _word(person.get("email")) or _word(value)
        return self._known.get(mark or "") or self._known.get(value.casefold().strip()) or HIDDEN

    def _foreign(self, value: str, key: str) -> str:
        """A value of which only the key tells what it may be."""
        if not value or _INSTANT.fullmatch(value) or _ID.fullmatch(value) or _REMARK.fullmatch(value):
            return value
        return self._text(value) if key in _PLAIN or _EMAIL.fullmatch(value) else HIDDEN

    def _text(self, value: str) -> str:
        """A sentence of Daybook's: whoever it names has a pseudonym in it."""
        if len(value) > _LONGEST:
            return HIDDEN
        told = _EMAIL.sub(lambda found: self._address(found[0]), value)
        told = _PHONE.sub(lambda found: self._phone(found[0]), told)
        if self._names is not None:
            told = self._names.sub(lambda found: self._known.get(found[0].casefold(), HIDDEN), told)
        return told

    def _address(self, email: str) -> str:
        mark = email.casefold().replace("%40", "@")
        if mark not in self._known:
            self._known[mark] = self._named()
        return self._known[mark]

    def _phone(self, number: str) -> str:
        digits = re.sub(r"\D", "", number).removeprefix("00")
        return self._phones.setdefault(digits, f"phone-{len(self._phones) + 1}")


def _people(value: Any) -> Iterator[Mapping[str, Any]]:
    """Whoever is named with an address, or the lack of one, in the order of the answer."""
    todo: list[Any] = [value]
    while todo:
        one = todo.pop()
        if isinstance(one, Mapping):
            if "email" in one:
                yield one
            todo.extend(reversed(list(one.values())))
        elif isinstance(one, list | tuple):
            todo.extend(reversed(one))


def _word(value: object) -> str | None:
    """A name or address folded; None for what is none, and for what is a pseudonym already."""
    if not isinstance(value, str) or not value.strip() or _PSEUDONYM.fullmatch(value):
        return None
    return value.casefold().strip()
