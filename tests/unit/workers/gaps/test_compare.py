from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from workers.gaps.compare import Change, Compared, Kind, Row, Verdict, compare, first

NOW = datetime(2026, 11, 25, 9, tzinfo=UTC)
GRACE = timedelta(minutes=10)
DOCUMENTS = st.dictionaries(st.sampled_from("abc"), st.integers(0, 2), max_size=3)
LISTS = st.dictionaries(st.sampled_from("12345678"), DOCUMENTS, max_size=8)


def compared(before: dict[str, Row], there: dict[str, dict[str, Any]], **more: Any) -> Compared:
    return compare(before, there, now=more.pop("now", NOW), grace=GRACE, **more)


def after(before: dict[str, Row], found: Compared) -> dict[str, Row]:
    """The picture as it is kept."""
    return {key: row for key, row in {**before, **found.keep}.items() if key not in found.forget}


@given(LISTS, LISTS)
def test_what_was_told_is_not_told_again(old: dict[str, Any], new: dict[str, Any]) -> None:
    picture = first(old).keep
    for _ in range(3):  # what seems to be gone may have to be seen twice
        found = compared(picture, new, now=NOW + GRACE * (_ + 1))
        picture = after(picture, found)
    assert compared(picture, new, now=NOW + 9 * GRACE).changes == []


@given(LISTS, LISTS)
def test_from_a_list_with_gaps_nothing_is_taken_for_gone(old: dict[str, Any], new: dict[str, Any]) -> None:
    found = compared(first(old).keep, new, whole=False)

    assert Kind.REMOVED not in {change.kind for change in found.changes}
    assert not found.forget


@given(LISTS, LISTS)
def test_every_row_that_differs_is_told_waits_or_is_the_same(old: dict[str, Any], new: dict[str, Any]) -> None:
    found = compared(first(old).keep, new)
    said = {change.key: change for change in found.changes}

    for key in new.keys() - old.keys():
        assert said[key].kind is Kind.ADDED
    for key in new.keys() & old.keys():
        differs = any(old[key].get(name, value) != value for name, value in new[key].items())
        assert (key in said) == differs
    assert len(old.keys() - new.keys()) == sum(one.kind is Kind.REMOVED for one in said.values()) + found.waiting


def test_a_change_says_how_it_was_and_which_fields_are_otherwise() -> None:
    (change,) = compared({"1": Row({"a": 1, "b": 2, "c": 3})}, {"1": {"a": 1, "b": 4, "c": 5}}, unsaid=("c",)).changes

    assert change == Change(Kind.CHANGED, "1", {"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 4, "c": 5}, ("b",))


def test_a_change_of_what_is_unsaid_is_kept_and_not_told() -> None:
    found = compared({"1": Row({"a": 1, "c": 3})}, {"1": {"a": 1, "c": 5}}, unsaid=("c",))

    assert (found.changes, found.keep) == ([], {"1": Row({"a": 1, "c": 5})})


def test_what_waits_is_told_after_the_grace_and_never_where_it_was_heard_meanwhile() -> None:
    there = {"1": {"a": 1}}
    waits = compared({}, there, verdict=lambda change: Verdict.WAIT)
    assert (waits.changes, waits.waiting, waits.keep) == ([], 1, {"1": Row(None, NOW)})

    later = {"now": NOW + GRACE}
    told = compared(waits.keep, there, verdict=lambda change: Verdict.WAIT, **later)
    heard = compared(waits.keep, there, verdict=lambda change: Verdict.HEARD, **later)
    gone = compared(waits.keep, {}, **later)
    assert [change.kind for change in told.changes] == [Kind.ADDED]
    assert (heard.changes, heard.keep) == ([], {"1": Row({"a": 1})})
    assert (gone.changes, gone.forget) == ([], ["1"])


def test_what_comes_back_while_it_waits_was_never_gone() -> None:
    picture = {"1": Row({"a": 1})}
    waits = compared(picture, {}, at_once=False)
    assert waits.keep == {"1": Row({"a": 1}, NOW)}

    back = compared(waits.keep, {"1": {"a": 1}}, at_once=False)
    assert (back.changes, back.keep) == ([], picture)


def test_a_list_that_loses_most_of_its_rows_is_seen_twice_before_it_is_believed() -> None:
    picture = {str(number): Row({"a": number}) for number in range(6)}

    assert [change.key for change in compared(picture, {str(n): {"a": n} for n in range(3)}).changes] == ["3", "4", "5"]
    assert compared(picture, {"0": {"a": 0}}).waiting == 5
