"""What URLs, hosts and paths in settings may look like. Pure; a `ValueError` says what is wrong in half a sentence.

No error repeats what was written: a URL may hold a password.
"""

from __future__ import annotations

import unicodedata
from urllib.parse import SplitResult, urlsplit

_UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
_BROKERS = ("redis", "rediss", "unix", "amqp", "amqps")
#: what a URL that cannot be read is to be looked through for
READABLE = (
    "a port is 1 to 65535, an IPv6 host stands in [ ], and a user or password has %23 for #, %2F for /, %3A for :, "
    "%3F for ?, %40 for @, %5B for [ and %5D for ]"
)
_DATABASES = ("sqlite", "postgresql", "postgres", "postgresql+psycopg")


def text(written: str) -> str:
    """Text without control characters, which come of a pasted line break or of bytes that are no text."""
    if any(unicodedata.category(char) in _UNSEEN for char in written):
        raise ValueError("must have no control characters or line breaks in it")
    return written


def host(name: str) -> None:
    """A host that may be looked up, or an address without its [ ]."""
    if any(sign in name for sign in " []@/?#\\"):
        raise ValueError("has a host with a sign that no host has")
    try:
        name.encode("idna")
    except UnicodeError:
        raise ValueError("has a host of which a part is empty or has over 63 characters") from None


def public_url(written: str) -> str:
    """An address that URLs are made of by adding a path; without the slashes at its end."""
    parts = _parts(written)
    if "@" in parts.netloc:
        raise ValueError("must have no user or password before its host")
    if parts.scheme not in ("http", "https") or not parts.hostname or any(sign in written for sign in "?#\\ "):
        raise ValueError("must be an http:// or https:// address without query, like https://daybook.acme.com")
    return written.rstrip("/")


def database_url(written: str) -> str:
    """SQLAlchemy's URL of SQLite or PostgreSQL; how the rest of it is to be read only SQLAlchemy knows."""
    scheme, _, rest = text(written).partition("://")
    if not rest or scheme not in _DATABASES:
        raise ValueError("must start with sqlite:// or postgresql://")
    if scheme == "sqlite" and rest in ("/", "/:memory:"):
        raise ValueError("must name a file, like sqlite:////var/lib/daybook.db")
    return f"postgresql+psycopg://{rest}" if scheme.startswith("postgres") else written


def broker_url(written: str) -> str:
    """The URL of a Redis, Valkey or RabbitMQ, by a socket or by a host."""
    if written.partition("://")[0] not in _BROKERS:
        raise ValueError("must start with redis://, rediss://, unix://, amqp:// or amqps://")
    parts = _parts(written)
    number = parts.path.strip("/")
    if "#" in written:
        raise ValueError("must have no #; write %23 for one that is meant")
    if parts.scheme == "unix" and not number:
        raise ValueError("must name a socket, like unix:///run/valkey.sock")
    if parts.scheme.startswith("redis") and number and not number.isdecimal():
        raise ValueError("must end in the number of a database, like redis://localhost:6379/0, or in none")
    return written


def _parts(url: str) -> SplitResult:
    """A URL taken apart, its host and port such as there may be."""
    text(url)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError(f"cannot be read: {READABLE}") from None
    if port == 0:
        raise ValueError(f"cannot be read: {READABLE}")
    host(parts.hostname or "")
    return parts
