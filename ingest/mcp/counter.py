"""The counter that every call passes: who may call what, how often, and the audit log. The tools are elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import structlog

from ingest.mcp.pace import Pace, key_of, used
from ingest.mcp.toolset import Offer, Toolset, named
from ingest.seats import Busy
from ingest.session import NotAllowed
from workers.actions.telling import told
from workers.errors import BadInput, CalcomUnavailable, DaybookError, NotFound, RateLimited, StoreUnavailable
from workers.store import audit, paces
from workers.store.audit import Outcome, Who
from workers.store.engine import Store

log = structlog.get_logger(__name__)

_DOOR = "mcp"
_NOT_BEGUN = (NotAllowed, BadInput, NotFound, RateLimited, Busy)


class Bug(DaybookError):
    """Something in Daybook went wrong; its log says what. It may have been done or not: look first."""


class Counter:
    """Serves the tools of one toolset. Safe to share between threads.

    `per_minute` is for each key, of calls and, by themselves, of other messages; 0: as many as come.
    """

    def __init__(self, store: Store, toolset: Toolset, per_minute: int) -> None:
        self._store = store
        self._toolset = toolset
        self._per_minute = per_minute
        self._pace = Pace(per_minute)

    def take(self, who: Who) -> None:
        """A message comes that is no call of a tool. Raises TooManyRequests."""
        self._pace.take(who)

    def offers(self, who: Who) -> list[Offer]:
        """The tools that this role may call. Raises TooManyRequests."""
        self.take(who)
        return [offer for offer in self._toolset.offers() if who.role.covers(offer.role)]

    def call(self, who: Who, name: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """Carry out a call, and write down that it was and how it ended. Raises nothing but a DaybookError.

        A call of a key that has used its minute is TooManyRequests, and not written down: a flood would fill the log.
        """
        offer = named(self._toolset.offers(), name)
        target = self._toolset.target(name, arguments)
        with self._store.write() as sql:
            if self._per_minute and (wait := paces.ask(sql, key_of(who), per_minute=self._per_minute)):
                raise used(self._per_minute, wait)
            now = datetime.now(UTC)
            entry = audit.begin(
                sql, who, door=_DOOR, what=name, connection=target.connection, arguments=target.arguments, now=now
            )
        try:
            if not who.role.covers(offer.role):
                raise NotAllowed(f"A key with role {who.role} may not call {name}; it needs role {offer.role}.")
            answer = self._toolset.call(who, name, arguments)
        except DaybookError as error:
            self._ended(entry, _outcome(error), f"{error.kind}: {error.message}")
            raise
        except Exception as error:
            log.exception("mcp.failed", tool=name, audit=str(entry))
            self._ended(entry, Outcome.FAILED, f"an unexpected {type(error).__name__}, which is a bug")
            raise Bug from error
        self._ended(entry, Outcome.DONE, None)
        return answer

    def _ended(self, entry: UUID, outcome: Outcome, detail: str | None) -> None:
        try:
            with self._store.write() as sql:
                audit.end(sql, entry, outcome, detail=detail and told(detail), now=datetime.now(UTC))
        except StoreUnavailable as error:  # what was done is done, and is to be told; the entry stays "begun"
            log.warning("mcp.end_not_written", audit=str(entry), outcome=outcome, reason=error.message)


def _outcome(error: DaybookError) -> Outcome:
    """Refused is what was not begun: nothing was changed, here or at Cal.com."""
    refused = isinstance(error, _NOT_BEGUN) or (isinstance(error, CalcomUnavailable) and not error.sent)
    return Outcome.REFUSED if refused else Outcome.FAILED
