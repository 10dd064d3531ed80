"""The command as a user runs it: `daybook` in a folder of its own, with settings of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Daybook:
    """One installation: its folder, its environment, and `up` when it runs."""

    folder: Path
    port: int
    extra: dict[str, str] = field(default_factory=dict)
    up: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environ(self) -> dict[str, str]:
        outer = {name: value for name, value in os.environ.items() if not name.startswith("DAYBOOK_")}
        mine = {"DATA_DIR": str(self.folder / "data"), "PORT": str(self.port), "LOG_LEVEL": "warning", **self.extra}
        return {**outer, **{f"DAYBOOK_{name}": value for name, value in mine.items()}, "NO_COLOR": "1"}

    def run(self, *words: str, status: int | None = 0) -> subprocess.CompletedProcess[str]:
        """`daybook WORDS`; checks the exit status unless it is None."""
        done = subprocess.run(
            [sys.executable, "-P", "-m", "ingest", *words],
            cwd=self.folder, env=self.environ, capture_output=True, text=True, timeout=60,
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
        deadline = time.monotonic() + 30
        while True:
            with contextlib.suppress(httpx2.HTTPError):
                if httpx2.get(f"{self.url}/health/live", trust_env=False).is_success:
                    return
            assert self.up is None or self.up.poll() is None, (self.folder / "up.log").read_text()
            assert time.monotonic() < deadline, (self.folder / "up.log").read_text()
            time.sleep(0.05)

    def children(self) -> list[psutil.Process]:
        """Every process that `up` started."""
        assert self.up is not None
        return psutil.Process(self.up.pid).children(recursive=True)

    def child(self, word: str) -> psutil.Process:
        """The process of `up` whose command line has `word` in it."""
        return next(one for one in self.children() if any(word in part for part in one.cmdline()))

    def stop(self, number: signal.Signals = signal.SIGINT) -> tuple[int, list[psutil.Process]]:
        """Signal `up`; its exit status, and those of its processes that are still there."""
        assert self.up is not None
        children = self.children()
        self.up.send_signal(number)
        status = self.up.wait(timeout=60)
        self.up = None
        _, alive = psutil.wait_procs(children, timeout=10 if number == signal.SIGKILL else 0)
        return status, alive


@pytest.fixture
def daybook() -> Iterator[Daybook]:
    """An installation with nothing in it."""
    with tempfile.TemporaryDirectory(prefix="daybook-") as folder:
        made = Daybook(Path(folder), free_port())
        try:
            yield made
        finally:
            if made.up is not None and made.up.poll() is None:
                made.stop()


@pytest.fixture
def adopted(daybook: Daybook) -> tuple[Daybook, str]:
    """An installation with a connection and one adopted webhook; the webhook's URL."""
    connect(daybook)
    (made,) = daybook.json("webhooks", "adopt", "org", "--connection", "acme", "--secret", "whsec_harbourlight_7Qm2")
    return daybook, made["url"]


def connect(daybook: Daybook, base_url: str = "http://127.0.0.1:9/v2") -> None:
    """Add the connection `acme`."""
    words: Sequence[str] = ["--kind", "calcom", "--base-url", base_url, "--org-id", "4821", "--api-key", "cal_live_x"]
    daybook.run("connections", "add", "acme", *words)


Eventually = Callable[..., None]
