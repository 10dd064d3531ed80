from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from workers.actions.echo import of_call
from workers.actions.kind import Absent, Again, Call, Done, Lost, Refused, Unknowable
from workers.actions.tool import ToolStep
from workers.calcom.requests import Reply
from workers.calcom.tools import TOOLS
from workers.errors import (
    AlreadyExists,
    BadArguments,
    CalcomUnavailable,
    Forbidden,
    Missing,
    NotFound,
    RateLimited,
    Rejected,
    StoreUnavailable,
    Unauthorized,
)
from workers.rules.kinds import UNKNOWN

OOO = "cal_organizations_users_ooocontroller_"
CREATE, DELETE, LIST = (f"{OOO}{name}_organization_user_ooo" for name in ("create", "delete", "get"))
USERS = "cal_organizations_users_controller_get_organizations_users"
ASSIGN = "cal_organizations_attributes_options_controller_assign_organization_attribute_option_to_user"
ATTRIBUTE = "cal_organizations_attributes_controller_create_organization_attribute"
CREDENTIAL = "cal_organizations_delegation_credential_controller_create_delegation_credential"
WEBHOOK = "cal_organizations_webhooks_controller_get_organization_webhook"
DAYS = {"userId": 41, "start": "2026-12-21", "end": "2026-12-24"}
ENTRY = {"id": 7, "userId": 41, "start": "2026-12-21T00:00:00.000Z", "end": "2026-12-24T23:59:59.999Z"}
CREATING = {"tool": CREATE, "with": DAYS}
DELETING = {"tool": DELETE, "with": {"userId": 41, "oooId": 7}}
CONFLICT = AlreadyExists("It is there already.", status=409, code="ConflictException")
FORBIDDEN = Forbidden("It is forbidden.", status=403, code="ForbiddenException")
MISSING = Missing("It is not there.", status=404, code="NotFoundException")
Make = Callable[..., Call]
Box = Callable[..., Any]


def problems(tool: object, **given: Any) -> list[tuple[tuple[str | int, ...], str]]:
    values = {"tool": tool, **({"with": given} if given else {})}
    return [(problem.path, problem.message) for problem in ToolStep().problems(values)]


def test_a_tool_that_is_none_is_told_with_the_nearest_name() -> None:
    [(path, message)] = problems(f"{OOO}create_organisation_user_ooo")

    assert path == ("tool",)
    assert f"did you mean {CREATE}?" in message


@pytest.mark.parametrize("tool", [UNKNOWN, 5, None])
def test_a_tool_is_named_outright(tool: object) -> None:
    assert problems(tool) == [(("tool",), "tool must name its tool outright, not by an expression.")]


def test_every_wrong_parameter_is_told_where_it_is_and_the_missing_ones_together() -> None:
    found = dict(problems(CREATE, userID=41, reason="holiday", notes=7, end=UNKNOWN))

    assert found.keys() == {("with",), ("with", "userID"), ("with", "reason"), ("with", "notes")}
    assert found["with",] == f"userId, start: missing; {CREATE} cannot do without."
    assert "did you mean userId?" in found["with", "userID"]
    assert "must be one of its values" in found["with", "reason"]
    assert found["with", "notes"] == "notes: must be a text, not a number."


def test_what_expressions_will_give_is_not_checked_and_the_organization_is_the_connections() -> None:
    assert not problems(CREATE, userId=UNKNOWN, start=UNKNOWN, end="2026-12-24", notes=UNKNOWN)
    assert not problems(USERS)
    assert not problems(USERS, emails=[UNKNOWN, "ann@example.com"])


def test_the_known_items_of_a_list_with_unknown_ones_are_checked() -> None:
    assert [path for path, _ in problems(USERS, emails=[UNKNOWN, "nobody"])] == [("with", "emails")]


