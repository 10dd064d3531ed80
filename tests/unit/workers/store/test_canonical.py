from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import msgspec
import pytest

from workers.store.canonical import Digest


def digest(*rows: tuple[Any, ...]) -> str:
    made = Digest()
    for row in rows:
        made.add(row)
    return made.hex()


def json(text: str) -> msgspec.Raw:
    return msgspec.Raw(text.encode())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (json('{"a": 1, "b": [true, null]}'), json('{"b":[true,null],"a":1}')),
        (json("[1e2, 1.50, -0.0, 1E-3]"), json("[100, 1.5, 0, 0.001]")),
        (json('"\\u0141"'), json('"Ł"')),
        (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=1)))),
        (datetime(2026, 1, 1, 0, 0, 0, 1999, tzinfo=UTC), datetime(2026, 1, 1, 0, 0, 0, 1000, tzinfo=UTC)),
        (b"ab", memoryview(b"ab")),
    ],
)
def test_what_two_databases_spell_differently_has_one_digest(one: Any, other: Any) -> None:
    assert digest((one,)) == digest((other,))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("ab", "c"), ("a", "bc")),
        ((None,), ("",)),
        ((None,), (json("null"),)),
        ((1,), (True,)),
        (("1",), (1,)),
        ((b"a",), ("a",)),
        ((UUID(int=1),), (UUID(int=1).hex,)),
        ((json("[1]"),), (json('["1"]'),)),
        ((json("12345678901234567890"),), (json("12345678901234567891"),)),
        ((json("0.1"),), (json("0.10000000000000000001"),)),
        ((json("-1"),), (json("1"),)),
        ((0.1,), (0.1 + 2**-50,)),
    ],
)
def test_what_differs_at_all_has_another_digest(one: tuple[Any, ...], other: tuple[Any, ...]) -> None:
    assert digest(one) != digest(other)


def test_the_order_of_rows_does_not_matter_but_their_number_does() -> None:
    assert digest(("a",), ("b",)) == digest(("b",), ("a",))
    assert len({digest(), digest(("a",)), digest(("a",), ("a",)), digest(("a",), ("a",), ("a",))}) == 4
    assert digest() == "0" * 64
