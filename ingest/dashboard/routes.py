"""The table of pages: each with its method, its address, the role that it takes and who makes it."""

from __future__ import annotations

from ingest.dashboard import (
    audit,
    backtests,
    bookings,
    connections,
    deliveries,
    event,
    events,
    keys,
    overview,
    quarantine,
    rules,
    runs,
    search,
    settings,
    webhooks,
)
from ingest.dashboard.page import Page
from workers.store.keys import Role

VIEWER, OPERATOR, ADMIN = Role
_CHOSEN = ("only", "id", "webhook", "until", "all")
_CONNECTION = ("connection", "kind", "org_id", "per_minute", "replace")

#: a literal end of a path stands before the path that takes anything, for the first that fits answers
PAGES: tuple[Page, ...] = (
    Page("GET", "/", VIEWER, overview.home),
    Page("GET", "/search", VIEWER, search.find),
    Page("GET", "/events", VIEWER, events.every),
    Page("GET", "/events/{id}", VIEWER, event.one),
    Page("GET", "/events/{id}/raw", OPERATOR, event.raw, raw=True),
    Page("GET", "/deliveries", VIEWER, deliveries.every),
    Page("GET", "/deliveries/{id}", VIEWER, deliveries.one),
    Page("GET", "/deliveries/{id}/body", OPERATOR, deliveries.body, raw=True),
    Page("POST", "/deliveries/{id}/release", OPERATOR, deliveries.release),
    Page("POST", "/deliveries/{id}/discard", OPERATOR, deliveries.discard),
    Page("POST", "/deliveries/{id}/replay", OPERATOR, deliveries.replay),
    Page("GET", "/bookings", VIEWER, bookings.every),
    Page("GET", "/bookings/{uid:path}/text", VIEWER, bookings.text),
    Page("POST", "/bookings/{uid:path}/replay", OPERATOR, bookings.replay, ("delivery",)),
    Page("GET", "/bookings/{uid:path}", VIEWER, bookings.one),
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
    Page("GET", "/webhooks", VIEWER, webhooks.every),
    Page("POST", "/webhooks/plan", ADMIN, webhooks.plan),
    Page("POST", "/webhooks/apply", ADMIN, webhooks.apply, ("prune", "resend")),
    Page("GET", "/webhooks/{name}", VIEWER, webhooks.one),
    Page("GET", "/webhooks/{name}/url", ADMIN, webhooks.url, raw=True),
    Page("POST", "/webhooks/{name}/rotate", ADMIN, webhooks.rotate, ("overlap",)),
    Page("POST", "/webhooks/{name}/test", ADMIN, webhooks.test, ("trigger", "version")),
    Page("GET", "/quarantine", VIEWER, quarantine.every),
    Page("POST", "/quarantine/release", OPERATOR, quarantine.release, _CHOSEN),
    Page("POST", "/quarantine/discard", OPERATOR, quarantine.discard, _CHOSEN),
    Page("GET", "/connections", VIEWER, connections.every),
    Page("POST", "/connections", ADMIN, connections.add, _CONNECTION),
    Page("GET", "/connections/add", ADMIN, connections.form),
    Page("POST", "/connections/test", ADMIN, connections.test, ("connection",)),
    Page("POST", "/connections/remove", ADMIN, connections.remove, ("connection",)),
    Page("GET", "/keys", ADMIN, keys.every),
    Page("POST", "/keys", ADMIN, keys.create, ("name", "key_role")),
    Page("POST", "/keys/{id}/link", ADMIN, keys.link),
    Page("POST", "/keys/{id}/revoke", ADMIN, keys.revoke),
    Page("GET", "/audit", ADMIN, audit.every),
    Page("GET", "/audit/{id}", ADMIN, audit.one),
    Page("GET", "/settings", ADMIN, settings.every),
)
