from __future__ import annotations

import contextlib
from collections.abc import Mapping

from sqlalchemy import select

from tests.contract.ledger.conftest import Make, NoBox, Office
from tests.contract.ledger.test_act import ONE
from tests.contract.store.filled import START
from workers.act import Acting
from workers.actions.kind import Call, Kind, Outcome, Toolbox
from workers.calcom.connection import BearerKey
from workers.calcom.rim import AS_USUAL, Timeouts
from workers.reach import pack
from workers.store import connections
from workers.store.clock import clock
from workers.store.engine import Store
from workers.store.tables import runs
from workers.toolbox import Box
from workers.vault import Vault


class Watched(Make):
    """Notes how long an attempt may take, and how long its run is held at that moment."""

    seen: list[float]
    office: Office

    def perform(self, call: Call, box: Toolbox) -> Outcome:
        with self.office.store.read() as connection:
            left = connection.execute(select(runs.c.held_until - clock(connection))).scalar_one()
        self.seen = [call.seconds, float(left)]
        return super().perform(call, box)


def test_an_attempt_may_take_half_of_the_time_that_its_run_is_held(office: Office) -> None:
    watched = Watched(office.world)
    watched.office = office
    kinds: Mapping[str, Kind] = {**office.kinds, "make": watched}
    office.rules(ONE)
    office.comes(uid="A")

    acting = Acting(office.store, office.book, kinds, NoBox(), holder="h", lease=40.0, clock=office.clock)

    assert acting.act()
    may_take, held = watched.seen
    assert may_take == 20.0
    assert 20.0 < held <= 40.0


def test_no_call_to_cal_com_takes_longer_than_an_attempt(store: Store, vault: Vault) -> None:
    row = connections.Connection("acme", connections.Kind.CALCOM, "http://127.0.0.1:9/v2", 1, 90, START)
    with store.write() as sql:
        connections.add(sql, vault, row, pack(BearerKey("cal_key")))

    def bounds(*attempt: float) -> tuple[Timeouts, float]:
        with contextlib.closing(Box(store, vault, *attempt)) as box:
            client = box.caller("acme")
            return client.timeouts, client._max_wait

    assert bounds() == (AS_USUAL, 5.0)
    assert bounds(2.5) == (Timeouts(connect=2.0, read=2.0, total=2.0), 0.25)