def test_parameters_are_looked_at_together_as_far_as_they_are_known() -> None:
    both = {"userId": 1, "attributeId": "a", "value": UNKNOWN, "attributeOptionId": UNKNOWN}
    text = {"name": "N", "slug": "n", "type": "TEXT"}

    assert [path for path, _ in problems(ASSIGN, **both)] == [("with",)]
    assert [path for path, _ in problems(CREATE, userId=1, start="2026-12-24", end="2026-12-21")] == [("with",)]
    assert not problems(CREATE, userId=UNKNOWN, toUserId=UNKNOWN, start="2026-12-21", end=UNKNOWN)
    assert not problems(ATTRIBUTE, **text, options=UNKNOWN)
    assert [path for path, _ in problems(ATTRIBUTE, **text, options=[{"value": "A", "slug": "a"}])] == [("with",)]


def test_parameters_have_to_be_a_mapping() -> None:
    assert [p.path for p in ToolStep().problems({"tool": CREATE, "with": UNKNOWN})] == [("with",)]


def test_the_output_of_one_is_its_data_and_of_a_list_is_items() -> None:
    entry, listed = (ToolStep().output({"tool": name}) for name in (CREATE, LIST))

    assert entry["properties"]["id"] == {"type": "integer"}
    assert listed["properties"]["items"]["items"]["properties"]["start"] == {"type": "string"}
    assert ToolStep().output({"tool": UNKNOWN}) == {}


def test_no_tools_output_refers_to_anything_outside_of_it_or_shows_a_secret() -> None:
    for name in TOOLS:
        schema = ToolStep().output({"tool": name})
        assert "$ref" not in str(schema)
        assert "'secret'" not in str(schema)


def test_a_call_is_done_with_its_data(call: Make, box: Box) -> None:
    tools = box({CREATE: ENTRY})

    assert ToolStep().perform(call(CREATING), tools) == Done(ENTRY)
    assert tools.client.called == [(CREATE, DAYS)]


def test_a_list_is_given_as_items_and_a_webhooks_secret_is_left_out(call: Make, box: Box) -> None:
    tools = box({LIST: [ENTRY], WEBHOOK: {"id": "w", "secret": "s3cret"}})

    assert ToolStep().perform(call({"tool": LIST, "with": {"userId": 41}}), tools) == Done({"items": [ENTRY]})
    assert ToolStep().perform(call({"tool": WEBHOOK, "with": {"webhookId": "w"}}), tools) == Done({"id": "w"})


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (RateLimited("Wait.", after=42.0), Again("Wait.", 42.0, counts=False)),
        (CalcomUnavailable("Unreachable.", sent=False), Again("Unreachable.")),
        (CalcomUnavailable("Broke off."), Lost("Broke off.")),
        (CalcomUnavailable("500.", status=500), Lost("500.")),
        (BadArguments("userId: missing."), Refused("userId: missing.")),
        (Rejected("400.", status=400), Refused("400.")),
        (Unauthorized("401.", status=401), Refused("401.")),
        (Forbidden("403.", status=403), Refused("403.")),
        (Missing("404.", status=404), Refused("404.")),
    ],
    ids=lambda value: type(value).__name__ + str(getattr(value, "status", "")),
)
def test_what_each_error_means_for_a_change(call: Make, box: Box, error: Exception, outcome: object) -> None:
    assert ToolStep().perform(call(CREATING), box({CREATE: error})) == outcome


def test_a_read_whose_answer_is_lost_is_made_again(call: Make, box: Box) -> None:
    tools = box({LIST: CalcomUnavailable("Broke off.")})
    reading = call({"tool": LIST, "with": {"userId": 41}})

    assert ToolStep().perform(reading, tools) == Again("Broke off.")
    assert ToolStep().probe(reading, tools) == Absent()


def test_a_connection_that_is_none_is_refused_and_a_database_that_is_away_is_no_fault_of_the_step(
    call: Make, box: Box
) -> None:
    assert ToolStep().perform(call(CREATING), box(error=NotFound("No such."))) == Refused("No such.")
    assert ToolStep().probe(call(CREATING), box(error=NotFound("No such."))) == Unknowable("No such.")
    for tools in (box(error=StoreUnavailable()), box({CREATE: StoreUnavailable(), LIST: StoreUnavailable()})):
        with pytest.raises(StoreUnavailable):
            ToolStep().perform(call(CREATING), tools)
        with pytest.raises(StoreUnavailable):
            ToolStep().probe(call(CREATING), tools)


