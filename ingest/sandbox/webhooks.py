"""The webhooks controller: who is told what. The deliveries themselves are `sender.py`'s.

Quirks kept: ids are UUID texts; `secret` reads back in clear and `version` not at all; a second webhook for one
URL is 409, a PATCH to that URL is not; an unknown id is 403. The triggers and versions are those of Cal.com's live
API, and URLs are checked as a self-hosted Cal.com does: loopback is allowed, metadata hosts are not.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from ingest.samples import TRIGGERS_WITH_SAMPLES
from ingest.samples.samples import VERSIONS
from ingest.sandbox.endpoint import Call, Endpoint
from ingest.sandbox.envelopes import nest
from ingest.sandbox.rules import ARRAY, BOOLEAN, FLAG, REQUIRED_TEXT, TEXT, every, one_of
from ingest.sandbox.state import Webhook, new_uuid
from ingest.sandbox.validation import Field

#: PING comes from the test button only, and can be subscribed to by nobody
TRIGGERS = tuple(trigger for trigger in TRIGGERS_WITH_SAMPLES if trigger != "PING")
_LISTED = (ARRAY, every(one_of(*TRIGGERS)))
_METADATA_HOSTS = ("169.254.169.254", "metadata.google.internal", "100.100.100.200", "fd00:ec2::254")
_UPDATE = {
    "payloadTemplate": TEXT,
    "active": FLAG,
    "subscriberUrl": TEXT,
    "triggers": Field(_LISTED),
    "secret": TEXT,
    "version": Field((one_of(*VERSIONS),)),
}
_CREATE = {
    **_UPDATE,
    "active": Field((BOOLEAN,), required=True),
    "subscriberUrl": REQUIRED_TEXT,
    "triggers": Field(_LISTED, required=True),
}


def _view(webhook: Webhook) -> dict[str, object]:
    return {
        "payloadTemplate": webhook.payload_template,
        "triggers": webhook.triggers,
        "teamId": webhook.team_id,
        "id": webhook.id,
        "subscriberUrl": webhook.subscriber_url,
        "active": webhook.active,
        "secret": webhook.secret,
    }


def _in_org(call: Call) -> Webhook:
    webhook = call.world.webhooks.get(call.path["webhookId"])
    if webhook is None or webhook.team_id != call.org.id:
        raise nest(403, "IsWebhookInOrg - webhook is not part of the organization")
    return webhook


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        raise nest(400, "Webhook URL is not allowed: Invalid URL") from None
    if parts.scheme not in ("http", "https") or not host:
        raise nest(400, "Webhook URL is not allowed: Only http and https URLs are allowed")
    if host in _METADATA_HOSTS:
        raise nest(400, "Webhook URL is not allowed: Blocked hostname")


def _list(call: Call) -> object:
    own = [w for w in call.world.webhooks.values() if w.team_id == call.org.id]
    return [_view(webhook) for webhook in own[call.page()]]


def _get(call: Call) -> object:
    return _view(_in_org(call))


def _create(call: Call) -> object:
    body = call.body
    url = body["subscriberUrl"]
    _check_url(url)
    if any(w.team_id == call.org.id and w.subscriber_url == url for w in call.world.webhooks.values()):
        raise nest(409, "Webhook with this subscriber url already exists for this user")
    webhook = Webhook(
        id=new_uuid(),
        team_id=call.org.id,
        subscriber_url=url,
        triggers=body["triggers"],
        active=body["active"],
        payload_template=body.get("payloadTemplate"),
        secret=body.get("secret"),
        version=body.get("version", VERSIONS[0]),
    )
    call.world.webhooks[webhook.id] = webhook
    return _view(webhook)


def _update(call: Call) -> object:
    webhook, body = _in_org(call), call.body
    if "subscriberUrl" in body:
        _check_url(body["subscriberUrl"])
    if body.get("secret", webhook.secret) != webhook.secret:
        webhook.old_secret = webhook.secret
    webhook.secret = body.get("secret", webhook.secret)
    webhook.subscriber_url = body.get("subscriberUrl", webhook.subscriber_url)
    webhook.triggers = body.get("triggers", webhook.triggers)
    webhook.active = body.get("active", webhook.active)
    webhook.payload_template = body.get("payloadTemplate", webhook.payload_template)
    webhook.version = body.get("version", webhook.version)
    return _view(webhook)


def _delete(call: Call) -> object:
    webhook = _in_org(call)
    del call.world.webhooks[webhook.id]
    return _view(webhook)


_ALL = "/organizations/{orgId}/webhooks"
_ONE = f"{_ALL}/{{webhookId}}"
ENDPOINTS = (
    Endpoint("GET", _ALL, _list),
    Endpoint("POST", _ALL, _create, body=_CREATE),
    Endpoint("GET", _ONE, _get, guards=(_in_org,)),
    Endpoint("PATCH", _ONE, _update, guards=(_in_org,), body=_UPDATE),
    Endpoint("DELETE", _ONE, _delete, guards=(_in_org,)),
)
