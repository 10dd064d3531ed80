"""The rules that are live in this process: read from their folder, read again when a file changes, kept in SQL.

A file that is broken changes nothing: the rules it had stay as they were, also over a restart, and its faults are
told. What a rule says is `workers.rules`'.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import structlog
from sqlalchemy import Connection

from workers.errors import NotFound
from workers.rules.kinds import KindSpec
from workers.rules.load import Fault, RuleSet, read_folder, read_text
from workers.rules.rule import Rule
from workers.store import rules
from workers.store.engine import Store

log = structlog.get_logger(__name__)

#: seconds between two looks at the folder
LOOK = 1.0
#: (path, modified, bytes) of each file: equal means unchanged
_Fingerprint = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class Live:
    """What is live: the rules, and the id of each one's version."""

    rules: RuleSet
    versions: Mapping[str, UUID]
    faults: Sequence[Fault] = ()


NOTHING = Live(RuleSet([]), {})


class Rulebook:
    """`live()` are the rules now; `rule(version_id)` is any that ever was. Safe to share between threads."""

    def __init__(
        self,
        store: Store,
        folder: Path,
        kinds: Mapping[str, KindSpec],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._folder = folder
        self._kinds = kinds
        self._clock = clock
        #: held while the folder is read into SQL, and so never asked for by whoever has a transaction open
        self._looking = threading.Lock()
        self._live = NOTHING
        self._seen: _Fingerprint | None = None
        self._looked_at = -LOOK
        self._compiled: dict[UUID, Rule] = {}

    def live(self) -> Live:
        """The live rules. Raises StoreUnavailable where SQL is away when they have changed."""
        with self._looking:
            if self._clock() >= self._looked_at + LOOK:
                seen = fingerprint(self._folder)
                if seen != self._seen:
                    self._live = self._read()
                    self._seen = seen
                self._looked_at = self._clock()
            return self._live

    def kept(self) -> Live:
        """The rules that are live by what SQL says, for who has not the folder: nothing is read from it, nothing taken
        up. A version that can no longer be read is left out. Raises StoreUnavailable."""
        found: dict[str, Rule] = {}
        versions: dict[str, UUID] = {}
        with self._store.read() as connection:
            for version in rules.live(connection):
                with contextlib.suppress(NotFound):
                    found[version.name] = self.rule(connection, version.id)
                    versions[version.name] = version.id
        return Live(RuleSet(found.values()), versions) if found else NOTHING

    def rule(self, connection: Connection, version_id: UUID) -> Rule:
        """The rule of a version, compiled. Raises NotFound where it is unknown or can no longer be read."""
        known = self._compiled.get(version_id)  # without a lock: a version is the same whoever compiled it
        if known is not None:
            return known
        version = rules.version(connection, version_id)
        if version is None:
            raise NotFound(f"there is no version {version_id} of a rule.")
        found, faults = read_text(version.source, version.file, self._kinds)
        if faults:
            raise NotFound(f"version {version_id} of rule {version.name} can no longer be read: {faults[0].message}")
        self._compiled[version_id] = found[0]
        return found[0]

    def _read(self) -> Live:
        read, faults = read_folder(self._folder, self._kinds)
        broken = {fault.file for fault in faults}
        good = {rule.name: rule for rule in read.rules.values() if rule.file not in broken}
        now = datetime.now(UTC)
        with self._store.write() as connection:
            before = {version.name: version for version in rules.live(connection)}
            stay = {name: one for name, one in before.items() if one.file in broken and name not in good}
            versions = {
                rule.name: rules.keep(
                    connection, name=rule.name, digest=rule.digest, source=rule.source, file=rule.file, now=now
                )
                for rule in good.values()
            }
            rules.retire(connection, sorted(before.keys() - good.keys() - stay.keys()))
        for fault in faults:
            log.error("rules.fault", file=fault.file, line=fault.line, column=fault.column, reason=fault.message)
        for name, version in stay.items():
            kept, worse = read_text(version.source, version.file, self._kinds)
            if not worse:
                good[name], versions[name] = kept[0], version.id
        for name, rule in good.items():
            self._compiled[versions[name]] = rule
        changed = [name for name, one in versions.items() if name not in before or before[name].id != one]
        log.info("rules.read", rules=len(good), changed=sorted(changed), kept_as_they_were=sorted(stay))
        return Live(RuleSet(good.values()), versions, tuple(faults)) if good or faults else NOTHING


def fingerprint(folder: Path) -> _Fingerprint:
    """What tells whether a rule file changed, without reading any."""
    found: list[tuple[str, int, int]] = []
    for path in sorted([*folder.rglob("*.yaml"), *folder.rglob("*.yml")]):
        try:
            stat = path.stat()
        except OSError:  # a dangling link, or gone between the two looks
            found.append((str(path), 0, -1))
        else:
            found.append((str(path), stat.st_mtime_ns, stat.st_size))
    return tuple(found)
