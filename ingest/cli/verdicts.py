"""What a check of `daybook doctor` says: values only. The checks are in `machine_checks` and `outside_checks`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARN = "warn"  #: it works, and something should be seen to
    FAIL = "fail"  #: it does not work


@dataclass(frozen=True, slots=True)
class Verdict:
    """One line: what was looked at, what was seen, and what to do about it."""

    check: str
    state: State
    detail: str
    remedy: str = ""


def ok(check: str, detail: str) -> Verdict:
    """All is well."""
    return Verdict(check, State.OK, detail)


def warn(check: str, detail: str, remedy: str) -> Verdict:
    """It works, though."""
    return Verdict(check, State.WARN, detail, remedy)


def fail(check: str, detail: str, remedy: str) -> Verdict:
    """It does not work."""
    return Verdict(check, State.FAIL, detail, remedy)
