"""Send events to the webhooks that subscribe to them, as Cal.com does: at most four times, in no order.

Its tasks belong to `async with Sender(...)` and end with it. Facts about retries and headers are `attempts.py`'s.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from types import TracebackType
from typing import Any, Self

import httpx2

from ingest.sandbox.attempts import GONE, headers, next_wait, signature
from ingest.sandbox.faults import DeliveryFault, Faults
from ingest.sandbox.setup import Options
from ingest.sandbox.state import Webhook, World, new_uuid
from ingest.sandbox.templates import rendered
from workers import certificates

#: attempts under way at the same time, as in Cal.com's first pass
_PARALLEL = 10
#: of an answer no more is read than this; only its status counts
_MOST_ANSWER = 65_536
_MOST_ATTEMPTS_KEPT = 200_000


@dataclass(frozen=True, slots=True)
class Outgoing:
    """An event to be sent: its body by webhook version. `version` overrules the webhook's own."""

    trigger: str
    organization_id: int
    body: Callable[[str], bytes]
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of one delivery. `status` None: no answer came (`error` says why), or it was dropped."""

    delivery: str
    webhook: str
    trigger: str
    attempt: int
    status: int | None
    error: str | None
    sha256: str
    signed_with: str
    at: datetime


@dataclass(slots=True)
class _Shipment:
    """One event on its way to one webhook."""

    id: str
    webhook: Webhook
    trigger: str
    body: bytes
    content_type: str
    version: str
    faults: dict[str, DeliveryFault]
    #: set when the first attempt is over, or when something may overtake it
    passed: asyncio.Event = field(default_factory=asyncio.Event)


class Sender:
    """The deliveries of one sandbox."""

    def __init__(self, world: World, faults: Faults, options: Options) -> None:
        self.attempts: deque[Attempt] = deque(maxlen=_MOST_ATTEMPTS_KEPT)
        self._world = world
        self._faults = faults
        self._options = options
        self._tasks: set[asyncio.Task[None]] = set()
        self._held: dict[str, list[asyncio.Event]] = {}
        self._lines = asyncio.Semaphore(_PARALLEL)
        self._room = asyncio.Semaphore(options.capacity)
        self._luck = random.Random()  # noqa: S311 - jitter, not a secret

    async def __aenter__(self) -> Self:
        self._client = httpx2.AsyncClient(
            follow_redirects=False, trust_env=False, timeout=None, verify=certificates.known()
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
        await self._client.aclose()

    @property
    def pending(self) -> int:
        """Deliveries under way or waiting for another attempt, and makers of such."""
        return len(self._tasks)

    async def send(self, event: Outgoing) -> list[asyncio.Event]:
        """Start the event's delivery to every webhook that subscribes to it; waits while there is no room.

        Returns one signal per webhook, set when its first attempt is over.
        """
        shipments = []
        for webhook in self.subscribers(event.trigger, event.organization_id):
            version = event.version or webhook.version
            body, content_type = rendered(event.trigger, event.body(version), webhook.payload_template)
            await self._room.acquire()
            shipment = _Shipment(
                new_uuid(),
                webhook,
                event.trigger,
                body,
                content_type,
                version,
                self._faults.take_for_delivery(event.trigger, webhook.id),
            )
            shipments.append(shipment)
            self.start(self._carry(shipment)).add_done_callback(lambda _: self._room.release())
        return [shipment.passed for shipment in shipments]

    def subscribers(self, trigger: str, organization_id: int) -> list[Webhook]:
        """The organization's active webhooks for the trigger, once by id: two with one URL are two deliveries."""
        return [
            webhook
            for webhook in self._world.webhooks.values()
            if webhook.active and webhook.team_id == organization_id and trigger in webhook.triggers
        ]

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run `work` in the background for as long as the sender lives."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def idle(self) -> None:
        """Wait until nothing is on its way any more."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def stop(self) -> None:
        """Drop everything that is on its way."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _carry(self, shipment: _Shipment) -> None:
        """Take one delivery from its faults to its last attempt."""
        try:
            if "drop" in shipment.faults:
                self._record(shipment, 1, None, "dropped on purpose", "")
                return
            if fault := shipment.faults.get("delay"):
                shipment.passed.set()
                await asyncio.sleep(fault.seconds)
            if fault := shipment.faults.get("reorder"):
                await self._let_pass(shipment, fault.seconds)
            for _ in range(2 if "duplicate" in shipment.faults else 1):
                await self._deliver(shipment)
        finally:
            shipment.passed.set()

    async def _let_pass(self, shipment: _Shipment, seconds: float) -> None:
        passed_by = asyncio.Event()
        self._held.setdefault(shipment.webhook.id, []).append(passed_by)
        shipment.passed.set()
        try:
            async with asyncio.timeout(seconds):
                await passed_by.wait()
        except TimeoutError:
            pass  # nothing came to overtake it

    async def _deliver(self, shipment: _Shipment) -> None:
        attempt = 0
        wait: float | None = 0.0
        while wait is not None:
            await asyncio.sleep(wait * self._options.time_unit)
            attempt += 1
            status = await self._attempt(shipment, attempt)
            if status == GONE:
                shipment.webhook.active = False
            if attempt == 1:
                self._overtake(shipment)
            wait = next_wait(shipment.trigger, attempt, status, self._luck.random())

    def _overtake(self, shipment: _Shipment) -> None:
        shipment.passed.set()
        if "reorder" not in shipment.faults:
            for passed_by in self._held.pop(shipment.webhook.id, []):
                passed_by.set()

    async def _attempt(self, shipment: _Shipment, attempt: int) -> int | None:
        secret, signed_with = shipment.webhook.secret, "secret" if shipment.webhook.secret else "none"
        if "old_secret" in shipment.faults:
            secret, signed_with = shipment.webhook.old_secret or new_uuid(), "old secret"
        signed = signature(shipment.body, secret)
        written = headers(signed, shipment.version, shipment.content_type)
        status, error = None, None
        async with self._lines:
            try:
                async with asyncio.timeout(self._options.delivery_timeout):
                    status = await self._post(shipment.webhook.subscriber_url, shipment.body, written)
            except TimeoutError:
                error = "no answer in time"
            except (httpx2.HTTPError, httpx2.InvalidURL) as problem:
                error = type(problem).__name__
        self._record(shipment, attempt, status, error, signed_with)
        return status

    async def _post(self, url: str, body: bytes, written: dict[str, str]) -> int:
        async with self._client.stream("POST", url, content=body, headers=written) as answer:
            read = 0
            async for piece in answer.aiter_raw():
                read += len(piece)
                if read > _MOST_ANSWER:
                    break
        self._client.cookies.clear()  # Node's fetch keeps none
        return answer.status_code

    def _record(
        self, shipment: _Shipment, attempt: int, status: int | None, error: str | None, signed_with: str
    ) -> None:
        self.attempts.append(
            Attempt(
                shipment.id,
                shipment.webhook.id,
                shipment.trigger,
                attempt,
                status,
                error,
                sha256(shipment.body).hexdigest(),
                signed_with,
                self._options.clock(),
            )
        )
