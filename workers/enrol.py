"""Make one webhook at Cal.com, or make it what it should be, through the webhook tools. Which ones is `register`'s."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from workers import addresses
from workers.calcom.connection import Connection
from workers.calcom.requests import Reply
from workers.calcom.webhooks import PREFIX, TRIGGERS
from workers.desired import NEWER_TRIGGERS, Desired
from workers.differences import Remote, match
from workers.errors import AlreadyExists, CalcomUnavailable, Conflict, Misconfigured, Rejected
from workers.store.webhooks import Webhook

CREATE = f"{PREFIX}create_organization_webhook"
UPDATE = f"{PREFIX}update_org_webhook"
DELETE = f"{PREFIX}delete_webhook"
LIST = f"{PREFIX}get_all_organization_webhooks"


class Caller(Protocol):
    """What is needed of a client: `workers.calcom.client.Client` is one."""

    @property
    def connection(self) -> Connection:
        """Whose webhooks these are."""
        ...

    def call(self, tool: str, arguments: Mapping[str, Any] = ..., /) -> Reply:
        """Cal.com's reply. Raises a CalcomError."""
        ...


def listed(client: Caller) -> list[Remote]:
    """The organization's webhooks at Cal.com."""
    rows = client.call(LIST, {}).data
    return [one for row in (rows if isinstance(rows, list) else []) if (one := Remote.read(row))]


def refuse_address(base_url: str, api: str) -> None:
    """Raises Misconfigured where the Cal.com at `api` would not post to Daybook's public address."""
    if objection := addresses.objection(base_url, api):
        raise Misconfigured(
            f"Cal.com refuses webhooks to {base_url}: {objection}. Set DAYBOOK_PUBLIC_URL to the https address by "
            "which the internet reaches Daybook."
        )


def create(client: Caller, wanted: Desired, webhook: Webhook, base_url: str) -> Remote | None:
    """Make it at Cal.com; None where Cal.com turns out to have it already, maybe otherwise than wanted."""

    def send(triggers: Sequence[str]) -> Reply:
        return client.call(CREATE, _fields(wanted, webhook, base_url, triggers))

    try:
        return Remote.read(_with_triggers(send, wanted).data)
    except AlreadyExists:
        return None
    except CalcomUnavailable as error:
        if not error.sent or match(webhook, listed(client)) is None:
            raise
        return None  # the answer was lost, the webhook made


def update(client: Caller, wanted: Desired, webhook: Webhook, base_url: str, there: Remote | None) -> Remote:
    """Make Cal.com's webhook what it should be; it is looked for where `there` is None. Returns what was found."""
    found = there or match(webhook, listed(client))
    if found is None:
        raise Conflict(
            f"Cal.com says that a webhook for the URL of {wanted.name} exists, and lists none; look in its pages, "
            "delete that one, and apply again."
        )
    fields: dict[str, Any] = {"webhookId": found.id}
    if found.template:
        fields["payloadTemplate"] = ""  # a templated body says no trigger: the history could not read it

    def send(triggers: Sequence[str]) -> Reply:
        return client.call(UPDATE, fields | _fields(wanted, webhook, base_url, triggers))

    _with_triggers(send, wanted)
    return found


def _fields(wanted: Desired, webhook: Webhook, base_url: str, triggers: Sequence[str]) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "active": wanted.active,
        "subscriberUrl": webhook.url(base_url),
        "triggers": list(triggers),
        "secret": webhook.secrets[0].key,
        "version": wanted.version,
    }
    if wanted.waits:
        fields |= {"time": wanted.time, "timeUnit": wanted.time_unit}
    return fields


def _with_triggers(send: Callable[[Sequence[str]], Reply], wanted: Desired) -> Reply:
    """Send; where `all` is refused, send what a Cal.com of early 2026 has. A refusal is explained."""
    older = [trigger for trigger in wanted.triggers if trigger not in NEWER_TRIGGERS]
    newer = [trigger for trigger in wanted.triggers if trigger in NEWER_TRIGGERS]
    try:
        return send(wanted.triggers)
    except Rejected as error:
        if error.status not in (400, 422):
            raise
        if not wanted.everything:
            raise _explained(error, newer) from None
    try:
        return send(older)
    except Rejected as error:
        raise _explained(error, ()) from None


def _explained(error: Rejected, newer: Sequence[str]) -> Rejected:
    if "triggers" not in error.message:
        return error
    advice = f"an older one does not know {', '.join(newer)}: leave them out" if newer else "list fewer"
    return Rejected(
        f"{error.message} This Cal.com does not have every trigger that was asked for; {advice}. `triggers:` in "
        f"daybook.yaml takes a list of those its pages show, of: {', '.join(TRIGGERS)}.",
        status=error.status,
        code=error.code,
        request_id=error.request_id,
    )
