from __future__ import annotations

import contextlib
import hashlib
import tarfile
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import select, text

from ingest.spool import Spool
from tests.contract.store.filled import START, Filled
from workers import archive
from workers.archive import Manifest
from workers.backup import backup
from workers.errors import BadInput, Conflict, Misconfigured
from workers.restore import restore
from workers.settings import Settings
from workers.store import connections, history, webhooks
from workers.store.engine import Store, open_store
from workers.store.history import Filter
from workers.store.receipts import Receipt
from workers.store.tables import metadata
from workers.vault import open_vault

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


@pytest.fixture
def here(tmp_path: Path) -> Settings:
    """An installation with a rule and a daybook.yaml."""
    folder = tmp_path / "here"
    (folder / "rules" / "more").mkdir(parents=True)
    (folder / "rules" / "more" / "a.yaml").write_text("rules: []\n")
    (folder / "daybook.yaml").write_text("port: 9999\n")
    return settings_of(folder)


@pytest.fixture
def there(tmp_path: Path) -> Settings:
    """Where nothing is yet."""
    return settings_of(tmp_path / "there")


def settings_of(folder: Path) -> Settings:
    return Settings(data_dir=folder / "data", rules=folder / "rules", config=folder / "daybook.yaml")


@pytest.fixture
def filled(store: Store, here: Settings) -> Filled:
    filled = Filled(store, open_vault(here))
    filled.events(3)
    filled.event(title="tab\there, back\\slash and\nline")
    return filled


@contextlib.contextmanager
def empty(store: Store, tmp_path: Path) -> Iterator[Store]:
    """An empty database of the same kind. On PostgreSQL it is the same, without anything in it."""
    if not store.sqlite:
        with store.write() as sql:
            sql.execute(text("DROP SCHEMA public CASCADE"))
            sql.execute(text("CREATE SCHEMA public"))
        yield store
        return
    with contextlib.closing(open_store(f"sqlite:///{tmp_path / 'new' / 'daybook.db'}")) as other:
        yield other


def everything(store: Store) -> dict[str, list[Any]]:
    with store.read() as sql:
        return {
            name: sorted(map(repr, sql.execute(select(table)).all())) for name, table in metadata.tables.items()
        }  # fmt: skip


def saved(here: Settings, store: Store, tmp_path: Path, **how: Any) -> Path:
    path = tmp_path / "backup.tar.gz"
    backup(here, store, path, NOW, **{"with_key": True, **how})
    return path


def changed(path: Path, change: Any) -> Path:
    """The same backup with other members or another manifest, and digests that are right."""
    target, folder = path.with_name("changed.tar.gz"), path.with_name("unpacked")
    folder.mkdir()
    manifest = archive.unpack(path, folder)
    manifest = change(manifest, folder)
    with archive.written(target) as writer:
        for name in manifest.members:
            writer.add(name, folder / name)
        writer.end(msgspec.structs.replace(manifest, members=dict(writer.members)))
    return target


def test_everything_comes_back(store: Store, filled: Filled, here: Settings, there: Settings, tmp_path: Path) -> None:
    spool = Spool(here.data_dir / "spool", 1_000_000)
    waiting = Receipt(
        history.lowest_id(START), filled.webhook(), hashlib.sha256(b"x").digest(), 0, START, "signed", None, "received",
        b"[]", b"x",
    )  # fmt: skip
    spool.append([waiting])
    before = everything(store)
    path = saved(here, store, tmp_path)

    with empty(store, tmp_path) as new:
        report = restore(there, new, path)

        assert everything(new) == before
        assert report.kept == []
        with new.read() as sql:
            vault = open_vault(there)
            assert [hook.name for hook in webhooks.every(sql, vault)] == ["org"]
            assert connections.get(sql, vault, "acme")[1] == "cal_key"
            assert len(history.page(sql, Filter(text="intro"), limit=9)) == 3
        newer = Filled(new, vault)
        newer._webhooks["org"] = filled.webhook()
        newer.event(uid="after")
        with new.read() as sql:
            assert history.newest_seq(sql) == 5
    assert there.config_path.read_text() == "port: 9999\n"
    assert (there.rules / "more" / "a.yaml").read_text() == "rules: []\n"
    assert (there.data_dir / "secret.key").read_bytes() == (here.data_dir / "secret.key").read_bytes()
    drained: list[Receipt] = []
    Spool(there.data_dir / "spool", 1_000_000).drain(drained.extend)
    assert drained == [waiting]
    spool.close()
    assert [file.name for file in there.data_dir.iterdir() if file.name.startswith(".daybook")] == []


def test_it_is_one_moment_while_deliveries_come(
    store: Store, filled: Filled, here: Settings, there: Settings, tmp_path: Path
) -> None:
    ended = threading.Event()

    def come() -> None:
        number = 0
        while not ended.is_set():
            filled.event(uid=f"while-{number}", bookingId=number)
            number += 1

    coming = threading.Thread(target=come)
    coming.start()
    try:
        path = saved(here, store, tmp_path)
    finally:
        ended.set()
        coming.join()

    with empty(store, tmp_path) as new:
        rows = {name: table.rows for name, table in restore(there, new, path).manifest.tables.items()}

    assert rows["events"] <= rows["receipts"] == rows["bodies"]
    assert rows["events"] >= 4


