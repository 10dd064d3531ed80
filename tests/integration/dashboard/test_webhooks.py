"""The pages of webhooks with the sandbox as Cal.com: planned, applied, rotated and tested as an admin does it."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography.fernet import Fernet

from ingest import server
from ingest.web import make_app
from tests.conftest import PATIENCE, free_port
from tests.integration.dashboard.conftest import Looked, looking, words
from tests.integration.registration.conftest import WANTED, Sandbox, running_sandbox, sandbox
from workers.calcom.connection import BearerKey
from workers.persist import persist
from workers.reach import pack
from workers.settings import Settings
from workers.store import audit, connections, receipts, webhooks
from workers.store.audit import Filter
from workers.store.engine import Store, open_store
from workers.store.keys import Role
from workers.vault import Vault

__all__ = ["running_sandbox", "sandbox"]  # fixtures


@dataclass
class Office:
    """The pages of an installation whose connection `acme` is the sandbox; daybook.yaml wants two webhooks."""

    looked: Looked
    store: Store
    vault: Vault
    settings: Settings

    def want(self, text: str) -> None:
        assert self.settings.config is not None
        self.settings.config.write_text(text)

    def get(self, path: str, role: Role = Role.ADMIN) -> httpx2.Response:
        return self.looked.get(path, role=role)

    def post(self, path: str, **fields: Any) -> httpx2.Response:
        return self.looked.post(path, role=Role.ADMIN, **fields)

    def adopt(self, name: str) -> None:
        """A webhook that the sandbox does not have, as if made in Cal.com's pages where the tools do not reach."""
        with self.store.write() as sql:
            webhooks.add(
                sql, self.vault, name=name, pcid="acme", token=f"token-of-{name}", secret="s3cret", origin="adopted",
                now=datetime.now(UTC),
            )  # fmt: skip

    def apply(self, **fields: str) -> httpx2.Response:
        """Plan, look, and apply what was seen."""
        seen = re.search(r'name="seen" value="(\w+)"', self.post("/webhooks/plan").text)
        return self.post("/webhooks/apply", sure="yes", seen=seen[1] if seen else "", **fields)

    def secrets(self) -> list[str]:
        """Everything that no page may show."""
        with self.store.read() as sql:
            found = webhooks.every(sql, self.vault)
        return [text for one in found for text in (one.token, *(secret.key for secret in one.secrets))]

    def entries(self) -> list[dict[str, Any]]:
        with self.store.read() as sql:
            return [audit.shape(row) for row in audit.page(sql, Filter(), limit=50)]


@pytest.fixture
def office(sqlite_database: str, sandbox: Sandbox, tmp_path: Path) -> Iterator[Office]:
    """An installation of its own."""
    key = Fernet.generate_key().decode()
    settings = Settings.model_validate(
        {
            "data_dir": tmp_path,
            "database_url": sqlite_database,
            "broker_url": f"unix://{tmp_path}/none.sock",
            "secret_key": key,
            "config": tmp_path / "daybook.yaml",
            "port": free_port(),
            "rules": tmp_path / "rules",
        }
    )
    vault = Vault([key])
    row = connections.Connection("acme", connections.Kind.CALCOM, sandbox.base_url, 4821, 0, datetime.now(UTC))
    with contextlib.closing(open_store(sqlite_database)) as store:
        with store.write() as sql:
            connections.add(sql, vault, row, pack(BearerKey("cal_sandbox_owner")))
        with looking(store, vault, settings) as looked:
            made = Office(looked, store, vault, settings)
            made.want(WANTED)
            yield made


@contextlib.contextmanager
def running(office: Office) -> Iterator[None]:
    """Its web process takes deliveries, and something makes events of them."""
    made = server.server(make_app(office.settings), office.settings, server.Bounds())
    ended = threading.Event()

    def work() -> None:
        while not ended.wait(0.05):
            with office.store.read() as sql:
                ids = receipts.waiting(sql, before=datetime.now(UTC), limit=10)
            persist(office.store, ids)

    threads = [threading.Thread(target=made.run), threading.Thread(target=work)]
    for thread in threads:
        thread.start()
    try:
        deadline = time.monotonic() + PATIENCE
        while not made.started:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield
    finally:
        made.should_exit = True
        ended.set()
        for thread in threads:
            thread.join()


