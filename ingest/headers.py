"""A delivery's headers as they may be shown: what lets its bearer in is hidden, the signature is not. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from workers.catalogue.mask import MASK

#: a proxy in front of Daybook may add such; Cal.com sends none of them
_SECRET = frozenset({"authorization", "cookie", "proxy-authorization"})
_SECRET_WORDS = ("api-key", "apikey", "token", "secret", "password")


def shown(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The headers in their order, the values of credentials replaced."""
    return [(name, MASK if _is_secret(name.lower()) else value) for name, value in headers]


def _is_secret(name: str) -> bool:
    return name in _SECRET or any(word in name for word in _SECRET_WORDS)
