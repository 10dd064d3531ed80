"""A list that comes in pages, walked to its end and put together again. Pure: replies in, one reply out.

Cal.com orders most of its lists by nothing, so pages may overlap, and only the list of managed organizations
says how many there are. The last page is one with fewer rows than asked for.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from workers.calcom.requests import Reply
from workers.calcom.tool import Tool
from workers.errors import Rejected

#: Rows asked for at a time: the most that every list allows.
TAKE = 250
#: A list longer than this is asked for in parts, by hand.
MOST_PAGES = 1000

Call = TypeVar("Call")


def walk(
    tool: Tool, arguments: Mapping[str, Any], ask: Callable[[dict[str, Any]], Call], *, whole: bool = False
) -> Generator[Call, Reply, Reply]:
    """Yields `ask(arguments)` of each call, is sent its reply, and returns the one reply to all.

    A list asked for without `take` and `skip` is read to its end; anything else is a single call. It ends on
    a short page, a page with nothing new, and `data` that is no list. Raises Rejected for an endless list.

    A server that reads lists to their end is asked once (`whole`). Another one of the same tools may answer a
    page where take and skip are left out; that is Cal.com's, of TAKE rows, and whatever full pages came are asked on.
    """
    if not tool.paged or {"take", "skip"} & arguments.keys():
        return (yield ask(dict(arguments)))
    first: Reply | None = None
    rows: dict[str, Any] = {}
    passed = 0
    for _ in range(MOST_PAGES):
        part = {} if whole and first is None else {"take": TAKE, "skip": passed}
        reply = yield ask({**arguments, **part})
        first = first or reply
        if not isinstance(reply.data, list):
            return reply if reply is first else _whole(first, reply, rows)
        fresh = {_identity(row): row for row in reply.data if _identity(row) not in rows}
        rows |= fresh
        passed += len(reply.data)
        if not fresh or not _more(reply, part):
            return _whole(first, reply, rows)
    raise Rejected(f"{tool.name}: the list has more than {passed} rows; ask for parts with take and skip.")


def _more(reply: Reply, part: Mapping[str, int]) -> bool:
    """Whether another page may follow: as `pagination` says, else by whether this one was full.

    What was asked for as a whole may be one page or all of them: it ends with a full one or not.
    """
    if isinstance(reply.pagination, dict) and isinstance(reply.pagination.get("hasNextPage"), bool):
        return bool(reply.pagination["hasNextPage"])
    return len(reply.data) >= TAKE if part else len(reply.data) % TAKE == 0


def _identity(row: Any) -> str:
    """Two rows are the same if their ids are; rows without one, if they are equal."""
    known = row.get("id") if isinstance(row, dict) else None
    return f"id {known}" if isinstance(known, str | int) else json.dumps(row, sort_keys=True)


def _whole(first: Reply, last: Reply, rows: Mapping[str, Any]) -> Reply:
    """One reply with all rows. Its pagination tells of a single page, and of what the server counts beyond it."""
    if last is first and len(rows) == len(first.data):
        return first  # a single page is passed on as it came
    joined = {**first.json, "data": list(rows.values())}
    counted = last.pagination if isinstance(last.pagination, dict) else first.pagination
    if isinstance(counted, dict):
        total = counted.get("totalItems")
        beyond = max(0, total - len(rows)) if isinstance(total, int) else 0
        joined["pagination"] = {
            **counted,
            "returnedItems": len(rows),
            "remainingItems": beyond,
            "itemsPerPage": len(rows),
            "currentPage": 1,
            "totalPages": 1,
            "hasNextPage": False,
            "hasPreviousPage": False,
        }
    return replace(last, json=joined)
