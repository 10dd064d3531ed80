"""A picture of a list and the list as it is now: what changed, and what is kept as the next picture. Pure.

A row that one answer left a field out of keeps what was known of it. What may still be told by a delivery, and what
may only seem to be gone, waits in the picture until a later look sees it again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from workers.gaps.parts import Document

#: a list that loses more than half of its rows at once, of at least so many, is looked at a second time
_FEW = 4


class Kind(StrEnum):
    """What happened to a row."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"


class Verdict(StrEnum):
    """What is done about a change."""

    TELL = "tell"  #: it becomes an event
    HEARD = "heard"  #: the history has it, or nobody needs it: only the picture changes
    WAIT = "wait"  #: a delivery may be on its way, or the row may be back at the next look


@dataclass(frozen=True, slots=True)
class Row:
    """A row as the picture has it. `waits_since`: a change of it was first seen then, and is not told yet; one without
    a document was not there before."""

    document: Document | None
    waits_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One row that differs: as it was, as it is, and the names of the fields that are otherwise."""

    kind: Kind
    key: str
    before: Document | None
    now: Document | None
    fields: tuple[str, ...] = ()
    #: where it waited: when it was first seen
    waited_since: datetime | None = None


@dataclass(slots=True)
class Compared:
    """What came of it: changes to be told, rows of the picture to be written and to be forgotten, changes that wait."""

    changes: list[Change] = field(default_factory=list)
    keep: dict[str, Row] = field(default_factory=dict)
    forget: list[str] = field(default_factory=list)
    waiting: int = 0

    def cut(self, most: int) -> bool:
        """Leave all but the first so many changes for another time, as if they had not been seen; False where there
        are no more."""
        left = {change.key for change in self.changes[most:]}
        self.changes = self.changes[:most]
        self.keep = {key: row for key, row in self.keep.items() if key not in left}
        self.forget = [key for key in self.forget if key not in left]
        return bool(left)


def first(there: Mapping[str, Document]) -> Compared:
    """The first look: it only takes the picture."""
    return Compared(keep={key: Row(document) for key, document in there.items()})


def compare(
    before: Mapping[str, Row],
    there: Mapping[str, Document],
    *,
    now: datetime,
    grace: timedelta,
    verdict: Callable[[Change], Verdict] = lambda change: Verdict.TELL,
    unsaid: Collection[str] = (),
    whole: bool = True,
    at_once: bool = True,
) -> Compared:
    """What differs. Not `whole`: some rows could not be read, so none of those that are not there is taken for gone.
    Not `at_once`: the list came in several pages, and Cal.com orders them by nothing; what is gone is looked for again.
    """
    found = Compared()
    gone = [key for key, row in before.items() if key not in there and row.document is not None]
    sure = at_once and not _FEW < len(before) < 2 * len(gone)
    for key, document in there.items():
        row = before.get(key)
        if row is None or row.document is None:
            change = Change(Kind.ADDED, key, None, document)
            _settle(found, change, row, document, verdict(change), now=now, grace=grace)
            continue
        joined = {**row.document, **document}
        fields = tuple(
            name
            for name, value in document.items()
            if name in row.document and name not in unsaid and row.document[name] != value
        )
        if fields:
            change = Change(Kind.CHANGED, key, row.document, joined, fields)
            _settle(found, change, row, joined, verdict(change), now=now, grace=grace)
        elif joined != row.document or row.waits_since is not None:
            found.keep[key] = Row(joined)
    if whole:
        found.forget += [key for key, row in before.items() if key not in there and row.document is None]
        for key in gone:
            change = Change(Kind.REMOVED, key, before[key].document, None)
            decided = verdict(change)
            if decided is Verdict.TELL and not sure:
                decided = Verdict.WAIT
            _settle(found, change, before[key], None, decided, now=now, grace=grace)
    return found


def _settle(
    found: Compared,
    change: Change,
    row: Row | None,
    document: Document | None,
    verdict: Verdict,
    *,
    now: datetime,
    grace: timedelta,
) -> None:
    since = row.waits_since if row is not None else None
    if verdict is Verdict.WAIT and (since is None or now - since < grace):
        found.waiting += 1
        if since is None:
            found.keep[change.key] = Row(row.document if row is not None else None, now)
        return
    if verdict is not Verdict.HEARD:
        found.changes.append(replace(change, waited_since=since))
    if document is None:
        found.forget.append(change.key)
    else:
        found.keep[change.key] = Row(document)
