"""The table of pages: each with its method, its address, the role that it takes and who makes it."""

from __future__ import annotations

from ingest.dashboard import backtests, overview, rules, runs
from ingest.dashboard.page import Page
from workers.store.keys import Role

VIEWER, OPERATOR, ADMIN = Role

PAGES: tuple[Page, ...] = (
    Page("GET", "/", VIEWER, overview.home),
    Page("GET", "/rules", VIEWER, rules.every),
    Page("GET", "/rules/{name}", VIEWER, rules.one),
    Page("GET", "/rules/{name}/source", VIEWER, rules.source),
    Page("POST", "/rules/{name}/dry-run", OPERATOR, rules.switch, told=("on",)),
    Page("POST", "/rules/{name}/backtest", VIEWER, backtests.begin, told=("since", "until")),
    Page("GET", "/backtests/{id}", VIEWER, backtests.one),
    Page("GET", "/backtests/{id}/progress", VIEWER, backtests.progress),
    Page("POST", "/backtests/{id}/stop", VIEWER, backtests.stop),
    Page("GET", "/runs", VIEWER, runs.every),
    Page("GET", "/runs/{id}", VIEWER, runs.one),
    Page("POST", "/runs/{id}/retry", OPERATOR, runs.retry, told=("look", "step")),
    Page("POST", "/runs/{id}/resolve", OPERATOR, runs.resolve, told=("done", "step")),
    Page("POST", "/runs/{id}/cancel", OPERATOR, runs.cancel),
)
