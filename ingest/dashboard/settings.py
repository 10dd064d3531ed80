"""The page of settings: those in force in this process, and what they led to. Nothing is changed here."""

from __future__ import annotations

from importlib import metadata
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from ingest.dashboard.page import Shown, Visit
from workers import queue
from workers.settings import PREFIX, Settings
from workers.store import connections, deliveries, keys, migrate, webhooks
from workers.store.deliveries import Filter


def every(visit: Visit) -> Shown:
    """All of them by name, in README's order."""
    told = {"settings": rows(visit.source.settings), "facts": _facts(visit), "counts": _counts(visit)}
    return Shown("settings.html", "Settings", told)


def rows(settings: Settings) -> list[dict[str, Any]]:
    """Each setting as it is shown: a secret only as set or not, a URL without what it signs in with."""
    return [
        {
            "name": f"{PREFIX}{name.upper()}",
            "value": _plain(getattr(settings, name)),
            "origin": settings.origin(name),
            "default": _plain(field.default) if field.default is not None else "",
            "about": field.description,
        }
        for name, field in Settings.model_fields.items()
    ]


def bare(url: str) -> str:
    """A URL without user, password and options, which may be a password too."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port is not None else ""
    except ValueError:
        return "…"
    host = f"[{parts.hostname}]" if parts.hostname and ":" in parts.hostname else parts.hostname or ""
    return f"{parts.scheme}://{host}{port}{parts.path}{'?…' if parts.query else ''}"


def _plain(value: Any) -> str:
    match value:
        case None:
            return "not set"
        case SecretStr():
            return "set"
        case bool():
            return "true" if value else "false"
        case tuple():
            return ", ".join(map(str, value)) or "none"
        case dict():
            return ", ".join(f"{name}={each}" for name, each in value.items()) or "none"
        case _:
            text = str(value)
            return bare(text) if "://" in text else text


def _facts(visit: Visit) -> list[tuple[str, str]]:
    settings = visit.source.settings
    return [
        ("Daybook", metadata.version("daybook")),
        ("Database", f"{'SQLite' if visit.store.sqlite else 'PostgreSQL'}, {bare(settings.database)}"),
        ("Tables", f"revision {migrate.revision(visit.store) or 'none'}; this Daybook's is {migrate.newest()}"),
        ("Broker", f"{bare(settings.broker)}, {_broker(visit)}"),
        ("Cal.com is told", f"{settings.base_url}/in/…"),
        ("daybook.yaml", f"{settings.config_path}{'' if settings.config_path.exists() else ', which is not there'}"),
        ("Rules", f"{settings.rules}"),
    ]


def _broker(visit: Visit) -> str:
    try:
        return f"which answers: {queue.depth(visit.source.broker)} messages wait"
    except Exception:  # any broker, any way of being away
        return "which does not answer; the sweep does its work meanwhile"


def _counts(visit: Visit) -> list[tuple[str, int]]:
    with visit.store.read() as sql:
        return [
            ("deliveries", deliveries.count(sql, Filter())),
            ("webhooks", len(webhooks.names(sql))),
            ("connections", len(connections.names(sql))),
            ("live keys", sum(key.revoked_at is None for key in keys.every(sql))),
        ]
