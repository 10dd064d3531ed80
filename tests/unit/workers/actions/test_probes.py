from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.actions.kind import Absent, Again, Done, Unknowable
from workers.actions.probes import PROBES, look
from workers.calcom.tools import TOOLS

OOO = "cal_organizations_users_ooocontroller_"
OPTIONS = "cal_organizations_attributes_options_controller_"
ASSIGN = TOOLS[f"{OPTIONS}assign_organization_attribute_option_to_user"]
UNASSIGN = TOOLS[f"{OPTIONS}unassign_organization_attribute_option_from_user"]
CREATE_OPTION = TOOLS[f"{OPTIONS}create_organization_attribute_option"]
CREATE_OOO = TOOLS[f"{OOO}create_organization_user_ooo"]
MEMBERS = "cal_organizations_memberships_controller_get_all_memberships"
LIST_OPTIONS = f"{OPTIONS}get_organization_attribute_options"
#: a value for everything a writing tool may be given
GIVEN: dict[str, Any] = {
    "userId": 5,
    "membershipId": 77,
    "managedOrganizationId": 901,
    "oooId": 42,
    "attributeId": "a-1",
    "optionId": "o-1",
    "attributeOptionId": "o-1",
    "credentialId": "c-1",
    "webhookId": "w-1",
    "name": "Team",
    "slug": "team",
    "value": "3",
    "type": "SINGLE_SELECT",
    "options": [{"value": "A", "slug": "a"}],
    "domain": "acme.example",
    "workspacePlatformSlug": "google",
    "role": "MEMBER",
    "email": "ann@example.com",
    "serviceAccountKey": {"private_key": "k", "client_email": "c@example.com", "client_id": "1"},
    "start": "2026-02-02",
    "end": "2026-02-06",
    "active": True,
    "subscriberUrl": "https://hooks.example.com/cal",
    "triggers": ["BOOKING_CREATED"],
    "username": "ann",
    "metadata": {"k": 1},
    "avatarUrl": "https://a.example/b",
}
WORDS = st.sampled_from(
    ["id", "userId", "slug", "name", "attributes", "options", "optionId", "option", "email", "start"]
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from([5, 42, "a-1", "o-1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=6),
    max_leaves=12,
)
ANSWER = JSON | st.lists(st.dictionaries(WORDS, JSON, max_size=8), max_size=4) | st.dictionaries(WORDS, JSON)


def arguments(name: str) -> dict[str, Any]:
    dropped = {"attributeOptionId"} if "assign_organization" in name and "unassign" not in name else set()
    wanted = {param.name for param in TOOLS[name].params} - dropped
    return {key: value for key, value in GIVEN.items() if key in wanted}


@pytest.mark.parametrize("name", sorted(PROBES))
@settings(max_examples=15)  # for each of the tools
@given(answer=ANSWER)
def test_whatever_cal_com_answers_there_is_a_finding(box: Callable[..., Any], name: str, answer: Any) -> None:
    caller = box(dict.fromkeys(TOOLS, answer)).client

    assert isinstance(look(TOOLS[name], arguments(name), caller), Done | Absent | Unknowable | Again)
    assert all(TOOLS[tool].reads for tool, _ in caller.called)


@pytest.mark.parametrize("answer", [None, {}, "", [None], ["x"]])
def test_an_answer_of_another_shape_does_not_say_that_nothing_is_there(box: Callable[..., Any], answer: Any) -> None:
    for name in (f"{OOO}create_organization_user_ooo", f"{OOO}delete_organization_user_ooo"):
        assert isinstance(look(TOOLS[name], arguments(name), box(dict.fromkeys(TOOLS, answer)).client), Again)


def test_lists_are_asked_for_whole_and_in_an_order_where_they_have_one(box: Callable[..., Any]) -> None:
    caller = box({key: [] for key in TOOLS}).client

    look(CREATE_OOO, arguments(CREATE_OOO.name), caller)

    assert caller.called == [(f"{OOO}get_organization_user_ooo", {"userId": 5, "sortStart": "asc"})]


def test_where_a_membership_does_not_tell_its_attributes_a_value_cannot_be_looked_up(box: Callable[..., Any]) -> None:
    by_value = {"userId": 5, "attributeId": "a-1", "value": "3"}
    by_option = {"userId": 5, "attributeId": "a-1", "attributeOptionId": "o-1"}
    for members in ([], [{"userId": 5}]):
        caller = box({MEMBERS: members}).client
        assert isinstance(look(ASSIGN, by_value, caller), Unknowable)
        assert look(ASSIGN, by_option, caller) == Absent()
        assert look(UNASSIGN, {"userId": 5, "attributeOptionId": "o-1"}, caller) == Absent()


def test_a_value_counts_as_assigned_only_for_its_own_attribute(box: Callable[..., Any]) -> None:
    held = [{"id": "a-2", "type": "number", "option": 3, "optionId": "o-9"}]
    caller = box({MEMBERS: [{"id": 77, "userId": 5, "attributes": held}]}).client

    assert look(ASSIGN, {"userId": 5, "attributeId": "a-1", "value": "3"}, caller) == Absent()
    assert look(ASSIGN, {"userId": 5, "attributeId": "a-2", "value": "3.0"}, caller) == Done(
        {"memberId": 77, "attributeOptionId": "o-9"}, found=True
    )


def test_of_two_options_with_one_slug_the_one_with_the_value_is_found(box: Callable[..., Any]) -> None:
    rows = [{"id": "o-1", "slug": "cafe", "value": "Tea"}, {"id": "o-2", "slug": "caf\u00e9", "value": "Coffee"}]
    caller = box({LIST_OPTIONS: rows}).client

    found = look(CREATE_OPTION, {"attributeId": "a-1", "slug": "Caf\u00e9", "value": "Coffee"}, caller)

    assert isinstance(found, Done)
    assert found.output["id"] == "o-2"
