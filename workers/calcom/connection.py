"""A connection: the Cal.com organization Daybook may act for, and its credential. Values only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar
from urllib.parse import urlsplit

import httpx2

from workers.errors import BadInput

HOSTED = "https://api.cal.com/v2"
#: below the base URL of an MCP server, where the tools are
MCP_PATH = "/cal-organizations"


@dataclass(frozen=True, slots=True)
class BearerKey:
    """An API key (`cal_live_...`, self-hosted `cal_...`) or access token; it acts as its owner."""

    kind: ClassVar[str] = "bearer"
    key: str = field(repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", header_safe("The API key", self.key))

    def headers(self) -> dict[str, str]:
        """What goes with every request."""
        return {"Authorization": f"Bearer {self.key}"}

    def secrets(self) -> tuple[str, ...]:
        """What may never be shown."""
        return (self.key,)


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """A platform client's id and secret key; it acts as the owner of the platform organization.

    Cal.com prefers these to a bearer key when it gets both, so they are never sent together.
    """

    kind: ClassVar[str] = "client"
    client_id: str
    secret_key: str = field(repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "client_id", header_safe("The client id", self.client_id))
        object.__setattr__(self, "secret_key", header_safe("The secret key", self.secret_key))

    def headers(self) -> dict[str, str]:
        """What goes with every request."""
        return {"x-cal-client-id": self.client_id, "x-cal-secret-key": self.secret_key}

    def secrets(self) -> tuple[str, ...]:
        """What may never be shown."""
        return (self.secret_key,)


@dataclass(frozen=True, slots=True)
class McpToken:
    """A bearer token of a remote MCP server, and the PCID by which that server knows the organization.

    The token is given, or it is what a file holds, or what a command prints; one of the three. Of the latter two
    nothing is known here: `tokens` gets them.
    """

    kind: ClassVar[str] = "mcp"
    pcid: str
    token: str | None = field(default=None, repr=False)
    file: str | None = None
    #: a program and its arguments, run without a shell; they may hold a secret
    command: tuple[str, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        if (self.token is not None) + (self.file is not None) + bool(self.command) != 1:
            raise BadInput("The token of an MCP server is given, or in a file, or printed by a command: one of these.")
        if self.token is not None:
            object.__setattr__(self, "token", header_safe("The token", self.token))

    def headers(self) -> dict[str, str]:
        """What goes with every request; nothing where the token has to be got first."""
        return {"Authorization": f"Bearer {self.token}"} if self.token is not None else {}

    def secrets(self) -> tuple[str, ...]:
        """What may never be shown."""
        return (self.token,) if self.token is not None else ()


Credential = BearerKey | ClientCredentials | McpToken


@dataclass(frozen=True, slots=True)
class Connection:
    """A Cal.com organization. Raises BadInput for a base URL that cannot be one."""

    pcid: str
    base_url: str
    org_id: int
    credential: Credential

    def __post_init__(self) -> None:
        remote = isinstance(self.credential, McpToken)
        url = _base_url(self.base_url, "https://tools.example.com" if remote else HOSTED, "" if remote else "/v2")
        object.__setattr__(self, "base_url", url.removesuffix(MCP_PATH).rstrip("/") if remote else url)

    @property
    def hint(self) -> str | None:
        """What looks wrong about the base URL though it may be right; None if nothing does."""
        if isinstance(self.credential, McpToken):
            if self.base_url != HOSTED:
                return None
            return "This is Cal.com's API and no MCP server; it is reached with --kind calcom and an API key."
        if self.base_url.endswith("/v2"):
            return None
        return f"The base URL of Cal.com's API ends in /v2 (hosted: {HOSTED}); this one does not."


def _base_url(text: str, such_as: str, end: str) -> str:
    """The URL without a slash at its end."""
    wrong = f"The base URL must be http(s)://host[:port]{end}, such as {such_as}"
    try:
        url = httpx2.URL(text.strip())
        _port = urlsplit(text.strip()).port  # raises where the library is lenient: 99999, an open bracket
    except (httpx2.InvalidURL, ValueError, TypeError, AttributeError):
        raise BadInput(f"{wrong}.") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise BadInput(f"{wrong}.")
    if url.userinfo or url.query or url.fragment:
        raise BadInput(f"{wrong}: nothing before an @, after a ? or after a #.")
    return str(url).rstrip("/")


def header_safe(what: str, text: str) -> str:
    """The text without white space around it: pasted keys have some."""
    stripped = text.strip()
    if not stripped or not stripped.isascii() or not stripped.isprintable() or " " in stripped:
        raise BadInput(f"{what} is empty or holds a space or another character no key has; paste it alone.")
    return stripped
