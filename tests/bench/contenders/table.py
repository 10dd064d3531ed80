"""The one table of the designs with a row per delivery, in a database that is as durable as Daybook's."""

from __future__ import annotations

import os
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Column, Engine, Integer, MetaData, Table, Text, create_engine, event, insert

metadata = MetaData()

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("trigger", Text, nullable=False),
    Column("booking_uid", Text),
    Column("body", Text, nullable=False),
)


def open_engine(url: str, *, pool_size: int) -> Engine:
    """WAL and synchronous FULL on SQLite, as Daybook has it; PostgreSQL as it comes."""
    if not url.startswith("sqlite"):
        return create_engine(url, pool_size=pool_size)
    engine = create_engine(url, pool_size=pool_size, connect_args={"timeout": 30})

    @event.listens_for(engine, "connect")
    def _connect(dbapi: Any, _record: Any) -> None:
        dbapi.execute("PRAGMA journal_mode = WAL")
        dbapi.execute("PRAGMA synchronous = FULL")

    return engine


def from_environment(*, pool_size: int) -> Engine:
    """The engine that a contender's process was started for."""
    return open_engine(os.environ["BENCH_DATABASE_URL"], pool_size=pool_size)


def keep(engine: Engine, body: bytes) -> None:
    """One row, one transaction."""
    document = msgspec.json.decode(body)
    row = {
        "trigger": document["triggerEvent"],
        "booking_uid": document["payload"].get("uid"),
        "body": body.decode(),
    }
    with engine.begin() as connection:
        connection.execute(insert(deliveries), row)
