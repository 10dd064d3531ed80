"""The webhook tools of a Cal.com in memory, with faults on demand.

Its rules are Cal.com's: 409 for a URL that is taken, 403 for an id that is not there, no such check on PATCH, and
the version is not told back.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from workers.calcom.connection import BearerKey, Connection
from workers.calcom.requests import Reply
from workers.enrol import CREATE, DELETE, LIST, UPDATE
from workers.errors import AlreadyExists, CalcomError, Forbidden, Rejected

#: told of a call before it is done; what it raises is the answer
Before = Callable[[str, Mapping[str, Any]], None]


class Killed(BaseException):
    """The process died here: nothing after this line ran."""


@dataclass
class FakeCalcom:
    """One organization. `calls` are the names of the tools called, in order."""

    base_url: str = "http://cal.acme.internal/v2"
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    refused_triggers: frozenset[str] = frozenset()
    before: Before = lambda tool, arguments: None
    after: Before = lambda tool, arguments: None

    def __post_init__(self) -> None:
        self.connection = Connection("acme", self.base_url, 4821, BearerKey("cal_k"))
        self._lock = threading.Lock()
        self._made = 0

    def call(self, tool: str, arguments: Mapping[str, Any] | None = None, /) -> Reply:
        given = dict(arguments or {})
        self.before(tool, given)
        with self._lock:
            self.calls.append(tool)
            data = self._do(tool, given)
        self.after(tool, given)
        return Reply({"status": "success", "data": data})

    def changes(self) -> list[str]:
        """The calls that changed something."""
        return [tool for tool in self.calls if tool != LIST]

    def only(self) -> dict[str, Any]:
        """The only webhook there is."""
        (row,) = self.rows.values()
        return row

    @contextlib.contextmanager
    def reached(self, _pcid: str) -> Iterator[FakeCalcom]:
        yield self

    def _do(self, tool: str, given: dict[str, Any]) -> Any:
        if tool == LIST:
            return [{key: value for key, value in row.items() if key != "version"} for row in self.rows.values()]
        if refused := self.refused_triggers & set(given.get("triggers", ())):
            raise Rejected(f"Cal.com answered 400. It names triggers. ({len(refused)})", status=400)
        if tool == CREATE:
            if any(row["subscriberUrl"] == given["subscriberUrl"] for row in self.rows.values()):
                raise AlreadyExists(status=409)
            self._made += 1
            row = {"payloadTemplate": None, "secret": None, **given, "id": f"r{self._made}", "teamId": 4821}
            self.rows[row["id"]] = row
            return row
        if given["webhookId"] not in self.rows:
            raise Forbidden(status=403)
        if tool == UPDATE:
            self.rows[given["webhookId"]].update({k: v for k, v in given.items() if k != "webhookId"})
            return self.rows[given["webhookId"]]
        assert tool == DELETE
        return self.rows.pop(given["webhookId"])


def failing(tool: str, error: CalcomError | Killed, *, times: int = 1) -> Before:
    """Raises `error` for the next `times` calls of `tool`."""
    left = [error] * times

    def fail(called: str, _arguments: Mapping[str, Any]) -> None:
        if called == tool and left:
            raise left.pop()

    return fail
