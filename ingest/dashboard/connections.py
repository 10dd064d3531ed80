"""The pages of connections: which organizations Daybook acts for, and what is left of their budgets; never with what.

A token that a file holds or a command prints is set up on the machine itself: a page must not read files there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ingest import connecting, demo_mark
from ingest.dashboard.page import Sent, Shown, Visit
from workers.errors import BadInput, Conflict, DaybookError, NotFound
from workers.store import budgets, connections
from workers.store.connections import Connection, Kind
from workers.store.keys import Role

if TYPE_CHECKING:  # Cal.com's client takes a while to load, and the web process starts without it
    from workers.calcom.connection import Credential

#: seconds that a test may take, beside those for its budget
_PATIENCE = 30.0
#: the fields of the form that are shown again after a mistake; a credential is not
_KEPT = ("connection", "kind", "base_url", "org_id", "client_id", "remote_pcid", "per_minute", "replace")


def every(visit: Visit) -> Shown:
    """All of them, by PCID."""
    return _shown(visit)


def form(visit: Visit) -> Shown:
    """Where one is added, or changed with `connection` in the query."""
    filled = {"kind": "calcom", "per_minute": str(connecting.PER_MINUTE)}
    pcid = visit.asked("connection")
    with visit.store.read() as sql:
        known = next((each for each in connections.every(sql) if each.pcid == pcid), None)
    if known is not None:
        filled = {
            "connection": pcid,
            "kind": known.kind.value,
            "base_url": known.base_url,
            "org_id": str(known.org_id),
            "per_minute": str(known.per_minute),
            "replace": "yes",
        }
    return _form(filled)


def add(visit: Visit) -> Sent | Shown:
    """Keep what the form says. Nothing is sent to anybody."""
    from workers.calcom.connection import HOSTED
    from workers.calcom.connection import Connection as Reached

    filled = {name: visit.given(name) for name in _KEPT}
    try:
        pcid = connecting.named(filled["connection"])
        kind = connecting.of_kind(filled["kind"])
        org_id = _number("The organization's id", filled["org_id"], 1, connecting.GREATEST_ID)
        per_minute = _number("Calls a minute", filled["per_minute"], 0, connecting.MOST_PER_MINUTE)
        if kind is Kind.MCP and not filled["base_url"]:
            raise BadInput("The base URL is needed for an MCP server, such as https://tools.example.com.")
        credential = _credential(visit, kind, pcid)
        reached = Reached(pcid, filled["base_url"] or HOSTED, org_id, credential)
        row = Connection(pcid, kind, reached.base_url, org_id, per_minute, visit.now)
        demo_mark.refuse(visit.source.settings)
        replaced = connecting.add(
            visit.store, visit.source.vault, row, credential, replacing=filled["replace"] == "yes"
        )
    except (BadInput, Conflict) as error:
        return _form(filled, error)
    hint = f" {reached.hint}" if reached.hint else ""
    return Sent("/connections", f"{'Changed' if replaced else 'Added'} the connection {pcid}; test it.{hint}")


def test(visit: Visit) -> Sent | Shown:
    """Call a tool that only reads, and say what was answered."""
    pcid = _known(visit)
    from workers.calcom.rim import AS_USUAL

    try:
        count = connecting.webhooks_seen(visit.store, visit.source.vault, pcid, timeouts=AS_USUAL.within(_PATIENCE))
    except DaybookError as error:
        return _shown(visit, error, about=pcid)
    return Sent("/connections", f"{pcid} works. {connecting.works(count)}")


def remove(visit: Visit) -> Sent | Shown:
    """Forget one and its credential."""
    pcid = _known(visit)
    try:
        if visit.given("sure") != "yes":
            raise BadInput("nothing was removed: tick that the connection and its credential are to be forgotten.")
        connecting.remove(visit.store, pcid)
    except (BadInput, Conflict) as error:
        return _shown(visit, error)
    return Sent("/connections", f"Removed the connection {pcid}.")


def _known(visit: Visit) -> str:
    pcid = visit.given("connection")
    with visit.store.read() as sql:
        if pcid not in connections.names(sql):
            raise NotFound("there is no such connection; the list shows those there are.")
    return pcid


def _credential(visit: Visit, kind: Kind, pcid: str) -> Credential:
    from workers.calcom.connection import BearerKey, ClientCredentials, McpToken

    api_key, client_id, client_secret, token = (
        visit.given(name) for name in ("api_key", "client_id", "client_secret", "token")
    )
    if kind is Kind.MCP:
        remote = visit.given("remote_pcid") or pcid
        if api_key or client_id or client_secret or not token or not remote.isprintable():
            raise BadInput("An MCP server takes a token, and no API key or platform client.")
        return McpToken(remote, token)
    if token:
        raise BadInput("A token is an MCP server's; Cal.com's API takes an API key, or a platform client.")
    if api_key and not client_id and not client_secret:
        return BearerKey(api_key)
    if client_id and client_secret and not api_key:
        return ClientCredentials(client_id, client_secret)
    raise BadInput("Give an API key, or the id of a platform client together with its secret.")


def _number(what: str, text: str, least: int, most: int) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 10 and least <= int(text) <= most):
        raise BadInput(f"{what} must be a whole number from {least} to {most}.")
    return int(text)


def _form(filled: dict[str, str], error: BadInput | Conflict | None = None) -> Shown:
    told = {
        "filled": {name: filled.get(name, "") for name in _KEPT},
        "kinds": ((Kind.CALCOM.value, "Cal.com's API v2"), (Kind.MCP.value, "the same tools on an MCP server")),
        "problem": error.message if error is not None else "",
    }
    return Shown("connection.html", "A connection", told, error=error)


def _shown(visit: Visit, error: DaybookError | None = None, *, about: str = "") -> Shown:
    with visit.store.read() as sql:
        standings = {each.connection: each for each in budgets.standings(sql)}
        found = [_told(each, standings.get(each.pcid)) for each in connections.every(sql)]
    told = {
        "connections": found,
        "admin": visit.may(Role.ADMIN),
        "problem": ": ".join(filter(None, (about, error.message if error is not None else ""))),
    }
    return Shown("connections.html", "Connections", told, error=error)


def _told(one: Connection, budget: budgets.Standing | None) -> dict[str, Any]:
    return {
        "pcid": one.pcid,
        "kind": one.kind.value,
        "host": urlsplit(one.base_url).hostname,  # the URL of an MCP server may have a token in its path
        "org_id": one.org_id,
        "per_minute": one.per_minute,
        "left": budget.left if budget is not None else None,
        "halted_until": budget.halted_until if budget is not None else None,
        "created_at": one.created_at,
    }
