"""What step kinds may use of the process they run in: Cal.com's clients, kept open for a while, and the history."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from datetime import datetime

from workers.calcom.client import Client
from workers.calcom.rim import AS_USUAL
from workers.reach import reach, reach_giving_way
from workers.store import history
from workers.store.engine import Store
from workers.store.history import Filter
from workers.vault import Vault

#: seconds that an attempt of a step may take, unless settings say otherwise
ATTEMPT = 150.0
#: seconds after which a client is made anew: its connection may have a new credential or address by then
_FRESH = 30.0
#: seconds that an action waits for the budget in a worker's hand; a longer wait is done in SQL
_MAX_WAIT = 5.0
#: of an attempt's seconds, those for the call, and those for its budget at most; the rest is ours
_CALLING, _WAITING = 0.8, 0.1


class Box:
    """`workers.actions.kind.Toolbox` on the store's connections. Close it.

    No call takes longer than `attempt` seconds. With `gives_way` the calls let those of others go first, and wait for
    the budget for so many seconds at most.
    """

    def __init__(self, store: Store, vault: Vault, attempt: float = ATTEMPT, *, gives_way: float | None = None) -> None:
        self._gives_way = gives_way
        self._timeouts = AS_USUAL.within(attempt * _CALLING)
        self._max_wait = min(_MAX_WAIT, attempt * _WAITING)
        self._store = store
        self._vault = vault
        self._lock = threading.Lock()
        self._clients: dict[str, tuple[float, Client]] = {}
        self._old: list[tuple[float, Client]] = []

    def caller(self, pcid: str) -> Client:
        """A client for a connection. Raises NotFound, Misconfigured, StoreUnavailable."""
        now = time.monotonic()
        with self._lock:
            made_at, client = self._clients.get(pcid, (now, None))
            if client is not None and now < made_at + _FRESH:
                return client
            fresh = self._reached(pcid)
            if client is not None:
                self._old.append((now, client))
            self._clients[pcid] = now, fresh
            # Whoever still calls with an old one is done by the time it is closed.
            done = [old for old in self._old if now > old[0] + 20 * _FRESH]
            self._old = [old for old in self._old if old not in done]
        for _, one in done:
            one.close()
        return fresh

    def _reached(self, pcid: str) -> Client:
        if self._gives_way is None:
            return reach(self._store, self._vault, pcid, max_wait=self._max_wait, timeouts=self._timeouts)
        return reach_giving_way(self._store, self._vault, pcid, patience=self._gives_way, timeouts=self._timeouts)

    def count_events(self, pcid: str, triggers: Sequence[str], email: str, *, since: datetime, until: datetime) -> int:
        """How many events the history has of these triggers with this person in them. Raises StoreUnavailable."""
        wanted = Filter(triggers=tuple(triggers), email=email, connection=pcid, since=since, until=until)
        with self._store.read() as connection:
            return history.count(connection, wanted)

    def close(self) -> None:
        """Close every client."""
        with self._lock:
            clients = [client for _, client in [*self._clients.values(), *self._old]]
            self._clients, self._old = {}, []
        for client in clients:
            client.close()
