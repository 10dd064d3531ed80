"""Who is signed in on the pages may ask the API too, and change something where our own page says so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from ingest import forgery
from tests.integration.api.conftest import Asked
from workers.store import keys, sessions
from workers.store.keys import Role

_SOME = UUID(int=7)


def _signed_in(asked: Asked, role: Role) -> str:
    now = datetime.now(UTC)
    with asked.filled.store.write() as sql:
        return sessions.begin(
            sql, name="ada", role=role, key_digest=keys.digest(asked.keys[role]), now=now, lives=timedelta(hours=1)
        )


def test_who_is_signed_in_reads_with_the_cookie_alone(asked: Asked) -> None:
    cookie = {"Cookie": f"daybook={_signed_in(asked, Role.VIEWER)}"}
    assert asked.client.get("/api/v1/events", headers=cookie).status_code == 200
    assert asked.client.get("/api/v1/keys", headers=cookie).status_code == 403
    assert asked.client.get("/api/v1/events", headers={"Cookie": "daybook=x"}).status_code == 401


def test_what_changes_something_takes_the_sessions_token_and_a_page_of_ours(asked: Asked) -> None:
    session = _signed_in(asked, Role.OPERATOR)
    path, token = f"/api/v1/runs/{_SOME}/cancel", forgery.token(session)
    cookie = {"Cookie": f"daybook={session}"}
    for headers in ({}, {"X-CSRF-Token": "x"}, {"X-CSRF-Token": token, "Origin": "https://evil.example"}):
        assert asked.client.post(path, headers={**cookie, **headers}).status_code == 403
    meant = {**cookie, "X-CSRF-Token": token, "Origin": "http://testserver"}
    assert asked.client.post(path, headers=meant).status_code == 404


def test_a_key_comes_before_a_cookie(asked: Asked) -> None:
    cookie = {"Cookie": f"daybook={_signed_in(asked, Role.ADMIN)}"}
    assert asked.client.get("/api/v1/keys", headers={**cookie, **asked.headers(Role.VIEWER)}).status_code == 403
