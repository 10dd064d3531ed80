"""Text to arguments, as the command line gives them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.calcom.coerce import coerce
from workers.calcom.tool import Tool
from workers.calcom.tools import TOOLS, find
from workers.errors import BadArguments

USERS = find("cal_organizations_users_controller_get_organizations_users")
USER = find("cal_organizations_users_controller_update_organization_user")
WEBHOOK = find("cal_organizations_webhooks_controller_update_org_webhook")
DELEGATION = find("cal_organizations_delegation_credential_controller_update_delegation_credential")


@pytest.mark.parametrize(
    ("tool", "name", "text", "value"),
    [
        (USERS, "take", "50", 50),
        (USERS, "take", "5.0", 5.0),
        (USERS, "teamIds", "1, 2,3", [1, 2, 3]),
        (USERS, "teamIds", "[1, 2]", [1, 2]),
        (USERS, "emails", "a@example.com,b@example.com", ["a@example.com", "b@example.com"]),
        (WEBHOOK, "active", "False", False),
        (WEBHOOK, "triggers", "BOOKING_CREATED", ["BOOKING_CREATED"]),
        (WEBHOOK, "payloadTemplate", '{"a": 1}', '{"a": 1}'),
        (WEBHOOK, "secret", "123", "123"),
        (USER, "metadata", '{"team": "core"}', {"team": "core"}),
        (USER, "theme", "null", None),
        (USER, "bio", "null", "null"),
        (DELEGATION, "serviceAccountKey", '{"client_id": "1"}', {"client_id": "1"}),
        (DELEGATION, "serviceAccountKey", '[{"client_id": "1"}]', [{"client_id": "1"}]),
    ],
)
def test_a_text_becomes_what_the_parameter_is(tool: Tool, name: str, text: str, value: Any) -> None:
    assert coerce(tool, {name: text}) == {name: value}


@pytest.mark.parametrize(
    ("tool", "name", "text", "said"),
    [
        (USERS, "take", "many", "take: must be a number."),
        (USERS, "teamIds", "1,x", "teamIds: must be a number."),
        (USERS, "teamIds", "[1,", "teamIds: must be JSON, here a list."),
        (WEBHOOK, "active", "yes", "active: must be true or false."),
        (USER, "metadata", "team=core", "metadata: must be JSON, here an object."),
    ],
)
def test_a_text_that_cannot_be_that_is_refused_by_name(tool: Tool, name: str, text: str, said: str) -> None:
    with pytest.raises(BadArguments) as caught:
        coerce(tool, {name: text})

    assert caught.value.message == said


def test_an_unknown_name_is_answered_with_the_nearest_right_one() -> None:
    with pytest.raises(BadArguments, match="did you mean emails"):
        coerce(USERS, {"email": "a@example.com"})


@given(tool=st.sampled_from(list(TOOLS.values())), data=st.data())
def test_any_text_is_read_or_refused(tool: Tool, data: st.DataObject) -> None:
    names = st.sampled_from([param.name for param in tool.params])
    texts = data.draw(st.dictionaries(names, st.text(), max_size=4))
    try:
        arguments = coerce(tool, texts)
    except BadArguments:
        return
    assert arguments.keys() == texts.keys()
