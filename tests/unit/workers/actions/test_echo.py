from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.actions.echo import CREATE, UPDATE, of_call, of_event

PAYLOADS = Path(__file__).parents[3] / "payloads"


def event(path: str) -> dict[str, Any]:
    body = json.loads((PAYLOADS / path).read_text())
    return {"trigger": body["triggerEvent"], "connection": "acme", "payload": body["payload"]}


@pytest.mark.parametrize(
    ("path", "first", "last"),
    [
        ("OOO_CREATED.body", "2026-12-21", "2026-12-24"),
        ("OOO_CREATED/edited_without_reason.json", "2026-07-01T22:00:00Z", "2026-07-03T01:00:00Z"),
    ],
)
def test_the_event_of_an_entry_has_the_name_of_the_call_that_made_it(path: str, first: str, last: str) -> None:
    name = of_call(CREATE, {"userId": 90211, "start": first, "end": last, "notes": "x"}, "acme")

    assert name in of_event(event(path))
    assert of_call(UPDATE, {"userId": 90211, "oooId": 1, "start": first, "end": last}, "acme") == name


def test_a_change_that_leaves_the_days_is_known_by_the_entry() -> None:
    name = of_call(UPDATE, {"userId": 90211.0, "oooId": 20931, "notes": "x"}, "acme")

    assert name in of_event(event("OOO_CREATED/edited_without_reason.json"))


@pytest.mark.parametrize(
    "change", [{"userId": 1}, {"start": "2026-12-20"}, {"end": "2026-12-23"}], ids=["user", "start", "end"]
)
def test_another_entry_has_another_name(change: dict[str, Any]) -> None:
    arguments = {"userId": 90211, "start": "2026-12-21", "end": "2026-12-24", **change}

    assert of_call(CREATE, arguments, "acme") not in of_event(event("OOO_CREATED.body"))


def test_an_entry_of_another_connection_has_another_name() -> None:
    arguments = {"userId": 90211, "start": "2026-12-21", "end": "2026-12-24"}

    assert of_call(CREATE, arguments, "other") not in of_event(event("OOO_CREATED.body"))


def test_what_causes_no_event_has_no_name() -> None:
    assert of_call("cal_organizations_memberships_controller_get_org_membership", {"membershipId": 1}, "acme") is None
    assert of_call(CREATE, {"userId": 1, "start": "soon", "end": "later"}, "acme") is None
    assert of_event(event("BOOKING_CREATED.body")) == ()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(JSON, JSON, JSON)
def test_any_payload_and_any_arguments_have_names_or_none(one: Any, two: Any, three: Any) -> None:
    about = {"id": one, "start": two, "end": three, "user": {"id": three}}
    of_event({"trigger": "OOO_CREATED", "connection": "acme", "payload": {"oooEntry": about}})
    of_event({"trigger": "OOO_CREATED", "connection": "acme", "payload": one})
    of_call(UPDATE, {"userId": one, "oooId": two, "start": two, "end": three}, "acme")
