"""The API mounted where it is served, on a filled store, asked with keys of each role."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import dramatiq
import httpx2
import jsonschema
import pytest
from dramatiq.brokers.stub import StubBroker
from starlette.applications import Starlette
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ingest import api
from ingest.api.schemas import SCHEMAS
from ingest.live.feed import Feed
from ingest.live_rules import Reader
from ingest.source import Source
from tests.contract.store.filled import Filled
from workers import queue
from workers.settings import Settings
from workers.store import keys
from workers.store.engine import Store, open_store
from workers.store.keys import Role
from workers.vault import Vault


class Bell(StubBroker):
    """A broker that remembers what it was rung for, or is away."""

    def __init__(self) -> None:
        super().__init__(middleware=[])
        self.ids: list[UUID] = []
        self.to_act = 0
        self.away = False

    def enqueue(self, message: dramatiq.Message[Any], *, delay: int | None = None) -> dramatiq.Message[Any]:
        if self.away:
            raise ConnectionError("no broker here")
        if message.queue_name == queue.ACT:
            self.to_act += 1
            return message
        assert message.queue_name == queue.PERSIST
        self.ids += [UUID(one) for one in message.args[0]]
        return message


class HangsUp:
    """A client of streams that has heard enough with the first message: they have no end of their own."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        enough = asyncio.Event()
        stream = False

        async def receiving() -> Message:
            if not stream:
                return await receive()
            await enough.wait()
            return {"type": "http.disconnect"}

        async def sending(message: Message) -> None:
            nonlocal stream
            if message["type"] == "http.response.start":
                stream = (b"content-type", b"text/event-stream; charset=utf-8") in message["headers"]
                await send(message)
            elif not stream:
                await send(message)
            elif not enough.is_set():
                await send({**message, "more_body": False})
                enough.set()

        await self._app(scope, receiving, sending)


@dataclass
class Asked:
    """The API, and what it was made of."""

    client: TestClient
    filled: Filled
    bell: Bell
    feed: Feed
    keys: dict[Role, str]

    def get(self, path: str, *, role: Role | None = Role.VIEWER, **params: Any) -> httpx2.Response:
        """GET below /api/v1 with a key of `role`."""
        return self.client.get(f"/api/v1{path}", params=params, headers=self.headers(role))

    def post(self, path: str, *, role: Role | None = Role.OPERATOR, **params: Any) -> httpx2.Response:
        """POST below /api/v1 with a key of `role`."""
        return self.client.post(f"/api/v1{path}", params=params, headers=self.headers(role))

    def headers(self, role: Role | None) -> dict[str, str]:
        return {} if role is None else {"Authorization": f"Bearer {self.keys[role]}"}


def conforms(answer: Any, name: str) -> None:
    """Fail where an answer is not what the OpenAPI document says."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": SCHEMAS}}
    jsonschema.validate(answer, schema, cls=jsonschema.Draft202012Validator)


@contextlib.contextmanager
def asking(store: Store, vault: Vault, folder: Path) -> Iterator[Asked]:
    """The API on `store`."""
    bell = Bell()
    made = {}
    with store.write() as connection:
        for role in Role:
            made[role] = keys.create(connection, name=role.value, role=role, now=datetime.now(UTC))[1]
    feed = Feed(store)
    settings = Settings(data_dir=folder)
    mounted = api.make_app(Source(store, bell, Reader(settings, store), feed, settings, vault))
    app = Starlette(routes=[api.Mounted("/api/v1", HangsUp(mounted))])
    with TestClient(app) as client:
        yield Asked(client, Filled(store, vault), bell, feed, made)


@pytest.fixture
def asked(sqlite_database: str, vault: Vault, tmp_path: Path) -> Iterator[Asked]:
    """The API on SQLite."""
    with contextlib.closing(open_store(sqlite_database)) as store, asking(store, vault, tmp_path) as made:
        yield made


@pytest.fixture
def asked_on_each(store: Store, vault: Vault, tmp_path: Path) -> Iterator[Asked]:
    """The API on SQLite, and on PostgreSQL."""
    with asking(store, vault, tmp_path) as made:
        yield made


Conforms = Callable[[Any, str], None]
