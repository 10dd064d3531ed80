"""One sandbox: its world, its faults, what was called and done, and its sender. It knows nothing of HTTP."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta

from ingest.sandbox.effects import Effects
from ingest.sandbox.faults import Faults
from ingest.sandbox.gate import Throttle
from ingest.sandbox.seed import seeded
from ingest.sandbox.sender import Sender
from ingest.sandbox.setup import Options
from ingest.sandbox.state import World

_MOST_CALLS_KEPT = 200_000


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One call of the API. `status` is the one that was meant, `fault` what became of it on the way."""

    at: datetime
    method: str
    path: str
    status: int
    fault: str | None
    request_id: str


class Sandbox:
    """Everything that one sandbox remembers."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.faults = Faults()
        self.calls: deque[CallRecord] = deque(maxlen=_MOST_CALLS_KEPT)
        self.effects = Effects()
        self.throttle = Throttle()
        self.world: World = seeded(options)
        self.sender = Sender(self.world, self.faults, options)
        self._own_throttles: dict[str, Throttle] = {}

    def own_throttle(self, name: str, window: timedelta) -> Throttle:
        """The counts of an endpoint that has a limit of its own."""
        return self._own_throttles.setdefault(name, Throttle(window, window))

    async def reset(self) -> None:
        """Begin again as at the start; deliveries under way are dropped."""
        await self.sender.stop()
        fresh = seeded(self.options)
        for name in World.__dataclass_fields__:
            setattr(self.world, name, getattr(fresh, name))
        self.faults.replace(Faults())
        self.calls.clear()
        self.effects.clear()
        self.sender.attempts.clear()
        self.throttle = Throttle()
        self._own_throttles.clear()
