"""One request's fortunes: how long it may wait, whether it is sent again, and what its answer means.

The client asks here at every turn and only sends, waits and counts; nothing here does I/O.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any

from workers.calcom.arguments import check
from workers.calcom.connection import Connection
from workers.calcom.dialects import Dialect, spoken
from workers.calcom.pages import walk
from workers.calcom.rate import SHORTEST, rates, wait
from workers.calcom.requests import Reply, Request, hide
from workers.calcom.tool import Tool
from workers.errors import CalcomUnavailable, Forbidden, Missing, RateLimited


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back over the wire."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class Patience:
    """How many more seconds a call may spend waiting for its budget, over all its requests."""

    left: float

    def spend(self, tool: Tool, seconds: float) -> float:
        """The seconds to wait now. Raises RateLimited, with them, when that is more than is left."""
        if seconds > self.left:
            raise RateLimited(
                f"{tool.name}: not sent. The connection's budget is used up for {seconds:.0f} s, longer than "
                "this call may wait; try again then.",
                after=seconds,
            )
        self.left -= seconds
        return seconds


@dataclass(slots=True)
class Exchange:
    """A request under way. `answered` and `failed` are told what happened; they say what follows."""

    tool: Tool
    request: Request
    #: whether sending it a second time has no second effect
    repeatable: bool
    patience: Patience
    dialect: Dialect
    #: an attempt was made to send it
    begun: bool = False
    #: an earlier attempt may have reached Cal.com, and its answer is not known
    lost: bool = False
    #: how many seconds all calls of the connection pause after the answer
    pause: float = 0.0

    def answered(self, answer: Answer) -> Reply:
        """The reply. Raises the CalcomError the answer means.

        When the first answer to a DELETE was lost, "there is no such thing" is the second one's way to say
        that the first did it; only Cal.com's own error counts, not a page from somewhere in between.
        """
        self.pause = halt(answer)
        try:
            reply = self.dialect.decipher(
                self.tool, answer.status, answer.headers, answer.body, secrets=self.request.secrets
            )
        except RateLimited as error:  # Cal.com may say so by way of an MCP server, in a body
            self.pause = max(self.pause, error.after)
            raise
        except (Forbidden, Missing) as error:
            if self.lost and error.code is not None and error.status in self.tool.gone:
                return Reply({}, error.status or 0, request_id=error.request_id, repeated=True)
            raise
        if (bearer := self.request.bearer) is not None:  # some servers echo what they were sent
            hide(reply.json, bearer)
        return reply

    def again(self, error: Exception) -> bool | float:
        """Whether to send it again after that error: no, yes after a growing pause, or after so many seconds.

        A refused call (429) was not carried out, so it is always sent again, once the halted budget lets it:
        the wait is the budget's. A call that never left, too. Others only if a second one does no harm.
        """
        if isinstance(error, RateLimited):
            return 0.0 if error.after <= self.patience.left else False
        if not isinstance(error, CalcomUnavailable):
            return False
        self.lost = self.lost or error.sent
        return self.repeatable or not error.sent


def plan(
    connection: Connection, tool: Tool, arguments: Mapping[str, Any], max_wait: float
) -> Generator[Exchange, Reply, Reply]:
    """The exchanges a call needs, one after another; the value it returns is the call's reply.

    Raises BadArguments at once, before anything is sent.
    """
    patience = Patience(max_wait)
    dialect = spoken(connection)

    def ask(page: dict[str, Any]) -> Exchange:
        return Exchange(tool, dialect.build(tool, connection, page), tool.repeatable(page), patience, dialect)

    return walk(tool, check(tool, arguments, connection.org_id), ask, whole=dialect.WHOLE_LISTS)


def halt(answer: Answer) -> float:
    """How many seconds all calls of the connection pause after that answer; 0 for none.

    A 429 says so; and the last call of a window is answered with none remaining: the next would be refused
    and the key blocked.
    """
    if answer.status == 429:
        return wait(answer.headers)
    return max((max(float(rate.reset or 0), SHORTEST) for rate in rates(answer.headers) if rate.spent), default=0)
