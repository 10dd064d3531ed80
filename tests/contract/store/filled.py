"""Deliveries for tests of what asks about them: kept and persisted as real ones are, at the times a test names."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from workers.persist import persist
from workers.store import connections, receipts, webhooks
from workers.store.engine import Store
from workers.store.history import lowest_id
from workers.store.receipts import Receipt, State
from workers.vault import Vault

#: when the first delivery of a test comes
START = datetime(2026, 11, 1, 9, 0, tzinfo=UTC)


class Filled:
    """A store that deliveries come to. Each webhook is registered when it is first named."""

    def __init__(self, store: Store, vault: Vault) -> None:
        self.store = store
        self._vault = vault
        self._webhooks: dict[str, UUID] = {}
        self._pcids: set[str] = set()

    def webhook(self, name: str = "org", pcid: str = "acme") -> UUID:
        """The id of a webhook."""
        if name not in self._webhooks:
            with self.store.write() as connection:
                if pcid not in self._pcids:
                    connections.add(
                        connection,
                        self._vault,
                        connections.Connection(
                            pcid, connections.Kind.CALCOM, "https://api.cal.example/v2", 1, 90, START
                        ),
                        "cal_key",
                    )
                    self._pcids.add(pcid)
                self._webhooks[name] = webhooks.add(
                    connection,
                    self._vault,
                    name=name,
                    pcid=pcid,
                    token=f"token-of-{name}",
                    secret="s3cret",
                    origin="adopted",
                    now=START,
                )
        return self._webhooks[name]

    def keep(
        self,
        body: bytes,
        *,
        at: datetime = START,
        webhook: str = "org",
        pcid: str = "acme",
        verdict: str = "signed",
        headers: tuple[tuple[str, str], ...] = (("content-type", "application/json"),),
    ) -> UUID:
        """A delivery that came at `at`; one that is not signed is in quarantine. Returns its id."""
        made = uuid7().int & ((1 << 80) - 1)
        receipt = Receipt(
            id=UUID(int=lowest_id(at).int | made),
            webhook_id=self.webhook(webhook, pcid),
            sha256=hashlib.sha256(body).digest(),
            window=0,
            received_at=at,
            verdict=verdict,
            secret_id=None,
            state=(State.RECEIVED if verdict == "signed" else State.QUARANTINED).value,
            headers=json.dumps([list(header) for header in headers]).encode(),
            body=body,
        )
        return receipts.keep(self.store, [receipt])[0].id

    def event(self, *, at: datetime = START, webhook: str = "org", pcid: str = "acme", **said: Any) -> UUID:
        """A delivery that became an event: `said` is laid over a booking's payload, `trigger` names the trigger."""
        delivery = self.keep(body(at=at, **said), at=at, webhook=webhook, pcid=pcid)
        persist(self.store, [delivery])
        return delivery

    def events(self, number: int, **said: Any) -> list[UUID]:
        """So many bookings, a minute apart, oldest first."""
        return [
            self.event(at=START + timedelta(minutes=index), **{"uid": f"uid-{index}", **said})
            for index in range(number)
        ]


def body(*, at: datetime = START, trigger: str | None = "BOOKING_CREATED", **said: Any) -> bytes:
    """A delivery's body."""
    payload = {
        "uid": "uid-0",
        "bookingId": 1,
        "type": "intro-call",
        "eventTypeId": 7,
        "title": "Intro call",
        "status": "ACCEPTED",
        "startTime": "2026-11-20T10:00:00Z",
        "endTime": "2026-11-20T10:30:00Z",
        "organizer": {"id": 41, "name": "Ada Berg", "email": "Ada@Acme.example", "timeZone": "Europe/Berlin"},
        "attendees": [{"name": "Jon Doe", "email": "jon@client.example", "timeZone": "Europe/Paris"}],
        **said,
    }
    document = {"createdAt": at.isoformat(), "payload": payload}
    return json.dumps(document if trigger is None else {"triggerEvent": trigger, **document}).encode()


def bare(delivery: UUID) -> dict[str, object]:
    """The row of an event that says no more than it must."""
    return {
        "id": delivery,
        "delivery_id": delivery,
        "connection": "acme",
        "webhook": "org",
        "kind": "ping",
        "received_at": START,
        "occurred_at": START,
        "hosts": [],
        "attendees": [],
    }
