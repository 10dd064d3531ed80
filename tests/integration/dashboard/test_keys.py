"""The page of keys: made and shown once, a link that signs in once, revoked."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import urlsplit
from uuid import UUID

import httpx2
import pytest

from tests.integration.dashboard.conftest import Looked, words
from workers.store import audit, keys
from workers.store.audit import Filter
from workers.store.keys import Key, Role


def live(looked: Looked, name: str) -> Key:
    with looked.filled.store.read() as sql:
        return next(key for key in keys.every(sql) if key.name == name and key.revoked_at is None)


def logged(looked: Looked) -> str:
    with looked.filled.store.read() as sql:
        return str([audit.shape(row) for row in audit.page(sql, Filter(), limit=50)])


def once(answer: httpx2.Response) -> str:
    """What a page shows this one time."""
    found = re.search(r'<code id="once"[^>]*>([^<]+)</code>', answer.text)
    assert found is not None
    return unescape(found[1])


def test_a_key_is_shown_on_the_page_that_answers_and_nowhere_else(looked: Looked) -> None:
    answer = looked.post("/keys", role=Role.ADMIN, name="dash <b>", key_role="operator")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    text = once(answer)
    with looked.filled.store.read() as sql:
        found = keys.find(sql, text)
    assert found is not None
    assert (found.name, found.role) == ("dash <b>", Role.OPERATOR)
    listed = looked.get("/keys", role=Role.ADMIN)
    assert "dash <b>" not in listed.text
    assert "dash &lt;b&gt;" in listed.text
    assert text not in listed.text + logged(looked)
    assert "dash <b>" in logged(looked)


@pytest.mark.parametrize(
    ("name", "key_role", "status", "said"),
    [
        ("", "viewer", 400, "1 to 100 printable characters"),
        ("a\x1bb", "viewer", 400, "printable"),
        ("x" * 101, "viewer", 400, "printable"),
        ("mine", "owner", 400, "one of viewer, operator, admin"),
        ("a viewer", "viewer", 409, "already"),
    ],
)
def test_what_is_wrong_is_said_beside_the_form_and_written_down_as_refused(
    looked: Looked, name: str, key_role: str, status: int, said: str
) -> None:
    answer = looked.post("/keys", role=Role.ADMIN, name=name, key_role=key_role)
    assert answer.status_code == status
    assert said in words(answer)
    assert 'name="key_role"' in answer.text
    with looked.filled.store.read() as sql:
        assert len(keys.every(sql)) == len(Role)
        assert audit.page(sql, Filter(), limit=1)[0].outcome == "refused"


def test_a_link_signs_in_once_in_the_name_of_its_key(looked: Looked) -> None:
    key = live(looked, "a viewer")
    answer = looked.post(f"/keys/{key.id}/link", role=Role.ADMIN)
    link = urlsplit(once(answer))
    assert f"{link.scheme}://{link.netloc}{link.path}" == "http://127.0.0.1:8787/sign-in"
    token = link.query.removeprefix("link=")
    assert token not in logged(looked)
    signed = [looked.client.post("/sign-in", data={"link": token}, follow_redirects=False) for _ in range(2)]
    assert [each.status_code for each in signed] == [303, 401]
    looked.client.cookies.clear()
    seen = looked.client.get("/quarantine", headers={"Cookie": signed[0].headers["set-cookie"].partition(";")[0]})
    assert "a viewer" in words(seen)


def test_who_signed_in_with_a_revoked_key_is_signed_out(looked: Looked) -> None:
    key = live(looked, "a viewer")
    assert looked.get("/quarantine").status_code == 200
    answer = looked.post(f"/keys/{key.id}/revoke", role=Role.ADMIN)
    assert (answer.status_code, answer.headers["location"]) == (303, "/keys")
    assert looked.get("/quarantine").status_code == 303
    assert looked.post(f"/keys/{key.id}/revoke", role=Role.ADMIN).status_code == 404
    assert looked.post(f"/keys/{key.id}/link", role=Role.ADMIN).status_code == 404
    assert "revoked" in words(looked.get("/keys", role=Role.ADMIN))


@pytest.mark.parametrize("verb", ["link", "revoke"])
def test_a_key_that_is_not_there_is_not_found(looked: Looked, verb: str) -> None:
    for key_id in (str(UUID(int=7)), "none", "%00"):
        assert looked.post(f"/keys/{key_id}/{verb}", role=Role.ADMIN).status_code == 404
