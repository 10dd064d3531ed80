"""Signing in: with a key, with a link, too often, from elsewhere; and what a session is worth afterwards."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from ingest.dashboard import signin
from tests.integration.dashboard.conftest import Looked, looking, words
from workers.errors import StoreUnavailable
from workers.settings import Settings
from workers.store import audit, keys, sessions
from workers.store.audit import Filter
from workers.store.engine import open_store
from workers.store.keys import Role
from workers.vault import Vault

OURS = {"Origin": "http://testserver", "Sec-Fetch-Site": "same-origin"}


def _key(looked: Looked, role: Role = Role.VIEWER) -> str:
    with looked.source.store.write() as sql:
        return keys.create(sql, name="grace", role=role, now=datetime.now(UTC))[1]


def _sign_in(looked: Looked, headers: dict[str, str] | None = None, **form: str) -> httpx2.Response:
    return looked.client.post("/sign-in", data=form, headers=headers or OURS, follow_redirects=False)


def _with(answer: httpx2.Response) -> dict[str, str]:
    return {"Cookie": answer.headers["set-cookie"].partition(";")[0]}


def test_a_key_opens_a_session_and_leads_back_to_the_page_that_was_asked(looked_on_each: Looked) -> None:
    looked = looked_on_each
    asked = looked.client.get("/?a=1", follow_redirects=False)
    assert asked.headers["location"] == "/sign-in?next=/%3Fa%3D1"
    answer = _sign_in(looked, key=_key(looked), next="/?a=1")
    assert (answer.status_code, answer.headers["location"]) == (303, "/?a=1")
    page = looked.client.get("/", headers=_with(answer))
    assert page.status_code == 200
    assert "grace viewer" in words(page)


def test_the_cookie_is_hidden_from_scripts_and_from_other_sites_and_behind_tls_from_plain_http(looked: Looked) -> None:
    plain = _sign_in(looked, key=_key(looked)).headers["set-cookie"].lower()
    assert plain.startswith("daybook=")
    assert "httponly" in plain
    assert "samesite=lax" in plain
    assert "secure" not in plain
    with looked.source.store.write() as sql:
        key = keys.create(sql, name="behind tls", role=Role.VIEWER, now=datetime.now(UTC))[1]
    behind = _sign_in(looked, {**OURS, "X-Forwarded-Proto": "https"}, key=key).headers["set-cookie"]
    assert behind.startswith("__Host-daybook=")
    assert "; secure" in behind.lower()


def test_what_is_no_key_opens_nothing_and_says_what_to_do(looked: Looked) -> None:
    for wrong in ("", "daybook_x", "\udc80".encode("utf-8", "surrogatepass").decode("latin-1"), "x" * 5_000):
        answer = _sign_in(looked, key=wrong)
        assert answer.status_code == 401
        assert "daybook keys link NAME" in words(answer)
        assert "set-cookie" not in answer.headers


def test_a_link_is_not_used_up_by_being_looked_at_and_works_once(looked_on_each: Looked) -> None:
    looked = looked_on_each
    with looked.source.store.write() as sql:
        link = sessions.make_link(sql, keys.digest(_key_in(sql)), now=datetime.now(UTC))
    for _ in range(2):
        assert looked.client.get(f"/sign-in?link={link}").status_code == 200
    first, second = _sign_in(looked, link=link), _sign_in(looked, link=link)
    assert first.status_code == 303
    assert looked.client.get("/", headers=_with(first)).status_code == 200
    assert second.status_code == 401
    assert "was used" in words(second)


def _key_in(sql: object) -> str:
    return keys.create(sql, name="first", role=Role.ADMIN, now=datetime.now(UTC))[1]  # type: ignore[arg-type]


def test_too_many_attempts_from_one_address_have_to_wait_and_are_said_once(
    sqlite_database: str, vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signin, "PER_MINUTE", 4)
    chosen = "a key that a person chose"
    settings = Settings(data_dir=tmp_path, rules=tmp_path / "rules", admin_key=SecretStr(chosen))
    with contextlib.closing(open_store(sqlite_database)) as store, looking(store, vault, settings) as looked:
        assert _sign_in(looked, key=chosen).status_code == 303
        with capture_logs() as lines:
            for form in ({"key": "wrong"}, {"key": chosen}, {"link": "wrong"}):
                answer = _sign_in(looked, None, **form)
                assert answer.status_code == 429
                assert "try again in" in words(answer)
        assert [line["event"] for line in lines].count("signin.too_often") == 1


def test_nobody_who_guesses_keeps_out_who_has_a_key_or_a_link(
    looked_on_each: Looked, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = looked_on_each
    monkeypatch.setattr(signin, "PER_MINUTE", 4)
    key = _key(looked)
    with looked.source.store.write() as sql:
        link = sessions.make_link(sql, keys.digest(key), now=datetime.now(UTC))
    assert [_sign_in(looked, key="wrong").status_code for _ in range(2)] == [401, 429]
    assert _sign_in(looked, key=key).status_code == 303
    assert _sign_in(looked, link=link).status_code == 303


def test_another_origin_cannot_sign_anybody_in(looked: Looked) -> None:
    key = _key(looked)
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
        answer = _sign_in(looked, headers, key=key)
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers


def test_a_session_is_worth_nothing_once_its_key_is_revoked(looked: Looked) -> None:
    answer = _sign_in(looked, key=_key(looked))
    with looked.source.store.write() as sql:
        mine = next(key for key in keys.every(sql) if key.name == "grace")
        keys.revoke(sql, mine.id, now=datetime.now(UTC))
    gone = looked.client.get("/", headers=_with(answer), follow_redirects=False)
    assert gone.headers["location"].startswith("/sign-in")


def test_who_signs_out_has_no_session_any_more_even_with_its_cookie(looked: Looked) -> None:
    assert looked.post("/sign-out", role=Role.VIEWER).headers["location"] == "/sign-in"
    assert looked.get("/").headers["location"].startswith("/sign-in")
    assert looked.get("/", role=Role.ADMIN).status_code == 200


def test_nobody_is_signed_out_by_another_page(looked: Looked) -> None:
    looked.post("/sign-out", role=Role.VIEWER, csrf=None)
    assert looked.get("/").status_code == 200


def test_what_signs_nobody_out_says_why_and_leaves_the_session(looked: Looked, monkeypatch: pytest.MonkeyPatch) -> None:
    headers = {**looked.cookie(Role.VIEWER), "Content-Type": "application/json"}
    answer = looked.client.post("/sign-out", content=b"{}", headers=headers, follow_redirects=False)
    assert (answer.status_code, "this takes a form" in words(answer)) == (400, True)

    def away(*_: object) -> None:
        raise StoreUnavailable("the database did not answer.")

    with monkeypatch.context() as patched:
        patched.setattr(sessions, "end", away)
        assert looked.post("/sign-out", role=Role.VIEWER).status_code == 503
    assert looked.get("/").status_code == 200


def test_who_signed_in_is_in_the_audit_log_without_the_key(looked: Looked) -> None:
    key = _key(looked)
    _sign_in(looked, key=key)
    with looked.source.store.read() as sql:
        entry = audit.page(sql, Filter(what="sign in"), limit=1)[0]
    assert (entry.name, entry.door, entry.outcome) == ("grace", "dashboard", "done")
    assert key not in str(entry)


def test_every_answer_holds_its_page_to_itself(looked: Looked) -> None:
    for path in ("/", "/sign-in", "/nowhere", "/static/x/none.css"):
        answer = looked.get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"


def test_what_pages_are_made_with_is_kept_by_browsers_until_it_changes(looked: Looked) -> None:
    page = looked.client.get("/sign-in").text
    address = page.partition('rel="stylesheet" href="')[2].partition('"')[0]
    answer = looked.client.get(address)
    assert answer.headers["content-type"].startswith("text/css")
    assert "immutable" in answer.headers["cache-control"]
    old = looked.client.get("/static/0/daybook.css")
    assert (old.status_code, old.headers["cache-control"]) == (200, "no-cache")
    assert looked.client.get("/static/0/..%2Flook.py", follow_redirects=False).status_code in (303, 404)


def test_a_form_that_is_none_or_too_large_is_refused_with_its_reason(looked: Looked) -> None:
    for body, kind in (
        (b"{}", "application/json"),
        (b"key=" + b"x" * 1_100_000, "application/x-www-form-urlencoded"),
        (b"&".join(b"a=1" for _ in range(400)), "application/x-www-form-urlencoded"),
    ):
        answer = looked.client.post("/sign-in", content=body, headers={**OURS, "Content-Type": kind})
        assert answer.status_code == 400
        assert "the form" in words(answer) or "takes a form" in words(answer)
