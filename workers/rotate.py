"""Give a webhook a new secret while the old ones still prove deliveries; and take over one made by hand.

Cal.com's queued jobs carry the secret they were made with and sign with it for days, so the old secret stays live for
the time of the overlap. Who rotates again meanwhile has three live secrets, or more: each old one has the end that
was promised when it was replaced. The new one is committed here before Cal.com hears of it.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from workers.differences import Remote, match
from workers.enrol import UPDATE, Caller, listed
from workers.errors import BadInput, CalcomError, CalcomUnavailable, Conflict, NotFound
from workers.exclusive import alone
from workers.register import OVERLAP, TOKEN_BYTES, Registry
from workers.store import connections, webhooks
from workers.store.webhooks import Webhook


@dataclass(frozen=True, slots=True)
class Rotated:
    """A webhook with its new secret. `secret` is None where Cal.com has it; else a person has to paste it there."""

    webhook: Webhook
    secret: str | None


def rotate(registry: Registry, name: str, *, overlap: timedelta = OVERLAP, secret: str | None = None) -> Rotated:
    """Change the secret; the one it replaces proves deliveries for `overlap` more, those before it to their own end.

    If Cal.com certainly did not take the new secret, it is taken back. If that is not known, both stay live and the
    error says so: `apply` sends the new one again. Raises NotFound, Conflict or a CalcomError.
    """
    if overlap < timedelta(0):
        raise BadInput("--overlap may not be negative; 0s ends the secret that is replaced at once.")
    new = checked(secret) if secret is not None else secrets.token_urlsafe(TOKEN_BYTES)
    before = find(registry, name)
    if any(one.key == new for one in before.secrets):
        raise BadInput(f"The webhook {name} has, or had, this very secret; take another, or leave --secret out.")
    with alone(registry.store, f"register:{before.connection}"), registry.reach(before.connection) as client:
        before = find(registry, name)
        there = _there(client, before)
        if there is None and before.origin != "adopted":
            raise NotFound(f"Cal.com does not have the webhook {name}; `daybook webhooks apply` makes it.")
        with registry.store.write() as sql:
            secret_id = webhooks.add_secret(sql, registry.vault, before.id, new, now=registry.now())
        if there is not None:
            _send(registry, client, there, new, secret_id)
        with registry.store.write() as sql:
            webhooks.expire_secrets(sql, before.id, keep=secret_id, at=registry.now() + overlap)
    return Rotated(find(registry, name), None if there else new)


def adopt(registry: Registry, name: str, *, pcid: str, secret: str) -> Webhook:
    """Take over a webhook that someone makes in Cal.com's pages: a URL for them to paste, and their secret.

    The same once more gives the same URL. Raises NotFound (no such connection), BadInput, and Conflict for a name
    that is taken.
    """
    checked(secret)
    with registry.store.read() as sql:
        names = connections.names(sql)
        taken = webhooks.by_name(sql, registry.vault, name)
    if pcid not in names:
        raise connections.unknown(pcid, names)
    if taken is None:
        try:
            with registry.store.write() as sql:
                token = secrets.token_urlsafe(TOKEN_BYTES)
                webhooks.add(
                    sql,
                    registry.vault,
                    name=name,
                    pcid=pcid,
                    token=token,
                    secret=secret,
                    origin="adopted",
                    now=registry.now(),
                )
        except IntegrityError:
            pass  # another process was first; the next look tells whether it wanted the same
        taken = find(registry, name)
    same = taken.origin == "adopted" and taken.connection == pcid and taken.secrets[0].key == secret
    if not same:
        raise Conflict(
            f"There is a webhook {name} already; choose another name, or give it this secret with "
            f"`daybook webhooks rotate {name} --secret …`."
        )
    return taken


def find(registry: Registry, name: str) -> Webhook:
    """The webhook of that name. Raises NotFound, which says which there are."""
    with registry.store.read() as sql:
        webhook = webhooks.by_name(sql, registry.vault, name)
        names = webhooks.names(sql)
    if webhook is None:
        there = f"there are: {', '.join(names)}" if names else "there is none yet"
        raise NotFound(f"There is no webhook {name[:64]!r}; {there}. `daybook webhooks list` shows them.")
    return webhook


def checked(secret: str) -> str:
    """A secret as a person gives it. Raises BadInput for one that Cal.com could not have or would not sign with."""
    if not secret or not secret.isprintable():
        raise BadInput(
            "A secret must be one line of text and not empty: without one Cal.com does not sign, and nothing that "
            "it sends could be trusted."
        )
    return secret


def _there(client: Caller, webhook: Webhook) -> Remote | None:
    try:
        return match(webhook, listed(client))
    except CalcomError:
        if webhook.origin == "adopted":
            return None  # the credential may be too weak to see webhooks at all; a person pastes the secret
        raise


def _send(registry: Registry, client: Caller, there: Remote, new: str, secret_id: UUID) -> None:
    """Tell Cal.com the new secret; take it back here if Cal.com certainly did not take it."""
    try:
        client.call(UPDATE, {"webhookId": there.id, "secret": new})
    except CalcomError as error:
        if _took(client, there, new):
            return
        if isinstance(error, CalcomUnavailable) and error.sent:
            raise CalcomUnavailable(
                f"{error.message} Whether Cal.com has the new secret is not known, so both are live; "
                "`daybook webhooks apply` sends it again.",
                status=error.status,
                request_id=error.request_id,
            ) from None
        with registry.store.write() as sql:
            webhooks.drop_secret(sql, secret_id)
        raise


def _took(client: Caller, there: Remote, new: str) -> bool:
    """Whether Cal.com signs with the new secret already; False too where it does not answer."""
    try:
        return any(one.id == there.id and one.secret == new for one in listed(client))
    except CalcomError:
        return False
