"""Calls of steps, and a Cal.com client that answers what it is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from workers.actions.kind import Call
from workers.calcom.connection import BearerKey, Connection
from workers.calcom.requests import Reply

REACHED = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


@dataclass
class Scripted:
    """Answers by tool: data, an error to raise, or a function of the arguments. It keeps what was called."""

    answers: Mapping[str, Any]
    called: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    connection: Connection = field(
        default_factory=lambda: Connection("acme", "http://127.0.0.1:9/v2", 4821, BearerKey("cal_key"))
    )

    def call(self, tool: str, arguments: Mapping[str, Any] = {}, /) -> Reply:
        self.called.append((tool, dict(arguments)))
        answer = self.answers[tool]
        if callable(answer):
            answer = answer(arguments)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, Reply) else Reply({"status": "success", "data": answer})


@dataclass
class Box:
    """A toolbox with one connection, or none, and a history in which everything happened twice."""

    client: Scripted
    error: Exception | None = None
    counted: list[tuple[Any, ...]] = field(default_factory=list)

    def caller(self, pcid: str) -> Scripted:
        if self.error:
            raise self.error
        assert pcid == "acme"
        return self.client

    def count_events(self, pcid: str, triggers: Any, email: str, *, since: datetime, until: datetime) -> int:
        self.counted.append((pcid, triggers, email, since, until))
        return 2


@pytest.fixture
def box() -> Callable[..., Box]:
    """A toolbox whose client answers so."""

    def make(answers: Mapping[str, Any] | None = None, *, error: Exception | None = None) -> Box:
        return Box(Scripted(answers or {}), error)

    return make


@pytest.fixture
def call() -> Callable[..., Call]:
    """A call of a step with these values."""

    def make(values: Mapping[str, Any], **more: Any) -> Call:
        told: dict[str, Any] = {"key": "k1", "rule": "r", "step": "s", "connection": "acme", "reached": REACHED}
        return Call(values=values, **{**told, "event": {"id": "e1", "payload": {"secret": "x"}}, **more})

    return make
