"""The check of arguments."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.mcp.history.arguments import check
from ingest.mcp.history.toolset import TOOLS
from workers.errors import BadArguments

SEARCH = TOOLS["search_events"].offer.input_schema


def test_what_fits_comes_through_as_it_is() -> None:
    asked = {"trigger": ["PING"], "limit": 5, "mask": True}
    assert check("search_events", SEARCH, asked) == asked


def test_a_whole_number_may_be_written_with_a_point() -> None:
    found = check("search_events", SEARCH, {"limit": 5.0})["limit"]
    assert (found, type(found)) == (5, int)


@pytest.mark.parametrize(
    ("tool", "arguments", "message"),
    [
        ("search_events", {"limti": 5}, "'limti': no such parameter; did you mean limit? search_events has trigger, "),
        ("get_event", {}, "event: missing; get_event cannot do without."),
        ("search_events", {"limit": "5"}, "limit: must be a whole number, not a text."),
        ("search_events", {"limit": 5.5}, "limit: must be a whole number, not a number."),
        ("search_events", {"limit": True}, "limit: must be a whole number, not true or false."),
        ("search_events", {"limit": 1000}, "limit: must be a whole number from 1 to 100."),
        ("search_events", {"mask": 1}, "mask: must be true or false, not a number."),
        ("search_events", {"trigger": "PING"}, "trigger: must be a list, not a text."),
        ("search_events", {"trigger": []}, "trigger: must have at least one item; leave it out for no filter."),
        ("search_events", {"kind": ["booking", "x"]}, "kind[1]: must be one of its values: booking, meeting,"),
        ("search_events", {"trigger": ["booking_create"]}, "trigger[0]: must be one of its values: BOOKING_CREATED is"),
        ("search_events", {"email": ""}, "email: may not be empty; leave it out, or give it a value."),
        ("search_events", {"email": "e" * 501}, "email: may have at most 500 characters."),
        ("search_events", {"email": None}, "email: must be a text, not null."),
        ("search_events", {"email": "a\0"}, "email: may not hold a NUL character."),
        ("search_events", {"email": "\ud800"}, "email: must be plain text in UTF-8."),
        ("list_runs", {"rule": ["r"] * 51}, "rule: may have at most 50 items."),
        ("test_rule", {"outputs": {"a": float("nan")}}, "outputs: must be a number that JSON can say."),
    ],
)
def test_what_does_not_fit_is_refused_by_name_with_what_is_allowed(
    tool: str, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadArguments) as error:
        check(tool, TOOLS[tool].offer.input_schema, arguments)
    assert error.value.message.startswith(message)


def test_a_value_that_nests_too_deeply_is_refused() -> None:
    deep: Any = {}
    for _ in range(2_000):
        deep = {"a": deep}
    with pytest.raises(BadArguments, match="outputs: is nested too deeply"):
        check("test_rule", TOOLS["test_rule"].offer.input_schema, {"outputs": deep})


@given(
    st.dictionaries(st.sampled_from([*SEARCH["properties"], "x"]), st.none() | st.text() | st.floats() | st.binary())
)
def test_nothing_but_a_refusal_comes_of_anything(arguments: dict[str, Any]) -> None:
    with contextlib.suppress(BadArguments):
        check("search_events", SEARCH, arguments)
