"""Every organization tool once, against the recorded contract: status, and the keys of the answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from ingest.sandbox.app import ENDPOINTS, make_sandbox
from ingest.sandbox.seed import MAYA_ID, SOFIA_ID, STRANGER_ID, TOMAS_ID
from ingest.sandbox.setup import Options

TOOLS: list[dict[str, Any]] = json.loads((Path(__file__).parents[2] / "contract" / "calcom" / "tools.json").read_text())
OOO = {"start": "2027-02-01T00:00:00Z", "end": "2027-02-05T00:00:00Z", "toUserId": SOFIA_ID}
GOOGLE = {"private_key": "k", "client_email": "a@b.example", "client_id": "1"}
ATTRIBUTE = {
    "name": "Team",
    "slug": "team",
    "type": "SINGLE_SELECT",
    "options": [{"value": "A", "slug": "a"}],
}
WEBHOOK = {"active": True, "subscriberUrl": "http://127.0.0.1:9/x", "triggers": ["BOOKING_CREATED"]}
#: the bodies to send, by the last words of the tool's name
BODIES: dict[str, dict[str, Any]] = {
    "create_organization_attribute": {**ATTRIBUTE, "slug": "other"},
    "update_organization_attribute": {"name": "Crew"},
    "create_organization_attribute_option": {"value": "B", "slug": "b"},
    "update_organization_attribute_option": {"value": "C"},
    "create_organization": {"name": "Acme Two", "metadata": {"tenant": "a2"}},
    "update_organization": {"name": "Acme Labs"},
    "create_delegation_credential": {
        "workspacePlatformSlug": "google",
        "domain": "two.example",
        "serviceAccountKey": GOOGLE,
    },
    "update_delegation_credential": {"enabled": True},
    "create_membership": {"userId": STRANGER_ID, "accepted": True},
    "update_membership": {"role": "ADMIN"},
    "create_organization_user": {"email": "ann@example.com", "metadata": {"team": "core"}},
    "update_organization_user": {"theme": "dark", "metadata": {"team": "core"}},
    "create_organization_user_ooo": {**OOO, "start": "2027-01-01T00:00:00Z"},
    "update_organization_user_ooo": {"notes": "x"},
    "create_organization_webhook": {**WEBHOOK, "subscriberUrl": "http://127.0.0.1:9/y"},
    "update_org_webhook": {"active": False},
}


def prepared(client: TestClient) -> dict[str, Any]:
    """One of everything, and the ids of it."""

    def made(path: str, body: dict[str, Any]) -> Any:
        answer = client.post(f"/v2/organizations/4821{path}", json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()["data"]["id"]

    attribute = made("/attributes", ATTRIBUTE)
    option = client.get(f"/v2/organizations/4821/attributes/{attribute}/options").json()["data"][0]["id"]
    made(f"/attributes/options/{MAYA_ID}", {"attributeId": attribute, "attributeOptionId": option})
    members = client.get("/v2/organizations/4821/memberships").json()["data"]
    changed = client.patch(f"/v2/organizations/4821/users/{MAYA_ID}", json={"metadata": {"team": "core"}})
    assert changed.status_code == 200
    return {
        "orgId": 4821,
        "userId": MAYA_ID,
        "attributeId": attribute,
        "optionId": option,
        "attributeOptionId": option,
        "membershipId": next(member["id"] for member in members if member["userId"] == MAYA_ID),
        "managedOrganizationId": made("/organizations", {"name": "Acme", "metadata": {"tenant": "a1"}}),
        "credentialId": made(
            "/delegation-credentials", {**BODIES["create_delegation_credential"], "domain": "one.example"}
        ),
        "oooId": made(f"/users/{MAYA_ID}/ooo", OOO),
        "webhookId": made("/webhooks", WEBHOOK),
    }


def keys(value: Any) -> Any:
    """The key set of what the contract calls `data`: of one object, or of a list's first."""
    if isinstance(value, list):
        return keys(value[0])
    return set(value) if isinstance(value, dict) else value


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool["tool"].removeprefix("cal_organizations_"))
def test_a_tool_answers_with_the_status_and_the_keys_of_the_contract(tool: dict[str, Any]) -> None:
    with TestClient(make_sandbox(Options(rate_limit=0))) as client:
        client.headers["Authorization"] = "Bearer cal_sandbox_owner"
        ids = prepared(client)
        if "assign_organization_attribute_option_to_user" in tool["tool"]:
            ids["userId"] = TOMAS_ID if tool["method"] == "POST" else MAYA_ID
        body = next((b for end, b in BODIES.items() if tool["tool"].endswith(f"controller_{end}")), None)
        if tool["tool"].endswith("_assign_organization_attribute_option_to_user"):
            body = {"attributeId": ids["attributeId"], "attributeOptionId": ids["optionId"]}

        answer = client.request(tool["method"], tool["path"].format(**ids), json=body)

    assert answer.status_code == tool["success_status"], answer.text
    expected, got = tool["response_example"], answer.json()
    assert set(got) == set(expected)
    assert isinstance(got["data"], list) == isinstance(expected["data"], list)
    shown, wanted = keys(got["data"]), keys(expected["data"])
    # a fresh member has no metadata, and then the key is absent
    assert shown | {"metadata"} == wanted | {"metadata"}
    if "pagination" in expected:
        assert set(got["pagination"]) == set(expected["pagination"])


def test_the_sandbox_has_exactly_the_37_tools() -> None:
    offered = {(endpoint.method, f"/v2{endpoint.path}") for endpoint in ENDPOINTS}

    assert offered == {(tool["method"], tool["path"]) for tool in TOOLS}
    assert len(ENDPOINTS) == 37
