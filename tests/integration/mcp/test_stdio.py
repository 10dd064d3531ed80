"""`daybook mcp --stdio`, started as a desktop client starts it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from mcp.client import Client
from mcp.client.stdio import StdioServerParameters

from tests.conftest import PATIENCE
from tests.integration.mcp.conftest import Office
from tests.integration.mcp.test_tools import DELETE, USERS
from workers.calcom.tools import TOOLS
from workers.store import audit

COMMAND = [sys.executable, "-P", "-m", "ingest", "mcp"]


def environ(office: Office) -> dict[str, str]:
    key = office.settings.secret_key
    assert key is not None
    data = {"DAYBOOK_DATA_DIR": str(office.settings.data_dir), "DAYBOOK_SECRET_KEY": key.get_secret_value()}
    return {**os.environ, **data, "DAYBOOK_LOG_FORMAT": "json"}


def test_a_desktop_client_lists_and_calls_what_its_role_covers(office: Office) -> None:
    async def talk() -> tuple[list[str], Any, Any]:
        server = StdioServerParameters(command=COMMAND[0], args=[*COMMAND[1:], "--stdio"], env=environ(office))
        async with Client(server) as client:
            names = [tool.name for tool in (await client.list_tools()).tools]
            return names, await client.call_tool(USERS, {"take": 1}), await client.call_tool(DELETE, {"userId": 90212})

    names, read, refused = asyncio.run(talk())
    assert {name for name, tool in TOOLS.items() if tool.reads} <= set(names)
    assert not {name for name, tool in TOOLS.items() if not tool.reads} & set(names)
    assert len(read.structured_content["data"]) == 1
    assert refused.is_error
    with office.store.read() as sql:
        entries = audit.page(sql, audit.Filter(name="stdio"), limit=9)
    assert [(entry.role, entry.outcome) for entry in entries] == [("viewer", "refused"), ("viewer", "done")]


def test_without_stdio_it_says_where_the_servers_are(office: Office, tmp_path: Path) -> None:
    done = subprocess.run(COMMAND, env=environ(office), cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE)

    assert done.returncode == 1
    assert "--stdio" in done.stderr
    assert "/cal-organizations" in done.stderr
