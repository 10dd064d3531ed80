"""Taking one person out of text, JSON and bodies: the address becomes a mark, the names beside it `Erased`. Pure.

The mark is made of a digest of the address, so that the same address is the same mark everywhere: what is unique by
it, as a rule's key, stays unique. The address is found in any letter case, as a URL or HTML writes it, and with a
`+tag`. A name goes where it stands beside the address, and then wherever else in the same texts it is written out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Any

from workers.errors import BadInput

#: what stands where a name, a number or a picture stood
ERASED = "Erased"
_ADDRESS = re.compile(r"[^\s@<>\"',;:]{1,64}@[^\s@<>\"',;:]{1,255}")
_AT = r"(?:@|%40|\\u0040|&#0*64;|&#x0*40;|&commat;)"
_PLUS = r"(?:\+|%2B|\\u002b|&#0*43;|&plus;)"
#: keys of an object that has the address too, which say something of the same person; without case and punctuation
_BESIDE = frozenset(
    {
        "name", "firstname", "lastname", "fullname", "displayname", "yourname", "username", "nickname", "phone",
        "phonenumber", "attendeephonenumber", "smsremindernumber", "mobile", "avatar", "avatarurl", "image",
        "profilepicture", "bio", "optionvalue",
    }
)  # fmt: skip
#: of those, what says how the person is called
_NAMES = frozenset({"name", "firstname", "lastname", "fullname", "displayname", "yourname", "username", "nickname"})
#: what these say is no name, though a person may be called like it
_OURS = frozenset({"triggerevent", "createdat", "uid", "status", "starttime", "endtime"})
#: levels of a document; a deeper one is taken for text
_DEEPEST = 100
#: names that one document tells: anybody may send one to quarantine, and each name is looked for in every text
_MOST_NAMES = 20
#: characters of a tag, as a URL escapes it: looked for further, a body of nothing but tags would take hours
_LONGEST_TAG = 200
#: an answer of a form lies in one of these
_ANSWERS = ("value", "response")
#: where a telephone number lies that a person chose to be called at
_PLACES = frozenset({"location"})


class Person:
    """Who is to go. `names` grows as documents are looked at. `BadInput` for an address that is none."""

    def __init__(self, email: str) -> None:
        self.email = email.strip().lower()
        if not _ADDRESS.fullmatch(self.email):
            raise BadInput("--email must be one address, like jon@client.example.")
        self.digest = sha256(f"daybook-erased:{self.email}".encode()).hexdigest()
        self.mark = f"erased-{self.digest[:16]}@erased.invalid"
        self.names: set[str] = set()
        local, _, domain = self.email.partition("@")
        # Letters and digits stand as they are in whatever escapes; other characters may not.
        parts = re.split(r"[^a-z0-9]+", f"{local} {domain}" if self.email.isascii() else "")
        self._parts = [part.encode() for part in sorted(parts, key=len, reverse=True)[:3] if part]
        tagged = "" if "+" in local else rf"(?:{_PLUS}[\w.+%-]{{0,{_LONGEST_TAG}}}?)?"
        spelt = _PLUS.join(map(re.escape, local.split("+")))
        # Neither the end of a longer address nor the beginning of one; %20 before it is a blank.
        self._pattern = re.compile(
            rf"(?:(?<![\w.+-])|(?<=%[0-9a-f]{{2}})|(?<=\\n)|(?<=\\t)){spelt}{tagged}{_AT}{re.escape(domain)}"
            r"(?![\w-]|\.\w)",
            re.IGNORECASE,
        )

    def likely(self, body: bytes) -> bool:
        """Whether a body may name the person: it is not worth reading otherwise."""
        folded = body.lower()
        return all(part in folded for part in self._parts)

    def is_in(self, value: Any) -> bool:
        """Whether the address is anywhere in a value of JSON, keys included."""
        return any(self._pattern.search(text) for text in _texts(value))

    def is_address(self, text: object) -> bool:
        """Whether a text is the address and nothing else."""
        return isinstance(text, str) and self._pattern.fullmatch(text.strip()) is not None

    def learn(self, value: Any) -> None:
        """Remember how the person is called in a value of JSON: the first few names of it."""
        told: set[str] = set()
        for item in _objects(value):
            if self._is_of(item):
                for key, beside in item.items():
                    if _key(key) in _NAMES:
                        told.update(name for name in _names(beside) if not self.is_address(name))
                if len(told) >= _MOST_NAMES:
                    break
        self.names.update(sorted(told)[:_MOST_NAMES])

    def text(self, text: str, names: Iterable[str] = ()) -> str:
        """A text without the person."""
        found = self._pattern.sub(self.mark, text)
        for name in sorted(_written(names, found), key=len, reverse=True):
            found = re.sub(rf"(?<!\w){re.escape(name)}(?![\w@])", ERASED, found, flags=re.IGNORECASE)
        return found

    def value(self, value: Any, names: Iterable[str] = ()) -> Any:
        """A value of JSON without the person."""
        return self._value(value, _written(names, "\n".join(_texts(value))) if names else ())

    def _value(self, value: Any, names: Iterable[str]) -> Any:
        if isinstance(value, str):
            return self.text(value, names)
        if isinstance(value, list):
            return [self._value(each, names) for each in value]
        if not isinstance(value, dict):
            return value
        mine = self._is_of(value)
        found: dict[Any, Any] = {}
        for key, each in value.items():
            told, left = _key(key), each
            if mine and told in _BESIDE and not self._has(each):
                left = _blank(each)
            elif mine and told in _PLACES and isinstance(each, dict):
                left = _without_number(each)
            found[self.text(key, names)] = self._value(left, () if told in _OURS else names)
        return found

    def body(self, body: bytes, names: Iterable[str] = ()) -> bytes:
        """A body without the person: JSON stays JSON that says the same otherwise, spelt anew."""
        document = parsed(body)
        if document is not None:
            scrubbed = self.value(document, names)
            return body if scrubbed == document else json.dumps(scrubbed, ensure_ascii=False).encode("utf-8", "replace")
        return self.text(body.decode("utf-8", "surrogateescape"), names).encode("utf-8", "surrogateescape")

    def headers(self, headers: bytes) -> bytes:
        """Headers, as `bodies` keeps them, without the person."""
        pairs = json.loads(headers)
        scrubbed = [[name, self.text(value)] for name, value in pairs]
        return headers if scrubbed == pairs else json.dumps(scrubbed).encode()

    def _is_of(self, item: dict[Any, Any]) -> bool:
        return any(self._has(each) for each in item.values())

    def _has(self, each: object) -> bool:
        """Whether a member of an object is the address, by itself or as the answer to a question."""
        if isinstance(each, dict):
            each = next((each[name] for name in _ANSWERS if name in each), None)
        return self.is_address(each)


def parsed(body: bytes) -> Any:
    """What a body says as JSON; None where it is none, or nested deeper than anything that Cal.com sends."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    level = [document]
    for _ in range(_DEEPEST):
        level = [each for one in level if isinstance(one, dict | list) for each in _members(one)]
        if not level:
            return document
    return None


