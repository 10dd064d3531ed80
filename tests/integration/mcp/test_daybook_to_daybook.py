"""A Daybook whose connection is another Daybook: the tools, their errors, registration and the commands over MCP."""

from __future__ import annotations

import contextlib
import json
import sys
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import stamina
from cryptography.fernet import Fernet

from tests.conftest import free_port
from tests.integration.mcp.conftest import Calcom, Office, StartOffice
from tests.integration.mcp.test_tools import arguments_for, state
from tests.integration.registration.conftest import Daybook, Sandbox
from tests.integration.sandbox.test_contract import prepared
from workers.calcom.client import Client
from workers.calcom.connection import McpToken
from workers.calcom.tools import TOOLS
from workers.errors import CalcomUnavailable, DaybookError, Forbidden, RateLimited
from workers.reach import pack, reach
from workers.store import connections
from workers.store.engine import open_store
from workers.store.keys import Role
from workers.store.migrate import migrate
from workers.vault import Vault

USERS = "cal_organizations_users_controller_get_organizations_users"
CREATE = "cal_organizations_users_controller_create_organization_user"
DELETE = "cal_organizations_users_controller_delete_organization_user"
ATTRIBUTE = "cal_organizations_attributes_controller_get_organization_attribute"
MEMBER = "cal_organizations_memberships_controller_get_org_membership"


@contextlib.contextmanager
def reached(office: Office, folder: Path, role: Role = Role.ADMIN, org_id: int = 4821) -> Iterator[Client]:
    """A client of a second Daybook, with a database of its own, whose connection is the first."""
    vault = Vault([Fernet.generate_key().decode()])
    with contextlib.closing(open_store(f"sqlite:///{folder}/second.db")) as store:
        migrate(store)
        row = connections.Connection("ours", connections.Kind.MCP, office.url, org_id, 0, datetime.now(UTC))
        with store.write() as sql:
            connections.add(sql, vault, row, pack(McpToken("acme", office.key(role))))
        with reach(store, vault, "ours") as client, stamina.set_testing(True, attempts=3, cap=True):
            yield client


@pytest.fixture
def second(office: Office, calcom: Calcom, tmp_path: Path) -> Daybook:
    """An installation with the command line, whose connection `ours` is the first's `acme`, with a key from a file."""
    made = Daybook(tmp_path, free_port(), Sandbox(calcom.base_url))
    (tmp_path / "token").write_text(office.key(Role.ADMIN))
    made.run(
        "connections", "add", "ours", "--kind", "mcp", "--base-url", office.url, "--org-id", "4821",
        "--remote-pcid", "acme", "--token-from", "token",
    )  # fmt: skip
    return made


@pytest.mark.parametrize("tool", TOOLS.values(), ids=lambda tool: tool.name.removeprefix("cal_organizations_"))
def test_each_tool_has_its_effect_at_cal_com_and_its_reply_here(
    shared_office: Office, calcom: Calcom, tmp_path: Path, tool: Any
) -> None:
    with calcom.http as http, reached(shared_office, tmp_path) as client:
        ids = prepared(http)  # type: ignore[arg-type]  # its posts and gets are a test client's
        if tool.name.endswith("_assign_organization_attribute_option_to_user"):
            ids["userId"] = 90212
        before = state(http, ids["attributeId"])
        arguments = arguments_for(tool.name, ids)
        del arguments["PCID"], arguments["orgId"]
        reply = client.call(tool.name, arguments)
        after = state(http, ids["attributeId"])

    assert reply.json["status"] == "success"
    assert isinstance(reply.data, list) == tool.lists
    seen = not tool.reads and "delegation" not in tool.name  # nothing lists those
    assert (before != after) == seen


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        (DELETE, {"userId": 5}),
        (MEMBER, {"membershipId": 999_999}),
        (ATTRIBUTE, {"attributeId": "3f2b8c1e-6a53-4f0e-9d1b-2a9d6f0c7b11"}),
        (CREATE, {"email": "maya.okonkwo@harbourlight.example"}),
        (USERS, {"orgId": 999}),
    ],
)
def test_an_error_of_cal_com_is_the_same_by_way_of_another_daybook(
    shared_office: Office, tmp_path: Path, name: str, arguments: dict[str, Any]
) -> None:
    with reach(shared_office.store, shared_office.vault, "acme") as direct, pytest.raises(DaybookError) as there:
        direct.call(name, arguments)
    with reached(shared_office, tmp_path) as client, pytest.raises(DaybookError) as here:
        client.call(name, arguments)

    def told(error: Any) -> Any:
        return type(error), error.status, error.code

    assert told(here.value) == told(there.value)


