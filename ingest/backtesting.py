"""A back-test that goes on while its page is looked at: in a thread of this process, told in SQL, where every process
that shows pages can see it. What a rule would have done is `workers.backtest`'s.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog

from workers.catalogue.mask import mask
from workers.errors import Conflict, DaybookError
from workers.store import backtests, history
from workers.store.backtests import State
from workers.store.engine import Store
from workers.store.history import Filter

if TYPE_CHECKING:  # CEL takes half a second to load, and the web process starts without it
    from workers.actions.kind import Kind
    from workers.rules.rule import Rule

log = structlog.get_logger(__name__)

#: seconds between two words about how far it is
_TELL = 0.5
#: characters of a text in what is kept of a result, entries of a list or mapping
_LONGEST, _MOST = 400, 60


class _StoppedError(Exception):
    """A person wants it to end, or another process has taken over."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be tried. `edited`: the text is not the live one's. `masked`: the rule sees payloads without what is
    hidden from whoever asks, who could have it tell them."""

    rule: Rule
    edited: bool
    masked: bool
    chosen: Filter
    by: str


def begin(store: Store, wanted: Wanted, kinds: Mapping[str, Kind]) -> UUID:
    """Begin it, and return its id at once. Raises `Conflict` while another is carried out."""
    rule, chosen = wanted.rule, wanted.chosen
    with store.write() as sql:
        backtest_id = backtests.begin(
            sql,
            rule=rule.name,
            by=wanted.by,
            source=rule.source,
            edited=wanted.edited,
            since=chosen.since,
            until=chosen.until,
            now=datetime.now(UTC),
        )
    if backtest_id is None:
        raise Conflict("another back-test is under way; one is carried out at a time: wait for its end, or stop it.")
    job = _Job(store, backtest_id, wanted, kinds)
    threading.Thread(target=job.run, name="backtest", daemon=True).start()
    return backtest_id


class _Job:
    """One that is carried out."""

    def __init__(self, store: Store, backtest_id: UUID, wanted: Wanted, kinds: Mapping[str, Kind]) -> None:
        self._store = store
        self._id = backtest_id
        self._wanted = wanted
        self._kinds = kinds
        self._looked = 0
        self._total: int | None = None

    def run(self) -> None:
        """From the first event to the last, whatever happens in between; how it ended is written down."""
        try:
            self._end(State.DONE, result=self._result())
        except _StoppedError:
            self._end(State.STOPPED)
        except DaybookError as error:
            self._end(State.FAILED, reason=error.message)
        except Exception:
            log.exception("backtest.failed", rule=self._wanted.rule.name)
            self._end(State.FAILED, reason="something in Daybook went wrong; the log says what")

    def _result(self) -> Any:
        from workers import backtest as trial

        rule, chosen = self._wanted.rule, self._wanted.chosen
        live = trial.live(self._store, self._kinds)
        wanted = trial.wanted([rule], live, chosen)
        with self._store.read() as sql:
            self._total = history.count(sql, wanted)
        events = self._told(trial.stored(self._store, wanted))
        (tally,) = trial.backtest(self._store, [rule], live, events, self._kinds)
        return storable(trial.shape(self._store, tally, chosen))

    def _told(self, events: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
        """The events, and a word now and then of how far it is. Raises _StoppedError."""
        self._tell()
        told_at = time.monotonic()
        for event in events:
            if time.monotonic() > told_at + _TELL:
                self._tell()
                told_at = time.monotonic()
            yield {**event, "payload": mask(event["payload"])} if self._wanted.masked else event
            self._looked += 1

    def _tell(self) -> None:
        with self._store.write(durable=False) as sql:
            if not backtests.go_on(sql, self._id, looked=self._looked, total=self._total):
                raise _StoppedError

    def _end(self, state: State, *, result: Any = None, reason: str | None = None) -> None:
        try:
            with self._store.write() as sql:
                ended = datetime.now(UTC)
                backtests.end(sql, self._id, state=state, looked=self._looked, now=ended, result=result, reason=reason)
        except DaybookError as error:  # its lease runs out, and it is shown as stopped
            log.warning("backtest.not_written", reason=error.message)


def storable(value: Any) -> Any:
    """What is kept of a result: bounded, and without what a database refuses."""
    cut: Callable[[Any], Any] = storable
    if isinstance(value, str):
        plain = value.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()
        return plain if len(plain) <= _LONGEST else f"{plain[:_LONGEST]}…"
    if isinstance(value, Mapping):
        return {cut(str(name)): cut(each) for name, each in list(value.items())[:_MOST]}
    if isinstance(value, list | tuple):
        return [cut(each) for each in value[:_MOST]]
    return value
