"""Steps against the sandbox, a process of its own, with a real client: straight to it, and by way of an MCP server."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest
import stamina

from ingest.sandbox.setup import Options
from tests.conftest import PLAIN
from tests.integration.mcp.conftest import Calcom as Remote
from tests.integration.mcp.conftest import Office, running_office
from workers.actions.kind import Absent, Again, Call, Done, Outcome, Unknowable
from workers.actions.tool import ToolStep
from workers.calcom.budget import LocalBudget
from workers.calcom.client import Client
from workers.calcom.connection import BearerKey, Connection, McpToken
from workers.store.keys import Role

REACHED = datetime(2027, 1, 4, 9, tzinfo=UTC)


@dataclass
class Calcom:
    """A sandbox, a toolbox whose every connection is it, and the `tool` step. `server` is an MCP server, if any."""

    base_url: str
    key: str = Options().api_key
    server: Office | None = None
    client: Client = field(init=False)

    def __post_init__(self) -> None:
        api, org_id = self.base_url, Options().org_id
        if self.server is None:
            connection = Connection("acme", api, org_id, BearerKey(self.key))
        else:
            token = McpToken(self.key, self.server.key(Role.ADMIN))  # its connections are named as their keys
            connection = Connection("acme", self.server.url, org_id, token)
        budget = LocalBudget(per_minute=1e6, burst=10_000)
        self.client = Client(connection, budget, attempts=1)

    def caller(self, pcid: str) -> Client:
        """The toolbox's."""
        return self.client

    def count_events(self, pcid: str, *_: object, **__: object) -> int:
        """No tool asks the history."""
        raise AssertionError(pcid)

    def perform(self, tool: str, **arguments: Any) -> Outcome:
        """One attempt."""
        return ToolStep().perform(_call(tool, arguments), self)

    def probe(self, tool: str, **arguments: Any) -> Done | Absent | Unknowable | Again:
        """Whether it was done."""
        return ToolStep().probe(_call(tool, arguments), self)

    def done(self, tool: str, **arguments: Any) -> Any:
        """The output of an attempt that has to succeed."""
        outcome = self.perform(tool, **arguments)
        assert isinstance(outcome, Done), outcome
        return outcome.output

    def control(self, name: str, **body: Any) -> None:
        """POST one of the sandbox's controls."""
        url = f"{self.base_url.removesuffix('/v2')}/_sandbox/{name}"
        answer = httpx2.post(url, json=body, **PLAIN)
        assert answer.is_success, answer.text

    def fail(self, kind: str, method: str, **more: Any) -> None:
        """The next call with that method goes wrong."""
        self.control("faults", calls=[{"kind": kind, "method": method, **more}])


def _call(tool: str, arguments: dict[str, Any]) -> Call:
    values = {"tool": tool, "with": arguments}
    return Call(key="k", rule="r", step="s", connection="acme", values=values, event={}, reached=REACHED)


@pytest.fixture(scope="session")
def _sandbox() -> Iterator[str]:
    command = [sys.executable, "-P", "-m", "ingest.sandbox", "--port", "0", "--rate-limit", "0", "--time-unit", "0.01"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().split()[2]
        finally:
            process.terminate()


@pytest.fixture(scope="session", params=["Cal.com's API", "an MCP server"])
def _running(request: pytest.FixtureRequest, _sandbox: str) -> Iterator[Calcom]:
    with contextlib.ExitStack() as stack:
        server = None
        if request.param == "an MCP server":
            server = stack.enter_context(running_office(MCP_DESTRUCTIVE="true", MCP_PER_MINUTE="0"))
            for key in (Options().api_key, Options().member_key):
                server.connect(key, Remote(_sandbox, Options().org_id), api_key=key)
        calcom = Calcom(_sandbox, server=server)
        stack.callback(calcom.client.close)
        yield calcom


@pytest.fixture
def weak(calcom: Calcom) -> Iterator[Calcom]:
    """The same with the key of a plain member."""
    other = Calcom(calcom.base_url, Options().member_key, calcom.server)
    yield other
    other.client.close()


@pytest.fixture
def calcom(_running: Calcom) -> Iterator[Calcom]:
    """The sandbox as at its start. A server in between repeats nothing either."""
    _running.control("reset")
    with stamina.set_testing(True, attempts=1):
        yield _running
