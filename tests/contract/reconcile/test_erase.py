"""A person who is erased is in no picture, and that is nobody's news."""

from __future__ import annotations

from collections.abc import Callable

from tests.contract.reconcile.conftest import Office, membership, user
from workers.erase import erase
from workers.scrub import Person
from workers.store import pictures


def test_a_picture_forgets_who_is_erased_and_finds_nothing_in_that(office: Office, first: Callable[[], None]) -> None:
    office.calcom.users, office.calcom.memberships = [user(41), user(42)], [membership(41), membership(42)]
    first()
    person = Person("U41@acme.example")
    counted = erase(office.store, person, office.now, dry_run=True).rows["pictures"]
    assert erase(office.store, person, office.now, dry_run=False).rows["pictures"] == counted == 2

    with office.store.read() as sql:
        kept = {part: pictures.rows(sql, "acme", part) for part in ("users", "memberships")}
    assert kept["users"]["41"].document == {"timeZone": "UTC"}
    assert "user" not in (kept["memberships"]["1041"].document or {})
    assert "u42@acme.example" in str(kept)
    assert "u41@acme.example" not in str(kept)
    assert office.found() == []
