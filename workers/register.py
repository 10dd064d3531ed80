"""Register webhooks at Cal.com as daybook.yaml wants them. What differs is found by `differences`; this mends it.

The order is what makes it safe: token and secret are committed in SQL before Cal.com hears of them, so no delivery
can come for a URL that is not known here; Cal.com's id is kept afterwards. After a crash in between the next run
finds the webhook at Cal.com by its URL. Two runs at once take turns, and should a lease run out, the second gets
Cal.com's 409 and takes over the webhook that the first one made.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from sqlalchemy.exc import IntegrityError

from workers.desired import Desired
from workers.differences import Change, Kind, Remote, plan
from workers.enrol import DELETE, Caller, create, listed, refuse_address, update
from workers.errors import Conflict, DaybookError, Forbidden, Missing
from workers.exclusive import alone
from workers.store import connections, removals, webhooks
from workers.store.engine import Store
from workers.store.webhooks import Webhook
from workers.vault import Vault

#: how long a replaced secret still proves deliveries: Cal.com's queued jobs sign with it for days
OVERLAP = timedelta(days=7)
_STAYS = "What is still on its way to its URL is taken, and the history names it: `webhooks list` shows it as retired."
#: 256 random bits in each token and secret
TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True)
class Registry:
    """What registering works with. `reach` opens a client for a PCID; `base_url` is Daybook's public address."""

    store: Store
    vault: Vault
    base_url: str
    reach: Callable[[str], AbstractContextManager[Caller]]
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def known(self) -> list[Webhook]:
        """The webhooks in SQL."""
        with self.store.read() as sql:
            return webhooks.every(sql, self.vault)


@dataclass(frozen=True, slots=True)
class Failure:
    """A connection whose webhooks could not be seen to, and why; the others were."""

    connection: str
    error: DaybookError


def survey(
    registry: Registry, desired: Sequence[Desired], *, only: str | None = None
) -> tuple[list[Change], list[Failure]]:
    """How every webhook stands, or every one of the connection `only`. It changes nothing.

    Raises NotFound and Conflict for what daybook.yaml has wrong, and NotFound for a connection that is none.
    """

    def look(pcid: str) -> list[Change]:
        with registry.reach(pcid) as client:
            return _standing(registry, client, pcid, desired)

    return _each(registry, desired, look, only=only)


def apply(
    registry: Registry,
    desired: Sequence[Desired],
    *,
    prune: bool = False,
    resend: bool = False,
    kinds: Collection[Kind] | None = None,
    told: Callable[[Change], None] = lambda change: None,
) -> tuple[list[Change], list[Failure]]:
    """Make Cal.com's webhooks what is wanted; returns what was changed. Run twice, the second changes nothing.

    `prune` deletes extra ones too. `kinds`: only those that stand so are seen to. `resend` sends every field of every
    wanted webhook again, also those that Cal.com does not tell back (version, time). `told` hears of each change once
    it is made: what was done before a failure has been told.
    """

    def mend(pcid: str) -> list[Change]:
        with alone(registry.store, f"register:{pcid}") as renew, registry.reach(pcid) as client:
            done = []
            for change in _standing(registry, client, pcid, desired):
                renew()
                wanted = kinds is None or change.kind in kinds
                if wanted and _due(change, prune=prune, resend=resend):
                    done.append(_carry_out(registry, client, change))
                    told(done[-1])
                elif change.known and change.remote:
                    _settle(registry, change.known, change.remote)
            return done

    return _each(registry, desired, mend)


def concerned(desired: Sequence[Desired], known: Sequence[Webhook]) -> list[str]:
    """The connections that have webhooks, or are wanted to."""
    return list(dict.fromkeys([*(one.connection for one in desired), *(one.connection for one in known)]))


