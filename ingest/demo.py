"""The demo's Cal.com: the sandbox as a process, a connection to it, its webhook registered through the tools.

What it sends is real: signed over HTTP by another process, on Cal.com's terms. How it looks is `cli/demo.py`'s.
"""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx2

from ingest.machine import responds
from ingest.samples import STORIES, TRIGGERS_WITH_SAMPLES
from ingest.supervise import Child, Supervisor
from workers import reach, register
from workers.calcom.connection import BearerKey
from workers.desired import Desired
from workers.register import Registry
from workers.settings import Settings
from workers.store import connections
from workers.store.connections import Connection, Kind
from workers.store.engine import Store, open_store
from workers.vault import open_vault

#: the demo's names: a connection and a webhook
PCID = "demo"
WEBHOOK = "demo"
_ORG_ID = 4821
_API_KEY = "cal_sandbox_owner"
#: the slug of the event type that the demo's rule is about
TIME_OFF = "time-off"
RULE = f"""
rules:
  - name: time-off-booking-blocks-calendar
    description: A time-off booking makes an out-of-office entry, and cancelling it takes the entry away.
    on: [BOOKING_CREATED]
    when: event.type == "{TIME_OFF}"
    once_per: ${{{{ event.booking.uid }}}}
    do:
      - id: ooo
        tool: cal_organizations_users_ooocontroller_create_organization_user_ooo
        with:
          userId: ${{{{ event.organizer.id }}}}
          start: ${{{{ event.start.dayIn(event.organizer.time_zone) }}}}
          end: ${{{{ event.end.dayIn(event.organizer.time_zone) }}}}
          reason: vacation
    undo:
      on: [BOOKING_CANCELLED, BOOKING_REJECTED]
      when: event.type == "{TIME_OFF}"
      do:
        - tool: cal_organizations_users_ooocontroller_delete_organization_user_ooo
          with:
            userId: ${{{{ run.ooo.userId }}}}
            oooId: ${{{{ run.ooo.id }}}}
"""
#: sent in this order when the demo begins; PING is the test button's, not a trigger to subscribe to
OPENING: Sequence[str] = tuple(trigger for trigger in TRIGGERS_WITH_SAMPLES if trigger != "PING")


@dataclass(frozen=True, slots=True)
class Stage:
    """Where the stand-in Cal.com is; `send` and `tell` make it send."""

    address: str

    async def send(self, trigger: str) -> None:
        """One event of `trigger`, delivered to whoever subscribed; a new booking is for time off."""
        changes = {"type": TIME_OFF, "title": "Time off: Maya Okonkwo"} if trigger == "BOOKING_CREATED" else {}
        await self._ask("emit", {"trigger": trigger, "changes": changes})

    async def tell(self, story: str) -> None:
        """A booking's life: several events of one booking, each after the one before."""
        await self._ask("story", {"name": story, "gap": 1.0})

    async def _ask(self, what: str, body: dict[str, Any]) -> None:
        async with httpx2.AsyncClient(timeout=10, trust_env=False) as client:
            (await client.post(f"{self.address}/_sandbox/{what}", json=body)).raise_for_status()


def rules(settings: Settings) -> Path:
    """The folder with the demo's own rule: those of a real organization are not for what is made up."""
    folder = settings.data_dir / "demo-rules"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "time-off.yaml").write_text(RULE.lstrip(), "utf-8")
    return folder


def stories() -> Sequence[str]:
    """The names of the stories that can be told."""
    return tuple(STORIES)


@contextlib.asynccontextmanager
async def sandbox(log_to: Path) -> AsyncIterator[Stage]:
    """The stand-in Cal.com as a process of its own, while the block runs."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    argv = [sys.executable, "-P", "-m", "ingest.sandbox", "--port", str(port), "--org-id", str(_ORG_ID)]
    child = Child(
        "sandbox",
        [*argv, "--api-key", _API_KEY],
        ready=partial(responds, f"{address}/_sandbox/faults"),
        log_to=log_to / "sandbox.log",
    )
    supervisor = Supervisor()
    try:
        await supervisor.start(child)
        yield Stage(address)
    finally:
        await supervisor.stop()


def subscribe(settings: Settings, stage: Stage) -> int:
    """Connect to the sandbox and register a webhook for every trigger, as `daybook connections add` and
    `daybook webhooks apply` do. Returns the number of triggers."""
    with contextlib.closing(open_store(settings.database, pool_size=2)) as store:
        vault = open_vault(settings)
        _connect(store, settings, stage)
        wanted = Desired(WEBHOOK, PCID)
        registry = Registry(store, vault, settings.base_url, partial(reach.reach, store, vault))
        _, failures = register.apply(registry, [wanted])
        for failure in failures:
            raise failure.error
        return len(wanted.triggers)


def _connect(store: Store, settings: Settings, stage: Stage) -> None:
    vault = open_vault(settings)
    connection = Connection(
        PCID, Kind.CALCOM, f"{stage.address}/v2", _ORG_ID, per_minute=90, created_at=datetime.now(UTC)
    )
    credential = reach.pack(BearerKey(_API_KEY))
    with store.write() as sql:
        if not connections.replace(sql, vault, connection, credential):
            connections.add(sql, vault, connection, credential)
