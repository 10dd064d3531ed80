"""The commands against a sandbox that is a process of its own."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import httpx2
import pytest

from tests.conftest import PATIENCE, PLAIN, free_port
from tests.integration.cli.command import main
from workers.calcom.connection import BearerKey
from workers.reach import pack
from workers.settings import load
from workers.store import connections
from workers.store.engine import open_store
from workers.store.migrate import migrate
from workers.vault import open_vault

COMMAND = [sys.executable, "-P", "-m", "ingest"]
WANTED = """
webhooks:
  - {name: org, connection: acme, triggers: all}
  - {name: few, connection: acme, triggers: [BOOKING_CREATED], version: 2026-07-27}
"""


@dataclass
class Sandbox:
    """A running stand-in Cal.com; `base_url` ends in /v2."""

    base_url: str

    def control(self, name: str, **body: Any) -> Any:
        """POST one of its controls."""
        answer = httpx2.post(self._control(name), json=body, **PLAIN)
        assert answer.is_success, answer.text
        return answer.json()

    def look(self, name: str, **query: str) -> Any:
        """GET one of its controls."""
        return httpx2.get(self._control(name), params=query, **PLAIN).json()

    def webhooks(self) -> list[dict[str, Any]]:
        """All webhooks it has."""
        found: list[dict[str, Any]] = self.look("state")["webhooks"]
        return found

    def _control(self, name: str) -> str:
        return f"{self.base_url.removesuffix('/v2')}/_sandbox/{name}"


@dataclass
class Daybook:
    """One installation in a folder of its own."""

    folder: Path
    port: int
    sandbox: Sandbox

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environ(self) -> dict[str, str]:
        mine = {"DAYBOOK_DATA_DIR": str(self.folder / "data"), "DAYBOOK_PORT": str(self.port)}
        return {**os.environ, **mine, "NO_COLOR": "1", "COLUMNS": "200"}

    def begin(self, *words: str) -> subprocess.Popen[str]:
        """Start `daybook WORDS` and go on."""
        return subprocess.Popen(
            [*COMMAND, *words], cwd=self.folder, env=self.environ, text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def run(self, *words: str, status: int = 0, stdin: IO[str] | None = None) -> subprocess.CompletedProcess[str]:
        """`daybook WORDS` in the test's own process, where it starts at once; it has to end with `status`."""
        told, said = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.TextIOWrapper(io.BytesIO(), "utf-8")
        with pytest.MonkeyPatch.context() as patch, Path(os.devnull).open() as nothing:
            patch.chdir(self.folder)
            for name, value in self.environ.items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", ["daybook", *words])
            patch.setattr(sys, "stdin", stdin or nothing)
            patch.setattr(sys, "stdout", told)
            patch.setattr(sys, "stderr", said)
            ended = main()
            out, err = (_written(stream) for stream in (told, said))
        assert ended == status, f"{words}: {ended}\n{out}\n{err}"
        return subprocess.CompletedProcess(words, ended, out, err)

    def json(self, *words: str, status: int = 0) -> list[Any]:
        """What `daybook WORDS --json` prints, a line each."""
        return [json.loads(line) for line in self.run(*words, "--json", status=status).stdout.splitlines()]

    def error(self, *words: str) -> dict[str, Any]:
        """The error that `daybook WORDS --json` ends with."""
        done = self.run(*words, "--json", status=1)
        found: dict[str, Any] = json.loads(done.stderr)["error"]
        return found

    def connect(self, key: str = "cal_sandbox_owner", *, org_id: int = 4821) -> None:
        """Make or change the connection `acme`: what `connections add --replace` does, without a process."""
        settings = load({name: value for name, value in self.environ.items() if name.startswith("DAYBOOK_")})
        settings.data_dir.mkdir(exist_ok=True)
        row = connections.Connection(
            "acme", connections.Kind.CALCOM, self.sandbox.base_url, org_id, 90, datetime.now(UTC)
        )
        with contextlib.closing(open_store(settings.database)) as store:
            migrate(store)
            with store.write() as sql:
                vault, credential = open_vault(settings), pack(BearerKey(key))
                if not connections.replace(sql, vault, row, credential):
                    connections.add(sql, vault, row, credential)

    def want(self, text: str = WANTED) -> None:
        """Write daybook.yaml."""
        (self.folder / "daybook.yaml").write_text(text)

    @contextlib.contextmanager
    def running(self, verb: str) -> Iterator[None]:
        """`daybook serve` or `up` while the block runs."""
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen([*COMMAND, verb], cwd=self.folder, env=self.environ, stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + PATIENCE
            while True:
                with contextlib.suppress(httpx2.HTTPError):
                    if httpx2.get(f"{self.url}/health/live", **PLAIN).is_success:
                        break
                assert process.poll() is None, (self.folder / "log").read_text()
                assert time.monotonic() < deadline, (self.folder / "log").read_text()
                time.sleep(0.05)
            yield
        finally:
            process.terminate()
            process.wait(timeout=PATIENCE)


def _written(stream: io.TextIOWrapper) -> str:
    stream.flush()
    found: bytes = stream.buffer.getvalue()  # type: ignore[attr-defined]  # it is a BytesIO
    return found.decode()


@pytest.fixture(scope="session")
def running_sandbox() -> Iterator[Sandbox]:
    """The one sandbox process: no rate limit, and seconds between two attempts take milliseconds."""
    command = [sys.executable, "-P", "-m", "ingest.sandbox", "--port", "0", "--rate-limit", "0", "--time-unit", "0.01"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        try:
            yield Sandbox(line.split()[2])
        finally:
            process.terminate()


@pytest.fixture
def sandbox(running_sandbox: Sandbox) -> Sandbox:
    """The sandbox as at its start."""
    running_sandbox.control("reset")
    return running_sandbox


@pytest.fixture
def daybook(sandbox: Sandbox) -> Iterator[Daybook]:
    """An installation whose connection `acme` is the sandbox; daybook.yaml wants two webhooks."""
    with tempfile.TemporaryDirectory(prefix="daybook-") as folder:  # short: a socket's path has 107 bytes
        made = Daybook(Path(folder), free_port(), sandbox)
        made.connect()
        made.want()
        yield made
