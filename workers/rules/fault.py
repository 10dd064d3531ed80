"""What is wrong with a rule file, and where."""

from __future__ import annotations

from dataclasses import dataclass

_LONGEST = 500


def shortened(message: str) -> str:
    """A message as long as people read: it may repeat what stands in a file."""
    return message if len(message) <= _LONGEST else f"{message[: _LONGEST - 1]}…"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing to mend. Lines and columns are counted from 1, columns in characters."""

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}"
