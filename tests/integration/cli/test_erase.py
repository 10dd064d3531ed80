"""`daybook erase`: SQL and spool, what it asks and what it reports."""

from __future__ import annotations

import fcntl
import hashlib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select
from uuid_utils.compat import uuid7

from ingest.spool import Spool
from tests.contract.store.filled import Filled, body
from tests.integration.cli.command import Command
from workers.scrub import Person
from workers.store.receipts import Receipt
from workers.store.tables import audit

JON = "jon@client.example"


@pytest.fixture
def spool(command: Command) -> Spool:
    return Spool(command.folder / "data" / "spool", 10_000_000)


def receipt(content: bytes) -> Receipt:
    return Receipt(
        uuid7(), uuid7(), hashlib.sha256(content).digest(), 0, datetime.now(UTC), "signed", None, "received", b"[]",
        content,
    )  # fmt: skip


def held(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


def test_a_person_goes_and_what_was_done_is_reported(command: Command, filled: Filled, spool: Spool) -> None:
    filled.events(2)
    waiting, other = receipt(body(title="Jon Doe calls")), receipt(b'{"a": 1}')
    spool.append([waiting, other])
    spool.set_aside(receipt(body()))
    spool.close()
    torn = spool.folder / "x.torn"
    torn.write_bytes(b"\x01 jon@client.example")

    counted = command.run("erase", "--email", JON.upper(), "--dry-run", "--json").lines()[0]
    done = command.run("erase", "--email", JON.upper(), "--yes", "--json")

    assert (done.status, done.err) == (0, "")
    told = done.lines()[0]
    assert told["erased"] == counted["erased"] == {"deliveries": 2, "events": 2, "search": 2, "spool": 3}
    assert told["left"] == {"events": 0, "spool": 0}
    assert b"client.example" not in held(spool.folder)
    drained: list[Receipt] = []
    spool.drain(drained.extend)
    assert [one.id for one in drained] == [waiting.id, other.id]
    assert drained[1] == other
    assert drained[0].sha256 == waiting.sha256
    assert b"Jon Doe" not in drained[0].body
    assert b"Erased calls" in drained[0].body
    assert command.run("erase", "--email", JON, "--yes", "--json").lines()[0]["erased"] == {}
    with filled.store.read() as connection:
        entries = connection.execute(select(audit).order_by(audit.c.id)).all()
    assert [(entry.what, entry.outcome, entry.arguments) for entry in entries] == [
        ("erase", "done", {"digest": Person(JON).digest})
    ] * 2


def test_for_people_it_asks_and_says_what_changed(command: Command, filled: Filled) -> None:
    filled.event()

    assert command.run("erase", "--email", JON, "--json").kind() == "bad_input"
    assert "would change" in command.run("erase", "--email", JON, "--dry-run").out
    assert "Backups keep the person." in command.run("erase", "--email", JON, "--yes").out
    assert "names this person" in command.run("erase", "--email", JON, "--yes").out
    assert command.run("erase", "--email", "jon", "--yes", "--json").kind() == "bad_input"


def test_a_file_of_the_spool_in_use_is_left_and_told(command: Command, filled: Filled, spool: Spool) -> None:
    filled.event()
    spool.append([receipt(body())])
    spool.close()
    (segment,) = spool.folder.glob("*.journal")
    with segment.open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        done = command.run("erase", "--email", JON, "--yes", "--json")

    assert done.status == 1
    assert done.lines()[0]["left"] == {"events": 0, "spool": 1}
    assert command.run("erase", "--email", JON, "--yes", "--json").lines()[0]["erased"] == {"spool": 1}
