"""The pages mounted where they are served, on a filled store, looked at by people of each role."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient

from ingest import dashboard, forgery
from ingest.live.feed import Feed
from ingest.live_rules import Reader
from ingest.source import Source
from tests.contract.store.filled import Filled
from tests.integration.api.conftest import Bell
from workers.settings import Settings
from workers.store import keys, sessions
from workers.store.engine import Store, open_store
from workers.store.keys import Role
from workers.vault import Vault


@dataclass
class Looked:
    """The pages, and what they were made of; each role is signed in with a session of its own."""

    client: TestClient
    filled: Filled
    bell: Bell
    settings: Settings
    tokens: dict[Role, str]
    source: Source

    def get(self, path: str, *, role: Role | None = Role.VIEWER, **params: Any) -> httpx2.Response:
        """A page as a browser of `role` asks for it; redirects are not followed."""
        return self.client.get(path, params=params or None, headers=self.cookie(role), follow_redirects=False)

    def post(
        self, path: str, *, role: Role | None = Role.OPERATOR, csrf: str | None = "", **fields: Any
    ) -> httpx2.Response:
        """A form as one of our pages sends it; `csrf` None: without its token, "": with the right one."""
        token = self.tokens[role] if role is not None else ""
        held = forgery.token(token) if csrf == "" else csrf
        data = {**fields} if held is None else {**fields, forgery.FIELD: held}
        headers = {**self.cookie(role), "Origin": "http://testserver", "Sec-Fetch-Site": "same-origin"}
        return self.client.post(path, data=data, headers=headers, follow_redirects=False)

    def cookie(self, role: Role | None) -> dict[str, str]:
        return {} if role is None else {"Cookie": f"daybook={self.tokens[role]}"}


def words(answer: httpx2.Response) -> str:
    """What a page says, without its markup, blanks as one."""
    body = re.sub(r"<(script|style)\b.*?</\1>", " ", answer.text.replace("<wbr>", ""), flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", body)).split())


@contextlib.contextmanager
def looking(store: Store, vault: Vault, settings: Settings) -> Iterator[Looked]:
    """The pages on `store`."""
    bell, tokens = Bell(), {}
    with store.write() as sql:
        now = datetime.now(UTC)
        for role in Role:
            made, text = keys.create(sql, name=f"a {role.value}", role=role, now=now)
            tokens[role] = sessions.begin(
                sql, name=made.name, role=role, key_digest=keys.digest(text), now=now, lives=timedelta(hours=1)
            )
    source = Source(store, bell, Reader(settings, store), Feed(store), settings, vault)
    with TestClient(dashboard.make_app(source)) as client:
        yield Looked(client, Filled(store, vault), bell, settings, tokens, source)


@pytest.fixture
def looked(sqlite_database: str, vault: Vault, tmp_path: Path) -> Iterator[Looked]:
    """The pages on SQLite."""
    settings = Settings(data_dir=tmp_path, rules=tmp_path / "rules")
    with contextlib.closing(open_store(sqlite_database)) as store, looking(store, vault, settings) as made:
        yield made


@pytest.fixture
def looked_on_each(store: Store, vault: Vault, tmp_path: Path) -> Iterator[Looked]:
    """The pages on SQLite, and on PostgreSQL."""
    settings = Settings(data_dir=tmp_path, rules=tmp_path / "rules")
    with looking(store, vault, settings) as made:
        yield made