def test_a_role_that_does_not_cover_a_call_says_so_and_a_key_that_is_none_too(office: Office, tmp_path: Path) -> None:
    with reached(office, tmp_path, Role.VIEWER) as client:
        assert client.call(USERS, {"take": 1}).data
        with pytest.raises(Forbidden, match="needs role operator"):
            client.call(CREATE, {"email": "ann@acme.example"})


def test_a_pace_there_halts_the_calls_here(start_office: StartOffice, calcom: Calcom, tmp_path: Path) -> None:
    office = start_office(MCP_PER_MINUTE="1")
    office.connect("acme", calcom)

    with reached(office, tmp_path) as client:
        client._max_wait = 0.5
        with pytest.raises(RateLimited, match="calls a minute") as caught:
            deque((client.call(USERS, {"take": 1}) for _ in range(30)), maxlen=0)

    assert 0 < caught.value.after <= 60


def test_a_daybook_that_is_gone_is_unavailable_and_nothing_was_sent(office: Office, tmp_path: Path) -> None:
    gone = Office(f"http://127.0.0.1:{free_port()}", office.settings, office.store, office.vault)

    with reached(gone, tmp_path) as client, pytest.raises(CalcomUnavailable) as caught:
        client.call(CREATE, {"email": "ann@acme.example"})

    assert not caught.value.sent


def test_a_connection_that_leads_back_to_itself_ends_with_its_reason(start_office: StartOffice) -> None:
    office = start_office(MCP_PER_MINUTE="0")
    row = connections.Connection("circle", connections.Kind.MCP, office.url, 4821, 0, datetime.now(UTC))
    credential = pack(McpToken("circle", office.key(Role.VIEWER)))
    with office.store.write() as sql:
        connections.add(sql, office.vault, row, credential)

    refused = office.call(USERS, Role.VIEWER)

    assert refused["isError"]
    assert "leads back to itself" in refused["content"][0]["text"]


def test_webhooks_are_registered_by_way_of_another_daybook(second: Daybook) -> None:
    second.want("webhooks: [{name: org, connection: ours, triggers: all}]")

    second.run("webhooks", "apply")

    (made,) = second.sandbox.webhooks()
    assert made["subscriber_url"].startswith(f"{second.url}/in/")
    assert [one["change"] for one in second.json("webhooks", "plan")] == ["unchanged"]


def test_the_command_line_works_over_it(second: Daybook) -> None:
    (row,) = second.json("connections", "list")
    (tested,) = second.json("connections", "test")
    (called,) = second.json("tools", "call", USERS, "--arg", "take=2")
    verdicts = {one["check"]: one for one in second.json("doctor", status=1)}

    assert (row["pcid"], row["kind"], row["org_id"]) == ("ours", "mcp", 4821)
    assert (tested["ok"], tested["webhooks"]) == (True, 0)
    assert len(called["data"]) == 2
    assert verdicts["connection ours"]["state"] == verdicts["clock"]["state"] == "ok"
    assert "MCP server takes the token" in verdicts["connection ours"]["detail"]


def test_a_refused_token_says_whose_it_is(second: Daybook, office: Office) -> None:
    (second.folder / "token").write_text("dbk_wrong")

    (tested,) = second.json("connections", "test", status=1)
    verdicts = {one["check"]: one for one in second.json("doctor", status=1)}

    assert (tested["kind"], tested["status"]) == ("unauthorized", 401)
    assert "the MCP server answered 401" in verdicts["connection ours"]["detail"]
    assert "--replace" in verdicts["connection ours"]["remedy"]
    assert "dbk_wrong" not in json.dumps([tested, *verdicts.values()])


def test_a_command_gives_the_token(second: Daybook, office: Office) -> None:
    script = f"import pathlib; print(pathlib.Path({str(second.folder / 'token')!r}).read_text())"
    second.run(
        "connections", "add", "ours", "--replace", "--kind", "mcp", "--org-id", "4821", "--remote-pcid", "acme",
        "--base-url", f"{office.url}/cal-organizations", "--token-command", f'{sys.executable} -c "{script}"',
    )  # fmt: skip

    assert second.json("connections", "test")[0]["ok"] is True
