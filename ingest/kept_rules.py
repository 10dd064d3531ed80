"""Live rules that are only there because their file can no longer be read as it is: which, and what is wrong."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # CEL takes half a second to load
    from workers.rules.fault import Fault
    from workers.rules.kinds import KindSpec
    from workers.rules.load import RuleSet
    from workers.store.rules import Version

#: a rule's state by what SQL says, and what it is called where the rule is kept
_KEPT = {"live": "kept", "dry run": "kept dry run"}


def kept(live: Sequence[Version], folder: RuleSet, faults: Sequence[Fault]) -> Mapping[str, Fault]:
    """The live rules that are kept, by name, each with what is wrong first in its file."""
    first: dict[Path, Fault] = {}
    for fault in faults:
        first.setdefault(Path(fault.file).resolve(), fault)  # a worker may have been told another way to the folder
    anew = {rule.name for rule in folder.rules.values() if Path(rule.file).resolve() not in first}
    found = {version.name: first.get(Path(version.file).resolve()) for version in live if version.name not in anew}
    return {name: fault for name, fault in found.items() if fault is not None}


def state(shown: str, fault: Fault | None) -> str:
    """A rule's state, given why it is kept, if it is."""
    return shown if fault is None else _KEPT.get(shown, shown)


class Folder:
    """The rule files as this process sees them, read again when one changes. Safe to share between threads.

    Where they are not here, as with workers on another machine, nothing is known of them, and nothing is said.
    """

    def __init__(self, path: Path, kinds: Mapping[str, KindSpec]) -> None:
        self._path = path
        self._kinds = kinds
        self._lock = threading.Lock()
        self._seen: object = None
        self._read: tuple[RuleSet, Sequence[Fault]] | None = None

    def kept(self, live: Sequence[Version]) -> Mapping[str, Fault]:
        """The live rules that are kept, by name, each with what is wrong first in its file."""
        from workers.rulebook import fingerprint
        from workers.rules.load import read_folder

        with self._lock:
            seen = fingerprint(self._path)
            if self._read is None or seen != self._seen:
                self._read, self._seen = read_folder(self._path, self._kinds), seen
            return kept(live, *self._read)
