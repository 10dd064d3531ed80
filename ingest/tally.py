"""How many deliveries were answered how, since this process began. For its event loop alone; nothing is shared."""

from __future__ import annotations

from collections import Counter


class Tally:
    """Counts by verdict on the signature and status of the answer. `none`: refused before it was looked at."""

    def __init__(self) -> None:
        self.answered: Counter[tuple[str, int]] = Counter()

    def note(self, verdict: str, status: int) -> None:
        """A delivery was answered."""
        self.answered[verdict, status] += 1
