"""The 37 tools over MCP: what a list shows, what a call does at Cal.com, and what is refused how."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import jsonschema
import pytest
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client

from tests.conftest import PLAIN
from tests.integration.mcp.conftest import TOOLS as SERVER
from tests.integration.mcp.conftest import Calcom, Office, StartOffice
from tests.integration.sandbox.test_contract import BODIES, prepared
from workers.calcom.tools import TOOLS
from workers.store import audit, keys
from workers.store.keys import Role

SEED = (Path(__file__).parents[2] / "contract" / "calcom" / "seed-tools.txt").read_text()
USERS = "cal_organizations_users_controller_get_organizations_users"
CREATE = "cal_organizations_users_controller_create_organization_user"
DELETE = "cal_organizations_users_controller_delete_organization_user"
CALL = b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {%s}}'


def seed() -> dict[str, tuple[str, list[list[str]]]]:
    """The tool list: by name the sentence, and the rows of the table of parameters."""
    found: dict[str, tuple[str, list[list[str]]]] = {}
    lines = SEED.splitlines()
    for number, line in enumerate(lines):
        if not re.fullmatch(r"cal_organizations_\w+", line):
            continue
        rows = []
        for row in lines[number + 3 :]:
            if "|" not in row or row.startswith("cal_organizations_"):
                break
            rows.append([cell.strip() for cell in row.split("|")][:5])
        found[line] = lines[number + 1].partition(" Parameters")[0], rows
    return found


@asynccontextmanager
async def sdk(office: Office, role: Role) -> AsyncIterator[Client]:
    """The official SDK's client."""
    key = {"authorization": f"Bearer {office.key(role)}"}
    async with (
        httpx2.AsyncClient(headers=key, **PLAIN) as http,
        Client(streamable_http_client(f"{office.url}{SERVER}", http_client=http)) as client,
    ):
        yield client


def test_a_list_is_exactly_the_tool_list(start_office: StartOffice) -> None:
    office = start_office()
    listed = {tool["name"]: tool for tool in office.ask("tools/list")["result"]["tools"]}

    assert list(listed) == list(seed())
    assert len(listed) == 37
    for name, (sentence, rows) in seed().items():
        tool = listed[name]
        assert tool["description"].startswith(sentence.removesuffix(".")), name
        schema = tool["inputSchema"]
        beyond = {param.name for param in TOOLS[name].params if param.beyond_seed}
        assert set(schema["properties"]) - beyond == {"PCID", *(row[0] for row in rows)}
        assert set(schema["required"]) == {"PCID", *(row[0] for row in rows if row[2] == "Yes")}
        for parameter, kind, _, default, description in rows:
            shown = schema["properties"][parameter]
            plain = (
                [each for each in [shown["type"]] if each != "null"]
                if isinstance(shown["type"], str)
                else shown["type"]
            )
            assert kind.removesuffix("[]") in (*plain, shown.get("items", {}).get("type"), "any"), (name, parameter)
            assert ("default" in shown) == (default != "—")
            assert shown["description"].startswith(description.removesuffix(".")), (name, parameter)


def test_schemas_are_valid_and_the_hints_tell_what_a_tool_does(shared_office: Office) -> None:
    for tool in shared_office.ask("tools/list")["result"]["tools"]:
        jsonschema.Draft202012Validator.check_schema(tool["inputSchema"])
        jsonschema.Draft202012Validator.check_schema(tool["outputSchema"])
        known, hints = TOOLS[tool["name"]], tool["annotations"]
        assert hints["readOnlyHint"] == (known.method == "GET")
        assert hints["destructiveHint"] == (known.method == "DELETE")
        assert hints["openWorldHint"]


def test_pcid_may_be_left_out_only_where_there_is_one_connection(office: Office, another_calcom: Calcom) -> None:
    def required() -> Any:
        (tool,) = [each for each in office.ask("tools/list")["result"]["tools"] if each["name"] == USERS]
        return tool["inputSchema"]["required"]

    assert "PCID" not in required()
    assert not office.call(USERS).get("isError")
    office.connect("beta", another_calcom)
    assert "PCID" in required()
    refused = office.call(USERS)
    assert refused["isError"]
    assert refused["content"][0]["text"] == "PCID: missing; there are: acme, beta."