def _each(
    registry: Registry, desired: Sequence[Desired], work: Callable[[str], list[Change]], *, only: str | None = None
) -> tuple[list[Change], list[Failure]]:
    """Do `work` for every connection that is wanted or used, or for `only`; one that fails leaves the others alone."""
    known = registry.known()
    with registry.store.read() as sql:
        names = connections.names(sql)
    placed = {webhook.name: webhook.connection for webhook in known}
    for wanted in desired:
        if wanted.connection not in names:
            raise connections.unknown(wanted.connection, names)
        if placed.get(wanted.name, wanted.connection) != wanted.connection:
            raise Conflict(
                f"The webhook {wanted.name} belongs to connection {placed[wanted.name]}, daybook.yaml says "
                f"{wanted.connection}; a webhook cannot move: give this one another name."
            )
    if only is not None and only not in names:
        raise connections.unknown(only, names)
    changes: list[Change] = []
    failures = []
    for pcid in concerned(desired, known) if only is None else [only]:
        try:
            changes += work(pcid)
        except DaybookError as error:
            failures.append(Failure(pcid, error))
    return changes, failures


def _standing(registry: Registry, client: Caller, pcid: str, desired: Sequence[Desired]) -> list[Change]:
    with registry.store.read() as sql:
        used = webhooks.used(sql)
    return plan(
        pcid,
        [wanted for wanted in desired if wanted.connection == pcid],
        [webhook for webhook in registry.known() if webhook.connection == pcid],
        listed(client),
        used=used,
        base_url=registry.base_url,
        api=client.connection.base_url,
    )


def _due(change: Change, *, prune: bool, resend: bool) -> bool:
    if change.kind in (Kind.EXTRA, Kind.RETIRED):
        return prune
    return change.changes or (resend and change.kind is Kind.UNCHANGED)


def _carry_out(registry: Registry, client: Caller, change: Change) -> Change:
    if change.kind in (Kind.EXTRA, Kind.RETIRED):
        return _prune(registry, client, change)
    wanted = change.wanted
    assert wanted is not None, "only a wanted webhook is made or changed"
    refuse_address(registry.base_url, client.connection.base_url)
    webhook = change.known or _kept(registry, wanted)
    made = create(client, wanted, webhook, registry.base_url) if change.remote is None else None
    remote = made or update(client, wanted, webhook, registry.base_url, change.remote)
    _settle(registry, webhook, replace(remote, secret=webhook.secrets[0].key))
    return replace(change, known=webhook, remote=remote)


def _kept(registry: Registry, wanted: Desired) -> Webhook:
    """Token and secret of a new webhook, committed: from now on a delivery to its URL is taken."""
    try:
        with registry.store.write() as sql:
            webhooks.add(
                sql,
                registry.vault,
                name=wanted.name,
                pcid=wanted.connection,
                token=secrets.token_urlsafe(TOKEN_BYTES),
                secret=secrets.token_urlsafe(TOKEN_BYTES),
                origin="applied",
                now=registry.now(),
            )
    except IntegrityError:
        pass  # another process was first: then its token and secret are the ones
    with registry.store.read() as sql:
        webhook = webhooks.by_name(sql, registry.vault, wanted.name)
    if webhook is None or webhook.connection != wanted.connection:
        raise Conflict(f"The webhook {wanted.name} changed hands meanwhile; look with `daybook webhooks list`.")
    return webhook


def _settle(registry: Registry, webhook: Webhook, remote: Remote) -> None:
    """Keep Cal.com's id; and once Cal.com signs with the newest secret, the older ones get an end."""
    newest, *older = webhook.secrets
    endless = any(secret.expires_at is None for secret in older) and remote.secret == newest.key
    if webhook.remote_id == remote.id and not endless:
        return
    with registry.store.write() as sql:
        webhooks.set_remote_id(sql, webhook.id, remote.id)
        if endless:
            webhooks.expire_secrets(sql, webhook.id, keep=newest.id, at=registry.now() + OVERLAP)


def _prune(registry: Registry, client: Caller, change: Change) -> Change:
    """Delete it at Cal.com. Here its URL stays if it ever got a delivery: what is on its way is still taken."""
    if change.remote is not None:
        try:
            client.call(DELETE, {"webhookId": change.remote.id})
        except (Forbidden, Missing):
            if any(one.id == change.remote.id for one in listed(client)):
                raise  # a role too low is 403 as well
    if change.known is not None:
        with registry.store.write() as sql:
            forgotten = removals.webhook(sql, change.known.id)
            if not forgotten:
                webhooks.set_remote_id(sql, change.known.id, None)
        note = "It never got a delivery, so it is forgotten." if forgotten else _STAYS
        return replace(change, note=note)
    return change
