"""What the sandbox was told to do wrong, and how often still. Values only; `pipeline.py` and `sender.py` do it."""

from __future__ import annotations

from typing import Literal

import msgspec


class CallFault(msgspec.Struct, forbid_unknown_fields=True):
    """A fault of the API, for the next `times` calls of `method` (any) whose path contains `path` (any).

    `error_before` answers `status` without doing the thing, `error_after` does it first; 500 is Nest's bare error,
    502 to 504 the HTML of the edge. `throttle` answers 429 and says to wait `seconds`. `cut` does the thing and
    drops the connection in the middle of the answer. `slow` does the thing and answers `seconds` later.
    """

    kind: Literal["error_before", "error_after", "throttle", "cut", "slow"]
    method: str | None = None
    path: str | None = None
    times: int = 1
    seconds: float = 1.0
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
    """All faults that are still to happen."""

    calls: list[CallFault] = []
    deliveries: list[DeliveryFault] = []

    def take_for_call(self, method: str, path: str) -> CallFault | None:
        """The first fault that concerns this call, counted down."""
        for fault in self.calls:
            if fault.times > 0 and fault.fits(method, path):
                fault.times -= 1
                return fault
        return None

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
