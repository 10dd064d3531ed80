"""A link that signs in once on the pages, as it is handed out. What it stands for is in `workers.store.sessions`."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from ingest.machine import local_url, sign_in_url
from workers.settings import Settings
from workers.store import sessions


def make(sql: Connection, settings: Settings, key_digest: bytes, *, now: datetime) -> str:
    """The whole URL of a new link in the name of the key with this hash; the only copy of it there will be."""
    token = sessions.make_link(sql, key_digest, now=now)
    return sign_in_url(settings.public_url or local_url(settings), token)
