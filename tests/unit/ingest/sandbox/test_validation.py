"""The validator of the stand-in, on values of every kind."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.sandbox import attributes, delegation, memberships, ooo, options, organizations, users, webhooks
from ingest.sandbox.envelopes import Refusal
from ingest.sandbox.rules import FLAG, INTEGER, NUMBER, REQUIRED_TEXT, TEXT, TIME_ZONE, every, one_of
from ingest.sandbox.validation import Field, checked

CONTROLLERS = (attributes, delegation, memberships, ooo, options, organizations, users, webhooks)
SHAPES = [e.body for controller in CONTROLLERS for e in controller.ENDPOINTS if e.body is not None]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)


def errors_of(target: object, **shape: Field) -> list[dict[str, Any]]:
    with pytest.raises(Refusal) as refused:
        checked(target, shape)
    details = refused.value.details
    assert isinstance(details, dict)
    found: list[dict[str, Any]] = details["errors"]
    return found


def test_only_known_properties_are_left() -> None:
    assert checked({"a": "x", "b": 1}, {"a": TEXT}) == {"a": "x"}


def test_an_optional_null_counts_as_absent_unless_nullable() -> None:
    nullable = Field(TEXT.rules, nullable=True)

    assert checked({"a": None, "b": None}, {"a": TEXT, "b": nullable}) == {"b": None}


def test_a_required_property_breaks_all_its_rules_when_missing() -> None:
    (error,) = errors_of({}, a=REQUIRED_TEXT)

    assert set(error["constraints"]) == {"isString", "isNotEmpty"}
    assert error["target"] == {}
    assert error["value"] is None


@pytest.mark.parametrize("value", ["true", 1, 0, [], {}])
def test_a_flag_is_true_or_false(value: object) -> None:
    assert errors_of({"a": value}, a=FLAG)


@pytest.mark.parametrize("value", [True, "5", [5]])
def test_a_number_is_no_truth_and_no_text(value: object) -> None:
    assert errors_of({"a": value}, a=Field((NUMBER,)))
    assert errors_of({"a": value}, a=Field((INTEGER,)))


def test_each_item_of_a_list_is_checked() -> None:
    shape = Field((every(one_of("A", "B")),))

    assert checked({"a": ["A", "B"]}, {"a": shape}) == {"a": ["A", "B"]}
    (error,) = errors_of({"a": ["A", "C"]}, a=shape)
    assert error["constraints"]["isEnum"] == "each value in a must be one of the following values: A, B"


def test_a_time_zone_is_known_in_any_case() -> None:
    assert checked({"z": "europe/PARIS"}, {"z": Field((TIME_ZONE,))})
    assert errors_of({"z": "Europe/Atlantis"}, z=Field((TIME_ZONE,)))


@given(st.sampled_from(SHAPES), st.data())
def test_any_json_is_accepted_or_refused_and_nothing_else(shape: dict[str, Field], data: st.DataObject) -> None:
    body = data.draw(st.fixed_dictionaries({}, optional=dict.fromkeys(shape, JSON)))

    status, kept = 200, {}
    try:
        kept = checked(body, shape)
    except Refusal as refused:
        status = refused.status

    assert status in (200, 400)
    assert set(kept) <= set(body)
