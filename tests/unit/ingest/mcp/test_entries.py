"""What the audit log has of a call."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from ingest.mcp.entries import target


def test_what_is_known_is_told_and_what_is_secret_or_long_is_not() -> None:
    given = {"userId": 41, "password": "hunter22", "key": {"private_key": "-----BEGIN"}, "rule": "rules: …"}
    told = target("acme", given, known=given, long=["rule"], secret=["key"])
    assert told.connection == "acme"
    assert told.arguments == {"userId": 41, "password": "(hidden)", "key": "(hidden)", "rule": "(8 characters)"}


@pytest.mark.parametrize(
    ("value", "told"),
    [("cal_live_5ecret", "(15 characters)"), ({"a": 1}, "(1 members)"), ([1, 2], "(2 members)"), (7, "(a value)"),
     (None, "(a value)")],
)  # fmt: skip
def test_of_a_parameter_that_there_is_not_only_the_length_is_told(value: Any, told: str) -> None:
    assert target("acme", {"servieAccountKey": value}, known=["serviceAccountKey"]).arguments == {
        "servieAccountKey": told
    }


@pytest.mark.parametrize(
    "given",
    [
        {f"name{number}": "x" * 40 for number in range(20_000)},
        {"k" * 900_000: 1},
        {"emails": ["x" * 100] * 9_000},
        {"emails": "x" * 900_000},
        {"emails": {"k" * 900_000: 1}},
        {"emails": 10**4_000},
    ],
    ids=["many", "a long name", "a long list", "a long text", "a long key", "a long number"],
)
def test_an_entry_is_small_however_large_the_call(given: dict[str, Any]) -> None:
    told = target("p" * 900_000, given, known=["emails"])
    assert len(msgspec.json.encode(told.arguments)) < 9_000
    assert told.connection is not None
    assert len(told.connection) < 300


def test_an_entry_holds_nothing_that_postgresql_cannot_keep() -> None:
    told = target("a\0\ud800", {"x\0\ud800": "b", "emails": "c\0\ud800"}, known=["emails"])
    assert "\0" not in str(told)
    assert "\\u0000" not in msgspec.json.encode({"all": [told.connection, told.arguments]}).decode()
