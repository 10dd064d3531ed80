"""Webhooks and connections over HTTP: how each stands, and nothing by which anyone could post or act."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.contract.store.filled import START
from tests.integration.api.conftest import Asked, conforms
from workers.store import connections, webhooks
from workers.store.events import spell
from workers.vault import Vault


def test_webhooks_are_listed_without_their_tokens_and_secrets(asked: Asked, vault: Vault) -> None:
    asked.filled.event()
    quiet = asked.filled.webhook("quiet")
    with asked.filled.store.write() as sql:
        new = webhooks.add_secret(sql, vault, quiet, "n3w", now=START)
        webhooks.expire_secrets(sql, quiet, keep=new, at=datetime(2100, 1, 1, tzinfo=UTC))
    answer = asked.get("/webhooks")
    conforms(answer.json(), "WebhookList")
    org, still = answer.json()["data"]
    assert (org["name"], org["connection"], org["state"], org["last_delivery"]) == (
        "org",
        "acme",
        "adopted",
        spell(START),
    )
    assert still["last_delivery"] is None
    assert [one["live_until"] for one in still["secrets"]] == [None, spell(datetime(2100, 1, 1, tzinfo=UTC))]
    for hidden in ("token", "s3cret", "n3w"):
        assert hidden not in answer.text


def test_connections_are_listed_without_their_credentials_and_urls(asked: Asked, vault: Vault) -> None:
    asked.filled.webhook()
    with asked.filled.store.write() as sql:
        url = "https://user:pass@mcp.example:8443/t0ken?key=t0ken"
        made = connections.Connection("remote", connections.Kind.MCP, url, 2, 0, START)
        connections.add(sql, vault, made, "cred3ntial")
    answer = asked.get("/connections")
    conforms(answer.json(), "ConnectionList")
    assert [(one["pcid"], one["kind"], one["host"]) for one in answer.json()["data"]] == [
        ("acme", "calcom", "api.cal.example"),
        ("remote", "mcp", "mcp.example"),
    ]
    for hidden in ("t0ken", "pass", "cred3ntial", "cal_key"):
        assert hidden not in answer.text
