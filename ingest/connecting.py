"""Connections as people add, test and remove them, by whichever door: the checks, and what is said of them.

It reads no options and no forms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import IntegrityError

from workers.errors import BadInput, Conflict, DaybookError
from workers.store import connections, removals
from workers.store.connections import Connection, Kind
from workers.store.engine import Store
from workers.vault import Vault

if TYPE_CHECKING:  # Cal.com's client takes a while to load, and a list needs none
    from workers.calcom.connection import Credential
    from workers.calcom.rim import Timeouts

#: calls a minute: Cal.com allows an API key 120 and locks accounts that go over it in bursts
PER_MINUTE = 90
MOST_PER_MINUTE = 100_000
#: Cal.com's ids are 32-bit integers
GREATEST_ID = 2_147_483_647
_LONGEST_PCID = 200
#: seconds that a test waits for the budget
_WAIT = 20.0


def named(pcid: str) -> str:
    """A PCID that a connection may have; raises BadInput for another."""
    if not pcid.isprintable() or not pcid or " " in pcid or len(pcid) > _LONGEST_PCID:
        raise BadInput(f"PCID must be 1 to {_LONGEST_PCID} printable characters without a space.")
    return pcid


def of_kind(kind: str) -> Kind:
    """The kind that is meant; raises BadInput for none."""
    if kind not in list(Kind):
        raise BadInput(f"the kind may be {' or '.join(Kind)}.")
    return Kind(kind)


def add(store: Store, vault: Vault, connection: Connection, credential: Credential, *, replacing: bool) -> bool:
    """Keep it, or with `replacing` change the one of that PCID; whether one was changed. Raises Conflict."""
    from workers.reach import pack

    try:
        with store.write() as sql:
            replaced = replacing and connections.replace(sql, vault, connection, pack(credential))
            if not replaced:
                connections.add(sql, vault, connection, pack(credential))
    except IntegrityError:
        raise Conflict(
            f"There is a connection {connection.pcid} already; to change it, say that it is to be replaced (--replace)."
        ) from None
    return replaced


def webhooks_seen(store: Store, vault: Vault, pcid: str, *, timeouts: Timeouts | None = None) -> int:
    """Call a tool that only reads, to see whether a connection works: how many webhooks Cal.com has. Raises what the
    call does; `timeouts` are the client's own where none are given."""
    from workers.calcom.rim import AS_USUAL
    from workers.enrol import listed
    from workers.reach import reach

    with reach(store, vault, pcid, max_wait=_WAIT, timeouts=timeouts or AS_USUAL) as client:
        return len(listed(client))


def works(count: int) -> str:
    """What is said of a connection with which so many webhooks were seen."""
    return f"The credential is good, the role reads webhooks: {count} at Cal.com."


def tested(store: Store, vault: Vault, pcid: str) -> dict[str, Any]:
    """How a test ended: `{"pcid", "ok", "kind", "status", "detail"}`, and `webhooks`, their number, where it works.
    `detail` is a sentence without secrets."""
    try:
        count = webhooks_seen(store, vault, pcid)
    except DaybookError as error:
        return {
            "pcid": pcid, "ok": False, "kind": error.kind, "status": getattr(error, "status", None),
            "detail": error.message,
        }  # fmt: skip
    return {"pcid": pcid, "ok": True, "kind": None, "status": 200, "webhooks": count, "detail": works(count)}


def remove(store: Store, pcid: str) -> None:
    """Forget a connection and its credential. Raises Conflict while webhooks use it, NotFound where there is none."""
    with store.read() as sql:
        users, names = removals.users(sql, pcid), connections.names(sql)
    if users:
        raise _in_use(pcid, users)
    try:
        with store.write() as sql:
            gone = removals.connection(sql, pcid)
    except IntegrityError:  # a webhook was made this moment
        with store.read() as sql:
            raise _in_use(pcid, removals.users(sql, pcid)) from None
    if not gone:
        raise connections.unknown(pcid, names)


def _in_use(pcid: str, users: list[str]) -> Conflict:
    return Conflict(
        f"The connection {pcid} is used by the webhooks {', '.join(users)}. Take them out of daybook.yaml and run "
        "`daybook webhooks apply --prune`, or `daybook webhooks remove NAME` for an adopted one. A webhook that ever "
        "got a delivery stays as long as the history does; to end what a connection may do, revoke its key at Cal.com."
    )
