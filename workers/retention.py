"""How long what is kept: the `retention` section of daybook.yaml over two settings, and what is past it at a moment.

Pure but for reading that file; what is past is deleted by `forget.py`.

```yaml
retention:
  events: 400d         # with all that hangs on them: delivery, body, runs, actions; for ever where it is left out
  bodies: 30d          # raw bodies and headers earlier than their events
  quarantined: 30d     # deliveries in quarantine or discarded; as `events` where it is left out
  audit: 400d          # entries of the audit log and finished back-tests
  kinds: {form: 90d, recording: 30d}   # events of these kinds, instead of `events`
```
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from workers.catalogue.event import Kind
from workers.errors import Misconfigured
from workers.settings import Settings, read_config

_KEYS = ("events", "bodies", "quarantined", "audit", "kinds")
_AGE = re.compile(r"([1-9][0-9]{0,4})\s*d(ays?)?")


@dataclass(frozen=True, slots=True)
class Plan:
    """Ages; None is for ever."""

    events: timedelta | None = None
    bodies: timedelta | None = None
    quarantined: timedelta | None = None
    audit: timedelta | None = None
    kinds: Mapping[str, timedelta] = field(default_factory=dict)

    @property
    def keeps_all(self) -> bool:
        """Whether nothing is ever forgotten."""
        return self == Plan()


@dataclass(frozen=True, slots=True)
class Past:
    """What came before these instants is past; None: nothing is."""

    kinds: Mapping[str, datetime]  #: events, by each kind of which some are past
    bodies: datetime | None
    quarantined: datetime | None
    audit: datetime | None
    every_body: datetime | None  #: before it no body is to be kept for whatever kind its event has


def past(plan: Plan, now: datetime) -> Past:
    """What is past at `now`."""
    ages = {kind.value: plan.kinds.get(kind.value, plan.events) for kind in Kind}
    kinds = {kind: now - age for kind, age in ages.items() if age is not None}
    quarantined = plan.quarantined or plan.events
    every = None
    if plan.bodies is not None:
        every = now - plan.bodies
    elif len(kinds) == len(Kind):
        every = min(kinds.values())
    return Past(
        kinds=kinds,
        bodies=None if plan.bodies is None else now - plan.bodies,
        quarantined=None if quarantined is None else now - quarantined,
        audit=None if plan.audit is None else now - plan.audit,
        every_body=every,
    )


def plan_of(settings: Settings) -> Plan:
    """What daybook.yaml says, and where it says nothing the settings. `Misconfigured` names what is wrong."""
    path = settings.config_path
    section = read_config(path).get("retention") if path.exists() else None
    said = parse(section, str(path))
    return Plan(
        events=said.events or _days(settings.retain_days),
        bodies=said.bodies or _days(settings.retain_bodies_days),
        quarantined=said.quarantined,
        audit=said.audit,
        kinds=said.kinds,
    )


def parse(section: object, where: str) -> Plan:
    """The section as a plan; `Misconfigured` for a key or an age that is none."""
    if section is None:
        return Plan()
    if not isinstance(section, dict):
        raise Misconfigured(f"retention in {where} must be a mapping, like `events: 400d`.")
    _known(section, _KEYS, f"retention in {where}")
    kinds = section.get("kinds") or {}
    if not isinstance(kinds, dict):
        raise Misconfigured(f"retention.kinds in {where} must be a mapping, like `form: 90d`.")
    _known(kinds, tuple(kind.value for kind in Kind), f"retention.kinds in {where}")
    ages: dict[str, Any] = {
        key: _age(section[key], f"retention.{key} in {where}") for key in _KEYS if key != "kinds" and key in section
    }
    of_kinds = {key: _age(value, f"retention.kinds.{key} in {where}") for key, value in kinds.items()}
    return Plan(**ages, kinds={key: age for key, age in of_kinds.items() if age is not None})


def spelt(age: timedelta | None) -> str:
    """An age as the file says it."""
    return "for ever" if age is None else f"{age.days}d"


def _known(section: Mapping[Any, Any], known: tuple[str, ...], where: str) -> None:
    for key in section:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, 1)
            hint = f"; did you mean {near[0]}?" if near else f"; known are {', '.join(known)}."
            raise Misconfigured(f"{where} has an unknown key {str(key)[:60]!r}{hint}")


def _age(value: object, where: str) -> timedelta | None:
    if value is None:
        return None
    found = _AGE.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise Misconfigured(f"{where} must be whole days, from 1d to 99999d; leave it out to keep for ever.")
    return timedelta(days=int(found[1]))


def _days(days: int | None) -> timedelta | None:
    return None if days is None else timedelta(days=days)
