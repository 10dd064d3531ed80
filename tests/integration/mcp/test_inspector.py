"""A client that is not Python: the protocol's own for JavaScript, where it is installed (it needs Node).

`npm install --prefix DIR @modelcontextprotocol/sdk`, then `DAYBOOK_TESTS_MCP_SDK=DIR make test`.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.conftest import PATIENCE
from tests.integration.mcp.conftest import TOOLS as SERVER
from tests.integration.mcp.conftest import Calcom, Office
from tests.integration.mcp.test_tools import arguments_for, state
from tests.integration.sandbox.test_contract import prepared
from workers.calcom.tools import TOOLS
from workers.store.keys import Role

SDK = os.environ.get("DAYBOOK_TESTS_MCP_SDK")


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
