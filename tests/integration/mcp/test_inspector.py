"""Clients that are not Python, where they are installed (they need Node): the protocol's own, and its inspector.

`npm install --prefix DIR @modelcontextprotocol/sdk`, then `DAYBOOK_TESTS_MCP_SDK=DIR make test`;
`npm install --prefix DIR @modelcontextprotocol/inspector`, then `DAYBOOK_TESTS_MCP_INSPECTOR=DIR make test`.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import PATIENCE
from tests.integration.mcp.conftest import TOOLS as SERVER
from tests.integration.mcp.conftest import Calcom, Office
from tests.integration.mcp.test_tools import arguments_for, state
from tests.integration.sandbox.test_contract import prepared
from workers.calcom.tools import TOOLS
from workers.store.keys import Role

SDK = os.environ.get("DAYBOOK_TESTS_MCP_SDK")
INSPECTOR = os.environ.get("DAYBOOK_TESTS_MCP_INSPECTOR")


@pytest.mark.skipif(SDK is None, reason="DAYBOOK_TESTS_MCP_SDK does not say where the JavaScript client is")
def test_a_javascript_client_lists_and_calls_each_tool_and_the_effect_is_at_cal_com(
    office: Office, calcom: Calcom
) -> None:
    script, sdk = Path(__file__).with_name("inspect.mjs"), f"{SDK}/node_modules/@modelcontextprotocol/sdk"
    words = ["node", str(script), sdk, f"{office.url}{SERVER}", office.key(Role.ADMIN)]
    with (
        subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process,
        calcom.http as http,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        assert json.loads(process.stdout.readline()) == list(TOOLS)
        for name, tool in TOOLS.items():
            calcom.reset()
            ids = prepared(http)  # type: ignore[arg-type]  # its posts and gets are a test client's
            if name.endswith("_assign_organization_attribute_option_to_user"):
                ids["userId"] = 90212
            before = state(http, ids["attributeId"])
            process.stdin.write(json.dumps({"name": name, "arguments": arguments_for(name, ids)}) + "\n")
            process.stdin.flush()
            result = json.loads(process.stdout.readline())
            assert not result.get("isError"), (name, result)
            assert result["structuredContent"]["status"] == "success"
            effect = state(http, ids["attributeId"]) != before
            assert effect == (not tool.reads and "delegation" not in name), name
        process.stdin.close()
        assert process.wait(PATIENCE) == 0


def inspect(office: Office, *words: str) -> Any:
    """What the inspector prints."""
    command = [f"{INSPECTOR}/node_modules/.bin/mcp-inspector", "--cli", f"{office.url}{SERVER}", "--transport", "http"]
    key = f"Authorization: Bearer {office.key(Role.ADMIN)}"
    done = subprocess.run([*command, "--header", key, *words], capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return json.loads(done.stdout)


@pytest.mark.skipif(INSPECTOR is None, reason="DAYBOOK_TESTS_MCP_INSPECTOR does not say where the inspector is")
def test_the_inspector_lists_and_calls_each_tool_and_the_effect_is_at_cal_com(office: Office, calcom: Calcom) -> None:
    listed = inspect(office, "--method", "tools/list", "--strict")
    assert [tool["name"] for tool in listed["tools"]] == list(TOOLS)
    for name, tool in TOOLS.items():
        calcom.reset()
        with calcom.http as http:
            ids = prepared(http)  # type: ignore[arg-type]  # its posts and gets are a test client's
            if name.endswith("_assign_organization_attribute_option_to_user"):
                ids["userId"] = 90212
            before = state(http, ids["attributeId"])
            words = [
                word
                for key, value in arguments_for(name, ids).items()
                for word in ("--tool-arg", f"{key}={value if isinstance(value, str) else json.dumps(value)}")
            ]
            result = inspect(office, "--method", "tools/call", "--tool-name", name, *words)
            effect = state(http, ids["attributeId"]) != before
        assert not result.get("isError"), (name, result)
        assert result["structuredContent"]["status"] == "success"
        assert effect == (not tool.reads and "delegation" not in name), name
