"""What a kind of step does when its time comes, and what can come of it. The ledger is `workers.act`'s.

A kind is told values, not expressions. It makes one attempt and says how that ended; whether and when there is
another is decided elsewhere. It never touches SQL.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeAlias

from workers.calcom.connection import Connection
from workers.calcom.requests import Reply
from workers.rules.kinds import KindSpec


@dataclass(frozen=True, slots=True)
class Call:
    """One step of one run, its expressions evaluated."""

    #: the same for every attempt of this step of this run, and for nothing else
    key: str
    rule: str
    step: str
    #: PCID of the connection that the step acts for
    connection: str
    #: the step's values by key: `{"tool": "…", "with": {"userId": 41, …}}`
    values: Mapping[str, Any]
    #: the event as history shows it; its payload is {} unless the kind sees it
    event: Mapping[str, Any]
    #: when the run first came to this step (aware), the same for every attempt: a wait counts from there
    reached: datetime
    attempt: int = 1
    #: seconds that this attempt may take: after that another worker may take the run
    seconds: float = 120.0


@dataclass(frozen=True, slots=True)
class Done:
    """It is done. `output` is JSON, what later steps see.

    `found`: nothing was made now, it was there already, by an earlier attempt or by somebody else. `note` is for
    people, where how it came to be done has to be said.
    """

    output: Any = None
    found: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class Again:
    """Certainly not done, and worth another attempt, not sooner than after so many seconds.

    `counts`: it was an attempt. One that had to wait for its turn (a rate limit) was none, however often.
    """

    reason: str
    after: float = 0.0
    counts: bool = True


@dataclass(frozen=True, slots=True)
class Lost:
    """It may have been done: no answer came, or one that says nothing. Nothing is sent again before a probe."""

    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Not done, and another attempt would end the same way: a person has to look."""

    reason: str


@dataclass(frozen=True, slots=True)
class Until:
    """Not before that instant (aware)."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Stop:
    """The run ends here, and well."""

    reason: str


Outcome: TypeAlias = Done | Again | Lost | Refused | Until | Stop


@dataclass(frozen=True, slots=True)
class Absent:
    """It may be done now: its effect is not there, or doing it a second time has no second effect.

    `reason` says what there is instead, where that is worth a word.
    """

    reason: str = ""


@dataclass(frozen=True, slots=True)
class Unknowable:
    """Nobody can tell whether the effect is there; the reason is for the person who decides."""

    reason: str


class Caller(Protocol):
    """What is needed of a Cal.com client: `workers.calcom.client.Client` is one."""

    @property
    def connection(self) -> Connection:
        """Whom it acts for."""
        ...

    def call(self, tool: str, arguments: Mapping[str, Any] = ..., /) -> Reply:
        """Cal.com's reply. Raises a CalcomError."""
        ...


class Toolbox(Protocol):
    """What kinds may use of the process they run in."""

    def caller(self, pcid: str) -> Caller:
        """A client for a connection, shared and kept open. Raises NotFound, Misconfigured, StoreUnavailable."""
        ...

    def count_events(self, pcid: str, triggers: Sequence[str], email: str, *, since: datetime, until: datetime) -> int:
        """How many events of these triggers a connection had that this person is in, received from `since` to before
        `until`. Raises StoreUnavailable."""
        ...


class Kind(KindSpec, Protocol):
    """A kind of step."""

    @property
    def changes(self) -> bool:
        """Whether an attempt changes anything outside: if so `sending` is committed before it."""
        ...

    @property
    def sees_payload(self) -> bool:
        """Whether an attempt looks at the event's payload itself; what expressions look at they have anyway."""
        ...

    def perform(self, call: Call, box: Toolbox) -> Outcome:
        """One attempt. Raises nothing but bugs, and StoreUnavailable, which is not the step's fault."""
        ...

    def probe(self, call: Call, box: Toolbox) -> Done | Absent | Unknowable | Again:
        """Whether an earlier attempt, whose end nobody saw, did it. Never changes anything."""
        ...

    def shown(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """The values as people may see them, in the ledger and in `rules test`: secrets masked."""
        ...

    def effect(self, call: Call) -> str | None:
        """The natural name of what the step makes, by which an event that it causes is known again; see `echo.py`.

        None for what causes no event.
        """
        ...
