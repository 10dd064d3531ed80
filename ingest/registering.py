"""Webhooks as people register them, by whichever door: with what, what daybook.yaml wants, how a change is said.

What is done at Cal.com is `workers.register`'s.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from workers.errors import BadInput
from workers.settings import Settings
from workers.store.engine import Store
from workers.vault import Vault

if TYPE_CHECKING:  # Cal.com's client takes a while to load, and a list needs none
    from workers.desired import Desired
    from workers.differences import Change
    from workers.register import Registry

#: seconds that a call may take whose answer somebody waits for on a page, and beside them those for its budget
CALL, WAIT = 30.0, 20.0
_DONE = {"missing": "made", "edited": "changed", "switched_off": "switched on", "unchanged": "sent again"}
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def registry(settings: Settings, store: Store, vault: Vault, *, soon: bool = False) -> Registry:
    """What registering works with; `soon`: its calls end within `CALL` and `WAIT` seconds."""
    from workers.calcom.rim import AS_USUAL, MAX_WAIT
    from workers.reach import reach
    from workers.register import Registry

    timeouts, max_wait = (AS_USUAL.within(CALL), WAIT) if soon else (AS_USUAL, MAX_WAIT)
    return Registry(
        store,
        vault,
        settings.base_url,
        lambda pcid: reach(store, vault, pcid, max_wait=max_wait, timeouts=timeouts),
    )


def wanted(settings: Settings, *, must: bool = False) -> Sequence[Desired] | None:
    """What daybook.yaml wants; None where it does not say. `must`: it has to, since from nothing pruning would delete
    everything. Raises Misconfigured, and BadInput where it must."""
    from workers import drift

    found = drift.wanted(settings)
    if found is None and must:
        raise BadInput(
            f"--prune deletes what daybook.yaml does not name, and {settings.config_path} has no section `webhooks:` "
            "(or is not in this folder; DAYBOOK_CONFIG says where it is). An empty list, `webhooks: []`, deletes all."
        )
    return found


def duration(text: str) -> timedelta:
    """A span such as 90s, 30m, 12h or 7d. Raises BadInput."""
    found = re.fullmatch(r"(\d{1,6})\s*([smhd])", text.strip().lower(), re.ASCII)
    if found is None:
        raise BadInput("the overlap must be a number and a unit: 90s, 30m, 12h or 7d.")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def done(change: Change) -> str:
    """What `apply` did about it, in a word or two."""
    if change.kind.value in ("extra", "retired"):
        return "deleted at Cal.com" if change.remote else "retired"
    return _DONE[change.kind.value]


def short(value: Any) -> str:
    """A field's value as it is shown: of a list how many there are, and the first."""
    if isinstance(value, list | tuple):
        return f"{len(value)} ({', '.join(map(str, value[:3]))}{', …' if len(value) > 3 else ''})"
    return str(value)
