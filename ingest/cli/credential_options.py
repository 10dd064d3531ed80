"""What `connections add` is told of a credential: an API key, a platform client, or a token of an MCP server."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.cli.secret_input import given
from workers.errors import BadInput

if TYPE_CHECKING:  # Cal.com's client takes a while to load, and `list` needs none
    from workers.calcom.connection import Credential

HOSTED = "https://api.cal.com/v2"


@dataclass(frozen=True, slots=True)
class KeyOptions:
    """Those of kind calcom."""

    api_key: str | None
    api_key_file: Path | None
    client_id: str | None
    client_secret: str | None
    client_secret_file: Path | None


@dataclass(frozen=True, slots=True)
class TokenOptions:
    """Those of kind mcp."""

    remote_pcid: str | None
    token: str | None
    token_file: Path | None
    token_from: Path | None
    token_command: str | None


def api_url(kind: str, base_url: str | None) -> str:
    """The base URL, or the one that is meant where none is given."""
    if base_url is None and kind == "mcp":
        raise BadInput("--base-url is needed for --kind mcp: the MCP server's, such as https://tools.example.com.")
    return HOSTED if base_url is None else base_url


def credential_of(kind: str, pcid: str, keys: KeyOptions, tokens: TokenOptions) -> Credential:
    """The credential that the options say. Raises BadInput."""
    if kind == "mcp":
        _refuse(keys, f"for --kind calcom; with --kind mcp give {_TOKENS}")
        return _token(pcid, tokens)
    _refuse(tokens, "for --kind mcp; with --kind calcom give --api-key, or --client-id and --client-secret")
    return _key(keys)


def _key(told: KeyOptions) -> Credential:
    from workers.calcom.connection import BearerKey, ClientCredentials

    key = given("--api-key", told.api_key, told.api_key_file)
    secret = given("--client-secret", told.client_secret, told.client_secret_file)
    if key is not None and told.client_id is None and secret is None:
        return BearerKey(key)
    if key is None and told.client_id is not None and secret is not None:
        return ClientCredentials(told.client_id, secret)
    raise BadInput("Give --api-key (or --api-key-file), or --client-id with --client-secret (or --client-secret-file).")


_TOKENS = "one of --token, --token-file, --token-from and --token-command"


def _token(pcid: str, told: TokenOptions) -> Credential:
    from workers.calcom.connection import McpToken

    token = given("--token", told.token, told.token_file)
    remote = pcid if told.remote_pcid is None else told.remote_pcid
    if not remote or not remote.isprintable():
        raise BadInput("--remote-pcid is empty or not printable; it is what the MCP server calls the organization.")
    match token, told.token_from, told.token_command:
        case str(), None, None:
            return McpToken(remote, token)
        case None, Path() as path, None:
            # Other processes read it, in whatever folder they were started.
            return McpToken(remote, file=str(_readable(path).absolute()))
        case None, None, str() as command:
            return McpToken(remote, command=_split(command))
    raise BadInput(f"Give {_TOKENS}.")


def _readable(path: Path) -> Path:
    if str(path) == "-":
        raise BadInput("--token-from names a file that is read for every call; --token-file - reads stdin once.")
    try:
        with path.open("rb"):
            return path
    except OSError as error:
        raise BadInput(f"--token-from: {path} cannot be read: {error.strerror}.") from None


def _split(command: str) -> tuple[str, ...]:
    try:
        words = tuple(shlex.split(command))
    except ValueError as error:
        raise BadInput(f"--token-command cannot be split into words: {error}.") from None
    if not words:
        raise BadInput("--token-command is empty; write a command that prints a token.")
    return words


def _refuse(told: KeyOptions | TokenOptions, remedy: str) -> None:
    names: Mapping[str, object] = {name: getattr(told, name) for name in told.__slots__}
    if wrong := [f"--{name.replace('_', '-')}" for name, value in names.items() if value is not None]:
        raise BadInput(f"{', '.join(wrong)}: {remedy}.")
