"""The contenders as they run: each with its processes, its broker and an empty database, for one measurement.

Daybook and the naive design get the same: one web process, one worker process, a Valkey with an append-only file.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography.fernet import Fernet
from redis import Redis
from redis.exceptions import RedisError

from ingest import valkey
from tests.bench import deliveries
from tests.bench.committed import Committed
from tests.bench.contenders import table
from tests.bench.databases import Databases, Kind
from tests.bench.load import ROOT
from tests.bench.processes import free_port, listens, running
from workers.settings import Settings, load
from workers.store import connections, webhooks
from workers.store.engine import open_store
from workers.store.migrate import migrate
from workers.vault import open_vault

#: the `dramatiq` command's own default
DRAMATIQ_THREADS = 8
#: gunicorn's sync workers, one for each core of the smallest machine this is meant for
GUNICORN_WORKERS = 2
#: what one event takes part in, for the size on disk
_DAYBOOK_TABLES = ("receipts", "bodies", "events", "event_people", "bookings")


@dataclass(frozen=True, slots=True)
class Running:
    """A contender that takes deliveries on each of `ports`; what it commits, its broker and, where it is Daybook, the
    settings that its processes have."""

    ports: Sequence[int]
    committed: Committed | None = None
    broker: Redis | None = None
    settings: Settings | None = None

    @property
    def port(self) -> int:
        """One of them, for who needs no more."""
        return self.ports[0]

    def used_memory(self) -> int:
        """Bytes that the broker holds."""
        assert self.broker is not None
        return int(self.broker.info("memory")["used_memory"])


class Servers:
    """Starts contenders. Everything they write is under `folder` and gone with the block."""

    def __init__(self, folder: Path, databases: Databases) -> None:
        self._folder = folder
        self._databases = databases

    @contextlib.contextmanager
    def trivial(self) -> Iterator[Running]:
        """Reads and answers: the sender's own limit."""
        with ExitStack() as stack:
            port = free_port()
            self._start(stack, "trivial", [sys.executable, "-m", "tests.bench.contenders.trivial", str(port)], port)
            yield Running([port])

    @contextlib.contextmanager
    def bare(self) -> Iterator[Running]:
        """A Starlette route that only verifies."""
        with ExitStack() as stack:
            port = free_port()
            self._start(stack, "bare", _uvicorn("tests.bench.contenders.bare:app", port), port)
            yield Running([port])

    @contextlib.contextmanager
    def flask(self, kind: Kind) -> Iterator[Running]:
        """Flask and gunicorn, an INSERT for each request."""
        with ExitStack() as stack:
            folder = self._scratch(stack)
            url = stack.enter_context(self._databases.empty(kind, folder))
            committed = _with_table(stack, url)
            port = free_port()
            argv = [sys.executable, "-m", "gunicorn", "--workers", str(GUNICORN_WORKERS), "--log-level", "warning"]
            argv += ["--bind", f"127.0.0.1:{port}", "tests.bench.contenders.flask_insert:app"]
            self._start(stack, "gunicorn", argv, port, env={"BENCH_DATABASE_URL": url})
            yield Running([port], committed)

    @contextlib.contextmanager
    def naive(self, kind: Kind, *, worker: bool, durable: bool = False) -> Iterator[Running]:
        """One message and one row for each delivery.

        Valkey writes what it was sent to disk every second, as it comes; where `durable`, before each answer.
        """
        with ExitStack() as stack:
            folder = self._scratch(stack)
            url = stack.enter_context(self._databases.empty(kind, folder))
            committed = _with_table(stack, url)
            settings = Settings(data_dir=folder)
            broker = self._valkey(stack, settings)
            if durable:
                broker.config_set("appendfsync", "always")
            env = {"BENCH_DATABASE_URL": url, "BENCH_BROKER_URL": settings.broker}
            port = free_port()
            self._start(stack, "naive", _uvicorn("tests.bench.contenders.naive:app", port), port, env=env)
            if worker:
                argv = [sys.executable, "-m", "dramatiq", "tests.bench.contenders.naive", "--processes", "1"]
                argv += ["--threads", str(DRAMATIQ_THREADS), "--worker-shutdown-timeout", "5000"]
                self._start(stack, "dramatiq", argv, None, env=env)
            yield Running([port], committed, broker)

    @contextlib.contextmanager
    def daybook(
        self,
        kind: Kind,
        *,
        worker: bool,
        rules: str = "",
        before: Callable[[Settings], object] = lambda _: None,
        processes: int = 1,
    ) -> Iterator[Running]:
        """`daybook serve`, and `daybook work` where `worker` says so, with one webhook that the deliveries are for and
        the rules of a file; so many `processes` of each, on ports of their own. `before` them the database, with its
        tables, may be filled."""
        with ExitStack() as stack:
            folder = self._scratch(stack)
            url = stack.enter_context(self._databases.empty(kind, folder))
            ports = [free_port() for _ in range(processes)]
            env = {
                "DAYBOOK_DATA_DIR": str(folder),
                "DAYBOOK_PORT": str(ports[0]),
                "DAYBOOK_DATABASE_URL": url,
                "DAYBOOK_SECRET_KEY": Fernet.generate_key().decode(),
                "DAYBOOK_ADMIN_KEY": Fernet.generate_key().decode(),
                "DAYBOOK_LOG_LEVEL": "warning",
            }
            settings = load(env, cwd=folder)
            if rules:
                (folder / "rules").mkdir()
                (folder / "rules" / "rules.yaml").write_text(rules)
            _adopt(settings)
            before(settings)
            committed = Committed(settings.database, "events", all_tables=_DAYBOOK_TABLES)
            stack.callback(committed.close)
            broker = self._valkey(stack, settings)
            argv = [sys.executable, "-P", "-m", "ingest"]
            for port in ports:
                own = {**env, "DAYBOOK_PORT": str(port)}
                self._start(stack, "daybook serve", [*argv, "serve"], port, env=own, cwd=folder)
            for _ in range(processes if worker else 0):
                self._start(stack, "daybook work", [*argv, "work"], None, env=env, cwd=folder)
            yield Running(ports, committed, broker, settings)

    @contextlib.contextmanager
    def sql_away(self) -> Iterator[None]:
        """PostgreSQL is stopped while the block runs."""
        with self._databases.away():
            yield

    def _scratch(self, stack: ExitStack) -> Path:
        # A short name: the path of Valkey's socket in it may have 107 bytes.
        return Path(stack.enter_context(tempfile.TemporaryDirectory(dir=self._folder, prefix="r")))

    def _start(
        self,
        stack: ExitStack,
        name: str,
        argv: list[str],
        port: int | None,
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path = ROOT,
    ) -> None:
        log = self._folder / f"{name.replace(' ', '-')}.log"
        outside = {key: value for key, value in os.environ.items() if not key.startswith("DAYBOOK_")}
        stack.enter_context(
            running(
                name,
                argv,
                env={**outside, **(env or {})},
                cwd=cwd,
                log=log,
                ready=lambda: port is None or listens(port),
            )
        )

    def _valkey(self, stack: ExitStack, settings: Settings) -> Redis:
        client = Redis(unix_socket_path=str(settings.valkey_socket))
        stack.callback(client.close)

        def answers() -> bool:
            try:
                return bool(client.ping())
            except RedisError:
                return False

        log = self._folder / "valkey.log"
        argv = valkey.command(settings)
        stack.enter_context(running("valkey", argv, env=os.environ, cwd=ROOT, log=log, ready=answers))
        return client


