"""Reading queries."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.api import parameters
from ingest.api.parameters import BOOKINGS, CURSOR, DELIVERIES, EVENTS, FORMAT, LIMIT, UNMASKED
from workers.errors import BadInput
from workers.store.history import Filter
from workers.store.receipts import State

NOW = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)
ALL = (*EVENTS, CURSOR, LIMIT, FORMAT, UNMASKED)


def test_a_query_becomes_a_filter() -> None:
    query = [
        ("trigger", "PING"),
        ("trigger", "BOOKING_CREATED"),
        ("kind", "booking"),
        ("booking", "abc"),
        ("email", "a@b.example"),
        ("since", "30m"),
        ("until", "2026-11-23"),
        ("text", "weekly sync"),
        ("connection", "acme"),
        ("host", "h@b.example"),
        ("event_type", "intro-call"),
        ("event_type", "7"),
        ("status", "accepted"),
        ("verdict", "mismatch"),
        ("rule", "tell"),
    ]
    assert parameters.event_filter(parameters.read(EVENTS, query, NOW)) == Filter(
        triggers=("PING", "BOOKING_CREATED"),
        kinds=("booking",),
        booking="abc",
        email="a@b.example",
        since=datetime(2026, 11, 23, 12, 0, tzinfo=UTC),
        until=datetime(2026, 11, 24, tzinfo=UTC),
        text="weekly sync",
        connection="acme",
        host="h@b.example",
        event_types=("intro-call", "7"),
        statuses=("accepted",),
        verdict="mismatch",
        rule="tell",
    )
    assert parameters.event_filter({}) == Filter()


def test_values_are_of_their_type() -> None:
    values = parameters.read(
        [*DELIVERIES, LIMIT, UNMASKED], [("state", "persisted"), ("limit", "7"), ("unmasked", "true")], NOW
    )
    assert values == {"state": State.PERSISTED, "limit": 7, "unmasked": True}


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("triger", "PING", "there is no parameter 'triger'; did you mean trigger?"),
        ("Limit", "5", "there is no parameter 'Limit'; did you mean limit?"),
        ("zzzzzz", "5", "there are: trigger, kind, booking"),
        ("z" * 500, "5", "…'"),
        ("limit", "0", "limit must be a whole number from 1 to 200."),
        ("limit", "201", "limit must be"),
        ("limit", "five", "limit must be"),
        ("limit", "-1", "limit must be"),
        ("limit", "1e2", "limit must be"),
        ("limit", "٣", "limit must be"),
        ("limit", "9" * 5_000, "limit may have at most"),
        ("kind", "bookings", "kind must be one of booking, meeting"),
        ("since", "noon", "since must be"),
        ("until", "noon", "until must be"),
        ("cursor", "x", "cursor must be"),
        ("verdict", "good", "verdict must be one of signed, mismatch, unsigned."),
        ("status", "", "status is empty"),
        ("format", "xlsx", "format must be one of ndjson, csv."),
        ("unmasked", "yes", "unmasked must be true or false."),
        ("booking", " ", "booking is empty"),
        ("booking", "b" * 1_001, "booking may have at most 1000 characters"),
        ("text", "a " * 33, "text may have at most 32 words"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_with_its_name_and_what_may_be_written(name: str, text: str, said: str) -> None:
    with pytest.raises(BadInput) as refused:
        parameters.read(ALL, [(name, text)], NOW)
    assert said in refused.value.message


def test_bookings_are_chosen_by_what_is_said_of_bookings() -> None:
    about = {each.name: each.about for each in BOOKINGS}
    assert list(about) == ["email", "host", "event_type", "status", "text", "connection", "since", "until"]
    assert not [name for name, said in about.items() if said.startswith("Events")]
    assert {each.name for each in BOOKINGS} < {each.name for each in EVENTS}


def test_a_value_given_twice_is_refused_where_only_one_counts() -> None:
    with pytest.raises(BadInput, match="booking may be given once"):
        parameters.read(ALL, [("booking", "a"), ("booking", "b")], NOW)


def test_where_nothing_may_be_asked_that_is_said() -> None:
    with pytest.raises(BadInput, match="this address takes none"):
        parameters.read((), [("limit", "1")], NOW)


@given(st.lists(st.tuples(st.sampled_from([each.name for each in ALL]) | st.text(max_size=10), st.text(max_size=50))))
def test_any_query_is_read_or_refused(query: list[tuple[str, str]]) -> None:
    try:
        values = parameters.read(ALL, query, NOW)
    except BadInput:
        return
    assert set(values) == {name for name, _ in query}
    parameters.event_filter(values)
