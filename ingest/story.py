"""One booking as people ask for it: by its uid or the beginning of one, of a connection or whichever knows it.

What is made of it is in `booking_facts`, `changed`, `standing`; what rules made of it is in `hearing`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from ingest import beside, booking_facts, mentions, standing
from ingest.brevity import cut
from workers.store import beginnings, bookings, history, timeline
from workers.store.events import payloads
from workers.store.search import plain

#: characters of a uid that are worth looking for
_LEAST = 4
#: characters of a title in a sentence
_TITLE = 160
#: bytes of a delivery whose payload is read, and of all that are read for one page
_LARGEST, _ROOM = 256 * 1024, 2 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Story:
    """A booking. `told` is as `timeline.read` gives it, None where no event told of it; `aside` are deliveries that
    mention it, as `mentions.read`; `pcids` the connections that know it; `pcid` the one that this is of."""

    uid: str
    told: dict[str, Any] | None
    aside: list[dict[str, Any]]
    pcids: list[str]
    pcid: str | None

    @property
    def events(self) -> list[dict[str, Any]]:
        """Its events, in the order in which they arrived."""
        return self.told["events"] if self.told is not None else []

    def sentences(self, now: datetime, *, apart: bool = True) -> list[str]:
        """What happened to it, then what rules did, in a few plain sentences. `apart`: see `standing.standing`."""
        said = []
        if self.told is None:
            said.append(f"No event told of a booking {self.uid[:60]}.")
        else:
            state = self.told["state"]
            told = {**self.told, "state": {**state, "title": cut(state["title"], _TITLE)}}
            said.append(standing.standing(told, now=now, apart=standing.apart if apart else str))
            said.append(standing.done([run for event in self.events for run in event["runs"]]))
        if self.aside:
            said.append(mentions.counted(len(self.aside)))
        return said

    def dead(self) -> str | None:
        """The id of the first run that a person has to look at."""
        return next((run["id"] for event in self.events for run in event["runs"] if run["state"] == "dead"), None)

    def beside(self) -> list[str]:
        """Where it went, its seats, its series, in sentences."""
        return beside.sentences(self.told) if self.told is not None else []

    def facts(self, location: str | None) -> dict[str, Any] | None:
        """What is known of it; see `booking_facts.facts`."""
        return booking_facts.facts(self.told, location) if self.told is not None else None


def read(sql: Connection, uid: str, pcid: str | None) -> Story | None:
    """The story of the booking with this uid; None where nobody knows it.

    Where several connections know the uid and none is asked for, it is of the one that told of it last.
    """
    uid = plain(uid)
    known = bookings.pcids(sql, uid)
    told = timeline.read(sql, uid, pcid=pcid)
    if told is not None and pcid is None and len(known) > 1:
        last = [event["connection"] for event in told["events"] if event["connection"] in known]
        pcid = last[-1] if last else known[0]
        told = timeline.read(sql, uid, pcid=pcid)
    uids, ids = (told["uids"], {event["id"] for event in told["events"]}) if told is not None else ([uid], set())
    aside = mentions.read(sql, uids, ids, pcid)
    return Story(uid, told, aside, known, pcid) if told is not None or aside else None


def begun(sql: Connection, uid: str) -> list[str]:
    """The first few uids that begin so."""
    begins = uid.strip().removesuffix("…")
    return beginnings.uids(sql, begins) if len(begins) >= _LEAST else []


def bodies(sql: Connection, events: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The payloads of these events, the first of them before the last, by id: those for which there is room."""
    room, wanted = _ROOM, []
    for event in events:
        size = event["delivery"]["bytes"] if event["delivery"] is not None else 0
        if size <= min(room, _LARGEST):
            room -= size
            wanted.append(UUID(event["id"]))
    rows = [row for row in history.many(sql, wanted) if row is not None]
    return {str(event_id): payload for event_id, payload in payloads(sql, rows).items()}