def _uvicorn(app: str, port: int) -> list[str]:
    """With uvloop, httptools and no log of accesses, as `daybook serve` has it."""
    argv = [sys.executable, "-m", "uvicorn", app, "--host", "127.0.0.1", "--port", str(port)]
    return [*argv, "--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"]


def _with_table(stack: ExitStack, url: str) -> Committed:
    engine = table.open_engine(url, pool_size=1)
    table.metadata.create_all(engine)
    engine.dispose()
    committed = Committed(url, "deliveries", all_tables=("deliveries",))
    stack.callback(committed.close)
    return committed


def _adopt(settings: Settings) -> None:
    """The tables, a connection, and the webhook whose token and secret the deliveries have."""
    now = datetime.now(UTC)
    with contextlib.closing(open_store(settings.database, pool_size=1)) as store:
        migrate(store)
        vault = open_vault(settings)
        with store.write() as sql:
            acme = connections.Connection("acme", connections.Kind.CALCOM, "http://127.0.0.1:9/v2", 1, 90, now)
            connections.add(sql, vault, acme, "no credential is needed: nothing is called")
            webhooks.add(
                sql,
                vault,
                name="bench",
                pcid="acme",
                token=deliveries.TOKEN,
                secret=deliveries.SECRET.decode(),
                origin="adopted",
                now=now,
            )
