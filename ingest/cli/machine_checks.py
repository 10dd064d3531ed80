"""The checks of this machine: disk, database, migrations, secrets, workers, rules, broker. Each opens what it asks."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingest.cli.verdicts import Verdict, fail, ok, warn
from workers.errors import DaybookError
from workers.settings import Settings
from workers.store.engine import Store

if TYPE_CHECKING:  # Dramatiq takes a while to load, and `--help` needs none
    from dramatiq import Broker

#: bytes free on a disk that is not nearly full
_PLENTY = 2 * 1024**3
_LITTLE = 256 * 1024**2
#: a receipt that waits longer than this has no worker
_ASLEEP = timedelta(minutes=1)


def machine(settings: Settings, store: Store) -> Iterator[Verdict]:
    """All of them, in the order in which one depends on the other."""
    yield disk(settings)
    database = reach_database(store)
    yield database
    if database.state != "fail":
        yield durability(store)
        tables = migrations(store)
        yield tables
        if tables.state == "ok":
            yield sealed(settings, store)
            yield workers(store, datetime.now(UTC))
            yield dead(store)
    yield rules(settings)
    yield from broker(settings)


def rules(settings: Settings) -> Verdict:
    """Whether every rule file can be read: of one that cannot, what was good before stays."""
    from workers.actions.registry import kinds
    from workers.rules.load import read_folder

    try:
        found, faults = read_folder(settings.rules, kinds(settings))
    except DaybookError as error:
        return fail("rules", error.message, "Mend that setting; workers do not start with it.")
    if faults:
        more = f" and {len(faults) - 1} more" if len(faults) > 1 else ""
        return fail("rules", f"{faults[0]}{more}", "Mend them; `daybook rules check` shows each in its file.")
    if not found.rules:
        return ok("rules", f"none in {settings.rules}")
    return ok("rules", f"{len(found.rules)} in {settings.rules}")


def dead(store: Store) -> Verdict:
    """Runs that a person has to look at."""
    from workers.store import runs
    from workers.store.runs import Filter, RunState

    with store.read() as connection:
        number = runs.count(connection, Filter(states=(RunState.DEAD,)))
    if number:
        remedy = "`daybook runs list --state dead` shows why; `daybook runs retry` tries again."
        return warn("runs", f"{number} dead", remedy)
    return ok("runs", "none is dead")


def disk(settings: Settings) -> Verdict:
    """Room for the database and the spool, and a data directory that may be written."""
    folder = settings.data_dir.absolute()
    there = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
    if not os.access(there, os.W_OK):
        return fail("disk", f"{folder} may not be written", "Give its owner this user, or set DAYBOOK_DATA_DIR.")
    return room(folder, shutil.disk_usage(there).free, settings.spool_bytes)


def room(folder: Path, free: int, spool_bytes: int) -> Verdict:
    """What `free` bytes mean where the spool may take `spool_bytes` of them. Pure."""
    detail = f"{free / 1024**3:.1f} GiB free at {folder}"
    if free < _LITTLE:
        return fail("disk", detail, "Free some: without room neither SQL nor the spool can keep a delivery.")
    if free < max(_PLENTY, spool_bytes):
        return warn("disk", detail, "Free some, or lower DAYBOOK_SPOOL_BYTES: the spool may not fit when SQL is away.")
    return ok("disk", detail)


def reach_database(store: Store) -> Verdict:
    """Whether SQL answers."""
    from sqlalchemy import text

    kind = "SQLite" if store.sqlite else "PostgreSQL"
    try:
        with store.read() as connection:
            if store.sqlite:
                version = connection.execute(text("SELECT sqlite_version()")).scalar_one()
            else:
                version = connection.execute(text("SHOW server_version")).scalar_one()
    except DaybookError as error:
        return fail("database", error.message, "Start it, or mend DAYBOOK_DATABASE_URL. Deliveries wait in the spool.")
    return ok("database", f"{kind} {version}")


def durability(store: Store) -> Verdict:
    """Whether what is committed survives a power cut: 202 promises it."""
    from sqlalchemy import text

    with store.read() as connection:
        if store.sqlite:
            mode = str(connection.execute(text("PRAGMA journal_mode")).scalar_one())
            level = int(connection.execute(text("PRAGMA synchronous")).scalar_one())
            return sqlite_durability(mode, level)
        names = ("fsync", "synchronous_commit", "full_page_writes")
        found = {name: str(connection.execute(text(f"SHOW {name}")).scalar_one()) for name in names}
    return postgres_durability(found)


def sqlite_durability(mode: str, level: int) -> Verdict:
    """What the journal mode and the synchronous level mean. Pure."""
    detail = f"journal_mode {mode}, synchronous {level}"
    if level < 2:
        return fail("durability", detail, "This database loses commits in a power cut; synchronous must be FULL.")
    if mode != "wal":
        return warn("durability", detail, "Readers wait for the writer without WAL; is the disk a network drive?")
    return ok("durability", detail)


def postgres_durability(found: Mapping[str, str]) -> Verdict:
    """What the server's settings mean. Pure."""
    detail = ", ".join(f"{name} {value}" for name, value in found.items())
    if found.get("fsync") == "off" or found.get("full_page_writes") == "off":
        return fail("durability", detail, "Switch both on: a power cut would destroy the database.")
    if found.get("synchronous_commit") == "off":
        return fail("durability", detail, "Set synchronous_commit to on: the last commits are lost in a crash.")
    return ok("durability", detail)


