"""What our own actions changed is found as theirs, and does not start the rule again that did it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert
from uuid_utils.compat import uuid7

from tests.contract.reconcile.conftest import Office, absence, membership, user
from workers.actions import echo
from workers.store.tables import actions, runs

MEMBERSHIPS = "cal_organizations_memberships_controller_"
USERS = "cal_organizations_users_controller_"
MINUTE = timedelta(minutes=1)


def act(office: Office, tool: str, *, ago: timedelta = timedelta(0), **arguments: Any) -> UUID:
    """An action of a run of the rule `r` was done, so long before now."""
    run, action, at = uuid7(), uuid7(), office.now - ago
    with office.store.write() as sql:
        sql.execute(
            insert(runs).values(
                id=run, rule="r", version_id=uuid7(), act="do", event_id=uuid7(), connection="acme", trigger="X",
                entity="acme/x", key="", depth=0, state="done", step=1, attempt=0, happened_at=at, holds=False,
                created_at=at, ended_at=at,
            )
        )  # fmt: skip
        sql.execute(
            insert(actions).values(
                id=action, run_id=run, step="s", place=0, kind="tool", state="done", attempts=1, request={}, ours=True,
                effect=echo.of_call(tool, arguments, "acme"), begun_at=at, ended_at=at,
            )
        )  # fmt: skip
    return action


def causes(office: Office) -> list[str | None]:
    return [event["caused_by"] for event in office.events()]


def test_a_membership_that_a_rule_made_is_found_as_its_own(office: Office, first: Callable[[], None]) -> None:
    first()
    office.rules("MEMBER_ADDED")
    action = act(office, f"{MEMBERSHIPS}create_membership", userId=43.0, role="MEMBER")
    office.calcom.memberships = [membership(43), membership(44)]

    assert office.found(after=timedelta(hours=3)) == ["MEMBER_ADDED"] * 2
    assert causes(office) == [str(action), None]
    assert sorted(run.state for run in office.runs() if run.trigger == "MEMBER_ADDED") == ["planned", "skipped"]


def test_a_user_that_a_rule_made_is_two_things_and_both_are_its_own(office: Office, first: Callable[[], None]) -> None:
    first()
    action = act(office, f"{USERS}create_organization_user", email="U43@acme.example")
    office.calcom.users, office.calcom.memberships = [user(43)], [membership(43)]

    assert office.found() == ["USER_ADDED", "MEMBER_ADDED"]
    assert causes(office) == [str(action)] * 2


def test_a_membership_that_a_rule_took_away_takes_the_user_along(office: Office, first: Callable[[], None]) -> None:
    office.calcom.users, office.calcom.memberships = [user(43)], [membership(43)]
    first()
    action = act(office, f"{MEMBERSHIPS}delete_membership", membershipId=1043)
    office.calcom.users, office.calcom.memberships = [], []

    assert office.found() == ["USER_REMOVED", "MEMBER_REMOVED"]
    assert causes(office) == [str(action)] * 2


def test_what_a_person_changes_after_the_look_that_saw_ours_is_a_persons(
    office: Office, first: Callable[[], None]
) -> None:
    office.calcom.memberships = [membership(43)]
    first()
    action = act(office, f"{MEMBERSHIPS}update_membership", membershipId=1043, role="ADMIN")
    office.calcom.memberships = [membership(43, role="ADMIN")]
    office.look(after=MINUTE / 2)
    office.calcom.memberships = [membership(43, role="OWNER")]
    office.look()

    assert causes(office) == [str(action), None]


def test_an_entry_that_a_rule_took_away_is_its_own_and_one_a_person_took_is_not(
    office: Office, first: Callable[[], None]
) -> None:
    office.calcom.ooo = [absence(1), absence(2)]
    first()
    action = act(office, echo.DELETE, userId=41, oooId=1)
    office.calcom.ooo = []

    assert office.found() == ["OOO_DELETED"] * 2
    assert causes(office) == [str(action), None]


def test_an_entry_that_a_rule_made_and_whose_delivery_is_lost_is_its_own(
    office: Office, first: Callable[[], None]
) -> None:
    first()
    action = act(office, echo.CREATE, userId=41, start="2026-12-21", end="2026-12-24")
    office.calcom.ooo = [absence(1)]

    assert office.found() + office.found() == ["OOO_CREATED"]
    assert causes(office) == [str(action)]


@pytest.mark.parametrize(
    ("part", "row", "tool", "arguments"),
    [
        ("attributes", {"id": "a-1", "name": "Region", "slug": "region"},
         "attributes_controller_create_organization_attribute", {"slug": "region"}),
        ("webhooks", {"id": "w-1", "subscriberUrl": "https://x.example/1"},
         "webhooks_controller_create_organization_webhook", {"subscriberUrl": "https://x.example/1"}),
        ("memberships", membership(43), "attributes_options_controller_assign_organization_attribute_option_to_user",
         {"userId": 43, "attributeId": "a-1"}),
    ],
)  # fmt: skip
def test_every_sort_of_change_is_known_again(
    office: Office, first: Callable[[], None], part: str, row: dict[str, Any], tool: str, arguments: dict[str, Any]
) -> None:
    first()
    action = act(office, f"cal_organizations_{tool}", **arguments)
    setattr(office.calcom, part, [row])
    office.look()

    assert causes(office) == [str(action)]
