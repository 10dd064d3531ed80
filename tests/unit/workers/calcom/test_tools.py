"""The table of tools against its two sources: the tool list (seed-tools.txt) and Cal.com's API (tools.json)."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from workers.calcom.tool import Place, Tool
from workers.calcom.tools import TOOLS, find
from workers.calcom.webhooks import TRIGGERS
from workers.errors import NotFound

SOURCES = Path(__file__).parents[3] / "contract" / "calcom"
CONTRACT: dict[str, Any] = {tool["tool"]: tool for tool in json.loads((SOURCES / "tools.json").read_text())}
ROW = re.compile(r"^(\w+) \| (\S+) \| (Yes|No) \| (\S+) \| (.*) \|$")


def seed() -> dict[str, tuple[str, list[tuple[str, str, bool, str, str]]]]:
    """Name -> (sentence, rows), in order, as the tool list has them."""
    listed: dict[str, tuple[str, list[tuple[str, str, bool, str, str]]]] = {}
    name = ""
    for line in (SOURCES / "seed-tools.txt").read_text().splitlines():
        if re.fullmatch(r"cal_organizations_\w+", line):
            name = line
            listed[name] = ("", [])
        elif name and (sentence := line.partition(" Parameters:")[0]) != line:
            listed[name] = (sentence, listed[name][1])
        elif name and (row := ROW.match(line)):
            listed[name][1].append((row[1], row[2], row[3] == "Yes", row[4], row[5]))
    return listed


SEED = seed()
every_tool = pytest.mark.parametrize("tool", TOOLS.values(), ids=[name[18:] for name in TOOLS])


def test_all_37_tools_are_there_in_the_order_of_the_list() -> None:
    assert list(TOOLS) == list(SEED)
    assert len(TOOLS) == 37


@every_tool
def test_a_tool_has_the_sentence_and_parameters_of_the_list(tool: Tool) -> None:
    sentence, rows = SEED[tool.name]

    assert tool.sentence == sentence
    assert [
        (param.name, param.type, param.required, "—", param.description)
        for param in tool.params
        if not param.beyond_seed
    ] == rows


@every_tool
def test_a_tool_is_called_as_the_api_wants_it(tool: Tool) -> None:
    known = CONTRACT[tool.name]

    assert tool.method == known["method"]
    assert f"/v2{tool.path}" == known["path"]
    assert tool.success == known["success_status"]
    assert f"ORG_{tool.min_role}" == known["min_role"]
    assert tool.plan == known["min_platform_plan"]


@every_tool
def test_a_parameter_travels_where_the_api_looks_for_it(tool: Tool) -> None:
    known = CONTRACT[tool.name]
    places = {Place.PATH: "path_params", Place.QUERY: "query", Place.BODY: "body"}
    for place, key in places.items():
        ours = {param.name for param in tool.params if param.place is place}
        assert ours - {"time", "timeUnit"} == set(known[key])


@every_tool
def test_a_parameter_has_the_limits_of_the_api(tool: Tool) -> None:
    known = CONTRACT[tool.name]
    facts = {**known["path_params"], **known["query"], **known["body"]}
    for param in tool.params:
        if param.name in ("time", "timeUnit"):
            continue
        fact = facts[param.name]
        allowed = fact.get("enum") or fact.get("items", {}).get("enum", [])
        assert set(allowed) <= set(param.enum)
        assert bool(allowed) == bool(param.enum)
        assert fact.get("minimum", param.minimum) == param.minimum
        assert fact.get("maximum", param.maximum) == param.maximum
        assert fact.get("minLength", 0) <= max(param.min_length, len(param.enum))
        assert fact.get("nullable", False) == param.nullable
        comma = "comma-joined single value" in fact.get("encoding", "")
        assert comma == param.comma


def test_what_goes_beyond_the_list_is_a_user_s_fields_and_when_no_shows_count() -> None:
    beyond = {tool.name[18:]: {p.name for p in tool.params if p.beyond_seed} for tool in TOOLS.values()}
    user = beyond.pop("users_controller_update_organization_user")

    assert user == set(CONTRACT["cal_organizations_users_controller_update_organization_user"]["body"])
    assert {name: names for name, names in beyond.items() if names} == {
        "webhooks_controller_create_organization_webhook": {"time", "timeUnit"},
        "webhooks_controller_update_org_webhook": {"time", "timeUnit"},
    }


def test_the_triggers_are_all_28_and_hold_every_recorded_one() -> None:
    manifest = json.loads((SOURCES.parents[1] / "payloads" / "manifest.json").read_text())
    recorded = {entry["trigger"] for entry in manifest} - {"PING"}

    assert len(set(TRIGGERS)) == len(TRIGGERS) == 28
    assert recorded <= set(TRIGGERS)


@every_tool
def test_the_schemas_are_valid_json_schema(tool: Tool) -> None:
    Draft202012Validator.check_schema(tool.input_schema())
    Draft202012Validator.check_schema(tool.output_schema())


@every_tool
def test_the_input_schema_has_exactly_the_parameters(tool: Tool) -> None:
    schema = tool.input_schema()

    assert list(schema["properties"]) == [param.name for param in tool.params]
    assert schema["required"] == [param.name for param in tool.params if param.required]
    assert schema["additionalProperties"] is False
    assert "orgId" not in tool.input_schema(org_id=7)["required"]


@every_tool
def test_the_output_schema_takes_the_api_s_example_and_what_follows_its_wrong_document(tool: Tool) -> None:
    validator = Draft202012Validator(tool.output_schema())

    validator.validate(CONTRACT[tool.name]["response_example"])
    validator.validate({"status": "success", "data": {"id": 5, "teamId": "x"}, "pagination": []})
    validator.validate({})


@every_tool
def test_the_output_schema_s_first_reading_of_data_fits_the_example(tool: Tool) -> None:
    schema = tool.output_schema()
    data = schema["properties"]["data"]["anyOf"][0]

    Draft202012Validator({"$defs": schema.get("$defs", {}), **data}).validate(
        CONTRACT[tool.name]["response_example"]["data"]
    )


def test_the_key_of_a_workspace_may_be_one_object_or_a_list_with_it() -> None:
    tool = find("cal_organizations_delegation_credential_controller_create_delegation_credential")
    google = {"private_key": "k", "client_email": "c", "client_id": "i"}
    validator = Draft202012Validator(tool.input_schema()["properties"]["serviceAccountKey"])

    assert validator.is_valid(google)
    assert validator.is_valid([google])
    assert not validator.is_valid([google, google])
    assert not validator.is_valid({"private_key": "k"})


def test_only_reads_and_plain_changes_are_safe_to_send_again() -> None:
    unsafe = {tool.name[18:] for tool in TOOLS.values() if not tool.repeatable({})}

    assert unsafe == {tool.name[18:] for tool in TOOLS.values() if tool.method == "POST"}


def test_a_membership_is_safe_to_make_again_only_with_every_field() -> None:
    tool = find("cal_organizations_memberships_controller_create_membership")
    every = {"orgId": 1, "userId": 5, "role": "MEMBER", "accepted": True, "disableImpersonation": False}

    assert tool.repeatable(every)
    assert not tool.repeatable({key: every[key] for key in every if key != "accepted"})


def test_an_absence_is_safe_to_change_again_only_without_its_days() -> None:
    tool = find("cal_organizations_users_ooocontroller_update_organization_user_ooo")

    assert tool.repeatable({"notes": "x"})
    assert not tool.repeatable({"start": "a", "end": "b"})


def test_deletes_are_destructive_and_know_how_a_missing_thing_is_answered() -> None:
    for tool in TOOLS.values():
        assert tool.destructive == (tool.method == "DELETE") == bool(tool.gone)
        documented = {error["status"] for error in CONTRACT[tool.name]["errors"][4:]} & {403, 404}
        if tool.destructive:
            assert documented <= tool.gone


def test_the_lists_that_come_in_pages_are_known() -> None:
    paged = {tool.name for tool in TOOLS.values() if tool.paged}

    assert paged == {name for name, known in CONTRACT.items() if "take" in known["query"]}
    assert all(TOOLS[name].lists for name in paged)


def test_an_unknown_tool_is_named_with_the_nearest_one() -> None:
    with pytest.raises(NotFound, match="cal_organizations_webhooks_controller_delete_webhook"):
        find("cal_organizations_webhooks_controller_delete_webhooks")