def _written(names: Iterable[str], text: str) -> list[str]:
    """Those of the names that are somewhere in a text: each is looked for in all of it once."""
    folded = text.casefold()
    return [name for name in names if name.casefold() in folded]


def _members(one: dict[Any, Any] | list[Any]) -> Iterable[Any]:
    return one.values() if isinstance(one, dict) else one


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from _texts(key)
            yield from _texts(each)


def _objects(value: Any) -> Iterator[dict[Any, Any]]:
    if isinstance(value, list):
        for each in value:
            yield from _objects(each)
    elif isinstance(value, dict):
        yield value
        for each in value.values():
            yield from _objects(each)


def _key(key: object) -> str:
    return "".join(char for char in str(key).lower() if char.isalnum())


def _names(beside: Any) -> Iterator[str]:
    """The names in what stands under a key for one: a text, an answer, or first and last name."""
    if isinstance(beside, str):
        name = beside.strip()
        if len(name) > 1 and name != ERASED and "@" not in name:
            yield name
    elif isinstance(beside, dict):
        parts = [beside[key] for key in beside if _key(key) in _NAMES or key in _ANSWERS]
        for part in parts:
            yield from _names(part)
        if len(texts := [part for part in parts if isinstance(part, str)]) > 1:
            yield from _names(" ".join(texts))


def _blank(value: Any) -> Any:
    """What stands under such a key, with nothing in it; labels of a form stay."""
    if isinstance(value, str):
        return ERASED if value else value
    if isinstance(value, list):
        return [_blank(each) for each in value]
    if isinstance(value, dict):
        answered = [name for name in _ANSWERS if name in value]
        return {key: _blank(each) if not answered or key in answered else each for key, each in value.items()}
    return value


def _without_number(place: dict[Any, Any]) -> dict[Any, Any]:
    found = {key: _blank(each) if _key(key) in _BESIDE else each for key, each in place.items()}
    return {key: _without_number(each) if isinstance(each, dict) else each for key, each in found.items()}
