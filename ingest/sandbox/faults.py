"""What the sandbox was told to do wrong, and how often still. Values only; `pipeline.py` and `sender.py` do it."""

from __future__ import annotations

import random
from typing import Annotated, Literal

import msgspec

#: of the calls that a fault fits, the share that it happens to
Chance = Annotated[float, msgspec.Meta(ge=0, le=1)]
#: longer than any client waits
Seconds = Annotated[float, msgspec.Meta(ge=0, le=600)]


class CallFault(msgspec.Struct, forbid_unknown_fields=True):
    """A fault of the API, for the next `times` calls of `method` (any) whose path contains `path` (any), or, with
    `chance`, for that share of them until it happened so often.

    `error_before` answers `status` without doing the thing, `error_after` does it first; 500 is Nest's bare error,
    502 to 504 the HTML of the edge. `throttle` answers 429 and says to wait `seconds`. `cut` does the thing and
    drops the connection in the middle of the answer, `cut_before` drops it so without doing the thing. `slow` does
    the thing and answers `seconds` later; `hang` does nothing, and drops the connection `seconds` later.
    """

    kind: Literal["error_before", "error_after", "throttle", "cut_before", "cut", "hang", "slow"]
    method: str | None = None
    path: str | None = None
    times: int = 1
    chance: Chance = 1.0
    seconds: Seconds = 1.0
    status: Literal[500, 502, 503, 504] = 500

    def fits(self, method: str, path: str) -> bool:
        """Does the fault concern this call?"""
        return (self.method or method).upper() == method and (self.path or "") in path


class DeliveryFault(msgspec.Struct, forbid_unknown_fields=True):
    """A fault of the deliveries, for the next `times` of `trigger` (any) to `webhook` (any).

    `delay` waits `seconds` before the first attempt. `reorder` lets the webhook's next delivery pass first, and
    waits for it at most `seconds`. `duplicate` sends the delivery a second time when it is done. `drop` never
    sends it. `old_secret` signs with the secret before the last rotation, or with one nobody knows if there was
    no rotation. Seconds are real ones, not scaled.
    """

    kind: Literal["delay", "reorder", "duplicate", "drop", "old_secret"]
    trigger: str | None = None
    webhook: str | None = None
    times: int = 1
    seconds: float = 5.0

    def fits(self, trigger: str, webhook_id: str) -> bool:
        """Does the fault concern this delivery?"""
        return self.trigger in (None, trigger) and self.webhook in (None, webhook_id)


class Faults(msgspec.Struct, forbid_unknown_fields=True):
    """All faults that are still to happen. Chances are drawn from `seed`; `drawn` counts how many were."""

    calls: list[CallFault] = []
    deliveries: list[DeliveryFault] = []
    seed: int = 0
    drawn: int = 0

    def take_for_call(self, method: str, path: str) -> CallFault | None:
        """The first fault that concerns this call, counted down."""
        for fault in self.calls:
            if fault.times > 0 and fault.fits(method, path) and self._befalls(fault.chance):
                fault.times -= 1
                return fault
        return None

    def _befalls(self, chance: float) -> bool:
        if chance >= 1:
            return True
        self.drawn += 1
        return random.Random(f"{self.seed} {self.drawn}").random() < chance  # noqa: S311 - chance, not a secret

    def take_for_delivery(self, trigger: str, webhook_id: str) -> dict[str, DeliveryFault]:
        """The faults that concern this delivery by kind, each counted down: several may come together."""
        taken: dict[str, DeliveryFault] = {}
        for fault in self.deliveries:
            if fault.times > 0 and fault.kind not in taken and fault.fits(trigger, webhook_id):
                fault.times -= 1
                taken[fault.kind] = fault
        return taken

    def replace(self, others: Faults) -> None:
        """From now on only `others`."""
        self.calls, self.deliveries = others.calls, others.deliveries
        self.seed, self.drawn = others.seed, others.drawn