def test_a_conflict_with_an_equal_thing_is_done_and_says_so(call: Make, box: Box) -> None:
    done = ToolStep().perform(call(CREATING), box({CREATE: CONFLICT, LIST: [{**ENTRY, "id": 6, "end": "x"}, ENTRY]}))

    assert isinstance(done, Done)
    assert (done.output, done.found) == (ENTRY, True)
    assert "(409)" in done.note


def test_a_conflict_with_another_thing_is_refused_and_says_what_differs(call: Make, box: Box) -> None:
    covered = {"tool": CREATE, "with": {**DAYS, "toUserId": 42}}

    refused = ToolStep().perform(call(covered), box({CREATE: CONFLICT, LIST: [{**ENTRY, "toUserId": None}]}))

    assert isinstance(refused, Refused)
    assert "One is there (id 7), but its toUserId differ" in refused.reason


def test_a_conflict_that_cannot_be_looked_into_now_is_looked_into_later(call: Make, box: Box) -> None:
    tools = box({CREATE: CONFLICT, LIST: RateLimited("Wait.", after=3.0)})

    assert ToolStep().perform(call(CREATING), tools) == Again("Wait.", 3.0, counts=False)


@pytest.mark.parametrize(
    ("error", "entries", "done"), [(FORBIDDEN, [], True), (FORBIDDEN, [ENTRY], False), (MISSING, [ENTRY], True)]
)
def test_deleting_what_is_not_there_is_done_and_what_is_there_but_forbidden_is_refused(
    call: Make, box: Box, error: Exception, entries: list[Any], done: bool
) -> None:
    outcome = ToolStep().perform(call(DELETING), box({DELETE: error, LIST: entries}))

    assert isinstance(outcome, Done if done else Refused)
    assert not isinstance(outcome, Done) or (outcome.found and "not there any more" in outcome.note)


def test_a_403_that_comes_from_in_between_says_nothing_about_what_is_there(call: Make, box: Box) -> None:
    assert ToolStep().perform(call(DELETING), box({DELETE: Forbidden("A proxy.", status=403)})) == Refused("A proxy.")


def test_a_delete_that_the_client_repeated_is_found_done(call: Make, box: Box) -> None:
    assert ToolStep().perform(call(DELETING), box({DELETE: Reply({}, 404, repeated=True)})) == Done({}, found=True)


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ([ENTRY], Done(ENTRY, found=True)),
        ([], Absent()),
        (RateLimited("Wait.", after=3.0), Again("Wait.", 3.0, counts=False)),
        (CalcomUnavailable("502."), Again("502.")),
        (Unauthorized("401."), Unknowable("Whether it was done cannot be looked up. 401.")),
    ],
    ids=["there", "not there", "429", "502", "401"],
)
def test_a_probe_tells_or_says_that_it_cannot(call: Make, box: Box, answer: Any, found: object) -> None:
    assert ToolStep().probe(call(CREATING), box({LIST: answer})) == found


def test_arguments_that_are_wrong_were_never_sent(call: Make, box: Box) -> None:
    assert ToolStep().probe(call({"tool": CREATE, "with": {"userId": "41"}}), box()) == Absent()


def test_secret_parameters_are_not_shown() -> None:
    key = {"private_key": "PEM", "client_email": "a@b.example", "client_id": "1"}
    shown = ToolStep().shown({"tool": CREDENTIAL, "with": {"domain": "acme.example", "serviceAccountKey": key}})

    assert shown == {"tool": CREDENTIAL, "with": {"domain": "acme.example", "serviceAccountKey": "(hidden)"}}
    assert ToolStep().shown(CREATING) == CREATING


def test_a_very_long_text_is_shown_by_its_beginning_and_length() -> None:
    notes = ToolStep().shown({"tool": CREATE, "with": {"notes": "x" * 200_000}})["with"]["notes"]

    assert len(notes) < 3000
    assert notes.endswith("(200000 characters)")


def test_the_effect_of_an_absence_has_a_name_and_of_a_membership_none(call: Make) -> None:
    assert ToolStep().effect(call(CREATING)) == of_call(CREATE, DAYS, "acme") is not None
    assert ToolStep().effect(call({"tool": ASSIGN, "with": {}})) is None
