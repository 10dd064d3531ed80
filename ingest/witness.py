"""What the API and the pages write into the audit log: a request before it is carried out, and how it ended.

It allows nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import structlog

from ingest.session import Identity, NotAllowed
from workers.actions.telling import told
from workers.errors import BadInput, Conflict, DaybookError, NotFound, StoreUnavailable
from workers.store import audit
from workers.store.audit import Outcome, Who
from workers.store.engine import Store

log = structlog.get_logger(__name__)

#: with these nothing was done
_REFUSALS = (BadInput, Conflict, NotAllowed, NotFound)


@contextlib.contextmanager
def of(
    store: Store, identity: Identity, what: str, arguments: Mapping[str, Any], *, door: str = "api"
) -> Iterator[None]:
    """Write down that somebody asks for something, and from how the block ends what came of it.

    `arguments` have no secrets: the API takes none, and a page names the fields that may be written down.
    """
    who = Who(identity.name, identity.role, identity.key_id)
    plain = _storable(msgspec.to_builtins(dict(arguments)))
    with store.write() as sql:
        connection = plain.get("connection")
        entry = audit.begin(
            sql, who, door=door, what=what, connection=connection, arguments=plain, now=datetime.now(UTC)
        )
    try:
        yield
    except DaybookError as error:
        outcome = Outcome.REFUSED if isinstance(error, _REFUSALS) else Outcome.FAILED
        _ended(store, entry, outcome, told(f"{error.kind}: {error.message}"))
        raise
    except Exception as error:
        _ended(store, entry, Outcome.FAILED, f"an unexpected {type(error).__name__}, which is a bug")
        raise
    _ended(store, entry, Outcome.DONE, None)


def _storable(value: Any) -> Any:
    """JSON as both databases take it: PostgreSQL has no U+0000, which an address may have."""
    if isinstance(value, dict):
        return {name: _storable(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_storable(each) for each in value]
    return value.replace("\0", "\N{REPLACEMENT CHARACTER}") if isinstance(value, str) else value


def _ended(store: Store, entry: UUID, outcome: Outcome, detail: str | None) -> None:
    try:
        with store.write() as sql:
            audit.end(sql, entry, outcome, detail=detail, now=datetime.now(UTC))
    except StoreUnavailable as error:  # what was done is done, and is to be told; the entry stays "begun"
        log.warning("api.end_not_written", audit=str(entry), outcome=outcome, reason=error.message)
