"""The webhooks a team wants: the `webhooks` section of daybook.yaml, as values. Pure; what is there is not known here.

```yaml
webhooks:
  - name: org
    connection: acme
    triggers: all            # or a list
    version: "2021-10-20"    # or 2026-07-27
    scope: organization
    active: true
    time: 5                  # with AFTER_… triggers: how long after the start an absence counts
    time_unit: MINUTE
```
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from workers.calcom.tool import INT32
from workers.calcom.webhooks import TRIGGERS, VERSIONS
from workers.errors import Misconfigured

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
TIME_UNITS = ("DAY", "HOUR", "MINUTE")
_KEYS = ("name", "connection", "triggers", "version", "scope", "active", "time", "time_unit")
#: what a Cal.com that a company runs itself may not know yet; the other 21 have been there since early 2026
NEWER_TRIGGERS = frozenset(
    {
        "BOOKING_LOCATION_UPDATED",
        "BOOKING_REASSIGNED",
        "INSTANT_MEETING_ACCEPTED",
        "DELEGATION_CREDENTIAL_SECRET_ROTATED",
        "DELEGATION_CREDENTIAL_ROTATION_REQUIRED",
        "DELEGATION_CREDENTIAL_SECRET_ROTATION_FAILED",
        "CALENDAR_ENTRY_REJECTED",
    }
)


class Scope(StrEnum):
    """What a webhook belongs to at Cal.com. The tools make those of the organization; others are made by hand."""

    ORGANIZATION = "organization"
    TEAM = "team"
    USER = "user"
    EVENT_TYPE = "event_type"
    OAUTH_CLIENT = "oauth_client"
    PLATFORM = "platform"


@dataclass(frozen=True, slots=True)
class Desired:
    """One webhook as it is wanted. `everything`: `triggers` are all that Cal.com has, not a list someone chose."""

    name: str
    connection: str
    triggers: tuple[str, ...] = TRIGGERS
    everything: bool = True
    version: str = VERSIONS[0]
    scope: Scope = Scope.ORGANIZATION
    active: bool = True
    time: int = 5
    time_unit: str = "MINUTE"

    @property
    def waits(self) -> bool:
        """Whether a trigger is among them that needs `time` and `time_unit`."""
        return any(trigger.startswith("AFTER_") for trigger in self.triggers)


def parse(section: object, source: str) -> tuple[Desired, ...]:
    """The webhooks of the section, in its order; none where there is no section.

    `source` is the file's name, for the errors: Misconfigured names file, entry, key and what it may be.
    """
    if section is None:
        return ()
    if not isinstance(section, list):
        raise Misconfigured(f"{source}: webhooks must be a list, each item like `- name: org` with its keys below.")
    found = tuple(_entry(item, f"{source}: webhooks[{place}]") for place, item in enumerate(section))
    seen: set[str] = set()
    for webhook in found:
        if webhook.name in seen:
            raise Misconfigured(f"{source}: two webhooks are named {webhook.name}; give each a name of its own.")
        seen.add(webhook.name)
    return found


def valid_name(name: object) -> bool:
    """Whether a webhook may be called that."""
    return isinstance(name, str) and NAME.fullmatch(name) is not None


def _entry(item: object, where: str) -> Desired:
    if not isinstance(item, Mapping):
        raise Misconfigured(f"{where} must be a mapping with the keys {', '.join(_KEYS)}.")
    for key in item:
        if key not in _KEYS:
            raise Misconfigured(f"{where} has an unknown key {_shown(key)}; {_nearest(key, _KEYS)}.")
    name = item.get("name")
    if not valid_name(name):
        raise Misconfigured(f"{where}.name must be 1 to 64 letters, digits, dots, hyphens or underscores, like org.")
    where = f"{where} ({name})"
    connection = item.get("connection")
    if not isinstance(connection, str) or not connection:
        raise Misconfigured(f"{where}.connection must be a connection's PCID; `daybook connections list` shows them.")
    triggers = item.get("triggers", "all")
    return Desired(
        name=str(name),
        connection=connection,
        triggers=TRIGGERS if triggers == "all" else _triggers(triggers, f"{where}.triggers"),
        everything=triggers == "all",
        version=_version(item.get("version", VERSIONS[0]), f"{where}.version"),
        scope=Scope(
            _one_of(item.get("scope", Scope.ORGANIZATION.value), f"{where}.scope", [one.value for one in Scope])
        ),
        active=_flag(item.get("active", True), f"{where}.active"),
        time=_time(item.get("time", 5), f"{where}.time"),
        time_unit=_one_of(item.get("time_unit", "MINUTE"), f"{where}.time_unit", TIME_UNITS),
    )


def _triggers(value: object, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise Misconfigured(f"{where} must be `all` or a list of triggers that is not empty.")
    # in Cal.com's order and each once, whatever the file's: two lists of the same triggers are the same wish
    chosen = {_one_of(item, where, TRIGGERS) for item in value}
    return tuple(trigger for trigger in TRIGGERS if trigger in chosen)


def _version(value: object, where: str) -> str:
    # unquoted, YAML makes a date of it
    return _one_of(value.isoformat() if isinstance(value, date) else value, where, VERSIONS)


def _flag(value: object, where: str) -> bool:
    if not isinstance(value, bool):
        raise Misconfigured(f"{where} must be true or false.")
    return value


def _time(value: object, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= INT32:
        raise Misconfigured(f"{where} must be a whole number, at least 1, in units of time_unit.")
    return value


def _one_of(value: object, where: str, allowed: Sequence[str]) -> str:
    if isinstance(value, str) and value in allowed:
        return value
    raise Misconfigured(f"{where} has {_shown(value)}; {_nearest(value, allowed)}.")


def _nearest(value: object, allowed: Sequence[str]) -> str:
    names = {name.casefold(): name for name in allowed}
    near = difflib.get_close_matches(str(value)[:100].casefold(), names, n=1, cutoff=0.5)
    hint = f"did you mean {names[near[0]]}? " if near else ""
    return f"{hint}it may be {', '.join(allowed)}"


def _shown(value: Any) -> str:
    """A short piece of what was written, on one line."""
    return repr(value[:60]) if isinstance(value, str) else f"a {type(value).__name__}"
