"""Natural names of what our own actions cause, so that the event Cal.com sends of it is known as ours. Pure.

Only out-of-office entries come back as events (OOO_CREATED, of edits too), and the event may be here before the
answer to the call. A person who edits the same entry later causes an event of the same name: whoever compares has
to look at how long ago the action was, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workers.calcom import formats, ooo

CREATE = f"{ooo.PREFIX}create_organization_user_ooo"
UPDATE = f"{ooo.PREFIX}update_organization_user_ooo"


def of_call(tool: str, arguments: Mapping[str, Any], pcid: str) -> str | None:
    """The name of what the call causes an event of; None for every other call, and for one that cannot be made."""
    if tool not in (CREATE, UPDATE):
        return None
    user = _number(arguments.get("userId"))
    try:
        first, last = formats.first_day(arguments.get("start")), formats.last_day(arguments.get("end"))
    except ValueError:
        entry = _number(arguments.get("oooId"))
        return _entry(pcid, user, entry) if tool == UPDATE and None not in (user, entry) else None
    return _days(pcid, user, first, last) if user is not None else None


def of_event(event: Mapping[str, Any]) -> tuple[str, ...]:
    """The names under which an action may have caused the event, given as history shows it; () for most events.

    Cal.com writes an entry's days with the offset of the user's time zone: they are the days as they are written.
    """
    payload = event.get("payload")
    about = payload.get("oooEntry") if isinstance(payload, Mapping) else None
    if event.get("trigger") != "OOO_CREATED" or not isinstance(about, Mapping):
        return ()
    person, pcid = about.get("user"), str(event.get("connection"))
    user = _number(person.get("id")) if isinstance(person, Mapping) else None
    if user is None:
        return ()
    names = []
    first, last = about.get("start"), about.get("end")
    if isinstance(first, str) and isinstance(last, str):
        names.append(_days(pcid, user, first, last))
    if (entry := _number(about.get("id"))) is not None:
        names.append(_entry(pcid, user, entry))
    return tuple(names)


def _days(pcid: str, user: int | None, first: str, last: str) -> str:
    return f"ooo:{pcid}:{user}:{first[:10]}:{last[:10]}"


def _entry(pcid: str, user: int | None, entry: int | None) -> str:
    return f"ooo:{pcid}:{user}:{entry}"


def _number(value: object) -> int | None:
    """A whole number, which an expression may give as 41.0; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        return None
    return int(value)
