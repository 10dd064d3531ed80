"""The pages of rules: those that are live and how their runs stand; one with its text, its versions and its switch."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection
from starlette.responses import Response

from ingest import kept_rules, live_rules, rule_switch
from ingest.dashboard.page import Sent, Shown, Visit
from ingest.live_rules import Live
from workers.errors import BadInput, NotFound
from workers.store import backtests, history, outcomes, rule_runs, rules, runs, switches
from workers.store.events import spell
from workers.store.keys import Role
from workers.store.outcomes import ByRule
from workers.store.rules import Version

#: rules on the page, and runs that are looked at for all of them together, and at most for one
_LISTED, _RUNS, _RUNS_OF_ONE = 100, 2_000, 100
#: runs that are counted on a rule's own page, and runs, versions and back-tests that are listed there
_COUNTED, _NEWEST, _VERSIONS, _BACKTESTS = 1_000, 10, 30, 5
#: characters of a text, lines of a comparison, that a page shows; the whole is behind a link
_LONGEST, _LINES = 12_000, 400
#: characters of a text that somebody edits
_LARGEST = 100_000


def every(visit: Visit) -> Shown:
    """Those that are live, by name; `?after=` is where the page before ended."""
    reader, after = visit.source.rules, visit.asked("after")
    with visit.store.read() as sql:
        versions, switched, troubles = rules.live(sql), switches.every(sql), rule_runs.troubles(sql)
        rest = [version for version in versions if version.name > after]
        shown = rest[:_LISTED]
        window = min(_RUNS_OF_ONE, max(1, _RUNS // max(1, len(shown))))
        standing = {version.name: rule_runs.newest(sql, version.name, most=window) for version in shown}
        compiled = [reader.rule(sql, version) for version in shown]
    kept = reader.folder.kept(versions)
    told = []
    for version, rule in zip(shown, compiled, strict=True):
        stands = standing[version.name]
        by = ByRule(dict(stands.states), stands.last) if stands.last is not None else None
        one = live_rules.shape(Live(version, by, switched.get(version.name)), rule)
        state = kept_rules.state(one["state"], kept.get(version.name))
        trouble = troubles.get(version.name)
        told.append({**one, "state": state, "fault": kept.get(version.name), "trouble": trouble})
    return Shown(
        "rules.html",
        "Rules",
        {
            "rules": told,
            "window": window,
            "first": "/rules" if after else None,
            "next": visit.address("/rules", after=shown[-1].name) if len(rest) > len(shown) else None,
            "folder": str(visit.source.settings.rules),
        },
    )


def one(visit: Visit) -> Shown:
    """One rule, also one that is no longer there. `?version=`: as it was then; `?from=`: with a back-test's text to be
    changed."""
    try:
        return page(visit, version=_id(visit, "version"), tried=_tried(visit))
    except BadInput as error:
        return page(visit, problem=error.message, status=400)


def source(visit: Visit) -> Response:
    """The whole text of a version, the live one where none is named."""
    wanted = _id(visit, "version")
    with visit.store.read() as sql:
        _, version = _chosen(rules.versions(sql, visit.path["name"]), wanted)
    return Response(version.source, media_type="text/plain")


def switch(visit: Visit) -> Sent:
    """To dry run, or back to what its file says."""
    name, on = visit.path["name"], visit.given("on")
    if on not in ("true", "false"):
        raise BadInput("on must be true or false.")
    with visit.store.write() as sql:
        rule_switch.put(sql, name, dry_run=on == "true", by=visit.identity.name, now=visit.now)
    done = "does nothing from now on but write down what it would do" if on == "true" else "does what its file says"
    return Sent(f"/rules/{name}", f"{name} {done}.")


def page(
    visit: Visit,
    *,
    version: UUID | None = None,
    problem: str = "",
    status: int = 200,
    tried: Mapping[str, Any] | None = None,
) -> Shown:
    """A rule's page; `tried` is what a back-test was asked for that could not begin. Raises NotFound."""
    name, reader = visit.path["name"], visit.source.rules
    with visit.store.read() as sql:
        versions = rules.versions(sql, name)
        before, shown = _chosen(versions, version)
        live = next((each for each in versions if each.live), None)
        rule = reader.rule(sql, shown)
        switched = switches.one(sql, name)
        stands = rule_runs.newest(sql, name, most=_COUNTED)
        trouble = rule_runs.trouble(sql, name)
        newest = with_titles(sql, runs.page(sql, runs.Filter(rules=(name,)), limit=_NEWEST))
        tests = [
            {"row": row, "state": backtests.state(sql, row).value}
            for row in backtests.of_rule(sql, name, limit=_BACKTESTS)
        ]
    fault = reader.folder.kept([live]).get(name) if live is not None else None
    shape = live_rules.shape(Live(shown, None, switched), rule)
    state = kept_rules.state(shape["state"], fault) if live is not None else "gone"
    text = shown.source
    return Shown(
        "rule.html",
        name,
        {
            "rule": shape,
            "state": state,
            "switched": switched,
            "by_hand": switched is not None and switched.dry_run,
            "fault": fault,
            "live": live,
            "shown": shown,
            "text": text[:_LONGEST],
            "cut": len(text) > _LONGEST,
            "before": before,
            "compared": version is not None and before is not None,
            "changes": _changes(before, shown) if version is not None and before is not None else None,
            "versions": versions[:_VERSIONS],
            "older": max(0, len(versions) - _VERSIONS),
            "stands": stands,
            "counted": _COUNTED,
            "trouble": trouble,
            "newest": newest,
            "tests": tests,
            "tried": tried or {"since": "30d", "until": "", "text": text if len(text) <= _LONGEST else ""},
            "again": tried is not None,
            "faults": (tried or {}).get("faults", ()),
            "problem": problem,
            "operator": visit.may(Role.OPERATOR),
        },
        status,
    )