def migrations(store: Store) -> Verdict:
    """Whether the tables are this version's."""
    from workers.store.migrate import pending, revision

    try:
        at, missing = revision(store), pending(store)
    except DaybookError as error:
        return fail("migrations", error.message, "Upgrade Daybook, or restore the database that belongs to it.")
    if at is None:
        return warn("migrations", "the database is empty", "`daybook migrate` makes the tables; `daybook up` does too.")
    if missing:
        return fail("migrations", f"at {at}, {len(missing)} to run", "Run `daybook migrate`.")
    return ok("migrations", f"at {at}, none to run")


def sealed(settings: Settings, store: Store) -> Verdict:
    """Whether the key opens every secret and credential that is kept."""
    from workers import reseal
    from workers.store import connections, webhooks
    from workers.vault import KEY_FILE, keys, open_vault

    with store.read() as sql:
        kept = bool(connections.names(sql) or webhooks.names(sql))
    path = settings.data_dir / KEY_FILE
    if settings.secret_key is None and not path.exists():  # opening the vault would make a new one
        if not kept:
            return ok("secrets", "nothing is sealed yet")
        return fail("secrets", f"{path} is gone", "Restore it from a backup: nothing else opens what is sealed.")
    try:
        vault = open_vault(settings)
        with store.read() as sql:
            hooks = webhooks.every(sql, vault)
            names = connections.names(sql)
            for pcid in names:
                connections.get(sql, vault, pcid)
        old = reseal.count_old(store, vault)
    except DaybookError as error:
        return fail("secrets", error.message, "Restore the key; or add the connections again and rotate each webhook.")
    detail = f"the key opens {len(names)} credentials and the secrets of {len(hooks)} webhooks"
    if old:
        remedy = "`daybook keys reseal` seals them with the newest, while everything runs."
        return warn("secrets", f"{detail}; {old} are sealed with an old key", remedy)
    if len(keys(settings)) > 1:
        remedy = "Take the old one out of the setting, or say `daybook keys reseal --drop-old`."
        return warn("secrets", f"{detail}; nothing is sealed with an old key any more, and one is still there", remedy)
    if settings.secret_key is None and not store.sqlite:
        return warn(
            "secrets", f"{detail}; it is {path}, on this machine only",
            "Set DAYBOOK_SECRET_KEY, the same on every machine that shares this database.",
        )  # fmt: skip
    return ok("secrets", detail)


def workers(store: Store, now: datetime) -> Verdict:
    """Whether deliveries become events."""
    from workers.store import receipts

    with store.read() as sql:
        late = len(receipts.waiting(sql, before=now - _ASLEEP, limit=1000))
    if late:
        count = f"{late}{' or more' if late == 1000 else ''}"
        return fail(
            "workers", f"deliveries that wait for more than a minute: {count}",
            "Start a worker (`daybook work`, or `daybook up`); its log says why if one runs.",
        )  # fmt: skip
    return ok("workers", "no delivery waits")


def broker(settings: Settings) -> Iterator[Verdict]:
    """Whether the doorbell answers, and keeps what it is given."""
    from dramatiq.brokers.redis import RedisBroker

    from workers import queue

    try:
        opened = queue.open_broker(settings.broker)
    except DaybookError as error:
        yield fail(
            "broker", error.message, "Mend DAYBOOK_BROKER_URL. Nothing is lost: the sweep rings when it is back."
        )
        return
    with contextlib.closing(opened):
        if isinstance(opened, RedisBroker):
            yield from _redis(opened.client, brought_along=settings.broker_url is None)
        else:
            yield _rabbitmq(opened)


def _redis(client: Any, *, brought_along: bool) -> Iterator[Verdict]:
    from redis.exceptions import RedisError

    try:
        client.ping()
    except (RedisError, OSError) as error:
        start = "`daybook up` starts it." if brought_along else "Start it, or mend DAYBOOK_BROKER_URL."
        yield fail(
            "broker", f"it does not answer ({type(error).__name__})",
            f"{start} Nothing is lost: the sweep rings when it is back.",
        )  # fmt: skip
        return
    yield ok("broker", "it answers")
    asked: dict[str, str] = {}
    with contextlib.suppress(RedisError):  # some hosts forbid CONFIG
        for name in ("appendonly", "maxmemory-policy"):
            asked |= {_text(key): _text(value) for key, value in client.config_get(name).items()}
    yield keeping(asked)


def _text(part: bytes | str) -> str:
    return part.decode("utf-8", "replace") if isinstance(part, bytes) else part


def keeping(asked: Mapping[str, str]) -> Verdict:
    """What the broker's `appendonly` and `maxmemory-policy` mean. Pure."""
    if not asked:
        return warn(
            "broker keeps", "it does not tell its settings", "See that it never evicts: maxmemory-policy noeviction."
        )
    detail = ", ".join(f"{name} {value}" for name, value in asked.items())
    if asked.get("maxmemory-policy", "noeviction") != "noeviction":
        return warn("broker keeps", detail, "Set maxmemory-policy to noeviction: evicted messages wait for the sweep.")
    if asked.get("appendonly") == "no":
        return warn("broker keeps", detail, "Set appendonly to yes: after its restart messages wait for the sweep.")
    return ok("broker keeps", detail)


def _rabbitmq(opened: Broker) -> Verdict:
    from workers import queue

    try:
        queue.depth(opened)
    except Exception as error:  # pika has many ways of being away, and no common parent for them
        return fail("broker", f"it does not answer ({type(error).__name__})", "Start it, or mend DAYBOOK_BROKER_URL.")
    return ok("broker", "it answers; its queues are durable")
