"""Reach Cal.com for a connection: from the row in SQL to a client that shares its budget with every process.

The one place where the store and Cal.com's client meet; neither knows of the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from workers.calcom.client import AsyncClient, Client
from workers.calcom.connection import BearerKey, ClientCredentials, Connection, Credential, McpToken
from workers.calcom.rim import AS_USUAL, MAX_WAIT, Timeouts
from workers.errors import BadInput, Misconfigured
from workers.store import connections
from workers.store.budgets import SqlBudget, YieldingBudget
from workers.store.engine import Store
from workers.vault import Vault

_CREDENTIALS: Mapping[str, type[Credential]] = {
    credential.kind: credential for credential in (BearerKey, ClientCredentials, McpToken)
}


def reach(
    store: Store, vault: Vault, pcid: str, *, max_wait: float = MAX_WAIT, timeouts: Timeouts = AS_USUAL
) -> Client:
    """A client for threads; close it, or use it in `with`. Raises NotFound, StoreUnavailable, Misconfigured.

    `max_wait` is how many seconds a call may wait for the budget before it raises RateLimited.
    """
    connection, budget = _joined(store, vault, pcid)
    return Client(connection, budget, timeouts=timeouts, max_wait=max_wait)


def reach_async(
    store: Store, vault: Vault, pcid: str, *, max_wait: float = MAX_WAIT, timeouts: Timeouts = AS_USUAL
) -> AsyncClient:
    """The same for an event loop. It reads SQL: call it in a thread."""
    connection, budget = _joined(store, vault, pcid)
    return AsyncClient(connection, budget, timeouts=timeouts, max_wait=max_wait)


def reach_giving_way(store: Store, vault: Vault, pcid: str, *, patience: float, timeouts: Timeouts) -> Client:
    """The same for whoever gives way to the actions of rules, and waits for at most so many seconds."""
    connection, budget = _joined(store, vault, pcid)
    giving_way = YieldingBudget(store, pcid, budget.per_minute, patience=patience)
    # It has waited by then: what the budget says after that is that there is nothing to be had.
    return Client(connection, giving_way, timeouts=timeouts, max_wait=0.0)


def pack(credential: Credential) -> str:
    """A credential as the text that is sealed."""
    fields: dict[str, Any]
    match credential:
        case BearerKey(key):
            fields = {"key": key}
        case ClientCredentials(client_id, secret_key):
            fields = {"client_id": client_id, "secret_key": secret_key}
        case McpToken(pcid, token, file, command):
            got = {"token": token, "file": file, "command": list(command) or None}
            fields = {"pcid": pcid, **{name: value for name, value in got.items() if value is not None}}
    return msgspec.json.encode({"kind": credential.kind, **fields}).decode()


def unpack(pcid: str, text: str) -> Credential:
    """The credential in a text that `pack` made. Raises Misconfigured for any other text."""
    try:
        fields = msgspec.json.decode(text, type=dict[str, str | list[str]])
        made: Credential = msgspec.convert(fields, _CREDENTIALS[str(fields.pop("kind"))])
        return made
    except (msgspec.MsgspecError, KeyError, BadInput):
        pass
    raise Misconfigured(
        f"the credential of connection {pcid!r} is not one this Daybook knows; "
        "give it anew with `daybook connections add --replace`."
    )


def _joined(store: Store, vault: Vault, pcid: str) -> tuple[Connection, SqlBudget]:
    with store.read() as sql:
        row, sealed = connections.get(sql, vault, pcid)
    connection = Connection(row.pcid, row.base_url, row.org_id, unpack(pcid, sealed))
    return connection, SqlBudget(store, pcid, row.per_minute)
