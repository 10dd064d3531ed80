"""The history over MCP, through a running web process: what each role may do, what a client sees, what is written."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import httpx2
import jsonschema
import pytest
from cryptography.fernet import Fernet
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client

from tests.conftest import PLAIN
from tests.contract.store.filled import Filled
from tests.integration.mcp.conftest import HEADERS, Office, StartOffice
from workers.store import audit, connections, deliveries, webhooks
from workers.store.keys import Role

PATH = "/daybook"


@pytest.fixture
def office(start_office: StartOffice) -> Office:
    """A web process without connections."""
    return start_office(MCP_PER_MINUTE="0")


def fill(office: Office) -> list[str]:
    return [str(one) for one in Filled(office.store, office.vault).events(3)]


def entries(office: Office) -> list[dict[str, Any]]:
    with office.store.read() as sql:
        return [audit.shape(row) for row in audit.page(sql, audit.Filter(), limit=100)]


async def test_the_official_client_asks_for_tools_pages_and_prompts_and_gets_them(office: Office) -> None:
    ids = fill(office)
    key = {"authorization": f"Bearer {office.key(Role.VIEWER)}"}
    async with (
        httpx2.AsyncClient(headers=key, **PLAIN) as http,
        Client(streamable_http_client(f"{office.url}{PATH}", http_client=http)) as client,
    ):
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        found = await client.call_tool("search_events", {"limit": 2})
        pages = [str(page.uri) for page in (await client.list_resources()).resources]
        (page,) = (await client.read_resource("daybook://catalogue")).contents
        asked = await client.get_prompt("why_did_rule_act", {"rule": "makes", "booking": "uid-1"})
    assert set(tools) == {"search_events", "get_event", "explain_booking", "event_stats", "list_runs", "test_rule"}
    assert [event["id"] for event in (found.structured_content or {})["events"]] == ids[:0:-1]
    assert pages == ["daybook://catalogue", "daybook://rules"]
    assert "BOOKING_CREATED" in json.dumps(page.model_dump(mode="json"))
    assert '\\"makes\\"' in json.dumps(asked.model_dump(mode="json"))


def test_a_booking_is_explained_as_its_schema_promises(office: Office) -> None:
    fill(office)
    listed = office.ask("tools/list", path=PATH, role=Role.VIEWER)["result"]["tools"]
    schema = next(tool["outputSchema"] for tool in listed if tool["name"] == "explain_booking")
    told = office.call("explain_booking", Role.VIEWER, PATH, booking="uid-1", mask=True)
    jsonschema.validate(told["structuredContent"], schema, cls=jsonschema.Draft202012Validator)
    assert "Ada" not in told["content"][0]["text"]


def test_a_viewer_may_not_replay_an_operator_may_and_both_are_written_down(office: Office) -> None:
    ids = fill(office)
    told = office.call("replay", Role.VIEWER, PATH, deliveries=ids[:1], dry_run=False)
    assert told["isError"] is True
    assert "needs role operator" in told["content"][0]["text"]
    with office.store.read() as sql:
        assert deliveries.stats(sql, deliveries.Filter())["states"] == {"persisted": 3}
    told = office.call("replay", Role.OPERATOR, PATH, deliveries=ids[:1], dry_run=False)
    assert told["structuredContent"]["deliveries"] == 1
    assert [(one["what"], one["key"]["role"], one["outcome"]) for one in entries(office)] == [
        ("replay", "operator", "done"),
        ("replay", "viewer", "refused"),
    ]


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("search_events", {"limit": "many"}, "limit: must be a whole number"),
        ("search_events", {"cursor": "garbage"}, "cursor must be the `next` of the page before"),
        ("search_events", {"email": "a\0b"}, "email: may not hold a NUL character"),
        ("explain_booking", {}, "booking: missing"),
        ("get_event", {"event": "0" * 32}, "there is no event with this id"),
        ("test_rule", {"rule": "rules: [", "trigger": "PING"}, "rule: line 1"),
    ],
)
def test_what_is_wrong_is_told_as_the_tools_answer_and_never_as_a_fault(
    office: Office, tool: str, arguments: dict[str, Any], said: str
) -> None:
    told = office.call(tool, Role.VIEWER, PATH, **arguments)
    assert told["isError"] is True
    assert said in told["content"][0]["text"]
    assert entries(office)[0]["outcome"] in ("refused", "failed")


def test_an_argument_that_no_database_can_keep_is_refused_and_written_down(office: Office) -> None:
    params = rb'{"name": "search_events", "arguments": {"text": "\u0000\ud800"}}'
    message = b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": %s}' % params
    answer = office.post(message, path=PATH, role=Role.VIEWER)
    assert answer.status_code < 500
    assert "result" in answer.json() or "error" in answer.json()


def test_the_directory_names_the_server_and_what_a_role_may_call(office: Office) -> None:
    found = httpx2.get(
        f"{office.url}/mcp", headers={**HEADERS, "authorization": f"Bearer {office.key(Role.OPERATOR)}"}, **PLAIN
    ).json()["servers"]
    mine = next(server for server in found if server["path"] == PATH)
    assert mine["pcidRequired"] is False
    assert {"replay", "trigger_sample", "search_events"} <= set(mine["tools"])


def test_a_sample_goes_to_daybooks_own_door_signed_and_is_kept(start_office: StartOffice) -> None:
    key = Fernet.generate_key().decode()
    door = start_office(SECRET_KEY=key)
    office = start_office(SECRET_KEY=key, DATABASE_URL=door.settings.database, PUBLIC_URL=door.url)
    now = datetime.now(UTC)
    row = connections.Connection("acme", connections.Kind.CALCOM, "https://api.cal.example/v2", 1, 90, now)
    with door.store.write() as sql:
        connections.add(sql, door.vault, row, "cal_key")
        webhooks.add(sql, door.vault, name="org", pcid="acme", token="tok", secret="s3cret", origin="adopted", now=now)
    told = office.call("trigger_sample", Role.OPERATOR, PATH, trigger="BOOKING_CREATED", wait=1)["structuredContent"]
    assert (told["status"], told["webhook"]) == (202, "org")
    assert told["note"] == "the delivery is received; no event of it yet: does a worker run?"
    with door.store.read() as sql:
        (kept,) = deliveries.page(sql, deliveries.Filter(), limit=5)
    assert (str(kept.id), kept.verdict) == (told["delivery_id"], "signed")
    assert "s3cret" not in json.dumps(told)
    assert "tok" not in json.dumps(told)


def test_a_door_that_does_not_answer_is_said_without_its_token(start_office: StartOffice) -> None:
    office = start_office(PUBLIC_URL="http://127.0.0.1:9")
    Filled(office.store, office.vault).webhook()
    told = office.call("trigger_sample", Role.OPERATOR, PATH, trigger="PING")
    assert told["isError"] is True
    assert "DAYBOOK_PUBLIC_URL" in told["content"][0]["text"]
    assert "token-of-org" not in json.dumps(told)
