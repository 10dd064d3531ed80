from __future__ import annotations

import contextlib
from datetime import timedelta

from tests.contract.ledger.conftest import Office
from tests.contract.store.filled import START
from workers.toolbox import Box
from workers.vault import Vault


def test_events_are_counted_by_trigger_person_connection_and_time(office: Office, vault: Vault) -> None:
    for trigger, email in (
        ("BOOKING_CREATED", "priya@acme.example"),
        ("BOOKING_CREATED", "tomas@acme.example"),
        ("BOOKING_PAID", "priya@acme.example"),
        ("BOOKING_CREATED", "Priya@ACME.example"),
    ):
        office.comes(trigger=trigger, attendees=[{"name": "Priya", "email": email, "timeZone": "Europe/Paris"}])

    with contextlib.closing(Box(office.store, vault)) as box:

        def counted(*triggers: str, pcid: str = "acme", after: int = 0, before: int = 9) -> int:
            since, until = START + timedelta(minutes=after), START + timedelta(minutes=before)
            return box.count_events(pcid, triggers, "priya@acme.example", since=since, until=until)

        assert counted("BOOKING_CREATED") == 2
        assert counted("BOOKING_CREATED", "BOOKING_PAID") == 3
        assert counted("BOOKING_CREATED", before=4) == 1
        assert counted("BOOKING_CREATED", after=2) == 1
        assert counted("BOOKING_CREATED", pcid="other") == 0
