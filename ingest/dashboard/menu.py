"""What the menu of the pages offers, in its order, and to whom."""

from __future__ import annotations

from dataclasses import dataclass

from workers.store.keys import Role


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the menu; `key` is pressed after `g` to go there."""

    path: str
    name: str
    key: str
    role: Role = Role.VIEWER

    def holds(self, here: str) -> bool:
        """Whether a page belongs under this entry."""
        return here == self.path or (self.path != "/" and here.startswith(f"{self.path}/"))


MENU = (
    Entry("/", "Overview", "o"),
    Entry("/events", "Events", "e"),
    Entry("/deliveries", "Deliveries", "d"),
    Entry("/bookings", "Bookings", "b"),
    Entry("/rules", "Rules", "r"),
    Entry("/runs", "Runs", "u"),
    Entry("/webhooks", "Webhooks", "w"),
    Entry("/quarantine", "Quarantine", "q"),
    Entry("/connections", "Connections", "c"),
    Entry("/keys", "Keys", "k", Role.ADMIN),
    Entry("/audit", "Audit", "a", Role.ADMIN),
    Entry("/settings", "Settings", "s", Role.ADMIN),
)
