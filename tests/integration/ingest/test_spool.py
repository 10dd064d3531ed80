from __future__ import annotations

import hashlib
import multiprocessing
import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog
from cryptography.fernet import Fernet
from uuid_utils.compat import uuid7

from ingest.spool import Spool, SpoolFull
from tests.conftest import PATIENCE
from tests.integration.ingest.conftest import OpenDoor
from workers.errors import StoreUnavailable
from workers.store import receipts, webhooks
from workers.store.receipts import Receipt
from workers.vault import Vault

WEBHOOK = uuid7()


def a_receipt(body: bytes) -> Receipt:
    return Receipt(
        id=uuid7(),
        webhook_id=WEBHOOK,
        sha256=hashlib.sha256(body).digest(),
        window=0,
        received_at=datetime.now(UTC),
        verdict="signed",
        secret_id=None,
        state="received",
        headers=b"[]",
        body=body,
    )


def drained(spool: Spool) -> list[bytes]:
    found: list[bytes] = []
    spool.drain(lambda batch: found.extend(receipt.body for receipt in batch))
    return found


def test_what_is_appended_comes_back_in_order_once(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", 10**8)
    batch = [a_receipt(b"%d" % n) for n in range(300)]
    spool.append(batch[:200])
    spool.append(batch[200:])

    back: list[Receipt] = []
    assert spool.drain(back.extend) == 300
    assert back == batch
    assert spool.drain(back.extend) == 0
    assert spool.bytes() == 0


def test_what_a_process_left_behind_is_drained_by_the_next(tmp_path: Path) -> None:
    first = Spool(tmp_path, 10**8)
    first.append([a_receipt(b"left")])
    first.close()

    assert drained(Spool(tmp_path, 10**8)) == [b"left"]


def test_a_segment_that_another_process_writes_is_left_alone(tmp_path: Path) -> None:
    writer, other = Spool(tmp_path, 10**8), Spool(tmp_path, 10**8)
    writer.append([a_receipt(b"mine")])

    assert drained(other) == []
    assert drained(writer) == [b"mine"]


@pytest.mark.parametrize("cut", [1, 5, 9, 40])
def test_a_record_torn_by_a_power_cut_is_skipped_and_set_aside(tmp_path: Path, cut: int) -> None:
    spool = Spool(tmp_path, 10**8)
    spool.append([a_receipt(b"whole")])
    spool.append([a_receipt(b"torn")])
    spool.close()
    (segment,) = tmp_path.glob("*.journal")
    os.truncate(segment, segment.stat().st_size - cut)

    assert drained(spool) == [b"whole"]
    assert [path.suffix for path in tmp_path.iterdir()] == [".torn"]


def test_a_flipped_bit_is_noticed(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 10**8)
    spool.append([a_receipt(b"a" * 100)])
    spool.close()
    (segment,) = tmp_path.glob("*.journal")
    content = bytearray(segment.read_bytes())
    content[60] ^= 1
    segment.write_bytes(content)

    assert drained(spool) == []
    assert len(list(tmp_path.glob("*.torn"))) == 1


def test_the_zeros_that_a_power_cut_leaves_are_no_record(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 10**8)
    spool.append([a_receipt(b"whole")])
    spool.close()
    (segment,) = tmp_path.glob("*.journal")
    os.truncate(segment, segment.stat().st_size + 4096)

    assert drained(spool) == [b"whole"]
    assert [path.suffix for path in tmp_path.iterdir()] == [".torn"]


def test_a_record_that_went_bad_on_the_disk_takes_none_after_it_along(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 10**8)
    spool.append([a_receipt(b"before"), a_receipt(b"rotten"), a_receipt(b"after")])
    spool.close()
    (segment,) = tmp_path.glob("*.journal")
    segment.write_bytes(segment.read_bytes().replace(b"rotten", b"r0tten"))

    with structlog.testing.capture_logs() as logged:
        assert drained(spool) == [b"before", b"after"]
    assert [line["event"] for line in logged] == ["spool.torn"]
    assert [path.suffix for path in tmp_path.iterdir()] == [".torn"]


def test_a_record_of_another_daybooks_version_is_set_aside_and_read_by_the_one_that_knows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool(tmp_path, 10**8)
    with monkeypatch.context() as later:
        later.setattr("ingest.spool._VERSION", 2)
        spool.append([a_receipt(b"later")])
        spool.close()

    with structlog.testing.capture_logs() as logged:
        assert drained(spool) == []
    assert [(line["event"], line["version"]) for line in logged] == [("spool.unknown_version", 2)]
    (aside,) = tmp_path.iterdir()
    assert aside.suffix == ".unknown"

    aside.rename(aside.with_suffix(".journal"))
    monkeypatch.setattr("ingest.spool._VERSION", 2)
    assert drained(spool) == [b"later"]


def test_a_drain_that_is_cut_short_keeps_what_was_not_taken(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 10**8)
    spool.append([a_receipt(b"x")])

    def away(_batch: list[Receipt]) -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        spool.drain(away)
    assert drained(spool) == [b"x"]


def test_a_full_spool_says_so_and_keeps_what_it_has(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 600)
    spool.append([a_receipt(b"fits")])

    with pytest.raises(SpoolFull, match="DAYBOOK_SPOOL_BYTES"):
        spool.append([a_receipt(b"x" * 600)])
    assert drained(spool) == [b"fits"]


def test_a_disk_that_fails_leaves_no_half_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool(tmp_path, 10**8)
    spool.append([a_receipt(b"before")])

    def fails(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("ingest.spool.os.fsync", fails)
        with pytest.raises(SpoolFull, match="No space left"):
            spool.append([a_receipt(b"lost")])
    spool.append([a_receipt(b"after")])

    assert sorted(drained(spool)) == [b"after", b"before"]


def _write_and_die(folder: str, count: int) -> None:
    spool = Spool(Path(folder), 10**8)
    for n in range(count):
        spool.append([a_receipt(b"%d-%d" % (os.getpid(), n))])
    os._exit(0)  # as kill -9 leaves it: nothing closed


def test_processes_that_die_share_a_folder_and_lose_nothing(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_write_and_die, args=(str(tmp_path), 20)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(PATIENCE)

    assert len(set(drained(Spool(tmp_path, 10**8)))) == 60


def test_while_sql_is_away_deliveries_are_spooled_with_202_and_flow_on_when_it_is_back(
    open_door: OpenDoor, monkeypatch: pytest.MonkeyPatch, eventually: Callable[..., None], tmp_path: Path
) -> None:
    door = open_door()
    bodies = [b'{"createdAt":"%d"}' % n for n in range(20)]
    door.post(bodies[0])

    def away(*_: Any) -> None:
        raise StoreUnavailable

    with monkeypatch.context() as patch:
        patch.setattr("ingest.intake.receipts.keep", away)
        assert {door.post(body).status_code for body in bodies} == {202}
        assert len(door.receipts()) == 1
        assert door.client.get("/health/ready").json()["spooling"]

    eventually(lambda: len(door.receipts()) == 20, what="draining the spool")
    assert {row.seen for row in door.receipts()} == {1, 2}
    eventually(lambda: not list((tmp_path / "spool").glob("*.journal")), what="an empty spool")


def test_where_neither_sql_nor_spool_can_hold_it_the_sender_is_told_to_come_again(
    open_door: OpenDoor, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = open_door(SPOOL_BYTES="0")

    def away(*_: Any) -> None:
        raise StoreUnavailable

    monkeypatch.setattr("ingest.intake.receipts.keep", away)

    assert door.post(b'{"createdAt":"1"}').status_code == 503


def test_sql_that_hangs_counts_as_away_and_the_delivery_is_spooled(
    open_door: OpenDoor, monkeypatch: pytest.MonkeyPatch, eventually: Callable[..., None]
) -> None:
    door = open_door()
    monkeypatch.setattr("ingest.intake.DEADLINE", 0.3)
    released = threading.Event()
    real = receipts.keep

    def hangs(*arguments: Any) -> Any:
        released.wait(PATIENCE)
        return real(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr("ingest.intake.receipts.keep", hangs)
        assert {door.post(b'{"createdAt":"%d"}' % n).status_code for n in range(3)} == {202}
        assert door.receipts() == []
    released.set()

    eventually(lambda: len(door.receipts()) == 3, what="draining the spool")


def test_a_delivery_that_sql_refuses_is_set_aside_and_holds_no_other_back(
    open_door: OpenDoor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    door = open_door()
    real = receipts.keep

    def refuses(store: Any, batch: Any) -> Any:
        if any(b"poison" in receipt.body for receipt in batch):
            raise ValueError("no such value")
        return real(store, batch)

    monkeypatch.setattr("ingest.intake.receipts.keep", refuses)

    assert door.post(b'{"createdAt":"poison"}').status_code == 202
    assert door.post(b'{"createdAt":"good"}').status_code == 202
    assert [row.body for row in door.receipts()] == [b'{"createdAt":"good"}']
    assert len(list((tmp_path / "spool").glob("*.refused"))) == 1


def test_a_webhook_whose_secrets_do_not_open_leaves_the_others_alone(open_door: OpenDoor) -> None:
    door = open_door()
    stranger = Vault([Fernet.generate_key().decode()])
    with door.store.write() as connection:
        webhooks.add(
            connection, stranger, name="b", pcid="acme", token="b", secret="s", origin="adopted", now=datetime.now(UTC)
        )

    assert door.post(b'{"createdAt":"1"}').status_code == 202
    assert door.post(b'{"createdAt":"1"}', token="b", secret="s").status_code == 503