def arguments_for(name: str, ids: Mapping[str, Any]) -> dict[str, Any]:
    """Everything a call needs."""
    body = next((b for end, b in BODIES.items() if name.endswith(f"controller_{end}")), {})
    if name.endswith("_assign_organization_attribute_option_to_user"):
        body = {"attributeId": ids["attributeId"], "attributeOptionId": ids["optionId"]}
    if name.endswith("create_membership"):
        body = {**body, "role": "MEMBER"}
    path = {key: ids[key] for key in re.findall(r"\{(\w+)\}", TOOLS[name].path)}
    return {"PCID": "acme", **path, **body}


READ = (
    "attributes",
    "memberships",
    "ooo",
    "users",
    "webhooks",
    "organizations",
)


def state(http: httpx2.Client, attribute: str) -> Any:
    """All that can be read of an organization. Cal.com orders its lists by nothing."""
    answers = (http.get(f"/v2/organizations/4821/{what}").json() for what in (*READ, f"attributes/{attribute}/options"))
    lists = (answer["data"] if isinstance(answer.get("data"), list) else [answer["status"]] for answer in answers)
    return [sorted(json.dumps(one, sort_keys=True) for one in each) for each in lists]


@pytest.mark.parametrize("tool", TOOLS.values(), ids=lambda tool: tool.name.removeprefix("cal_organizations_"))
def test_the_sdks_client_calls_each_tool_and_the_effect_is_at_cal_com(
    shared_office: Office, calcom: Calcom, tool: Any
) -> None:
    async def call(arguments: dict[str, Any]) -> Any:
        async with sdk(shared_office, Role.ADMIN) as client:
            return await client.call_tool(tool.name, arguments)

    with calcom.http as http:
        ids = prepared(http)  # type: ignore[arg-type]  # its posts and gets are a test client's
        if tool.name.endswith("_assign_organization_attribute_option_to_user"):
            ids["userId"] = 90212
        before = state(http, ids["attributeId"])
        result = asyncio.run(call(arguments_for(tool.name, ids)))
        after = state(http, ids["attributeId"])

    assert not result.is_error, result.content
    assert result.structured_content["status"] == "success"
    assert json.loads(result.content[0].text) == result.structured_content
    seen = not tool.reads and "delegation" not in tool.name  # nothing lists those
    assert (before != after) == seen


def test_the_sdks_client_lists_the_tools(shared_office: Office) -> None:
    async def names() -> list[str]:
        async with sdk(shared_office, Role.ADMIN) as client:
            return [tool.name for tool in (await client.list_tools()).tools]

    assert asyncio.run(names()) == list(TOOLS)


def test_a_key_sees_and_calls_what_its_role_covers(shared_office: Office) -> None:
    def names(role: Role) -> set[str]:
        return {tool["name"] for tool in shared_office.ask("tools/list", role=role)["result"]["tools"]}

    reading = {name for name, tool in TOOLS.items() if tool.reads}
    deleting = {name for name, tool in TOOLS.items() if tool.destructive}
    assert names(Role.VIEWER) == reading
    assert names(Role.OPERATOR) == set(TOOLS) - deleting
    assert names(Role.ADMIN) == set(TOOLS)
    for role, name in ((Role.VIEWER, CREATE), (Role.OPERATOR, DELETE)):
        refused = shared_office.call(name, role, PCID="acme", orgId=4821, userId=90211, email="ann@example.com")
        assert refused["structuredContent"]["error"]["kind"] == "not_allowed"
        assert "needs role" in refused["content"][0]["text"]


