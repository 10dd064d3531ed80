"""What URLs, hosts and paths in settings may look like. Pure; a `ValueError` says what is wrong in half a sentence.

No error repeats what was written: a URL may hold a password.
"""

from __future__ import annotations

import base64
import re
import unicodedata
from ipaddress import ip_network
from urllib.parse import SplitResult, urlsplit

_UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
_STEP = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)
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


def destination(written: str) -> str:
    """A host name, an address, or a network of addresses such as 10.0.0.0/8."""
    name = text(written.strip())
    try:
        ip_network(name.strip("[]"), strict=False)
    except ValueError:
        host(name)
        if not name or ":" in name or "*" in name:
            raise ValueError("must be host names, addresses or networks like 10.0.0.0/8, without a port") from None
    return name


def python_step(name: str, function: str) -> None:
    """A step's name, and the function it stands for as `package.module:function`."""
    if not _STEP.fullmatch(name):
        raise ValueError("has a name that is not of letters, digits, - and _")
    module, _, attribute = function.partition(":")
    if not all(part.isidentifier() for part in (*module.split("."), attribute)):
        raise ValueError("must be name=package.module:function, or such pairs with commas between them")


def signing_secret(written: str) -> None:
    """A secret of Standard Webhooks."""
    try:
        key = base64.b64decode(written.removeprefix("whsec_"), validate=True)
    except ValueError:
        key = b""
    if not written.startswith("whsec_") or not 24 <= len(key) <= 64:
        raise ValueError("must be whsec_ and 24 to 64 bytes in base64")


def origin(written: str) -> str:
    """What a browser calls a page's origin: scheme, host and port, nothing after."""
    parts = _parts(written)
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc or parts.path.strip("/"):
        raise ValueError("must be origins such as https://inspector.acme.com, without a path")
    return f"{parts.scheme}://{parts.netloc}".lower()


def public_url(written: str) -> str:
    """An address that URLs are made of by adding a path; without the slashes at its end."""
    parts = _parts(written)
    if "@" in parts.netloc:
        raise ValueError("must have no user or password before its host")
    if parts.scheme not in ("http", "https") or not parts.hostname or any(sign in written for sign in "?#\\ "):
        raise ValueError("must be an http:// or https:// address without query, like https://daybook.acme.com")
    return written.rstrip("/")


def issuer(written: str) -> str:
    """The address of an OpenID Connect provider; plain http only for one on this machine."""
    parts = _parts(written)
    here = parts.hostname in ("127.0.0.1", "::1", "localhost")
    if not parts.hostname or "@" in parts.netloc or (parts.scheme != "https" and not (parts.scheme == "http" and here)):
        raise ValueError("must be an https:// address, like https://login.acme.com")
    return written


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
