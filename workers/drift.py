"""Look whether what Cal.com has registered is still what daybook.yaml wants, and keep what was seen. Only `tend`
changes something at Cal.com: it mends what it may. What is kept is for people: no secret, and of a URL no more than
where it leads.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any
from urllib.parse import urlsplit

import structlog

from workers.calcom.rim import AS_USUAL
from workers.desired import Desired, parse
from workers.differences import Change, Difference, Kind
from workers.errors import BadInput, Conflict, Misconfigured, NotFound, RateLimited
from workers.reach import reach_giving_way
from workers.register import Failure, Registry, apply, concerned, survey
from workers.settings import Settings, read_config
from workers.store import connections, drifts, search
from workers.store.engine import Store
from workers.vault import Vault

log = structlog.get_logger(__name__)

#: seconds that a look may take whose answer somebody waits for, and beside them those for its budget
_CALL, _PATIENCE = 30.0, 10.0
#: characters of a text that is kept, and how many items of a list: Cal.com's answer may hold anything
_TEXT, _ITEMS = 500, 100
#: there is nothing about these that differs
_AS_WANTED = (Kind.UNCHANGED, Kind.RETIRED)


def wanted(settings: Settings) -> tuple[Desired, ...] | None:
    """The webhooks that daybook.yaml wants; None where it says nothing about webhooks. Raises Misconfigured."""
    path = settings.config_path
    section = read_config(path).get("webhooks") if path.exists() else None
    return None if section is None else parse(section, str(path))


def look(
    registry: Registry, desired: Sequence[Desired], *, only: str | None = None
) -> tuple[list[Change], list[Failure]]:
    """Look at every connection that has webhooks, or at `only`, and keep what was seen of each. Gives what
    `register.survey` gives, and raises what it raises.

    A look for which there was no budget was none: what was seen before stays.
    """
    changes, failures = survey(registry, desired, only=only)
    problems = {failure.connection: failure.error for failure in failures}
    looked_at = concerned(desired, registry.known()) if only is None else [only]
    with registry.store.write() as sql:
        for pcid in looked_at:
            error = problems.get(pcid)
            if isinstance(error, RateLimited):
                continue
            seen = [shape(change) for change in changes if change.connection == pcid and differs(change)]
            drifts.keep(sql, pcid, seen, _fit(error.message) if error is not None else None, registry.now())
    return changes, failures


def tend(registry: Registry, desired: Sequence[Desired], repairs: Collection[Kind], goes_on: Callable[[], None]) -> str:
    """Look at every connection, mend what stands in one of the ways of `repairs`, and keep what is left; in one
    sentence what came of it. Raises what `look` raises."""
    changes, failures = look(registry, desired)
    goes_on()
    mended: list[Change] = []
    if any(change.kind in repairs and change.changes for change in changes):
        mended, unmended = apply(registry, desired, kinds=repairs)
        for failure in unmended:
            log.warning("drift.not_mended", connection=failure.connection, reason=failure.error.message)
        for change in mended:
            log.info("drift.mended", webhook=change.name, was=change.kind.value)
        goes_on()
        changes, failures = look(registry, desired)
    left = sum(differs(change) for change in changes)
    unseen = f"; {len(failures)} connections could not be looked at" if failures else ""
    return f"{len(changes)} webhooks looked at, {len(mended)} mended, {left} otherwise than wanted{unseen}."


def look_now(settings: Settings, store: Store, vault: Vault, pcid: str) -> None:
    """Look at one connection for somebody who waits for it: a call that gives way to actions of rules, and ends soon.

    Raises BadInput where there is no such connection, Conflict where daybook.yaml wants nothing that could be compared
    or there is no budget at this moment. What Cal.com has against it is kept as what was seen.
    """
    registry = Registry(
        store,
        vault,
        settings.base_url,
        lambda pcid: reach_giving_way(store, vault, pcid, patience=_PATIENCE, timeouts=AS_USUAL.within(_CALL)),
    )
    with store.read() as sql:
        names = connections.names(sql)
    if pcid not in names:
        raise BadInput(connections.unknown(pcid, names).message)
    try:
        desired = wanted(settings)
        if desired is None:
            raise Conflict(
                f"{settings.config_path} says nothing of webhooks: there is nothing to compare Cal.com's with."
            )
        _, failures = look(registry, desired, only=pcid)
    except (Misconfigured, NotFound) as error:  # what daybook.yaml has wrong
        raise Conflict(error.message) from None
    for failure in failures:
        if isinstance(failure.error, RateLimited):
            raise Conflict(failure.error.message)


def differs(change: Change) -> bool:
    """Whether a webhook stands otherwise than it should. An adopted one does where there is something to say of it."""
    if change.kind is Kind.ADOPTED:
        return bool(change.note)
    return change.kind not in _AS_WANTED


def shape(change: Change) -> dict[str, Any]:
    """How a webhook stands, as it is kept: `{"webhook", "remote_id", "kind", "note", "fields": [{"field", "there",
    "wanted"}]}`. `webhook` is null for one that nobody here knows."""
    return {
        "webhook": change.name,
        "remote_id": _fit(change.remote.id) if change.remote is not None else None,
        "kind": change.kind.value,
        "note": _fit(change.note) or None,
        "fields": [_field(one) for one in change.differences],
    }


def _field(one: Difference) -> dict[str, Any]:
    if one.field == "url":  # what follows the host lets anyone post, be it Daybook's own URL or another's
        return {"field": "url", "there": _leads_to(one.there), "wanted": _leads_to(one.wanted)}
    return {"field": one.field, "there": _fit(one.there), "wanted": _fit(one.wanted)}


def _leads_to(url: object) -> str:
    """Scheme and host of a URL."""
    try:
        parts = urlsplit(str(url))
        port = f":{parts.port}" if parts.port is not None else ""
        return search.plain(f"{parts.scheme}://{parts.hostname or ''}{port}")[:_TEXT] + "/…"
    except ValueError:
        return "…"


def _fit(value: Any) -> Any:
    """As both databases take it, and no longer than people read."""
    if isinstance(value, str):
        text = search.plain(value)
        return text if len(text) <= _TEXT else f"{text[:_TEXT]}…"
    if isinstance(value, list | tuple):
        return [_fit(each) for each in value[:_ITEMS]]
    return value
