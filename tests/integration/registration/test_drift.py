"""Whether Cal.com's webhooks are still as they were registered: seen by command and over HTTP, and kept."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator

import pytest

from tests.integration.registration.conftest import Daybook, Sandbox
from workers import drift
from workers.errors import Conflict
from workers.settings import Settings, load
from workers.store import budgets, drifts, webhooks
from workers.store.drifts import Look
from workers.store.engine import Store, open_store
from workers.vault import Vault, open_vault


@contextlib.contextmanager
def inside(daybook: Daybook) -> Iterator[tuple[Settings, Store, Vault]]:
    """The installation's settings, store and vault."""
    settings = load({name: value for name, value in daybook.environ.items() if name.startswith("DAYBOOK_")})
    with contextlib.closing(open_store(settings.database)) as store:
        yield settings, store, open_vault(settings)


def last(store: Store) -> Look:
    with store.read() as sql:
        return drifts.every(sql)[0]


def switch_off(daybook: Daybook, sandbox: Sandbox) -> None:
    """What Cal.com does after an answer of 410."""
    (there,) = [one for one in sandbox.webhooks() if len(one["triggers"]) > 1]
    daybook.run(
        "tools", "call", "cal_organizations_webhooks_controller_update_org_webhook", "--PCID", "acme",
        "--json-args", json.dumps({"webhookId": there["id"], "active": False}),
    )  # fmt: skip


def test_a_plan_is_kept_without_secrets_and_tokens(daybook: Daybook, sandbox: Sandbox) -> None:
    daybook.run("webhooks", "plan")
    with inside(daybook) as (_settings, store, vault):
        assert [one["kind"] for one in last(store).differences] == ["missing", "missing"]

        daybook.run("webhooks", "apply")
        switch_off(daybook, sandbox)
        daybook.run("webhooks", "plan")
        seen = last(store)
        assert [(one["webhook"], one["kind"]) for one in seen.differences] == [("org", "switched_off")]
        assert seen.differences[0]["fields"] == [{"field": "active", "there": False, "wanted": True}]

        daybook.want("webhooks: []")
        daybook.run("webhooks", "plan")
        kept = json.dumps(last(store).differences)
        assert '"extra"' in kept
        with store.read() as sql:
            for one in webhooks.every(sql, vault):
                assert one.token not in kept
                assert one.token[-4:] not in kept
                assert one.secrets[0].key not in kept


def test_where_daybook_yaml_says_nothing_a_plan_is_not_kept(daybook: Daybook) -> None:
    daybook.want("port: 8787")
    daybook.run("webhooks", "plan")
    with inside(daybook) as (_settings, store, _vault):
        assert last(store).at is None


def test_a_look_for_somebody_who_waits_sees_what_changed_meanwhile(
    daybook: Daybook, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(daybook.folder)
    daybook.run("webhooks", "apply")
    with inside(daybook) as (settings, store, vault):
        drift.look_now(settings, store, vault, "acme")
        assert (last(store).differences, last(store).problem) == ([], None)
        switch_off(daybook, sandbox)
        drift.look_now(settings, store, vault, "acme")
        assert [one["kind"] for one in last(store).differences] == ["switched_off"]


def test_a_look_for_which_there_is_no_budget_leaves_what_was_seen_before(
    daybook: Daybook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(daybook.folder)
    daybook.run("webhooks", "plan")
    with inside(daybook) as (settings, store, vault):
        before = last(store)
        budgets.SqlBudget(store, "acme", 90).halt(600)
        with pytest.raises(Conflict, match="budget"):
            drift.look_now(settings, store, vault, "acme")
        assert last(store) == before


def test_what_cal_com_has_against_a_look_is_kept(daybook: Daybook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(daybook.folder)
    daybook.connect("cal_wrong")
    with inside(daybook) as (settings, store, vault):
        drift.look_now(settings, store, vault, "acme")
        seen = last(store)
        assert seen.problem is not None
        assert "cal_wrong" not in seen.problem
