"""The check of arguments: what is refused before anything is sent, and how it is said."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.calcom.arguments import check
from workers.calcom.tool import Tool
from workers.calcom.tools import TOOLS, find
from workers.errors import BadArguments

ATTRIBUTE = find("cal_organizations_attributes_controller_create_organization_attribute")
ASSIGN = find("cal_organizations_attributes_options_controller_assign_organization_attribute_option_to_user")
MANAGED = find("cal_organizations_controller_create_organization")
MANAGED_LIST = find("cal_organizations_controller_get_organizations")
DELEGATION = find("cal_organizations_delegation_credential_controller_create_delegation_credential")
MEMBERSHIP = find("cal_organizations_memberships_controller_create_membership")
USER = find("cal_organizations_users_controller_create_organization_user")
USER_CHANGE = find("cal_organizations_users_controller_update_organization_user")
USERS = find("cal_organizations_users_controller_get_organizations_users")
OOO = find("cal_organizations_users_ooocontroller_create_organization_user_ooo")
OOO_CHANGE = find("cal_organizations_users_ooocontroller_update_organization_user_ooo")
WEBHOOK = find("cal_organizations_webhooks_controller_create_organization_webhook")

GOOGLE = {"private_key": "k", "client_email": "c@example.com", "client_id": "1", "type": "service_account"}
DAYS = {"start": "2026-02-02", "end": "2026-02-06"}


def refusal(tool: Tool, arguments: Any) -> str:
    """What the check says about arguments it refuses."""
    with pytest.raises(BadArguments) as caught:
        check(tool, arguments, 1)
    return caught.value.message


def test_the_connection_s_organization_stands_in_and_an_explicit_one_stays() -> None:
    assert check(USERS, {}, 7) == {"orgId": 7}
    assert check(USERS, {"orgId": 8}, 7) == {"orgId": 8}
    assert "orgId: missing" in _message(USERS, {})


def _message(tool: Tool, arguments: Any) -> str:
    with pytest.raises(BadArguments) as caught:
        check(tool, arguments)
    return caught.value.message


@pytest.mark.parametrize(
    ("wrong", "right"), [("userid", "userId"), ("user_id", "userId"), ("notess", "notes"), ("to-user", "toUserId")]
)
def test_an_unknown_name_is_answered_with_the_nearest_right_one(wrong: str, right: str) -> None:
    said = refusal(OOO, {"userId": 5, **DAYS, wrong: 5})

    assert repr(wrong) in said
    assert f"did you mean {right}?" in said


def test_names_that_are_no_text_and_arguments_that_are_no_object_are_refused() -> None:
    assert "no such parameter" in refusal(USERS, {5: 5})
    assert "must be an object" in refusal(USERS, [("take", 5)])
    assert "must be an object" in refusal(USERS, None)


def test_what_is_missing_is_named() -> None:
    assert refusal(OOO, {}).startswith("userId, end, start: missing")
    assert refusal(MEMBERSHIP, {"userId": 5}).startswith("role: missing")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("5", "take: must be a whole number from 1 to 1000, not a text."),
        (True, "take: must be a whole number from 1 to 1000, not true or false."),
        (None, "take: may not be null; leave it out to leave it as it is."),
        (0, "take: must be a whole number from 1 to 1000."),
        (1001, "take: must be a whole number from 1 to 1000."),
        (1.5, "take: must be a whole number from 1 to 1000."),
        (float("nan"), "take: must be a whole number from 1 to 1000."),
        (float("inf"), "take: must be a whole number from 1 to 1000."),
        ([5], "take: must be a whole number from 1 to 1000, not a list."),
        ({}, "take: must be a whole number from 1 to 1000, not an object."),
        (b"5", "take: must be a whole number from 1 to 1000, not a bytes."),
    ],
)
def test_a_wrong_number_is_told_what_is_allowed(value: Any, said: str) -> None:
    assert refusal(USERS, {"take": value}) == said


def test_other_lists_take_at_most_250() -> None:
    assert "from 1 to 250" in refusal(MANAGED_LIST, {"take": 251})
    assert check(USERS, {"take": 1000, "skip": 0}, 1) == {"orgId": 1, "take": 1000, "skip": 0}


def test_a_whole_number_with_a_point_is_one() -> None:
    checked = check(USERS, {"take": 5.0, "teamIds": [1.0, 2]}, 1)

    assert checked == {"orgId": 1, "take": 5, "teamIds": [1, 2]}
    assert all(type(number) is int for number in [checked["take"], *checked["teamIds"]])


def test_a_single_value_for_a_list_is_one_item() -> None:
    assert check(USERS, {"emails": "ann@example.com"}, 1)["emails"] == ["ann@example.com"]
    assert check(USERS, {"teamIds": 3}, 1)["teamIds"] == [3]
    option = {"value": "Sales", "slug": "sales"}
    made = {"name": "n", "slug": "s", "type": "SINGLE_SELECT", "options": option}
    assert check(ATTRIBUTE, made, 1)["options"] == [option]


def test_emails_joined_by_commas_and_empty_filters_are_refused() -> None:
    assert "emails: must be one e-mail address" in refusal(USERS, {"emails": "a@example.com,b@example.com"})
    assert "teamIds: must have at least one item" in refusal(USERS, {"teamIds": []})
    assert "teamIds: must be a list, each item a whole number" in refusal(USERS, {"teamIds": ["3"]})


def test_filters_cal_com_cannot_join_are_refused_with_the_reason() -> None:
    said = refusal(USERS, {"emails": ["a@example.com"], "assignedOptionIds": ["o1"]})

    assert said.startswith("emails, assignedOptionIds: give one of them; Cal.com answers 500")


def test_weekday_is_refused_because_cal_com_cannot_store_it() -> None:
    said = refusal(USER, {"email": "ann@example.com", "weekday": "Monday"})

    assert said.startswith("weekday: cannot be set")
    assert "500" in said


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("email", "Ann@Example.com", "ann"),
        ("brandColor", "#292929", "blue"),
        ("darkBrandColor", "fff", "#12345"),
        ("timeZone", "Europe/London", "London"),
        ("theme", "dark", "blue"),
        ("appTheme", None, "Dark"),
        ("locale", "pt-BR", "pt_BR"),
        ("timeFormat", 24, 23),
        ("defaultScheduleId", 0, -1),
        ("avatarUrl", "https://example.com/a.png", "http://example.com/a.png"),
        ("avatarUrl", "data:image/png;base64,AAAA", "data:text/plain;base64,AAAA"),
        ("hideBranding", False, "no"),
        ("metadata", {"a": "b", "n": 1.5, "t": True}, {"a": None}),
        ("bio", "", None),
        ("username", "ann", "an\x00n"),
        ("username", "änn", "\ud800"),
    ],
)
def test_a_user_s_field_is_checked_as_cal_com_would(name: str, good: Any, bad: Any) -> None:
    assert check(USER_CHANGE, {"userId": 5, name: good}, 1)[name] == good
    assert refusal(USER_CHANGE, {"userId": 5, name: bad}).startswith(f"{name}: ")


def test_a_time_zone_is_put_in_its_proper_spelling() -> None:
    assert check(USER_CHANGE, {"userId": 5, "timeZone": "europe/london"}, 1)["timeZone"] == "Europe/London"


def test_a_user_s_role_and_acceptance_cannot_be_changed_here() -> None:
    assert "no such parameter" in refusal(USER_CHANGE, {"userId": 5, "organizationRole": "ADMIN"})


def test_options_need_both_texts_and_only_count_for_selects() -> None:
    made = {"name": "n", "slug": "s", "type": "TEXT"}

    assert check(ATTRIBUTE, {**made, "options": []}, 1)["options"] == []
    assert refusal(ATTRIBUTE, made).startswith("options: missing")
    assert "would ignore them" in refusal(ATTRIBUTE, {**made, "options": [{"value": "a", "slug": "a"}]})
    select = {**made, "type": "SINGLE_SELECT"}
    assert refusal(ATTRIBUTE, {**select, "options": [{"value": "a"}]}).startswith("options: must be a list")
    assert "drop 1" in refusal(ATTRIBUTE, {**select, "options": [{"value": "a", "slug": "a", "Slug": "b"}]})
    assert "each item an object" in refusal(ATTRIBUTE, {**select, "options": ["a"]})
    assert refusal(ATTRIBUTE, {**made, "options": [], "name": ""}) == "name: may not be empty."
    assert "SINGLE_SELECT is the nearest" in refusal(ATTRIBUTE, {**made, "type": "SINGLESELECT", "options": []})


def test_an_assignment_is_of_a_value_or_of_an_option() -> None:
    base = {"userId": 5, "attributeId": "a1"}

    assert check(ASSIGN, {**base, "value": "7"}, 1)["value"] == "7"
    assert refusal(ASSIGN, base).startswith("value, attributeOptionId: give one of them")
    assert "give one of them" in refusal(ASSIGN, {**base, "value": "x", "attributeOptionId": "o"})
    assert refusal(ASSIGN, {**base, "value": 7}) == "value: must be a text, not a number."


def test_a_managed_organization_s_key_expires_or_never_does() -> None:
    said = refusal(MANAGED, {"name": "n", "apiKeyDaysValid": 3, "apiKeyNeverExpires": True})

    assert said.startswith("apiKeyDaysValid, apiKeyNeverExpires: give one of them")
    assert "at least 1" in refusal(MANAGED, {"name": "n", "apiKeyDaysValid": 0})


def test_a_metadata_filter_needs_key_and_value() -> None:
    assert "give both or neither" in refusal(MANAGED_LIST, {"metadataKey": "k"})
    assert "give both or neither" in refusal(MANAGED_LIST, {"metadataValue": "v"})
    assert check(MANAGED_LIST, {"metadataKey": "k", "metadataValue": "v"}, 1)["metadataKey"] == "k"


def test_a_workspace_key_is_one_object_and_a_list_with_one_is_unwrapped() -> None:
    base = {"domain": "example.com", "workspacePlatformSlug": "google"}

    assert check(DELEGATION, {**base, "serviceAccountKey": GOOGLE}, 1)["serviceAccountKey"] == GOOGLE
    assert check(DELEGATION, {**base, "serviceAccountKey": [GOOGLE]}, 1)["serviceAccountKey"] == GOOGLE
    for wrong in ([GOOGLE, GOOGLE], [], {"private_key": "k"}, "text", {**GOOGLE, "client_id": ""}):
        said = refusal(DELEGATION, {**base, "serviceAccountKey": wrong})
        assert said.startswith("serviceAccountKey: must be one object")


def test_triggers_are_the_28_cal_com_takes() -> None:
    base = {"active": True, "subscriberUrl": "https://hooks.example.com/in/t", "triggers": ["BOOKING_CREATED"]}

    assert check(WEBHOOK, {**base, "version": "2026-07-27"}, 1)["version"] == "2026-07-27"
    assert "BOOKING_CREATED is the nearest" in refusal(WEBHOOK, {**base, "triggers": ["BOOKING_CREATE"]})
    assert "triggers: must be one of" in refusal(WEBHOOK, {**base, "triggers": ["BOOKING_CONFIRMED"]})
    assert refusal(WEBHOOK, {**base, "version": "2027-01-01"}).startswith("version: must be one of its values")
    assert "subscriberUrl: must be an https" in refusal(WEBHOOK, {**base, "subscriberUrl": "hooks.example.com"})
    assert "subscriberUrl: " in refusal(WEBHOOK, {**base, "subscriberUrl": "https://[broken"})
    assert "time, timeUnit: give both" in refusal(WEBHOOK, {**base, "time": 5})


@pytest.mark.parametrize("number", [-1, 2**31])
def test_an_id_outside_the_database_s_range_is_refused(number: int) -> None:
    assert "from 0 to 2147483647" in refusal(OOO, {"userId": number, **DAYS})


def test_an_absence_has_both_days_in_order_and_someone_else_to_cover() -> None:
    entry = {"userId": 5, "oooId": 42}

    assert refusal(OOO_CHANGE, {**entry, "start": "2026-02-02"}).startswith("start, end: give both")
    assert refusal(OOO_CHANGE, {**entry, "end": "2026-02-02"}).startswith("start, end: give both")
    assert "before the start" in refusal(OOO, {"userId": 5, "start": "2026-02-06", "end": "2026-02-02"})
    assert refusal(OOO, {"userId": 5, **DAYS, "toUserId": 5}).startswith("toUserId: ")
    assert "public_holiday" in refusal(OOO, {"userId": 5, **DAYS, "reason": "holiday"})
    assert check(OOO_CHANGE, {**entry, "notes": "n"}, 1) == {"userId": 5, "oooId": 42, "orgId": 1, "notes": "n"}


def test_a_refusal_never_repeats_the_value() -> None:
    for arguments in (
        {"email": "s3cret-value"},
        {"email": "a@example.com", "avatarUrl": "s3cret-value"},
        {"email": "a@example.com", "metadata": "s3cret-value"},
        {"email": "a@example.com", "theme": "s3cret-value"},
    ):
        assert "s3cret" not in refusal(USER, arguments)


values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(
    tool=st.sampled_from(list(TOOLS.values())),
    data=st.data(),
)
def test_any_arguments_are_checked_or_refused_and_never_break_anything(tool: Tool, data: st.DataObject) -> None:
    names = st.sampled_from([param.name for param in tool.params]) | st.text(max_size=10)
    arguments = data.draw(st.dictionaries(names, values, max_size=5))
    try:
        checked = check(tool, arguments, 1)
    except BadArguments:
        return
    assert set(checked) <= {param.name for param in tool.params}
    assert check(tool, checked, 1) == checked