def test_a_plan_shows_what_would_change_and_changes_nothing(office: Office, sandbox: Sandbox) -> None:
    answer = office.post("/webhooks/plan")
    assert answer.status_code == 200
    assert "org acme missing" in words(answer)
    assert "few acme missing" in words(answer)
    assert "2 to change at Cal.com" in words(answer)
    assert "DAYBOOK_PUBLIC_URL is not set" in words(answer)
    assert sandbox.webhooks() == []
    assert "missing few" in words(office.get("/webhooks"))  # the last look is kept


def test_what_was_planned_is_applied_and_then_there_is_nothing_to_do(office: Office, sandbox: Sandbox) -> None:
    applied = office.apply()
    assert applied.status_code == 200
    assert "org acme made" in words(applied)
    assert len(sandbox.webhooks()) == 2
    listed = office.get("/webhooks", Role.VIEWER)
    assert words(listed).count("registered as wanted") == 2
    planned = office.post("/webhooks/plan")
    assert words(planned).count("unchanged") == 2
    assert 'action="/webhooks/apply"' not in planned.text
    pages = [applied, listed, planned, office.get("/webhooks/org"), office.get("/audit")]
    shown = "".join(page.text for page in pages) + str(office.entries())
    assert [secret for secret in office.secrets() if secret in shown] == []
    assert [entry["outcome"] for entry in office.entries()] == ["done"] * 3


def test_nothing_is_applied_that_was_not_confirmed_or_is_not_what_was_seen(office: Office, sandbox: Sandbox) -> None:
    assert office.post("/webhooks/apply", seen="x").status_code == 400
    unseen = office.post("/webhooks/apply", seen="x", sure="yes")
    assert unseen.status_code == 409
    assert "not as they were when you looked" in words(unseen)
    assert "2 to change at Cal.com" in words(unseen)
    assert sandbox.webhooks() == []
    assert {entry["outcome"] for entry in office.entries()} == {"refused"}


def test_what_nobody_wants_is_deleted_only_where_that_is_ticked(office: Office, sandbox: Sandbox) -> None:
    office.apply()
    office.want("webhooks: [{name: org, connection: acme}]")
    assert "Nothing had to be changed" in words(office.apply())
    assert len(sandbox.webhooks()) == 2
    assert "few acme deleted at Cal.com" in words(office.apply(prune="yes"))
    assert len(sandbox.webhooks()) == 1
    assert office.entries()[0]["arguments"] == {"prune": "yes"}


def test_pruning_without_a_word_in_daybook_yaml_is_refused(office: Office, sandbox: Sandbox) -> None:
    office.apply()
    office.want("port: 8787")
    planned = office.post("/webhooks/plan")
    assert "says nothing of webhooks" in words(planned)
    assert office.apply(prune="yes").status_code == 400
    assert len(sandbox.webhooks()) == 2


def test_what_calcom_refuses_is_said_with_what_to_do_and_written_down_as_failed(office: Office) -> None:
    with office.store.write() as sql:
        row = next(iter(connections.every(sql)))
        connections.replace(sql, office.vault, row, pack(BearerKey("cal_wrong")))
    planned = office.post("/webhooks/plan")
    assert planned.status_code == 502
    assert "acme could not be seen." in words(planned)
    assert "cal_wrong" not in planned.text
    assert "refused the credential" in words(office.get("/webhooks"))  # the last look is kept
    (entry,) = office.entries()
    assert entry["outcome"] == "failed"
    assert entry["detail"].startswith("unauthorized: ")


@pytest.mark.parametrize(("text", "said"), [("webhooks: {", "not YAML"), ("webhooks: [{name: a}]", "connection must")])
def test_a_wrong_daybook_yaml_is_a_page_that_says_so(office: Office, text: str, said: str) -> None:
    office.want(text)
    answer = office.post("/webhooks/plan")
    assert answer.status_code == 502
    assert said in words(answer)