def with_titles(sql: Connection, rows: Sequence[Any]) -> list[dict[str, Any]]:
    """Runs as they are shown, each with the title of its event."""
    events = history.many(sql, [row.event_id for row in rows])
    return [
        {**outcomes.run(row), "title": event.title if event is not None else None}
        for row, event in zip(rows, events, strict=True)
    ]


def _id(visit: Visit, name: str) -> UUID | None:
    written = visit.asked(name)
    try:
        return UUID(written) if written else None
    except ValueError:
        raise BadInput(f"{name} must be an id, whole.") from None


def _tried(visit: Visit) -> Mapping[str, Any] | None:
    """What an earlier back-test of the rule was asked for; None where none is named, or it is kept no more."""
    wanted = _id(visit, "from")
    if wanted is None:
        return None
    with visit.store.read() as sql:
        row = backtests.one(sql, wanted)
    if row is None or row.rule != visit.path["name"]:
        return None
    return {"since": spell(row.since) or "", "until": spell(row.until) or "", "text": row.source[:_LARGEST]}


def _chosen(versions: Sequence[Version], wanted: UUID | None) -> tuple[Version | None, Version]:
    """The version that is meant, else the live one, else the newest; and the one before it. Raises NotFound."""
    if not versions:
        raise NotFound("there is no rule with this name, and never was.")
    live = next((place for place, each in enumerate(versions) if each.live), 0)
    found = [place for place, each in enumerate(versions) if each.id == wanted] if wanted is not None else [live]
    if not found:
        raise NotFound("this rule has no such version.")
    place = found[0]
    return versions[place + 1] if place + 1 < len(versions) else None, versions[place]


def _changes(before: Version, after: Version) -> list[tuple[str, str]] | None:
    """What a version changed, line by line, each with what became of it: add, del, at or nothing; None: too much."""
    if max(len(before.source), len(after.source)) > _LONGEST:
        return None
    old, new = before.source.splitlines(), after.source.splitlines()
    found = [
        ({"+": "add", "-": "del", "@": "at"}.get(line[:1], ""), line)
        for line in list(difflib.unified_diff(old, new, lineterm="", n=3))[2:]
    ]
    return found[:_LINES]