def test_the_key_may_be_left_out(store: Store, filled: Filled, here: Settings, there: Settings, tmp_path: Path) -> None:
    path = saved(here, store, tmp_path, with_key=False)

    with empty(store, tmp_path) as new:
        assert not restore(there, new, path).with_key

    assert not (there.data_dir / "secret.key").exists()


def test_nothing_that_is_there_is_overwritten(
    store: Store, filled: Filled, here: Settings, there: Settings, tmp_path: Path
) -> None:
    path = saved(here, store, tmp_path)
    before = everything(store)

    with pytest.raises(Conflict):
        restore(here, store, path)
    with pytest.raises(Conflict):
        restore(there, store, path)
    with pytest.raises(Conflict):
        saved(here, store, tmp_path)
    assert everything(store) == before

    there.config_path.parent.mkdir(parents=True, exist_ok=True)
    there.config_path.write_text("port: 1\n")
    with empty(store, tmp_path) as new:
        report = restore(there, new, path)
    assert report.kept == [there.config_path]
    assert there.config_path.read_text() == "port: 1\n"
    assert (there.data_dir / "restored" / "daybook.yaml").read_text() == "port: 9999\n"


@pytest.mark.parametrize("end", ["-wal", "-journal"])
def test_the_log_of_a_database_that_is_gone_is_not_read_into_another(there: Settings, tmp_path: Path, end: str) -> None:
    there.data_dir.mkdir(parents=True)
    left = there.data_dir / f"daybook.db{end}"
    left.write_bytes(b"old")

    with contextlib.closing(open_store(there.database)) as nowhere, pytest.raises(Conflict, match=left.name):
        restore(there, nowhere, tmp_path / "any")


def test_a_backup_of_the_other_database_or_of_a_newer_daybook_is_refused(
    store: Store, filled: Filled, here: Settings, there: Settings, tmp_path: Path
) -> None:
    path = saved(here, store, tmp_path)
    other = "postgresql" if store.sqlite else "sqlite"
    of_other = changed(path, lambda manifest, _: msgspec.structs.replace(manifest, database=other))
    with empty(store, tmp_path) as new:
        with pytest.raises(BadInput, match="its own kind"):
            restore(there, new, of_other)
        of_other.unlink()
        (tmp_path / "unpacked").rename(tmp_path / "done")
        newer = changed(path, lambda manifest, _: msgspec.structs.replace(manifest, revision="9999"))
        with pytest.raises(Misconfigured, match="newer than this Daybook"):
            restore(there, new, newer)


def test_rows_that_are_not_those_of_the_manifest_restore_nothing(
    store: Store, filled: Filled, here: Settings, there: Settings, tmp_path: Path
) -> None:
    path = saved(here, store, tmp_path)

    def more(manifest: Manifest, _: Path) -> Manifest:
        events = msgspec.structs.replace(manifest.tables["events"], rows=99)
        return msgspec.structs.replace(manifest, tables={**manifest.tables, "events": events})

    with empty(store, tmp_path) as new:
        with pytest.raises(BadInput, match="other rows"):
            restore(there, new, changed(path, more))
        if store.sqlite:
            assert not Path(str(new.engine.url.database)).exists()
        else:
            with new.read() as sql:
                assert history.count(sql, Filter()) == 0


def test_garbage_for_a_database_is_refused(
    store: Store, filled: Filled, here: Settings, there: Settings, tmp_path: Path
) -> None:
    path = saved(here, store, tmp_path)

    def garbage(manifest: Manifest, folder: Path) -> Manifest:
        (folder / ("daybook.db" if store.sqlite else "tables/events.copy")).write_bytes(b"garbage\n" * 999)
        return manifest

    with empty(store, tmp_path) as new, pytest.raises(BadInput):
        restore(there, new, changed(path, garbage))


def test_a_name_that_is_no_tables_is_no_statement_either(
    store: Store, filled: Filled, here: Settings, there: Settings, tmp_path: Path
) -> None:
    path = saved(here, store, tmp_path)

    def other(manifest: Manifest, _: Path) -> Manifest:
        tables = dict(manifest.tables)
        tables['keys"; DROP TABLE keys; --'] = tables["keys"]
        return msgspec.structs.replace(manifest, tables=tables)

    with empty(store, tmp_path) as new, pytest.raises(BadInput):
        restore(there, new, changed(path, other))


def test_what_is_not_ours_is_not_in_a_backup(store: Store, filled: Filled, here: Settings, tmp_path: Path) -> None:
    (here.rules / "notes.txt").write_text("x")
    (here.rules / "link.yaml").symlink_to("/nowhere")
    with tarfile.open(saved(here, store, tmp_path)) as tar:
        names = tar.getnames()

    assert [name for name in names if name.startswith("rules")] == ["rules/more/a.yaml"]
    assert names[-1] == "manifest.json"
