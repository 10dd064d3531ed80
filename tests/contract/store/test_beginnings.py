"""What begins with text that was copied from a narrow table."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.contract.store.filled import START, Filled
from workers.store import beginnings
from workers.store.engine import Store
from workers.vault import Vault


@pytest.fixture
def filled(store: Store, vault: Vault) -> Filled:
    return Filled(store, vault)


def test_an_id_is_found_by_any_beginning_of_it(filled: Filled) -> None:
    first, second = filled.event(uid="a"), filled.event(uid="b", at=START + timedelta(days=400))
    with filled.store.read() as sql:
        for noun in ("event", "delivery"):
            assert beginnings.ids(sql, noun, first.hex) == [first]
            assert beginnings.ids(sql, noun, second.hex[:12]) == [second]
            assert beginnings.ids(sql, noun, first.hex[:2]) == [first, second]
            assert beginnings.ids(sql, noun, "ff") == []


def test_of_many_that_begin_so_only_some_are_named(filled: Filled) -> None:
    ids = filled.events(6)
    with filled.store.read() as sql:
        assert beginnings.ids(sql, "event", ids[0].hex[:4]) == ids[:4]
        assert beginnings.uids(sql, "uid-") == ["uid-0", "uid-1", "uid-2", "uid-3"]


def test_a_uid_is_found_by_its_beginning_letter_case_included(filled: Filled) -> None:
    for uid in ("aBcd", "abXY", "a%cd"):
        filled.event(uid=uid)
        filled.event(uid=uid, trigger="BOOKING_CANCELLED")
    with filled.store.read() as sql:
        assert beginnings.uids(sql, "aB") == ["aBcd"]
        assert beginnings.uids(sql, "a%") == ["a%cd"]
        assert beginnings.uids(sql, "b") == []
        assert beginnings.uids(sql, "a\0") == []
