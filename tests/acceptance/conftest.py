"""The command as a user runs it: `daybook` in a folder of its own, with settings of its own."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest

from tests.conftest import PATIENCE, PLAIN, free_port
from workers.store import history
from workers.store.engine import open_store


@dataclass
class Daybook:
    """One installation: its folder, its environment, and `up` when it runs."""

    folder: Path
    port: int
    extra: dict[str, str] = field(default_factory=dict)
    #: of its environment, what is not Daybook's
    outer: dict[str, str] = field(default_factory=dict)
    up: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environ(self) -> dict[str, str]:
        outer = {name: value for name, value in os.environ.items() if not name.startswith("DAYBOOK_")} | self.outer
        mine = {"DATA_DIR": str(self.folder / "data"), "PORT": str(self.port), "LOG_LEVEL": "warning", **self.extra}
        return {**outer, **{f"DAYBOOK_{name}": value for name, value in mine.items()}, "NO_COLOR": "1"}

    def run(self, *words: str, status: int | None = 0) -> subprocess.CompletedProcess[str]:
        """`daybook WORDS`; checks the exit status unless it is None."""
        done = subprocess.run(
            [sys.executable, "-P", "-m", "ingest", *words],
            cwd=self.folder, env=self.environ, capture_output=True, text=True, timeout=2 * PATIENCE,
        )  # fmt: skip
        assert status in (None, done.returncode), f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def json(self, *words: str) -> list[Any]:
        """What `daybook WORDS --json` prints, a line each."""
        return [json.loads(line) for line in self.run(*words, "--json").stdout.splitlines()]

    def start(self, verb: str = "up") -> None:
        """Start `daybook up` and wait until it answers."""
        with (self.folder / "up.log").open("ab") as log:
            self.up = subprocess.Popen(
                [sys.executable, "-P", "-m", "ingest", verb],
                cwd=self.folder, env=self.environ, stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip
        self.wait_until_live()

    def wait_until_live(self) -> None:
        """Wait until the web process answers."""
        deadline = time.monotonic() + PATIENCE
        while True:
            with contextlib.suppress(httpx2.HTTPError):
                if httpx2.get(f"{self.url}/health/live", **PLAIN).is_success:
                    return
            assert self.up is None or self.up.poll() is None, (self.folder / "up.log").read_text()
            assert time.monotonic() < deadline, (self.folder / "up.log").read_text()
            time.sleep(0.05)

    def children(self) -> list[psutil.Process]:
        """Every process that `up` started."""
        assert self.up is not None
        return psutil.Process(self.up.pid).children(recursive=True)

    def child(self, name: str) -> psutil.Process:
        """The process of `up` that is the program `name`, or `daybook NAME`."""
        for one in self.children():
            with contextlib.suppress(psutil.Error):  # it ended meanwhile
                if name in (Path(one.exe()).name.partition("-")[0], one.cmdline()[-1]):
                    return one
        raise AssertionError(f"{name} does not run")

    def events(self) -> int:
        """How many events there are. No command is asked: those who wait ask often, and it takes long to start."""
        database = f"sqlite:///{self.folder / 'data' / 'daybook.db'}"
        with contextlib.closing(open_store(database, pool_size=1)) as store, store.read() as connection:
            return history.count(connection, history.Filter())

    def stop(self, number: signal.Signals = signal.SIGINT) -> tuple[int, list[psutil.Process]]:
        """Signal `up`; its exit status, and those of its processes that are still there."""
        assert self.up is not None
        children = self.children()
        self.up.send_signal(number)
        status = self.up.wait(timeout=PATIENCE)
        self.up = None
        _, alive = psutil.wait_procs(children, timeout=PATIENCE if number == signal.SIGKILL else 0)
        return status, alive


@contextlib.contextmanager
def installed() -> Iterator[Daybook]:
    """An installation with nothing in it."""
    with tempfile.TemporaryDirectory(prefix="daybook-") as folder:
        made = Daybook(Path(folder), free_port())
        try:
            yield made
        finally:
            if made.up is not None and made.up.poll() is None:
                made.stop()


@pytest.fixture
def daybook() -> Iterator[Daybook]:
    """An installation with nothing in it."""
    with installed() as made:
        yield made


#: gives an installation a connection and one adopted webhook; the webhook's URL
Adopt = Callable[[Daybook], str]


@pytest.fixture(scope="session")
def adopt() -> Iterator[Adopt]:
    """Made with the commands, once, and then copied."""
    with installed() as first:
        words = ["--base-url", "http://127.0.0.1:9/v2", "--org-id", "4821", "--api-key", "cal_live_x"]
        first.run("connections", "add", "acme", "--kind", "calcom", *words)
        (made,) = first.json("webhooks", "adopt", "org", "--connection", "acme", "--secret", "whsec_harbourlight_7Qm2")

        def copy(daybook: Daybook) -> str:
            shutil.copytree(first.folder / "data", daybook.folder / "data")
            url: str = made["url"]
            return url.replace(first.url, daybook.url)

        yield copy


@pytest.fixture
def adopted(daybook: Daybook, adopt: Adopt) -> tuple[Daybook, str]:
    """An installation with a connection and one adopted webhook; the webhook's URL."""
    return daybook, adopt(daybook)


Eventually = Callable[..., None]