def test_what_deletes_is_off_until_a_setting_turns_it_on(start_office: StartOffice, calcom: Calcom) -> None:
    office = start_office()
    office.connect("acme", calcom)

    refused = office.call(DELETE, orgId=4821, userId=90212)
    assert refused["isError"]
    assert "DAYBOOK_MCP_DESTRUCTIVE=true" in refused["content"][0]["text"]
    assert any(user["id"] == 90212 for user in office.call(USERS)["structuredContent"]["data"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"PCID": "acme", "take": "many"}, "take: must be a whole number from 1 to 1000"),
        ({"PCID": "acme", "tak": 1}, "did you mean take?"),
        ({"PCID": "nobody"}, "There is no connection 'nobody'; there are: acme."),
        ({"PCID": 5}, "PCID: must be a text"),
        ({"PCID": "acme", "emails": ["a" * 1000, None]}, "emails: must be one e-mail address"),
        ({"PCID": "\x00"}, "There is no connection"),
    ],
)
def test_an_argument_that_is_wrong_is_named(shared_office: Office, arguments: dict[str, Any], said: str) -> None:
    refused = shared_office.call(USERS, **arguments)

    assert refused["isError"]
    assert said in refused["content"][0]["text"]


def test_what_cal_com_refuses_says_its_status_and_what_to_do(shared_office: Office) -> None:
    refused = shared_office.call(
        "cal_organizations_webhooks_controller_get_organization_webhook", webhookId="none", orgId=4821
    )

    error = refused["structuredContent"]["error"]
    assert error["status"] in (403, 404)
    assert str(error["status"]) in error["message"]
    assert refused["content"][0]["text"] == error["message"]


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"", 400, "not JSON"),
        (b"{", 400, "not JSON"),
        (b"[" * 100_000, 400, "not JSON"),
        (b"[]", 400, "batches are not taken"),
        (b'"tools/list"', 400, "must be one JSON-RPC 2.0 message"),
        (b'{"jsonrpc": "1.0", "id": 1, "method": "tools/list"}', 400, "must be one JSON-RPC 2.0 message"),
        (CALL.replace(b"{%s}", b"[1]"), 400, "params must be an object"),
        (CALL % b'"name": "none"', 200, "There is no tool"),
        (CALL % b'"name": "none", "arguments": [1]', 200, "Invalid request parameters"),
        (CALL % b'"name": "\\ud800"', 400, "not JSON"),
        (CALL.replace(b"tools/call", b"tools/do") % b"", 200, "Method not found"),
        (CALL % b'"name": "none", "arguments": {"a": "%s"}' % (b"a" * 1_100_000), 413, "1 MiB"),
    ],
)  # fmt: skip
def test_a_message_that_is_wrong_is_told_so(shared_office: Office, body: bytes, status: int, said: str) -> None:
    answer = shared_office.post(body)

    assert answer.status_code == status
    assert said in answer.json()["error"]["message"]
    assert "Traceback" not in answer.text
    assert "pydantic" not in answer.text


def test_nobody_comes_in_without_a_key_that_is_good(office: Office) -> None:
    message = b'{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}'
    assert office.post(message, role=None).status_code == 401
    assert office.post(message, role=None, authorization="Bearer nonsense").status_code == 401
    key = office.key(Role.VIEWER)
    assert office.post(message, role=None, authorization=f"Bearer {key}").status_code == 200
    with office.store.write() as sql:
        (made,) = [one for one in keys.every(sql) if one.name == "the viewer"]
        keys.revoke(sql, made.id, now=made.created_at)
    revoked = office.post(message, role=None, authorization=f"Bearer {key}")
    assert (revoked.status_code, revoked.headers["www-authenticate"]) == (401, "Bearer")
    assert "daybook keys create" in revoked.json()["error"]["message"]


def test_pages_of_other_origins_may_not_ask(start_office: StartOffice) -> None:
    office = start_office(ALLOWED_ORIGINS="https://Inspector.example", PUBLIC_URL="https://daybook.acme.example/x")
    message = b'{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}'

    def status(origin: str) -> int:
        return office.post(message, origin=origin).status_code

    assert [status(o) for o in ("https://evil.example", "null", "https://daybook.acme.example.evil")] == [403] * 3
    assert [status(o) for o in ("https://inspector.example", "https://daybook.acme.example")] == [200, 200]
    assert "DAYBOOK_ALLOWED_ORIGINS" in office.post(message, origin="https://evil.example").text


