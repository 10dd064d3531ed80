"""When something is tried again, and when no more. Pure: the caller brings the dice."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Retry:
    """How often and how patiently. Seconds, but for `attempts`, which counts the first one."""

    attempts: int = 8
    first: float = 10.0
    longest: float = 3600.0

    def pause(self, attempt: int, dice: float, *, at_least: float = 0.0) -> float | None:
        """Seconds to wait after the attempt of that number (1 is the first) failed; None: it was the last.

        The pause doubles with each attempt up to `longest`; of it, `dice` (0 to 1) decides the second half, so that
        what failed together is not tried again together. `at_least` is what whoever refused asked for.
        """
        if attempt >= self.attempts:
            return None
        whole = min(self.longest, self.first * 2.0 ** min(attempt - 1, 64))
        return max(at_least, whole / 2 + dice * whole / 2)
