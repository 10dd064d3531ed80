"""The pages of back-tests: one is begun from a rule's page, watched, stopped. `ingest.backtesting` carries it out."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection, Row
from starlette.responses import Response

from ingest import backtesting, moments
from ingest.dashboard import rules as rule_pages
from ingest.dashboard.page import Sent, Shown, Visit
from workers.errors import BadInput, Conflict, NotFound
from workers.store import backtests, rules
from workers.store.backtests import State
from workers.store.history import Filter
from workers.store.keys import Role

#: characters of a rule's text, and faults that are told
_LONGEST, _FAULTS = 100_000, 8


def begin(visit: Visit) -> Sent | Shown:
    """Begin one; where it cannot begin, the rule's page again with what was asked and why not."""
    name, text = visit.path["name"], visit.given("text").replace("\r\n", "\n")
    tried: dict[str, Any] = {"since": visit.given("since") or "30d", "until": visit.given("until"), "text": text}
    try:
        chosen = Filter(
            since=moments.moment(tried["since"], visit.now, name="since"),
            until=moments.moment(tried["until"], visit.now, name="until", until=True) if tried["until"] else None,
        )
        backtest_id = backtesting.begin(
            visit.store, _wanted(visit, name, text, chosen, tried), visit.source.rules.kinds
        )
    except BadInput as error:
        return rule_pages.page(visit, problem=error.message, status=400, tried=tried)
    except Conflict as error:
        return rule_pages.page(visit, problem=error.message, status=409, tried=tried)
    return Sent(f"/backtests/{backtest_id}")


def one(visit: Visit) -> Shown:
    """How far it is, and what came of it; as long as it goes on the page asks again by itself."""
    with visit.store.read() as sql:
        row = _row(sql, visit)
        state = backtests.state(sql, row)
    return Shown(
        "backtest.html",
        f"Back-test of {row.rule}",
        {
            "row": row,
            "state": state.value,
            "going": state is State.RUNNING,
            "result": row.result,
            "gone": state is State.STOPPED and row.state == State.RUNNING,
        },
    )


def progress(visit: Visit) -> Response:
    """The same in a few bytes, for the script that moves the bar."""
    with visit.store.read() as sql:
        row = _row(sql, visit)
        told = {"state": backtests.state(sql, row).value, "looked": row.looked, "total": row.total}
    return Response(msgspec.json.encode(told), media_type="application/json")


def stop(visit: Visit) -> Sent:
    """Whoever carries it out ends it within a moment."""
    with visit.store.write() as sql:
        row = _row(sql, visit)
        stopped = backtests.stop(sql, row.id)
    return Sent(f"/backtests/{row.id}", "It is being stopped." if stopped else "It was over already.")


def _row(sql: Connection, visit: Visit) -> Row[Any]:
    row = backtests.one(sql, visit.id("back-test"))
    if row is None:
        raise NotFound("there is no back-test with this id; they are kept for a week.")
    return row


def _wanted(visit: Visit, name: str, text: str, chosen: Filter, tried: dict[str, Any]) -> backtesting.Wanted:
    """The rule that is to be tried: the text's, else the live one. Raises BadInput, with faults in `tried`."""
    from workers.rules.load import read_text

    with visit.store.read() as sql:
        versions = rules.versions(sql, name)
        if not versions:
            raise NotFound("there is no rule with this name, and never was.")
        version = next((each for each in versions if each.live), versions[0])
    edited = bool(text) and text.strip() != version.source.strip()
    if len(text) > _LONGEST:
        raise BadInput(f"the text may have at most {_LONGEST:,} characters.")
    found, faults = read_text(text if edited else version.source, "the text", visit.source.rules.kinds)
    tried["faults"] = faults[:_FAULTS]
    if faults:
        raise BadInput("the text is no sound rule yet; what is wrong is said beside it.")
    if len(found) != 1:
        raise BadInput(f"the text has {len(found)} rules; one is tried at a time.")
    if found[0].name != name:
        raise BadInput(f"the rule in the text must keep the name {name}, so that it can be compared with the live one.")
    masked = not visit.may(Role.OPERATOR)  # a rule of their own could tell them what is hidden from them
    return backtesting.Wanted(found[0], edited, masked, chosen, visit.identity.name)
