"""Daybook as it runs in earnest, with everything around it that a storm takes away: by `up` on one machine, or as two
web processes and two workers on a database and a broker of their own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.acceptance.conftest import Daybook
from tests.chaos import brokers, databases
from tests.chaos.brokers import Broker
from tests.chaos.databases import Database, Sqlite
from tests.chaos.receiver import SECRET, Receiver
from tests.chaos.standin import API_KEY, ORG_ID, StandIn
from tests.conftest import free_port

LEASE = 5.0
#: what a storm runs on: a database and a broker
KINDS: dict[
    str,
    tuple[
        Callable[[Path], contextlib.AbstractContextManager[Database]],
        Callable[[Path], contextlib.AbstractContextManager[Broker]],
    ],
] = {
    "sqlite-valkey": (databases.sqlite, brokers.valkey),
    "postgresql-valkey": (databases.postgresql, brokers.valkey),
    "postgresql-rabbitmq": (databases.postgresql, brokers.rabbit),
}
#: bytes of the disk that may fill up
_DISK = 192 * 1024 * 1024


@dataclass
class Site:
    """What runs, and where. `webs` are the web processes of a site without a supervisor, by their ports."""

    daybook: Daybook
    broker: Broker
    database: Database
    clock: Path
    disk: Path | None
    supervised: bool
    ports: list[int]
    webs: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def addresses(self) -> list[str]:
        """Where the web processes are."""
        return [f"http://127.0.0.1:{port}" for port in self.ports]

    def start(self) -> None:
        """Start all of it, and wait until the web processes answer."""
        if self.supervised:
            self.daybook.start("up")
            return
        for port in self.ports:
            self.start_web(port)
        for _ in range(2):
            self.start_worker()
        self.daybook.wait_until_live()

    def start_web(self, port: int) -> None:
        """One more `daybook serve`."""
        self.webs[port] = self._process("serve", port)

    def start_worker(self) -> None:
        """One more `daybook work`."""
        self.workers.append(self._process("work", self.ports[0]))

    def _process(self, verb: str, port: int) -> subprocess.Popen[bytes]:
        environ = {**self.daybook.environ, "DAYBOOK_PORT": str(port)}
        with (self.daybook.folder / f"{verb}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-P", "-m", "ingest", verb],
                cwd=self.daybook.folder, env=environ, stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip

    def processes(self) -> dict[str, list[psutil.Process]]:
        """Those of Daybook's own that run now, by what they are."""
        if not self.supervised:
            return {
                "web": [psutil.Process(one.pid) for one in self.webs.values() if one.poll() is None],
                "worker": [psutil.Process(one.pid) for one in self.workers if one.poll() is None],
            }
        assert self.daybook.up is not None
        found: dict[str, list[psutil.Process]] = {"supervisor": [psutil.Process(self.daybook.up.pid)]}
        for one in self.daybook.children():
            with contextlib.suppress(psutil.Error):
                verb = {"serve": "web", "work": "worker"}.get(one.cmdline()[-1])
                if verb is not None:
                    found.setdefault(verb, []).append(one)
        return found

    def log(self) -> str:
        """What the processes said."""
        return "\n".join(
            f"== {log.name}\n{log.read_text(errors='replace')}" for log in sorted(self.daybook.folder.glob("*.log"))
        )

    def stop(self) -> None:
        """End all of it at once."""
        for process in (*self.webs.values(), *self.workers):
            process.kill()
            process.wait()
        if self.daybook.up is not None:
            self.daybook.stop(signal.SIGKILL)


@contextlib.contextmanager
def site(kind: str, calcom: StandIn, service: Receiver, rules: str) -> Iterator[Site]:
    """One that acts on the stand-in by these rules, in which `RECEIVER` is the service's address. Nothing runs yet."""
    database, broker = KINDS[kind]
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="daybook-", ignore_cleanup_errors=True)))
        (folder / "data").mkdir()
        (folder / "rules").mkdir()
        disk = folder / "data" if _mounted(stack, folder / "data") else None
        its_database = stack.enter_context(database(folder))
        its_broker = stack.enter_context(broker(folder))
        supervised = isinstance(its_database, Sqlite)
        ports = [free_port()] if supervised else [free_port(), free_port()]
        daybook = Daybook(folder, ports[0])
        daybook.extra |= {
            "DATABASE_URL": its_database.url, "BROKER_URL": its_broker.url, "HTTP_ALLOW": "127.0.0.1",
            "SIGNING_SECRET": SECRET, "LEASE": str(LEASE), "SWEEP_INTERVAL": "0.5", "LOG_FORMAT": "json",
            "WATCH_INTERVAL": "2",
        }  # fmt: skip
        (folder / "rules" / "chaos.yaml").write_text(rules.replace("RECEIVER", service.url))
        (folder / "daybook.yaml").write_text("webhooks: [{name: org, connection: acme}]")
        daybook.run("migrate")
        words = ["--base-url", f"{calcom.address}/v2", "--org-id", str(ORG_ID), "--api-key", API_KEY]
        daybook.run("connections", "add", "acme", *words, "--per-minute", "0")
        made = Site(daybook, its_broker, its_database, _clock(daybook, folder), disk, supervised, ports)
        stack.callback(made.stop)
        yield made


def _mounted(stack: contextlib.ExitStack, folder: Path) -> bool:
    """Whether the folder is a disk of its own now, small enough to be filled: who may not mount one does without."""
    options = ["-t", "tmpfs", "-o", f"size={_DISK}", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(["mount", *options], capture_output=True).returncode:
        return False
    stack.callback(subprocess.run, ["umount", "--lazy", str(folder)], check=False)
    return True


def _clock(daybook: Daybook, folder: Path) -> Path:
    """The file that says by how many seconds Daybook's clock is ahead."""
    clock = folder / "clock"
    clock.write_text("0")
    daybook.outer |= {"CHAOS_CLOCK": str(clock), "PYTHONPATH": str(Path(__file__).parent / "clock")}
    return clock
