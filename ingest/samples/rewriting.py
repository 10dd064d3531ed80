"""Rewrite a captured body into another booking at another time, and keep its shape. Pure.

Every value is found by what it is (this host's e-mail, that booking's uid, the start of the meeting), not by
where it lies: Cal.com repeats one fact in many places, calendar files and messages included.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5
from zoneinfo import ZoneInfo

from ingest.samples.changes import Changes
from ingest.samples.identities import GUEST_NAME, Identities, number_from, uuid_from
from ingest.samples.schedule import Schedule
from ingest.samples.times import move_instants

#: keys whose integer is an identity drawn from the uid
_NUMBERS = ("responseId", "paymentId")
#: keys whose text is a UUID drawn from the uid
_UUIDS = ("uuid", "oneTimePassword", "requestId")
#: keys that say when a row was written
_WRITTEN = ("createdAt", "updatedAt")
_DURATION = re.compile(r"DURATION:PT\d+M")
_MINUTE = timedelta(minutes=1)


def merged(base: Any, over: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with `over` laid over it: objects are merged key by key, everything else is replaced."""
    out = dict(base) if isinstance(base, dict) else {}
    for key, value in over.items():
        out[key] = merged(out.get(key), value) if isinstance(value, Mapping) else value
    return out


class Rewriter:
    """Rewrites the values of one body, key by key."""

    def __init__(self, identities: Identities, schedule: Schedule, changes: Changes, now: datetime) -> None:
        self._new = identities
        self._schedule = schedule
        self._changes = changes
        self._now = now
        longest_first = sorted(identities.texts, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first)) or "(?!)")

    def rewrite(self, value: Any, key: str = "") -> Any:
        """`value`, which lies under `key`, and all that is in it."""
        if isinstance(value, dict):
            return self._object(value)
        if isinstance(value, list):
            return [self.rewrite(item, key) for item in value]
        if isinstance(value, str):
            return self._text(value, key)
        if isinstance(value, int) and not isinstance(value, bool):
            return self._number(value, key)
        return value

    def _object(self, value: dict[str, Any]) -> dict[str, Any]:
        out = {key: self.rewrite(item, key) for key, item in value.items()}
        if "email" in out and "timeZone" in out:
            self._set_zone(out)
        if out.get("idempotencyKey"):
            # Cal.com draws it from the booking's times and host: STARTED and ENDED of one booking share it
            name = f"{out['startTime']}.{out['endTime']}.{out['userId']}"
            out["idempotencyKey"] = str(uuid5(NAMESPACE_URL, name))
        return out

    def _text(self, value: str, key: str) -> str:
        if key in _UUIDS:
            return str(uuid_from(self._new.uid, key))
        if key in _WRITTEN:
            return move_instants(value, self._schedule.move_exactly)
        if key in ("firstName", "lastName"):
            first, _, last = (self._changes.attendee.name or GUEST_NAME).partition(" ")
            return first if key == "firstName" else last
        if key == "usernameInOrg":
            return self._changes.organizer.username or value
        if key in ("type", "slug") and value in self._new.slugs:
            return self._new.slugs[value]
        text = self._known.sub(lambda match: self._new.texts[match[0]], value)
        text = _DURATION.sub(f"DURATION:PT{self._schedule.minutes}M", text)
        return move_instants(text, self._schedule.move)

    def _number(self, value: int, key: str) -> int:
        if key in _NUMBERS:
            return number_from(self._new.uid, key)
        if key == "length":
            return self._schedule.minutes
        return self._new.numbers.get(value, value)

    def _set_zone(self, person: dict[str, Any]) -> None:
        """A person's own time zone, and the offset in minutes that Cal.com adds as it sends."""
        if person["email"] == self._new.host_email:
            person["timeZone"] = self._changes.organizer.time_zone or person["timeZone"]
        elif person["email"] == self._new.guest_email:
            person["timeZone"] = self._changes.attendee.time_zone or person["timeZone"]
        if "utcOffset" in person:
            offset = self._now.astimezone(ZoneInfo(person["timeZone"])).utcoffset()
            person["utcOffset"] = int((offset or timedelta()) / _MINUTE)
