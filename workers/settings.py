"""Every setting in one place: name, default, unit and why. It reads settings; it opens nothing.

A value comes from the environment (`DAYBOOK_PORT`), else from the file that `DAYBOOK_PORT_FILE` names, else from
the key `port` of `daybook.yaml`, else from the default here. README's table is made from this file.
"""

from __future__ import annotations

import difflib
import os
import tempfile
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import yaml
from cryptography.fernet import Fernet
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, SecretStr, ValidationError, field_validator

from workers import wellformed
from workers.errors import Misconfigured

PREFIX = "DAYBOOK_"
#: how a webhook may stand that is mended without being asked: `workers.differences.Kind`
Repair = Literal["switched_off", "missing", "edited"]
#: a unix socket's path may have 107 bytes; a longer data directory gets its socket in the system's temp folder
_SOCKET_PATH_MAX = 100


class Settings(BaseModel):
    """What an operator may set. Frozen: a running process never changes its mind."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    data_dir: Path = Field(Path("data"), description="where the database, broker, key and spool live")
    host: str = Field("127.0.0.1", min_length=1, description="address the web process listens on")
    port: int = Field(8787, ge=1, le=65535, description="port the web process listens on")
    public_url: str | None = Field(
        None, description="how Cal.com reaches the web process, e.g. https://daybook.acme.com"
    )
    database_url: str | None = Field(
        None, description="SQLAlchemy URL, sqlite:// or postgresql://; unset: SQLite in the data directory"
    )
    broker_url: str | None = Field(
        None,
        description="redis://, rediss://, unix:// or amqp://; unset: the Valkey that `daybook up` starts",
    )
    secret_key: SecretStr | None = Field(
        None,
        description="Fernet key(s) that seal secrets, newest first, comma-separated; unset: made in the data directory",
    )
    admin_key: SecretStr | None = Field(
        None,
        min_length=20,
        description="a key with role admin, at least 20 characters; unset: made and printed once",
    )
    config: Path | None = Field(None, description="path of daybook.yaml; unset: ./daybook.yaml where it exists")
    max_body_bytes: int = Field(
        5 * 1024 * 1024,
        ge=1024,
        le=256 * 1024 * 1024,
        description="largest delivery taken, in bytes; above: 413",
    )
    body_timeout: float = Field(
        15.0, gt=0, le=300, description="seconds for a body to arrive; Cal.com itself gives up after 20"
    )
    repeat_window: int = Field(
        600, ge=1, le=86_400,
        description="seconds in which equal bodies that carry no createdAt count as one delivery; with one: for ever",
    )  # fmt: skip
    quarantine_count: int = Field(1_000, ge=0, description="deliveries kept in quarantine for each webhook")
    quarantine_bytes: int = Field(
        50 * 1024 * 1024, ge=0, description="bytes of bodies kept in quarantine for each webhook"
    )
    quarantine_per_minute: int = Field(
        60, ge=0, description="deliveries a minute that enter quarantine, for each webhook and web process"
    )
    spool_bytes: int = Field(
        1024 * 1024 * 1024,
        ge=0,
        description="bytes of deliveries kept on local disk while SQL is away; 0: no spool",
    )
    retain_days: int | None = Field(
        None, ge=1, le=36_500,
        description="days that events are kept, with their deliveries, runs and actions; unset: for ever. `retention` "
        "in daybook.yaml says more",
    )  # fmt: skip
    retain_bodies_days: int | None = Field(
        None, ge=1, le=36_500, description="days that raw bodies and headers are kept; unset: as long as their events"
    )
    work_threads: int = Field(4, ge=1, le=64, description="threads of a worker process that make events")
    act_threads: int = Field(16, ge=1, le=64, description="threads of a worker process that carry out actions")
    lease: float = Field(
        300.0,
        ge=5,
        le=3600,
        description="seconds until another worker takes up what one had in hand that is gone; an attempt of a step "
        "may take half of it",
    )
    rules: Path = Field(Path("rules"), description="folder of rule files; one that is not there holds none")
    http_allow: tuple[str, ...] | None = Field(
        None,
        description="hosts and networks beside the public internet that `http` steps may send to, comma-separated; "
        "e.g. n8n.internal,10.1.0.0/16",
    )
    python_steps: dict[str, str] | None = Field(
        None,
        description="functions that `python` steps may call: name=package.module:function, comma-separated, "
        "or a mapping in daybook.yaml",
    )
    signing_secret: SecretStr | None = Field(
        None,
        description="whsec_… secret(s) that sign what `http` steps send, newest first, comma-separated; "
        "unset: derived from the key that seals secrets",
    )
    mcp_destructive: bool = Field(False, description="whether a key with role admin may call tools that delete, by MCP")
    mcp_per_minute: int = Field(120, ge=0, description="calls by MCP a minute of one key; 0: as many as come")
    allowed_origins: tuple[str, ...] = Field(
        (), description="origins of web pages that may ask by MCP, comma-separated; e.g. https://inspector.acme.com"
    )
    oidc_issuer: str | None = Field(
        None, description="OpenID Connect provider that people sign in with, e.g. https://login.acme.com; unset: none"
    )
    oidc_client_id: str | None = Field(None, description="Daybook's client id at that provider")
    oidc_client_secret: SecretStr | None = Field(None, description="its secret")
    oidc_claim: str = Field("groups", min_length=1, description="claim of the ID token that decides about the role")
    oidc_roles: dict[str, str] = Field(
        {},
        description="which role each value of that claim has: value=role, comma-separated, or a mapping in "
        "daybook.yaml; * is everybody; who has none may not come in",
    )
    session_hours: float = Field(
        12.0, gt=0, le=720, description="hours after which who is signed in on the pages has to sign in again"
    )
    watch_interval: float = Field(15.0, ge=1, le=3600, description="seconds between two looks for what needs an alert")
    drift_interval: float = Field(
        900.0, ge=0, le=86_400, description="seconds between two looks whether Cal.com's webhooks are as daybook.yaml "
        "wants them; 0: never",
    )  # fmt: skip
    reconcile_interval: float = Field(
        3600.0, ge=0, le=604_800, description="seconds between two comparisons of the history with what Cal.com tells; "
        "0: never",
    )  # fmt: skip
    drift_repair: tuple[Repair, ...] = Field(
        ("switched_off",),
        description="which webhooks such a look mends by itself, comma-separated: switched_off, missing, edited; "
        "the rest is an alert",
    )
    sweep_interval: float = Field(3.0, ge=0.1, le=300, description="seconds between two sweeps")
    otel: bool | None = Field(
        None,
        description="whether traces are sent by OpenTelemetry (the extra `otel`); unset: where the standard "
        "OTEL_EXPORTER_OTLP_ENDPOINT is set",
    )
    metrics_open: bool = Field(
        False, description="whether /metrics answers without a key; else it takes one with role viewer"
    )
    work_metrics_port: int | None = Field(
        None, ge=1, le=65535,
        description="port on which a worker process answers /metrics and /health/live, without a key; unset: none",
    )  # fmt: skip
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="least level logged")
    log_format: Literal["auto", "json", "console"] = Field(
        "auto", description="auto: console on a terminal, else json, one object a line"
    )
    #: by name, where each value came from that `load` found somewhere; the others are defaults
    _origins: dict[str, str] = PrivateAttr(default_factory=dict)

    @field_validator("data_dir")
    @classmethod
    def _data_dir(cls, value: Path) -> Path:
        wellformed.text(str(value))
        return value

    @field_validator("host")
    @classmethod
    def _host(cls, value: str) -> str:
        wellformed.host(wellformed.text(value))
        return value

    @field_validator("public_url")
    @classmethod
    def _public_url(cls, value: str | None) -> str | None:
        return None if value is None else wellformed.public_url(value)

    @field_validator("database_url")
    @classmethod
    def _database_url(cls, value: str | None) -> str | None:
        return None if value is None else wellformed.database_url(value)

    @field_validator("broker_url")
    @classmethod
    def _broker_url(cls, value: str | None) -> str | None:
        return None if value is None else wellformed.broker_url(value)

    @field_validator("secret_key")
    @classmethod
    def _secret_key(cls, value: SecretStr | None) -> SecretStr | None:
        for key in value.get_secret_value().split(",") if value else ():
            try:
                Fernet(key.strip())
            except ValueError:
                raise ValueError(
                    "must be Fernet keys (32 url-safe base64 bytes); make one with: python -c "
                    '"from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"'
                ) from None
        return value

    @field_validator("http_allow", mode="before")
    @classmethod
    def _http_allow(cls, value: object) -> object:
        entries = value.split(",") if isinstance(value, str) else value
        if entries is None:
            return None
        if not isinstance(entries, list | tuple) or not all(isinstance(entry, str) for entry in entries):
            raise ValueError("must be a list of hosts and networks")
        return tuple(wellformed.destination(entry) for entry in entries)

    @field_validator("allowed_origins", mode="before")
    @classmethod
    def _allowed_origins(cls, value: object) -> object:
        entries = [entry for entry in value.split(",") if entry.strip()] if isinstance(value, str) else value
        if not isinstance(entries, list | tuple) or not all(isinstance(entry, str) for entry in entries):
            raise ValueError("must be a list of origins")
        return tuple(wellformed.origin(entry.strip()) for entry in entries)

    @field_validator("drift_repair", mode="before")
    @classmethod
    def _drift_repair(cls, value: object) -> object:
        return tuple(entry.strip() for entry in value.split(",") if entry.strip()) if isinstance(value, str) else value

    @field_validator("python_steps", mode="before")
    @classmethod
    def _python_steps(cls, value: object) -> object:
        if isinstance(value, str):
            pairs = (pair.partition("=") for pair in value.split(","))
            value = {name.strip(): function.strip() for name, _, function in pairs}
        if value is None:
            return None
        if not isinstance(value, dict):
            raise ValueError("must be pairs of a name and package.module:function")
        for name, function in value.items():
            wellformed.python_step(str(name), str(function))
        return value

    @field_validator("oidc_issuer")
    @classmethod
    def _oidc_issuer(cls, value: str | None) -> str | None:
        return None if value is None else wellformed.issuer(value)

    @field_validator("oidc_roles", mode="before")
    @classmethod
    def _oidc_roles(cls, value: object) -> object:
        if isinstance(value, str):  # from the right: a value may be a name with = in it, as a directory's
            pairs = (pair.rpartition("=") for pair in value.split(",") if pair.strip())
            value = {group.strip(): role.strip() for group, _, role in pairs}
        if not isinstance(value, dict) or not all(isinstance(role, str) for role in value.values()):
            raise ValueError("must be pairs of a value and a role")
        for group, role in value.items():
            if not group or role not in ("viewer", "operator", "admin"):
                raise ValueError(f"the role of {str(group)[:60]!r} must be viewer, operator or admin")
        return value

    @field_validator("signing_secret")
    @classmethod
    def _signing_secret(cls, value: SecretStr | None) -> SecretStr | None:
        for secret in value.get_secret_value().split(",") if value else ():
            wellformed.signing_secret(secret.strip())
        return value

    def origin(self, name: str) -> str | None:
        """Where a value came from: a variable, a file's variable or a key of daybook.yaml; None for a default."""
        return self._origins.get(name)

    @property
    def database(self) -> str:
        """The SQLAlchemy URL in force."""
        return self.database_url or f"sqlite:///{quote(os.fspath((self.data_dir / 'daybook.db').absolute()))}"

    @property
    def broker(self) -> str:
        """The broker URL in force."""
        return self.broker_url or f"unix://{quote(os.fspath(self.valkey_socket))}"

    @property
    def valkey_socket(self) -> Path:
        """Where the embedded Valkey listens."""
        path = self.data_dir.absolute() / "valkey.sock"
        if len(os.fsencode(path)) <= _SOCKET_PATH_MAX:
            return path
        name = sha256(os.fsencode(path)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"daybook-{name}" / "valkey.sock"

    @property
    def base_url(self) -> str:
        """The address that webhook URLs are made with."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.public_url or f"http://{host}:{self.port}"

    @property
    def config_path(self) -> Path:
        """Where daybook.yaml is, or would be."""
        return self.config or Path("daybook.yaml")


def load(environ: Mapping[str, str] | None = None, *, cwd: Path | None = None) -> Settings:
    """Read the settings; `Misconfigured` names the first wrong one, where it came from and what it may be."""
    environ = os.environ if environ is None else environ
    _refuse_misspelt(environ)
    values: dict[str, Any] = {}
    origin: dict[str, str] = {}
    config = _one(environ, "config")
    path = Path(config) if config else (cwd or Path()) / "daybook.yaml"
    if config or path.exists():
        for key, value in read_config(path).items():
            if key in Settings.model_fields and key != "config":
                values[key], origin[key] = value, f"{key} in {path}"
    for name in Settings.model_fields:
        found = _one(environ, name)
        if found is not None:
            values[name], origin[name] = found, PREFIX + name.upper()
            if not environ.get(origin[name]):
                origin[name] += "_FILE"
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        name = str(first["loc"][0])
        reason = first["msg"].removeprefix("Value error, ")
        raise _wrong(name, origin.get(name, name), reason) from None
    if obstacle := _in_the_way(settings.data_dir):
        raise _wrong("data_dir", origin.get("data_dir", "DAYBOOK_DATA_DIR"), obstacle)
    settings._origins.update(origin)
    return settings


def _wrong(name: str, origin: str, reason: str) -> Misconfigured:
    return Misconfigured(f"{origin} is wrong: {reason}. It is: {Settings.model_fields[name].description}.")


def _in_the_way(folder: Path) -> str | None:
    """Why `folder` is none and can never be made one, as half a sentence; None where it is or can be."""
    try:
        there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
        return None if there.is_dir() else f"{there} is a file, and has to be a folder"
    except OSError as error:
        return f"{str(folder)[:200]} cannot be a folder: {error.strerror}"


def read_config(path: Path) -> dict[str, Any]:
    """The top level of daybook.yaml: settings, `webhooks`, `retention`; a wrong file is `Misconfigured`."""
    try:
        document = yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        raise Misconfigured(f"{path} cannot be read: {error.strerror}. Mend DAYBOOK_CONFIG or the file.") from None
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise Misconfigured(f"{path}{where} is not YAML that can be read; mend the file.") from None
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise Misconfigured(f"{path} must be a mapping of settings at its top level, like `port: 8787`.")
    known = [*Settings.model_fields, "webhooks", "retention"]
    for key in document:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, 1)
            hint = f"; did you mean {near[0]}?" if near else f"; known are {', '.join(known)}."
            raise Misconfigured(f"{path} has an unknown key {str(key)[:60]!r}{hint}")
    return document


def _one(environ: Mapping[str, str], name: str) -> str | None:
    """The environment's word on one setting; an empty value counts as unset, as compose files write it."""
    variable = PREFIX + name.upper()
    direct, file = environ.get(variable), environ.get(variable + "_FILE")
    if direct and file:
        raise Misconfigured(f"{variable} and {variable}_FILE are both set; keep one of them.")
    if file:
        try:
            return Path(file).read_text("utf-8").strip() or None
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
            raise Misconfigured(f"{variable}_FILE names {file!r}, which cannot be read: {reason}.") from None
    return direct or None


def _refuse_misspelt(environ: Mapping[str, str]) -> None:
    """A near miss of a known name is a typo. Others stay: Kubernetes sets DAYBOOK_PORT_8787_TCP and the like."""
    known = [PREFIX + name.upper() for name in Settings.model_fields]
    known += [name + "_FILE" for name in known]
    for name in environ:
        if name.startswith(PREFIX) and name not in known:
            near = difflib.get_close_matches(name, known, 1, cutoff=0.9)
            if near:
                raise Misconfigured(f"{name} is not a setting; did you mean {near[0]}?")
