"""Two steps and a doubt: the rule, and a run of it of which nobody knows whether its first step was done."""

from __future__ import annotations

from tests.contract.ledger.conftest import Office, World, lost_after
from workers.actions.kind import Unknowable

TWO = """
rules:
  - name: one
    on: [BOOKING_CREATED]
    once_per: ${{ event.booking.uid }}
    do:
      - id: first
        make: thing of ${{ event.booking.uid }}
      - id: second
        make: another
"""


def nobody_can_tell(_world: World, _thing: str) -> Unknowable:
    return Unknowable("there is no way to look for it")


def in_doubt(office: Office) -> str:
    """The id of such a run."""
    office.comes(uid="A")
    office.world.script = [lost_after]
    office.world.probes = nobody_can_tell
    office.work()
    office.clock.forward(minutes=1)
    office.work()
    return str(office.runs()[-1].id)
