"""One delivery body as Cal.com would send it now: the sample of a trigger, made fresh. Not signed, not sent.

The bodies beside this file (`bodies/<TRIGGER>[.v<version>].json`) are captures from Cal.com's own sender, of a
fictitious company. `CALENDAR_ENTRY_REJECTED` is the exception: Cal.com's API accepts that trigger and documents
its payload nowhere. No shape is known, so its body is a guess, a reduced booking block; rely on nothing in it.
The calendar files of BOOKING_PAID and BOOKING_RESCHEDULED are put right: captured, they named another booking.
FORM_SUBMITTED, DELEGATION_* and PING carry no id of their own: two of them differ by `createdAt` only.
"""

from __future__ import annotations

import json
import secrets
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Any
from zoneinfo import available_timezones

from ingest.samples.changes import Changes
from ingest.samples.identities import identities_of
from ingest.samples.rewriting import Rewriter, merged
from ingest.samples.schedule import schedule_of
from workers.errors import BadInput

_BODIES = resources.files("ingest.samples") / "bodies"
_NAMES = frozenset(entry.name.removesuffix(".json") for entry in _BODIES.iterdir())
#: the alphabet of Cal.com's booking uids (short UUIDs in base 58), always 22 characters
_UID_ALPHABET = "123456789abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ"
_UID_LENGTH = 22
_FLAT = ("MEETING_STARTED", "MEETING_ENDED")

#: every trigger that `sample` knows, in alphabetical order: the 28 of Cal.com's live API, and PING
TRIGGERS_WITH_SAMPLES = tuple(sorted(name for name in _NAMES if ".v" not in name))
#: the values of `X-Cal-Webhook-Version`; the later one adds calendar files to five triggers
VERSIONS = ("2021-10-20", "2026-07-27")


def fresh_uid() -> str:
    """A booking uid nobody has yet, in Cal.com's spelling."""
    return "".join(secrets.choice(_UID_ALPHABET) for _ in range(_UID_LENGTH))


def sample(
    trigger: str,
    *,
    now: datetime,
    version: str = VERSIONS[0],
    uid: str | None = None,
    changes: Changes | None = None,
) -> bytes:
    """The body of `trigger` as sent at `now` (aware): one line of UTF-8, exactly as `JSON.stringify` writes it.

    `uid` is short for `changes.uid`; without either a fresh one is drawn. The times keep their distance from the
    moment of sending, moved by whole quarters of an hour (whole days for an absence). A version in which the
    trigger has no form of its own gives the earlier form, as Cal.com does. Raises `BadInput` for a trigger or a
    version there is no sample of, and for a time zone that does not exist.
    """
    wanted = changes or Changes()
    for zone in filter(None, (wanted.organizer.time_zone, wanted.attendee.time_zone)):
        if zone not in _zones():
            raise BadInput(f"changes: there is no time zone {zone!r}; give an IANA name such as Europe/London.")
    body = _body(trigger, version)
    inner = body if trigger in _FLAT else body["payload"]
    identities = identities_of(trigger, inner, uid or wanted.uid or fresh_uid(), wanted)
    try:
        schedule = schedule_of(trigger, body, inner, now, wanted)
        made = Rewriter(identities, schedule, wanted, now).rewrite(body)
    except OverflowError:
        raise BadInput("changes: the times are too far from now; keep within the years 1 to 9999.") from None
    over = wanted.payload or {}
    return to_json(merged(made, over if trigger in _FLAT else {"payload": over}))


def to_json(document: object) -> bytes:
    """`document` as Cal.com writes it: no spaces, and nothing escaped that JSON does not demand."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    # JSON.stringify escapes a lone surrogate, which UTF-8 cannot carry; nothing else reaches this handler
    return text.encode("utf-8", "backslashreplace")


def _body(trigger: str, version: str) -> dict[str, Any]:
    if trigger not in TRIGGERS_WITH_SAMPLES:
        raise BadInput(f"There is no sample of {trigger!r}; there is one of: {', '.join(TRIGGERS_WITH_SAMPLES)}.")
    if version not in VERSIONS:
        raise BadInput(f"There is no webhook version {version!r}; there are: {', '.join(VERSIONS)}.")
    own_form = f"{trigger}.v{version}"
    document: dict[str, Any] = json.loads(_read(own_form if own_form in _NAMES else trigger))
    return document


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


@cache
def _read(name: str) -> bytes:
    return (_BODIES / f"{name}.json").read_bytes()
