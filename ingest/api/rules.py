"""The API's answers about rules: those that are live, and every version there was. They are written in files; what can
be changed without those is whether one does anything."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection
from starlette.responses import Response

from ingest import live_rules, rule_switch
from ingest.api.endpoint import Ask, json
from ingest.live_rules import Live
from workers.errors import NotFound
from workers.store import rules
from workers.store.events import spell
from workers.store.rules import Version


def every(ask: Ask) -> Response:
    """All that are live, by name."""
    with ask.store.read() as sql:
        return json({"data": [_shape(ask, sql, one) for one in live_rules.read(sql)]})


def one(ask: Ask) -> Response:
    """One rule, also one that is no longer there."""
    with ask.store.read() as sql:
        return json(_told(ask, sql))


def dry_run(ask: Ask) -> Response:
    """Switch one to dry run, or back to what its file says; every worker heeds it from the next step on."""
    by = ask.identity.name if ask.identity is not None else ""
    with ask.store.write() as sql:
        rule_switch.put(sql, ask.path["name"], dry_run=ask.query["on"], by=by, now=datetime.now(UTC))
        return json(_told(ask, sql))


def _told(ask: Ask, sql: Connection) -> dict[str, Any]:
    name = ask.path["name"]
    versions = rules.versions(sql, name)
    if not versions:
        raise NotFound("there is no rule with this name, and never was.")
    live = next((each for each in live_rules.read(sql) if each.version.name == name), None)
    return {
        "name": name,
        "live": _shape(ask, sql, live) if live is not None else None,
        "source": live.version.source if live is not None else None,
        "versions": [_version(each) for each in versions],
    }


def _shape(ask: Ask, sql: Connection, live: Live) -> dict[str, Any]:
    return live_rules.shape(live, ask.source.rules.rule(sql, live.version))


def _version(version: Version) -> dict[str, Any]:
    return {
        "id": str(version.id),
        "digest": version.digest,
        "file": version.file,
        "created_at": spell(version.created_at),
        "live": version.live,
    }
