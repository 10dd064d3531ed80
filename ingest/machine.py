"""Everything of Daybook on one machine: the embedded broker, the web process, the worker, in their order."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import anyio.to_thread
import httpx2

from ingest import valkey
from ingest.supervise import Child, Supervisor
from workers.errors import Misconfigured
from workers.settings import Settings
from workers.store import keys, sessions
from workers.store.engine import open_store
from workers.store.keys import Role
from workers.store.migrate import migrate
from workers.vault import open_vault


@dataclass(frozen=True, slots=True)
class First:
    """What a first start shows once: the first admin key, and the address that signs in with it once."""

    key: str
    link: str


@contextlib.asynccontextmanager
async def running(
    settings: Settings, *, log_to: Path | None = None, rules: Path | None = None
) -> AsyncIterator[First | None]:
    """Run it all while the block runs. Gives the first admin key where one had to be made: it is shown once.

    `log_to` is the folder for the processes' logs; None: they write where the parent writes. `rules` is the folder of
    rules in place of the settings'.
    """
    _port_is_free(settings)
    open_vault(settings)  # made now, so that the two processes do not both try
    first = await anyio.to_thread.run_sync(_prepare, settings)
    env = _environ(settings, rules)
    supervisor = Supervisor()
    try:
        if settings.broker_url is None:
            settings.valkey_socket.unlink(missing_ok=True)
            await supervisor.start(
                Child(
                    "valkey",
                    valkey.command(settings),
                    ready=lambda: valkey.answers(settings.valkey_socket),
                    log_to=log_to and log_to / "valkey.log",
                    heard=valkey.heard,
                )
            )
        await supervisor.start(daybook("serve", env, ready_at=f"{local_url(settings)}/health/live", log_to=log_to))
        await supervisor.start(daybook("work", env, log_to=log_to))
        yield first
    finally:
        await supervisor.stop()


def _environ(settings: Settings, rules: Path | None) -> dict[str, str]:
    """What the processes are told beside the parent's own environment. An empty setting counts as none."""
    told = {"DAYBOOK_DATA_DIR": settings.data_dir} | ({"DAYBOOK_RULES": rules} if rules is not None else {})
    return {name: str(path.absolute()) for name, path in told.items()} | {f"{name}_FILE": "" for name in told}


def daybook(verb: str, env: Mapping[str, str], *, ready_at: str | None = None, log_to: Path | None = None) -> Child:
    """A `daybook` process; with `ready_at` it is ready when that address answers."""

    async def ready() -> bool:
        return ready_at is None or await responds(ready_at)

    # -P: the folder we happen to stand in must not shadow `workers` or `ingest`
    argv = [sys.executable, "-P", "-m", "ingest", verb]
    return Child(verb, argv, env, ready, log_to and log_to / f"{verb}.log")


def sign_in_url(base: str, link: str) -> str:
    """The address of a link that signs in once; `base` is where the browser reaches Daybook."""
    return f"{base}/sign-in?link={link}"


def local_url(settings: Settings) -> str:
    """How this machine reaches its own web process."""
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - recognised here, not listened on
    host = everywhere.get(settings.host, settings.host)
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"


async def responds(url: str) -> bool:
    """Whether an address on this machine, plain HTTP, answers with 2xx."""
    # Certificates would take longer to read than anything else here, and this is asked again and again.
    async with httpx2.AsyncClient(timeout=2, trust_env=False, verify=False) as client:
        try:
            return (await client.get(url)).is_success
        except httpx2.HTTPError:
            return False


def _prepare(settings: Settings) -> First | None:
    """Migrate; and where nobody could sign in yet, make the first key and its link."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with contextlib.closing(open_store(settings.database, pool_size=1)) as store:
        migrate(store)
        if settings.admin_key is not None:
            return None
        with store.write() as connection:
            if keys.count(connection):
                return None
            now = datetime.now(UTC)
            _, key = keys.create(connection, name="first", role=Role.ADMIN, now=now)
            link = sessions.make_link(connection, keys.digest(key), now=now)
            return First(key, sign_in_url(local_url(settings), link))


def _port_is_free(settings: Settings) -> None:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            raise Misconfigured(
                f"DAYBOOK_HOST:DAYBOOK_PORT {settings.host}:{settings.port} cannot be listened on "
                f"({os.strerror(error.errno or 0)}); set DAYBOOK_PORT to a free one."
            ) from None
