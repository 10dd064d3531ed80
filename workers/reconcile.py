"""Compare the history with what Cal.com tells: what is missing becomes events, which the rules hear like any other.

Lists are compared with their last picture (`pictured`), bookings with the history (`missed`). Here is which are looked
at, in which order, and what becomes of one that cannot be read. Its calls let those of rules' actions go first: where
there is no budget a look ends, and the next one goes on with what was looked at longest ago.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime

import structlog

from workers import missed, pictured
from workers.calcom.rim import AS_USUAL
from workers.errors import CalcomUnavailable, DaybookError, RateLimited, StoreUnavailable, Unauthorized
from workers.gaps.parts import PARTS
from workers.looking import Around, Caller, Overtaken, Report, begin, pictured_at
from workers.reach import reach_giving_way
from workers.rulebook import Live
from workers.store import connections, pictures, removals, search
from workers.store.connections import Connection
from workers.store.engine import Store
from workers.store.pictures import Look
from workers.vault import Vault

log = structlog.get_logger(__name__)

#: seconds that a call may take, and beside them those that it lets others go first
_CALL, _PATIENCE = 30.0, 60.0


def reconcile(
    store: Store,
    vault: Vault,
    live: Callable[[], Live],
    *,
    only: str | None = None,
    dry_run: bool = False,
    goes_on: Callable[[], None] = lambda: None,
    told: Callable[[Report], None] = lambda report: None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    reach: Callable[[str], AbstractContextManager[Caller]] | None = None,
) -> list[Report]:
    """Look at every connection, or at `only`. `goes_on` is called between parts, and what it raises ends the look;
    `told` hears of each list as it is done. With `dry_run` nothing is written. Raises StoreUnavailable, and NotFound
    for a connection that is none."""
    around = Around(store, live, now, goes_on, dry_run)
    with store.read() as sql:
        known = connections.every(sql)
        hearing = [one.pcid for one in known if removals.users(sql, one.pcid)]
    if only is not None and only not in (names := [one.pcid for one in known]):
        raise connections.unknown(only, names)

    def open_client(pcid: str) -> AbstractContextManager[Caller]:
        return reach_giving_way(store, vault, pcid, patience=_PATIENCE, timeouts=AS_USUAL.within(_CALL))

    reports: list[Report] = []
    double = {} if only is not None else doubles(known, hearing)
    for connection in known:
        if only not in (None, connection.pcid):
            continue
        for report in _connection(around, connection, reach or open_client, double.get(connection.pcid)):
            reports.append(report)
            told(report)
    return reports


def doubles(known: Sequence[Connection], hearing: Collection[str] = ()) -> dict[str, str]:
    """Of connections to one organization all but one, each with that one: what changed there would be told twice. It is
    one of those that are `hearing`, whose webhooks the history is from, else the first that was made.

    An MCP server does not say whose tools it has; it stands behind Cal.com's API where their organization's id is one.
    """
    of_api: dict[tuple[str, int], str] = {}
    of_mcp: dict[int, str] = {}
    of_any: dict[int, str] = {}
    found: dict[str, str] = {}
    mcp = connections.Kind.MCP
    for one in sorted(known, key=lambda one: (one.pcid not in hearing, one.kind is mcp, one.created_at, one.pcid)):
        there = one.base_url.rstrip("/"), one.org_id
        other = of_any.get(one.org_id) if one.kind is mcp else of_api.get(there) or of_mcp.get(one.org_id)
        if other is not None:
            found[one.pcid] = other
            continue
        of_any.setdefault(one.org_id, one.pcid)
        if one.kind is mcp:
            of_mcp[one.org_id] = one.pcid
        else:
            of_api[there] = one.pcid
    return found


def outcome(reports: Sequence[Report]) -> str | None:
    """What came of a look, in a sentence for people; None where it found nothing and all could be read."""
    events = sum(len(report.events) for report in reports)
    unread = [
        f"{report.connection}/{report.part}".rstrip("/")
        for report in reports
        if report.problem is not None and (report.part or report.failed)
    ]
    said = [f"{events} event{'s' if events != 1 else ''} found"] if events else []
    said += [f"could not read {', '.join(unread[:5])}"] if unread else []
    return "; ".join(said) or None


def _connection(
    around: Around,
    connection: Connection,
    reach: Callable[[str], AbstractContextManager[Caller]],
    other: str | None,
) -> Iterator[Report]:
    """One connection's lists, those first that were looked at longest ago; none of one whose organization is another
    connection's too."""
    pcid = connection.pcid
    if other is not None:
        yield Report(pcid, "", problem=f"it is the organization of {other}, which is looked at.")
        return
    try:
        with around.store.read() as sql:
            seen = pictures.every(sql, pcid)
        with reach(pcid) as client:
            for name in _in_turn(connection, seen):
                around.goes_on()
                report = _part(around, connection, client, name, seen.get(name))
                yield report
                if report.later:
                    return
    except StoreUnavailable:
        raise
    except DaybookError as error:  # what is wrong with its credential; or it was removed a moment ago
        yield Report(pcid, "", problem=error.message, failed=True)


def _in_turn(connection: Connection, seen: Mapping[str, Look]) -> list[str]:
    names = [*(part.name for part in PARTS), missed.PART]
    never = datetime.min.replace(tzinfo=UTC)
    return sorted(names, key=lambda name: pictured_at(connection, seen.get(name)) or never)


def _part(around: Around, connection: Connection, client: Caller, name: str, seen: Look | None) -> Report:
    """One list, whatever becomes of it."""
    pcid = connection.pcid
    try:
        if name == missed.PART:
            return missed.look(around, connection, client, seen)
        return pictured.look(around, connection, client, next(part for part in PARTS if part.name == name), seen)
    except StoreUnavailable:
        raise
    except Overtaken as error:
        return Report(pcid, name, problem=error.message)
    except RateLimited as error:
        return Report(pcid, name, problem=error.message, later=True)
    except DaybookError as error:
        _remember(around, connection, name, seen, error.message)
        failed = isinstance(error, Unauthorized | CalcomUnavailable)
        # A list that Cal.com cannot answer is no reason to leave the others; a credential that it refuses is.
        return Report(pcid, name, problem=error.message, failed=failed, later=isinstance(error, Unauthorized))


def _remember(around: Around, connection: Connection, name: str, seen: Look | None, problem: str) -> None:
    """Keep why a list could not be read; the log says so once."""
    problem = search.plain(problem)[:500]
    if around.dry_run or (seen is not None and seen.problem == problem):
        return
    log.warning("reconcile.unreadable", pcid=connection.pcid, part=name, reason=problem)
    with contextlib.suppress(Overtaken), around.store.write() as sql:
        there = pictures.every(sql, connection.pcid).get(name)
        pictures.keep(sql, replace(begin(sql, connection, name, there), problem=problem))
