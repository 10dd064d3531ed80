"""What calls did, and how often: two calls that ask for the same and both do it are one effect, twice. In memory.

It counts deeds, not rows: Cal.com refuses some repeats by itself, and overwrites where it does not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_MOST_KEPT = 200_000


@dataclass(slots=True)
class Effect:
    """Calls of one method and path with one body (the fields that Cal.com knows) that did their work."""

    method: str
    path: str
    body: dict[str, Any]
    times: int = 0


class Effects:
    """The effects since the beginning, oldest first; of very many the oldest are forgotten."""

    def __init__(self) -> None:
        self._known: dict[str, Effect] = {}

    def note(self, method: str, path: str, body: Mapping[str, Any]) -> None:
        """A call did its work."""
        key = json.dumps([method, path, body], sort_keys=True)
        effect = self._known.setdefault(key, Effect(method, path, dict(body)))
        effect.times += 1
        if len(self._known) > _MOST_KEPT:
            del self._known[next(iter(self._known))]

    def chosen(self, method: str | None, part: str) -> list[Effect]:
        """Those of a method (any) whose path contains `part`."""
        return [effect for effect in self._known.values() if method in (None, effect.method) and part in effect.path]

    def clear(self) -> None:
        """Begin again."""
        self._known.clear()
