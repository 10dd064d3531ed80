"""What can be read by URI: the catalogue of triggers, the live rules, and each rule's text without its secrets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote

import msgspec

from ingest import live_rules
from ingest.brevity import cut
from ingest.mcp.history.tool import Desk
from ingest.mcp.toolset import Page
from workers.actions.kind import Kind
from workers.actions.telling import masked
from workers.catalogue import event
from workers.catalogue.own import ABOUT
from workers.catalogue.triggers import TRIGGERS
from workers.errors import NotFound
from workers.rules.document import Document, Unreadable
from workers.rules.source import source
from workers.store import rules

CATALOGUE, RULES = "daybook://catalogue", "daybook://rules"
_RULE = f"{RULES}/"
#: rules that the list has; there may be thousands
_LISTED = 200


def every(desk: Desk) -> list[Page]:
    """All there is."""
    with desk.store.read() as sql:
        live = rules.live(sql)
    return [
        Page(CATALOGUE, "Triggers", "What Cal.com tells of: each trigger, what it means, and its kind."),
        Page(RULES, "Live rules", "The rules that are live: name, what each hears, what it is for, its runs by state."),
        *(
            Page(f"{_RULE}{quote(one.name)}", f"Rule {one.name}", "Its text; secrets are hidden.", "application/yaml")
            for one in live[:_LISTED]
        ),
    ]


def read(desk: Desk, uri: str) -> str:
    """The text of one. Raises NotFound."""
    if uri == CATALOGUE:
        return _json({"triggers": [_trigger(name) for name in ABOUT]})
    if uri == RULES:
        return _json(_rules(desk))
    if uri.startswith(_RULE):
        return _rule(desk, unquote(uri.removeprefix(_RULE)))
    raise NotFound(f"There is no resource {uri[:200]!r}; there are {CATALOGUE}, {RULES} and {_RULE}<name>.")


def _trigger(name: str) -> dict[str, Any]:
    kind = TRIGGERS[name].kind if name in TRIGGERS else event.Kind.SYNTHETIC
    return {"trigger": name, "kind": kind.value, "about": ABOUT[name]}


def _rules(desk: Desk) -> dict[str, Any]:
    with desk.store.read() as sql:
        live = live_rules.read(sql)
        told = [live_rules.shape(one, desk.rule(sql, one.version)) for one in live[:_LISTED]]
    names = ("name", "on", "undo_on", "connection", "state", "runs", "last_run")
    shown = [{**{n: one[n] for n in names}, "description": cut(one["description"], 160)} for one in told]
    return {"rules": shown, "left_out": len(live) - len(shown)}


def _rule(desk: Desk, name: str) -> str:
    with desk.store.read() as sql:
        found = next((one for one in rules.live(sql) if one.name == name), None)
    if found is None:
        raise NotFound(f"no live rule is called {name[:60]!r}; {RULES} has those there are.")
    try:
        root = Document(found.source).root
        written = root.plain()["rules"][0] if root is not None else {}
    except (Unreadable, LookupError, TypeError):
        raise NotFound(f"the text of rule {name[:60]!r} can no longer be read; mend its file.") from None
    return source(_shown(written, desk.kinds))


def _shown(rule: Mapping[str, Any], kinds: Mapping[str, Kind]) -> dict[str, Any]:
    """A rule with what its steps would show of themselves: an address may be what lets one in."""
    told = dict(rule)
    if isinstance(rule.get("do"), list):
        told["do"] = [_step(step, kinds) for step in rule["do"]]
    if isinstance(rule.get("undo"), Mapping):
        told["undo"] = _shown(rule["undo"], kinds)
    return told


def _step(step: Any, kinds: Mapping[str, Kind]) -> Any:
    if not isinstance(step, Mapping):
        return step
    kind = next((kinds[key] for key in step if key in kinds), None)
    return dict(kind.shown(step)) if kind is not None else masked(step)


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
