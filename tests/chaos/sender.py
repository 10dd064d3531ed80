"""A client that sends as Cal.com does: signed, in no order, each delivery up to four times, and never again after that.

What it is answered is kept, for it decides what has to be in the history in the end.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx2
from uuid_utils.compat import uuid4

from ingest import signatures
from ingest.samples import changes_from, sample

#: what Cal.com sends again; everything else but 2xx is dropped for good
RETRIED = frozenset({408, 429, 500, 502, 503, 504})
#: seconds that Cal.com waits for an answer
_TIMEOUT = 20.0
FIRST_DAY = datetime(2027, 1, 1, 9, tzinfo=UTC)


@dataclass
class Sent:
    """One delivery: how each time was answered, None where no answer came."""

    uid: str
    trigger: str
    number: int
    answers: list[int | None] = field(default_factory=list)

    @property
    def accepted(self) -> bool:
        """Whether Daybook said that it has it."""
        return any(answer is not None and 200 <= answer < 300 for answer in self.answers)

    @property
    def refused(self) -> int | None:
        """An answer upon which Cal.com would not send it again."""
        wrong = (answer for answer in self.answers if answer not in RETRIED and not self.accepted)
        return next((answer for answer in wrong if answer is not None), None)


@dataclass
class Sender:
    """Sends bookings, each on a day of its own, `rate` a second; every third that was accepted is cancelled later."""

    urls: Sequence[str]
    secret: bytes
    seed: int
    rate: float
    #: seconds before each further attempt
    pauses: Sequence[float]
    #: how many bookings at the most
    most: int = 3_000
    sent: list[Sent] = field(default_factory=list)

    def run(self, until: Callable[[], bool]) -> None:
        """Send until it is time to end; then wait for what is under way. Blocks."""
        asyncio.run(self._run(until))

    def answers(self) -> Counter[str]:
        """How often each answer came."""
        return Counter("no answer" if one is None else str(one) for each in self.sent for one in each.answers)

    async def _run(self, until: Callable[[], bool]) -> None:
        dice = random.Random(self.seed)
        limits = httpx2.Limits(max_connections=200, max_keepalive_connections=20)
        async with (
            httpx2.AsyncClient(timeout=_TIMEOUT, verify=False, trust_env=False, limits=limits) as client,
            asyncio.TaskGroup() as tasks,
        ):
            number = 0
            while not until() and number < self.most:
                tasks.create_task(self._booking(client, number, random.Random(dice.random())))
                number += 1
                await asyncio.sleep(dice.expovariate(self.rate))

    async def _booking(self, client: httpx2.AsyncClient, number: int, dice: random.Random) -> None:
        created = Sent(uuid4().hex, "BOOKING_CREATED", number)
        await self._deliver(client, created, dice)
        if created.accepted and number % 3 == 1:
            await asyncio.sleep(dice.random() * 3)
            await self._deliver(client, Sent(created.uid, "BOOKING_CANCELLED", number), dice)

    async def _deliver(self, client: httpx2.AsyncClient, sent: Sent, dice: random.Random) -> None:
        self.sent.append(sent)
        start = FIRST_DAY + timedelta(days=sent.number)
        changes = {"uid": sent.uid, "start": start.isoformat(), "end": (start + timedelta(hours=1)).isoformat()}
        body = sample(sent.trigger, now=datetime.now(UTC), changes=changes_from(changes))
        headers = {
            "Content-Type": "application/json",
            "X-Cal-Signature-256": signatures.sign(body, self.secret).decode(),
            "X-Cal-Webhook-Version": "2021-10-20",
        }
        for pause in (0.0, *self.pauses):
            await asyncio.sleep(pause * (0.75 + dice.random() / 2))
            try:
                answer = (await client.post(dice.choice(self.urls), content=body, headers=headers)).status_code
            except httpx2.HTTPError:
                answer = None
            sent.answers.append(answer)
            if answer is not None and answer not in RETRIED:
                return
