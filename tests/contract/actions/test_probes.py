"""Every writing tool against the sandbox: not found before it is done, found after it, whatever came back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ingest.sandbox.seed import MAYA_ID, SOFIA_ID, STRANGER_ID, TOMAS_ID
from tests.contract.actions.conftest import Calcom
from workers.actions.kind import Absent, Done, Lost, Refused, Unknowable
from workers.actions.probes import PROBES
from workers.calcom import attributes, delegation, memberships, ooo, options, organizations, users, webhooks
from workers.calcom.tools import TOOLS

Args = dict[str, Any]
KEY = {"private_key": "k", "client_email": "a@b.example", "client_id": "1"}
DAYS = {"userId": MAYA_ID, "start": "2027-02-01T22:30:00-03:00", "end": "2027-02-05", "notes": "Away", "reason": "sick"}
CREATE_OOO = f"{ooo.PREFIX}create_organization_user_ooo"
UPDATE_OOO = f"{ooo.PREFIX}update_organization_user_ooo"
DELETE_OOO = f"{ooo.PREFIX}delete_organization_user_ooo"
MEMBERS = f"{memberships.PREFIX}get_all_memberships"
JOIN = f"{memberships.PREFIX}create_membership"
CREATE_USER = f"{users.PREFIX}create_organization_user"
CREATE_ATTRIBUTE = f"{attributes.PREFIX}create_organization_attribute"
CREATE_OPTION = f"{options.PREFIX}create_organization_attribute_option"
LIST_OPTIONS = f"{options.PREFIX}get_organization_attribute_options"
ASSIGN = f"{options.PREFIX}assign_organization_attribute_option_to_user"
UNASSIGN = f"{options.PREFIX}unassign_organization_attribute_option_from_user"
CREATE_WEBHOOK = f"{webhooks.PREFIX}create_organization_webhook"
CREATE_MANAGED = f"{organizations.PREFIX}create_organization"
CREATE_CREDENTIAL = f"{delegation.PREFIX}create_delegation_credential"
UPDATE_CREDENTIAL = f"{delegation.PREFIX}update_delegation_credential"
WEBHOOK = {"active": True, "subscriberUrl": "http://127.0.0.1:9/x", "secret": "s3cret", "version": "2021-10-20"}
CREDENTIAL = {"workspacePlatformSlug": "google", "domain": "acme.example", "serviceAccountKey": KEY}
SELECT = {"name": "Team", "slug": "team", "type": "MULTI_SELECT", "options": [{"value": "Ünit A", "slug": "unit-a"}]}


def entry(calcom: Calcom) -> Args:
    return {"userId": MAYA_ID, "oooId": calcom.done(CREATE_OOO, **DAYS)["id"]}


def membership(calcom: Calcom) -> Args:
    rows = calcom.done(MEMBERS)["items"]
    return {"membershipId": next(row["id"] for row in rows if row["userId"] == TOMAS_ID)}


def attribute(calcom: Calcom) -> Args:
    return {"attributeId": calcom.done(CREATE_ATTRIBUTE, **SELECT)["id"]}


def option(calcom: Calcom) -> Args:
    made = attribute(calcom)
    [first] = calcom.done(LIST_OPTIONS, **made)["items"]
    return {**made, "optionId": first["id"]}


def assignable(calcom: Calcom) -> Args:
    made = option(calcom)
    return {"userId": TOMAS_ID, "attributeId": made["attributeId"], "attributeOptionId": made["optionId"]}


def assigned(calcom: Calcom) -> Args:
    made = assignable(calcom)
    calcom.done(ASSIGN, **made)
    return {"userId": TOMAS_ID, "attributeOptionId": made["attributeOptionId"]}


def number(calcom: Calcom) -> Args:
    made = calcom.done(CREATE_ATTRIBUTE, name="Level", slug="level", type="NUMBER", options=[])
    return {"userId": TOMAS_ID, "attributeId": made["id"], "value": "3.50"}


def webhook(calcom: Calcom) -> Args:
    return {"webhookId": calcom.done(CREATE_WEBHOOK, **WEBHOOK, triggers=["BOOKING_PAID", "OOO_CREATED"])["id"]}


def managed(calcom: Calcom) -> Args:
    return {"managedOrganizationId": calcom.done(CREATE_MANAGED, name="Acme Två", metadata={"a": 1})["id"]}


def nothing(_: Calcom) -> Args:
    return {}


#: name of the case: tool, what has to be there first, what is given beside it
CASES: dict[str, tuple[str, Callable[[Calcom], Args], Args]] = {
    "ooo create": (CREATE_OOO, nothing, DAYS),
    "ooo update": (UPDATE_OOO, entry, {"notes": "Back soon", "toUserId": SOFIA_ID}),
    "ooo move": (UPDATE_OOO, entry, {"start": "2027-03-01", "end": "2027-03-02T10:00:00Z"}),
    "ooo delete": (DELETE_OOO, entry, {}),
    "member create": (JOIN, nothing, {"userId": STRANGER_ID, "role": "MEMBER", "accepted": True}),
    "member change": (JOIN, nothing, {"userId": TOMAS_ID, "role": "ADMIN"}),
    "member update": (f"{memberships.PREFIX}update_membership", membership, {"disableImpersonation": True}),
    "member delete": (f"{memberships.PREFIX}delete_membership", membership, {}),
    "user create": (
        CREATE_USER,
        nothing,
        {"email": "Ann@Example.com", "timeZone": "europe/oslo", "username": "Ann", "metadata": {"k": "v"}},
    ),
    "user update": (f"{users.PREFIX}update_organization_user", nothing, {"userId": TOMAS_ID, "theme": "dark"}),
    "user delete": (f"{users.PREFIX}delete_organization_user", nothing, {"userId": TOMAS_ID}),
    "attribute create": (CREATE_ATTRIBUTE, nothing, SELECT),
    "attribute update": (f"{attributes.PREFIX}update_organization_attribute", attribute, {"name": "Crew"}),
    "attribute delete": (f"{attributes.PREFIX}delete_organization_attribute", attribute, {}),
    "option create": (CREATE_OPTION, attribute, {"value": "B", "slug": "b"}),
    "option update": (f"{options.PREFIX}update_organization_attribute_option", option, {"value": "C"}),
    "option delete": (f"{options.PREFIX}delete_organization_attribute_option", option, {}),
    "option assign": (ASSIGN, assignable, {}),
    "value assign": (ASSIGN, number, {}),
    "option unassign": (UNASSIGN, assigned, {}),
    "webhook create": (CREATE_WEBHOOK, nothing, {**WEBHOOK, "triggers": ["OOO_CREATED", "BOOKING_PAID"]}),
    "webhook update": (f"{webhooks.PREFIX}update_org_webhook", webhook, {"active": False, "secret": "other"}),
    "webhook delete": (f"{webhooks.PREFIX}delete_webhook", webhook, {}),
    "managed create": (CREATE_MANAGED, nothing, {"name": "Café  Ünder & Co", "metadata": {"a": "b"}}),
    "managed create by slug": (CREATE_MANAGED, nothing, {"name": "X", "slug": "acme-two"}),
    "managed update": (f"{organizations.PREFIX}update_organization", managed, {"metadata": {}}),
    "managed delete": (f"{organizations.PREFIX}delete_organization", managed, {}),
}
cases = pytest.mark.parametrize(("tool", "prepare", "given"), CASES.values(), ids=CASES.keys())


def test_every_tool_that_writes_has_a_probe_and_a_case_or_cannot_be_looked_up() -> None:
    writing = {name for name, tool in TOOLS.items() if not tool.reads}

    assert PROBES.keys() == writing
    assert {tool for tool, _, _ in CASES.values()} == writing - {CREATE_CREDENTIAL, UPDATE_CREDENTIAL}


@cases
def test_it_is_absent_before_it_is_done_and_found_afterwards(
    calcom: Calcom, tool: str, prepare: Callable[[Calcom], Args], given: Args
) -> None:
    arguments = prepare(calcom) | given
    before = calcom.probe(tool, **arguments)
    output = calcom.done(tool, **arguments)
    after = calcom.probe(tool, **arguments)

    assert isinstance(before, Absent)
    assert isinstance(after, Done)
    assert after.found
    if isinstance(output, dict) and isinstance(after.output, dict) and "id" in after.output:
        assert after.output["id"] == output["id"]


@cases
@pytest.mark.parametrize("fault", ["error_after", "cut"])
def test_an_answer_that_is_lost_after_the_deed_is_lost_and_then_found(
    calcom: Calcom, fault: str, tool: str, prepare: Callable[[Calcom], Args], given: Args
) -> None:
    arguments = prepare(calcom) | given
    calcom.fail(fault, TOOLS[tool].method)

    assert isinstance(calcom.perform(tool, **arguments), Lost)
    assert isinstance(calcom.probe(tool, **arguments), Done)


@cases
def test_an_error_before_the_deed_is_lost_too_and_then_absent(
    calcom: Calcom, tool: str, prepare: Callable[[Calcom], Args], given: Args
) -> None:
    arguments = prepare(calcom) | given
    calcom.fail("error_before", TOOLS[tool].method, status=502)

    assert isinstance(calcom.perform(tool, **arguments), Lost)
    assert isinstance(calcom.probe(tool, **arguments), Absent)


#: what a second identical call would do harm to, or what Cal.com refuses
TWICE = [
    *("ooo create", "ooo move", "ooo delete", "member delete", "user delete", "attribute delete", "option delete"),
    *("option assign", "option unassign", "webhook create", "webhook delete", "managed delete", "attribute create"),
    *("user create", "managed create"),
]


@pytest.mark.parametrize("case", TWICE)
def test_what_is_as_wanted_already_is_done_and_says_so(calcom: Calcom, case: str) -> None:
    tool, prepare, given = CASES[case]
    arguments = prepare(calcom) | given
    calcom.done(tool, **arguments)

    again = calcom.perform(tool, **arguments)

    assert isinstance(again, Done)
    assert again.found
    assert again.note


def test_an_entry_with_the_same_days_and_another_cover_is_refused(calcom: Calcom) -> None:
    calcom.done(CREATE_OOO, **DAYS)

    refused = calcom.perform(CREATE_OOO, **DAYS, toUserId=SOFIA_ID)

    assert isinstance(refused, Refused)
    assert "toUserId" in refused.reason


def test_a_new_attribute_that_lacks_an_option_is_for_a_person_to_mend(calcom: Calcom) -> None:
    calcom.done(CREATE_ATTRIBUTE, **SELECT)
    both = {**SELECT, "options": [*SELECT["options"], {"value": "B", "slug": "b"}]}

    found = calcom.probe(CREATE_ATTRIBUTE, **both)

    assert isinstance(found, Unknowable)
    assert "without 1 of its options" in found.reason


def test_delegation_credentials_cannot_be_looked_up_and_changing_one_twice_does_no_harm(calcom: Calcom) -> None:
    made = calcom.done(CREATE_CREDENTIAL, **CREDENTIAL)

    assert isinstance(calcom.probe(CREATE_CREDENTIAL, **CREDENTIAL), Unknowable)
    assert calcom.probe(UPDATE_CREDENTIAL, credentialId=made["id"], enabled=True) == Absent()
    assert calcom.done(UPDATE_CREDENTIAL, credentialId=made["id"], enabled=True)["enabled"]
    assert calcom.done(UPDATE_CREDENTIAL, credentialId=made["id"], enabled=True)["enabled"]


def test_a_key_that_may_not_read_cannot_tell(weak: Calcom) -> None:
    found = weak.probe(CREATE_OOO, **DAYS)

    assert isinstance(found, Unknowable)
    assert "cannot be looked up" in found.reason