def test_only_post_is_spoken(shared_office: Office) -> None:
    for method in ("GET", "DELETE", "PUT"):
        answer = httpx2.request(method, f"{shared_office.url}/cal-organizations", **PLAIN)
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def test_every_call_is_in_the_audit_log_without_its_secrets(office: Office) -> None:
    office.call(USERS, Role.VIEWER, PCID="acme", orgId=4821, take=1)
    office.call(USERS, Role.VIEWER, PCID="nobody")
    office.call(DELETE, Role.OPERATOR, PCID="acme", userId=90212)
    office.call(
        "cal_organizations_webhooks_controller_create_organization_webhook",
        orgId=4821, active=True, subscriberUrl="http://127.0.0.1:9/x", triggers=["BOOKING_CREATED"],
        secret="s3cr3t-words",
    )  # fmt: skip

    with office.store.read() as sql:
        entries = [audit.shape(row) for row in audit.page(sql, audit.Filter(), limit=9)][::-1]
    assert [(e["key"]["name"], e["connection"], e["outcome"]) for e in entries] == [
        ("the viewer", "acme", "done"),
        ("the viewer", "nobody", "refused"),
        ("the operator", "acme", "refused"),
        ("the admin", "acme", "done"),
    ]
    assert entries[0]["arguments"] == {"orgId": 4821, "take": 1}
    assert entries[3]["arguments"]["secret"] == "(hidden)"
    assert "s3cr3t" not in json.dumps(entries)


def test_a_key_that_calls_too_often_is_told_when_to_come_again(start_office: StartOffice, calcom: Calcom) -> None:
    office = start_office(MCP_PER_MINUTE="8")
    office.connect("acme", calcom)

    found = [office.call(USERS, Role.VIEWER, take=1) for _ in range(3)]
    assert [result.get("isError", False) for result in found] == [False, False, True]
    error = found[2]["structuredContent"]["error"]
    assert (error["kind"], error["sent"], error.keys() & {"status", "code"}) == ("too_many_requests", False, set())
    assert 0 < error["after"] <= 8
    assert not office.call(USERS, Role.ADMIN, take=1).get("isError")
    with office.store.read() as sql:
        assert [row.outcome for row in audit.page(sql, audit.Filter(), limit=9)] == ["done"] * 3


@pytest.mark.parametrize(
    ("path", "method", "params"),
    [
        ("/cal-organizations", "tools/list", {}),
        ("/cal-organizations", "tools/call", {"name": "no_such_tool"}),
        ("/daybook", "resources/list", {}),
        ("/daybook", "resources/read", {"uri": "daybook://catalogue"}),
        ("/daybook", "prompts/list", {}),
        ("/daybook", "prompts/get", {"name": "what_needs_a_person"}),
        ("/mcp", "listServers", {}),
    ],
)
def test_what_is_no_call_has_a_pace_too(start_office: StartOffice, path: str, method: str, params: Any) -> None:
    office = start_office(MCP_PER_MINUTE="1")

    found = [office.ask(method, role=Role.VIEWER, path=path, **params).get("error", {}) for _ in range(11)]
    assert [error.get("code") == -32029 for error in found] == [False] * 10 + [True]
    assert found[-1]["data"]["kind"] == "too_many_requests"
    assert office.ask(method, role=Role.ADMIN, path=path, **params).get("error", {}).get("code") != -32029


def test_the_directory_has_a_pace_and_says_when_to_come_again(start_office: StartOffice) -> None:
    office = start_office(MCP_PER_MINUTE="1")
    key = {"authorization": f"Bearer {office.key(Role.VIEWER)}"}

    answers = [httpx2.get(f"{office.url}/mcp", headers=key, **PLAIN) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [200] * 10 + [429]
    assert 0 < int(answers[-1].headers["retry-after"]) <= 60


def test_the_directory_names_the_servers_and_the_tools_of_a_role(office: Office) -> None:
    key = {"authorization": f"Bearer {office.key(Role.VIEWER)}"}
    listed = httpx2.get(f"{office.url}/mcp", headers=key, **PLAIN).json()

    assert listed == office.call("listServers", Role.VIEWER, "/mcp")["structuredContent"]
    assert listed == office.ask("listServers", role=Role.VIEWER, path="/mcp")["result"]
    servers = {server["path"]: server for server in listed["servers"]}
    assert servers["/cal-organizations"]["tools"] == [name for name, tool in TOOLS.items() if tool.reads]
    assert httpx2.get(f"{office.url}/mcp", **PLAIN).status_code == 401
