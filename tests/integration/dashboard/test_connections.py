"""The pages of connections: added, tested and removed as by the command line; a credential is on none of them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.dashboard.conftest import Looked, words
from tests.integration.registration.conftest import Sandbox, running_sandbox, sandbox
from workers.store import audit, connections
from workers.store.audit import Filter
from workers.store.budgets import SqlBudget
from workers.store.keys import Role

__all__ = ["running_sandbox", "sandbox"]  # fixtures

KEY = "cal_sandbox_owner"


def given(**changed: str) -> dict[str, str]:
    """The form as it is sent."""
    form = {
        "connection": "acme",
        "kind": "calcom",
        "base_url": "https://api.cal.example/v2",
        "org_id": "4821",
        "per_minute": "90",
        "api_key": KEY,
    }
    return {**form, **changed}


def add(looked: Looked, **changed: str) -> Any:
    return looked.post("/connections", role=Role.ADMIN, **given(**changed))


def kept(looked: Looked) -> dict[str, tuple[connections.Connection, str]]:
    with looked.filled.store.read() as sql:
        return {pcid: connections.get(sql, looked.source.vault, pcid) for pcid in connections.names(sql)}


def logged(looked: Looked) -> list[dict[str, Any]]:
    with looked.filled.store.read() as sql:
        return [audit.shape(row) for row in audit.page(sql, Filter(), limit=50)]


def test_a_connection_is_kept_and_its_credential_is_neither_shown_nor_logged(looked_on_each: Looked) -> None:
    looked = looked_on_each
    answer = add(looked)
    assert (answer.status_code, answer.headers["location"]) == (303, "/connections")
    row, credential = kept(looked)["acme"]
    assert (row.base_url, row.org_id, row.per_minute) == ("https://api.cal.example/v2", 4821, 90)
    assert KEY in credential
    pages = [looked.get(path, role=Role.ADMIN).text for path in ("/connections", "/connections/add?connection=acme")]
    assert "acme" in pages[0]
    (entry,) = logged(looked)
    assert (entry["what"], entry["connection"], entry["outcome"]) == ("POST /connections", "acme", "done")
    assert KEY not in f"{pages}{entry}{answer.headers}"


def test_of_an_mcp_server_only_the_host_is_listed(looked: Looked) -> None:
    url = "https://tools.acme.example/t0ken-in-the-path"
    assert add(looked, kind="mcp", base_url=url, api_key="", token="mcp_secret", remote_pcid="far").status_code == 303
    for role in Role:
        listed = looked.get("/connections", role=role)
        assert "tools.acme.example" in listed.text
        assert "t0ken" not in listed.text
    assert "t0ken" not in str(logged(looked))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"connection": ""}, "PCID must be"),
        ({"connection": "a b"}, "PCID must be"),
        ({"connection": "a\0"}, "PCID must be"),
        ({"kind": "zapier"}, "calcom or mcp"),
        ({"org_id": "0"}, "from 1 to 2147483647"),
        ({"org_id": "٣"}, "whole number"),
        ({"per_minute": "-1"}, "whole number"),
        ({"base_url": "ftp://x"}, "base URL must be"),
        ({"base_url": "https://ada:hunter2@x/v2"}, "nothing before an @"),
        ({"api_key": ""}, "Give an API key"),
        ({"api_key": "two words"}, "paste it alone"),
        ({"client_id": "c"}, "Give an API key"),
        ({"token": "t"}, "an MCP server's"),
        ({"kind": "mcp", "base_url": "", "api_key": "", "token": "t"}, "base URL is needed"),
        ({"kind": "mcp", "token": "t"}, "takes a token"),
        ({"kind": "mcp", "api_key": ""}, "takes a token"),
    ],
)
def test_what_is_wrong_is_said_above_the_form_which_keeps_all_but_the_credential(
    looked: Looked, changed: dict[str, str], said: str
) -> None:
    answer = add(looked, **changed)
    assert answer.status_code == 400
    assert said in words(answer)
    assert KEY not in answer.text
    assert kept(looked) == {}
    assert logged(looked)[0]["outcome"] == "refused"


def test_one_that_is_there_is_changed_only_where_that_is_said(looked: Looked) -> None:
    add(looked)
    again = add(looked, org_id="7")
    assert again.status_code == 409
    assert kept(looked)["acme"][0].org_id == 4821
    assert add(looked, org_id="7", api_key="cal_other", replace="yes").status_code == 303
    row, credential = kept(looked)["acme"]
    assert row.org_id == 7
    assert "cal_other" in credential


def test_a_test_says_what_calcom_said(looked: Looked, sandbox: Sandbox) -> None:
    add(looked, base_url=sandbox.base_url)
    add(looked, connection="wrong", base_url=sandbox.base_url, api_key="cal_wrong")
    works = looked.post("/connections/test", role=Role.ADMIN, connection="acme")
    assert works.status_code == 303
    assert "acme%20works" in works.headers["set-cookie"]
    fails = looked.post("/connections/test", role=Role.ADMIN, connection="wrong")
    assert fails.status_code == 502
    assert "refused the credential" in words(fails)
    assert "cal_wrong" not in fails.text
    newest, before = logged(looked)[:2]
    assert (before["outcome"], newest["outcome"], newest["connection"]) == ("done", "failed", "wrong")
    assert newest["detail"].startswith("unauthorized: ")


def test_a_connection_is_removed_once_that_is_meant_and_nothing_uses_it(looked: Looked) -> None:
    looked.filled.webhook("org", "acme")
    add(looked, connection="other/one?#%")
    unsure = looked.post("/connections/remove", role=Role.ADMIN, connection="other/one?#%")
    used = looked.post("/connections/remove", role=Role.ADMIN, connection="acme", sure="yes")
    assert (unsure.status_code, used.status_code) == (400, 409)
    assert "used by the webhooks org" in words(used)
    assert set(kept(looked)) == {"acme", "other/one?#%"}
    gone = looked.post("/connections/remove", role=Role.ADMIN, connection="other/one?#%", sure="yes")
    assert gone.status_code == 303
    assert set(kept(looked)) == {"acme"}


@pytest.mark.parametrize("verb", ["test", "remove"])
def test_one_that_is_not_there_is_not_found(looked: Looked, verb: str) -> None:
    for pcid in ("", "acme", "a\0"):
        assert looked.post(f"/connections/{verb}", role=Role.ADMIN, connection=pcid, sure="yes").status_code == 404


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_who_is_no_admin_sees_no_button(looked: Looked, role: Role) -> None:
    add(looked)
    listed = looked.get("/connections", role=role)
    assert "acme" in listed.text
    assert "<button" not in listed.text.partition("<main")[2]
    assert "/connections/add" not in listed.text


def test_what_is_left_of_a_budget_is_shown_and_a_halt(looked_on_each: Looked) -> None:
    looked = looked_on_each
    add(looked, per_minute="60")
    add(looked, connection="free", per_minute="0")
    budget = SqlBudget(looked.filled.store, "acme", 60)
    budget.reserve()
    said = words(looked.get("/connections"))
    assert "60 a minute, 9 at once now" in said or "60 a minute, 10 at once now" in said  # a second gives one back
    assert "no limit of ours" in said
    budget.halt(120)
    assert "halted by Cal.com" in words(looked.get("/connections"))
