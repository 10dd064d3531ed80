"""The API's answers about runs, and what an operator does where one came to a stop. The verbs are `one_run`'s."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row
from starlette.responses import Response

from ingest import one_run, run_filter
from ingest.api import cursors, parameters
from ingest.api.endpoint import Ask, json, page, streamed
from workers.store import outcomes, runs
from workers.store.ledger import Action


def every(ask: Ask) -> Response:
    """One page, newest first."""
    limit = ask.query.get("limit", parameters.DEFAULT_LIMIT)
    with ask.store.read() as sql:
        rows = runs.page(sql, run_filter.of(sql, ask.query), before=ask.query.get("cursor"), limit=limit + 1)
    shown = [outcomes.run(row) for row in rows[:limit]]
    return page(shown, cursors.spell(rows[limit - 1].id) if len(rows) > limit else None)


def export(ask: Ask) -> Response:
    """Every run of the filter, newest first, without its steps."""
    with ask.store.read() as sql:
        wanted = run_filter.of(sql, ask.query)
    return streamed(ask, "runs", map(outcomes.run, runs.export(ask.store, wanted)), dict)


def one(ask: Ask) -> Response:
    """One run with its event, the version of its rule, and what each step did."""
    with ask.store.read() as sql:
        return json(one_run.told(sql, _row(sql, ask)))


def retry(ask: Ask) -> Response:
    """Again at once, from the step where it stopped."""
    return _retried(ask, done=None, look=ask.query.get("look", False))


def resolve(ask: Ask) -> Response:
    """A person says whether the step whose end is unknown was done, and the run goes on."""
    return _retried(ask, done=ask.query["done"], look=False)


def cancel(ask: Ask) -> Response:
    """Nothing more of it is done."""
    return _changed(ask, lambda sql, row: one_run.cancel(sql, row, now=datetime.now(UTC)))


def _retried(ask: Ask, *, done: bool | None, look: bool) -> Response:
    step = ask.query.get("step")

    def deed(sql: Connection, row: Row[Any]) -> None:
        if step is not None:
            one_run.meant(sql, row, step)

        def undecided(action: Action) -> str:
            return (
                f"nobody knows whether step {action.step} of run {row.id} was done; find out, and say so with "
                "resolve?done=true or resolve?done=false, or have it looked for once more with retry?look=true."
            )

        leave = "retry without look tries it again."
        one_run.retry(sql, row, done=done, look=look, undecided=undecided, needless=leave, now=datetime.now(UTC))

    return _changed(ask, deed)


def _changed(ask: Ask, deed: Callable[[Connection, Row[Any]], None]) -> Response:
    """Do it in one transaction, ring for what may go on now, and show what there is of the run then."""
    with ask.store.write() as sql:
        deed(sql, _row(sql, ask))
        shown = one_run.told(sql, _row(sql, ask))
    one_run.ring(ask.broker)
    return json(shown)


def _row(sql: Connection, ask: Ask) -> Row[Any]:
    row = runs.one(sql, ask.id("run"))
    if row is None:
        raise ask.no_such("run")
    return row
