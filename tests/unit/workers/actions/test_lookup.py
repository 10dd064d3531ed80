from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workers.actions.kind import Again, Call, Done, Refused
from workers.actions.lookup import LookupStep
from workers.errors import CalcomUnavailable, Forbidden, Missing, RateLimited

ATTRIBUTE = "cal_organizations_attributes_controller_get_organization_attribute"
USERS = "cal_organizations_users_controller_get_organizations_users"
DELETE = "cal_organizations_users_controller_delete_organization_user"
ASKING = {"lookup": ATTRIBUTE, "with": {"attributeId": "a"}}
Make = Callable[..., Call]
Box = Callable[..., Any]


def test_only_reading_tools_are_looked_up_with() -> None:
    [problem] = LookupStep().problems({"lookup": DELETE, "with": {"userId": 1}})

    assert problem.path == ("lookup",)
    assert "make it a step `tool:" in problem.message
    assert not [*LookupStep().problems(ASKING)]
    assert [p.path for p in LookupStep().problems({"lookup": ATTRIBUTE})] == [("with",)]


def test_one_thing_is_its_data_a_list_is_items_and_what_is_not_there_has_no_field(call: Make, box: Box) -> None:
    step, everyone = LookupStep(), call({"lookup": USERS})

    assert step.perform(call(ASKING), box({ATTRIBUTE: {"id": "a"}})) == Done({"id": "a"})
    assert step.perform(everyone, box({USERS: []})) == Done({"items": []})
    assert step.perform(call(ASKING), box({ATTRIBUTE: Missing()})) == Done({}, note="Cal.com has no such thing.")
    assert step.output({"lookup": USERS})["properties"]["items"]["items"]["properties"]["email"] == {"type": "string"}


def test_an_answer_that_is_lost_is_asked_for_again_and_a_refusal_is_one(call: Make, box: Box) -> None:
    for error, outcome in (
        (CalcomUnavailable("502."), Again("502.")),
        (RateLimited("Wait.", after=9.0), Again("Wait.", 9.0, counts=False)),
        (Forbidden("403."), Refused("403.")),
    ):
        assert LookupStep().perform(call(ASKING), box({ATTRIBUTE: error})) == outcome
