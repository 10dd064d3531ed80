"""Many clients at once, of several connections: each gets its own answers."""

from __future__ import annotations

import asyncio
import os
import time
from typing import Any

import httpx2

from tests.conftest import PLAIN
from tests.integration.mcp.conftest import HEADERS, TOOLS, Calcom, StartOffice
from tests.integration.mcp.test_tools import CREATE, USERS
from workers.store import audit
from workers.store.keys import Role

CLIENTS = 50
#: seconds that they go on; 0: each calls twice
LONG = float(os.environ.get("DAYBOOK_TESTS_CROWD_SECONDS", "0"))


def test_fifty_clients_at_once_are_not_mixed_up(
    start_office: StartOffice, calcom: Calcom, another_calcom: Calcom
) -> None:
    office = start_office(MCP_PER_MINUTE="0")
    sides = {"acme": calcom, "beta": another_calcom}
    for pcid, side in sides.items():
        office.connect(pcid, side)
    until = time.monotonic() + LONG
    key = {"authorization": f"Bearer {office.key(Role.OPERATOR)}"}

    async def client(number: int) -> int:
        pcid = list(sides)[number % 2]
        calls = 0

        async def call(name: str, **arguments: Any) -> Any:
            params = {"name": name, "arguments": {"PCID": pcid, "orgId": sides[pcid].org_id, **arguments}}
            message = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}
            answer = (await http.post(f"{office.url}{TOOLS}", json=message)).json()
            assert answer["id"] == number
            assert not answer["result"].get("isError"), answer
            return answer["result"]["structuredContent"]["data"]

        async with httpx2.AsyncClient(headers={**HEADERS, **key}, **PLAIN) as http:
            made = await call(CREATE, email=f"client{number}@{pcid}.example", username=f"client{number}")
            while calls < 1 or time.monotonic() < until:
                calls += 1
                (found,) = await call(USERS, emails=[made["email"]])
                assert (found["id"], found["email"]) == (made["id"], f"client{number}@{pcid}.example")
                assert found["profile"]["organizationId"] == sides[pcid].org_id
        return calls + 1

    async def crowd() -> int:
        return sum(await asyncio.gather(*(client(number) for number in range(CLIENTS))))

    calls = asyncio.run(crowd())
    for pcid, side in sides.items():
        with side.http as http:
            users = http.get(f"/v2/organizations/{side.org_id}/users", params={"take": 1000}).json()["data"]
        ours = {user["email"] for user in users if user["email"].startswith("client")}
        assert ours == {f"client{n}@{pcid}.example" for n in range(CLIENTS) if list(sides)[n % 2] == pcid}
    with office.store.read() as sql:
        entries = audit.page(sql, audit.Filter(), limit=min(calls + 1, 100_000))
    assert len(entries) == calls
    assert {entry.outcome for entry in entries} == {"done"}
