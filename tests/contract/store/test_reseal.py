from __future__ import annotations

import threading
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from tests.contract.store.filled import Filled
from workers.errors import Misconfigured
from workers.reseal import count_old, reseal
from workers.settings import Settings
from workers.store import connections, webhooks
from workers.store.engine import Store
from workers.vault import Vault, add_key, drop_old_keys, open_vault


def key() -> str:
    return Fernet.generate_key().decode()


def test_all_that_is_sealed_is_sealed_with_the_newest_key(store: Store) -> None:
    old, new = key(), key()
    filled = Filled(store, Vault([old]))
    filled.webhook("org")
    filled.webhook("team")
    both = Vault([new, old])
    assert count_old(store, both) == 5

    report = reseal(store, both)

    assert dict(report.resealed) == {"credentials": 1, "tokens": 2, "secrets": 2}
    assert count_old(store, both) == 0
    assert (reseal(store, both).newest, dict(reseal(store, both).resealed)) == (5, {})
    with store.read() as sql:
        assert {hook.name for hook in webhooks.every(sql, Vault([new]))} == {"org", "team"}
        assert connections.get(sql, Vault([new]), "acme")[1] == "cal_key"
        with pytest.raises(Misconfigured):
            connections.get(sql, Vault([old]), "acme")


def test_what_no_key_opens_is_counted_and_left(store: Store) -> None:
    Filled(store, Vault([key()])).webhook()

    report = reseal(store, Vault([key()]))

    assert (report.unreadable, dict(report.resealed), report.newest) == (3, {}, 0)


def test_processes_that_run_read_and_seal_all_the_while(store: Store, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    running = open_vault(settings)
    Filled(store, running).webhook()
    ended, failures = threading.Event(), list[Exception]()

    def read() -> None:
        while not ended.is_set():
            try:
                with store.read() as sql:
                    webhooks.every(sql, running)
                    connections.get(sql, running, "acme")
            except Misconfigured as error:
                failures.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for _ in range(3):
            add_key(settings)
            assert sum(reseal(store, open_vault(settings)).resealed.values()) == 3
    finally:
        ended.set()
        reader.join()
    assert failures == []
    assert drop_old_keys(settings) == 3

    token = running.seal("a", "b")
    assert open_vault(settings).open("a", token) == "b"
    assert count_old(store, open_vault(settings)) == 0
    assert (tmp_path / "secret.key").stat().st_mode & 0o777 == 0o600
