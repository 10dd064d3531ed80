"""Daybook's web process in a thread, with real keys, and a sandbox as each connection's Cal.com."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn
from cryptography.fernet import Fernet

from ingest.web import make_app
from tests.conftest import PATIENCE, PLAIN
from workers.calcom.connection import BearerKey
from workers.reach import pack
from workers.settings import Settings, load
from workers.store import connections, keys
from workers.store.engine import Store, open_store
from workers.store.keys import Role
from workers.store.migrate import migrate
from workers.vault import Vault, open_vault

#: what every client sends: nothing else is needed
HEADERS = {"content-type": "application/json", "accept": "application/json"}
TOOLS = "/cal-organizations"


@dataclass
class Calcom:
    """A sandbox process."""

    base_url: str
    org_id: int

    @property
    def http(self) -> httpx2.Client:
        """To look at it beside the tools."""
        key = {"authorization": "Bearer cal_sandbox_owner"}
        return httpx2.Client(base_url=self.base_url.removesuffix("/v2"), headers=key, **PLAIN)

    def reset(self) -> None:
        """As at its start."""
        with self.http as http:
            assert http.post("/_sandbox/reset", json={}).is_success


@dataclass
class Office:
    """A running web process; `key` makes a key for each role that is asked for."""

    url: str
    settings: Settings
    store: Store
    vault: Vault
    _keys: dict[Role, str] = field(default_factory=dict)

    def key(self, role: Role) -> str:
        if role not in self._keys:
            with self.store.write() as sql:
                self._keys[role] = keys.create(sql, name=f"the {role}", role=role, now=datetime.now(UTC))[1]
        return self._keys[role]

    def connect(self, pcid: str, calcom: Calcom, *, per_minute: int = 0, api_key: str = "cal_sandbox_owner") -> None:
        row = connections.Connection(
            pcid, connections.Kind.CALCOM, calcom.base_url, calcom.org_id, per_minute, datetime.now(UTC)
        )
        with self.store.write() as sql:
            connections.add(sql, self.vault, row, pack(BearerKey(api_key)))

    def post(self, body: bytes, *, path: str = TOOLS, role: Role | None = Role.ADMIN, **more: str) -> httpx2.Response:
        """One message as bytes."""
        key = {} if role is None else {"authorization": f"Bearer {self.key(role)}"}
        return httpx2.post(f"{self.url}{path}", content=body, headers={**HEADERS, **key, **more}, **PLAIN)

    def ask(self, method: str, *, path: str = TOOLS, role: Role = Role.ADMIN, **params: Any) -> dict[str, Any]:
        """A plain JSON-RPC message: its answer, whole."""
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        answer = httpx2.post(
            f"{self.url}{path}",
            json=message,
            headers={**HEADERS, "authorization": f"Bearer {self.key(role)}"},
            **PLAIN,
        )
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def call(self, name: str, role: Role = Role.ADMIN, path: str = TOOLS, **arguments: Any) -> dict[str, Any]:
        """A tool's result."""
        found: dict[str, Any] = self.ask("tools/call", path=path, role=role, name=name, arguments=arguments)["result"]
        return found


@contextlib.contextmanager
def _sandbox(org_id: int) -> Iterator[Calcom]:
    command = [sys.executable, "-P", "-m", "ingest.sandbox", "--port", "0", "--rate-limit", "0"]
    with subprocess.Popen([*command, "--org-id", str(org_id)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Calcom(process.stdout.readline().split()[2], org_id)
        finally:
            process.terminate()


@pytest.fixture(scope="session")
def _calcom() -> Iterator[Calcom]:
    with _sandbox(4821) as made:
        yield made


@pytest.fixture(scope="session")
def _another_calcom() -> Iterator[Calcom]:
    with _sandbox(5000) as made:
        yield made


@pytest.fixture
def calcom(_calcom: Calcom) -> Calcom:
    """A Cal.com as at its start."""
    _calcom.reset()
    return _calcom


@pytest.fixture
def another_calcom(_another_calcom: Calcom) -> Calcom:
    """Another, with another organization."""
    _another_calcom.reset()
    return _another_calcom


StartOffice = Callable[..., Office]


@contextlib.contextmanager
def running_office(**environ: str) -> Iterator[Office]:
    """A web process with the settings given; it has no connection yet."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="daybook-")))
        values = {
            "DATA_DIR": str(folder),
            "SECRET_KEY": Fernet.generate_key().decode(),
            "BROKER_URL": f"unix://{folder}/none.sock",
            **environ,
        }
        settings = load({f"DAYBOOK_{name}": value for name, value in values.items()}, cwd=folder)
        store = stack.enter_context(contextlib.closing(open_store(settings.database)))
        migrate(store)
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        server = uvicorn.Server(uvicorn.Config(make_app(settings), log_config=None, access_log=False))
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()

        def stop() -> None:
            server.should_exit = True
            thread.join(PATIENCE)
            assert not thread.is_alive()

        stack.callback(stop)
        deadline = time.monotonic() + PATIENCE
        while not server.started:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        yield Office(url, settings, store, open_vault(settings))


@pytest.fixture
def start_office() -> Iterator[StartOffice]:
    """Starts a web process with the settings given; it has no connection yet."""
    with contextlib.ExitStack() as stack:
        yield lambda **environ: stack.enter_context(running_office(**environ))


@pytest.fixture
def office(start_office: StartOffice, calcom: Calcom) -> Office:
    """A web process with one connection, whose keys with role admin may delete."""
    made = start_office(MCP_DESTRUCTIVE="true", MCP_PER_MINUTE="0")
    made.connect("acme", calcom)
    return made


@pytest.fixture(scope="session")
def _shared_office(_calcom: Calcom) -> Iterator[Office]:
    with running_office(MCP_DESTRUCTIVE="true", MCP_PER_MINUTE="0") as made:
        made.connect("acme", _calcom)
        yield made


@pytest.fixture
def shared_office(_shared_office: Office, calcom: Calcom) -> Office:
    """The same, one for all tests that leave it as it is."""
    return _shared_office