def test_a_secret_is_rotated_and_the_old_one_ends_when_it_was_said_to(office: Office, sandbox: Sandbox) -> None:
    office.apply()
    before = office.secrets()
    answer = office.post("/webhooks/org/rotate", overlap="1h")
    assert (answer.status_code, answer.headers["location"]) == (303, "/webhooks/org")
    page = office.get("/webhooks/org")
    assert "current" in words(page)
    assert "replaced" in words(page)
    (new,) = set(office.secrets()) - set(before)
    assert new in {one["secret"] for one in sandbox.webhooks()}
    assert new not in f"{answer.headers}{page.text}{office.entries()}"
    assert office.entries()[0]["arguments"] == {"name": "org", "overlap": "1h"}


def test_the_secret_of_an_adopted_webhook_is_shown_once_to_be_pasted(office: Office) -> None:
    office.adopt("byhand")
    answer = office.post("/webhooks/byhand/rotate", overlap="7d")
    found = re.search(r'<code id="once"[^>]*>([^<]+)</code>', answer.text)
    assert answer.status_code == 200
    assert found is not None
    assert unescape(found[1]) in office.secrets()
    assert found[1] not in office.get("/webhooks/byhand").text + str(office.entries())
    typed = office.post("/webhooks/byhand/rotate", secret="typed by hand")
    assert "typed by hand" in office.secrets()
    assert "typed by hand" not in str(office.entries())
    assert typed.status_code == 200


@pytest.mark.parametrize("fields", [{"overlap": "soon"}, {"secret": "s3cret"}])
def test_a_rotation_that_cannot_be_is_said_on_the_webhooks_page(office: Office, fields: dict[str, str]) -> None:
    office.adopt("byhand")
    answer = office.post("/webhooks/byhand/rotate", **fields)
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    assert office.entries()[0]["outcome"] == "refused"


def test_a_whole_url_is_an_admins_to_see_and_that_is_written_down(office: Office) -> None:
    office.adopt("byhand")
    assert "token-of-byhand" not in office.get("/webhooks/byhand").text
    for role in (Role.VIEWER, Role.OPERATOR):
        refused = office.get("/webhooks/byhand/url", role)
        assert refused.status_code == 403
        assert "token-of-byhand" not in refused.text
    assert "/in/token-of-byhand" in office.get("/webhooks/byhand/url").text
    assert [entry["outcome"] for entry in office.entries()] == ["done", "refused", "refused"]
    assert "token-of-byhand" not in str(office.entries())


def test_a_test_sends_a_signed_sample_and_shows_what_became_of_it(office: Office) -> None:
    office.apply()
    with running(office):
        answer = office.post("/webhooks/org/test", trigger="BOOKING_CREATED")
    assert answer.status_code == 200
    assert "Answered 202 kept" in words(answer)
    assert "Became an event" in words(answer)
    found = re.search(r'href="/events/([0-9a-f-]{36})"', answer.text)
    assert found is not None
    assert f'href="/deliveries/{found[1]}"' in answer.text
    assert [secret for secret in office.secrets() if secret in answer.text] == []


def test_a_test_that_nobody_answers_or_of_no_trigger_says_so(office: Office) -> None:
    office.apply()
    unanswered = office.post("/webhooks/org/test", trigger="PING")
    assert unanswered.status_code == 502
    assert "did not answer" in words(unanswered)
    assert [secret for secret in office.secrets() if secret in unanswered.text] == []
    assert office.post("/webhooks/org/test", trigger="NONE").status_code == 404
    assert office.post("/webhooks/org/test", trigger="PING", version="1").status_code == 400


@pytest.mark.parametrize("verb", ["rotate", "test"])
def test_a_webhook_that_is_not_there_is_not_found(office: Office, verb: str) -> None:
    for name in ("nobody", "%00", "a%2Fb"):
        assert office.post(f"/webhooks/{name}/{verb}").status_code == 404
        assert office.get(f"/webhooks/{name}").status_code == 404
        assert office.get(f"/webhooks/{name}/url").status_code == 404


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_who_is_no_admin_sees_how_things_stand_and_no_button(office: Office, role: Role) -> None:
    office.adopt("byhand")
    for path in ("/webhooks", "/webhooks/byhand"):
        page = office.get(path, role)
        assert "byhand" in page.text
        assert "<button" not in page.text.partition("<main")[2]
