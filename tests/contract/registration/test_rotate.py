"""What rotating a secret and adopting a webhook promise, on each database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.contract.registration.fake import FakeCalcom, Killed, failing
from workers.desired import Desired
from workers.differences import Kind
from workers.enrol import LIST, UPDATE
from workers.errors import (
    BadInput,
    CalcomError,
    CalcomUnavailable,
    Conflict,
    Forbidden,
    NotFound,
    RateLimited,
    Unauthorized,
)
from workers.register import Registry, apply, survey
from workers.rotate import adopt, find, rotate

NOW = datetime(2027, 1, 4, 9, 30, tzinfo=UTC)
ORG = Desired(name="org", connection="acme")


@pytest.fixture
def applied(registry: Registry) -> Registry:
    """With the webhook `org` registered, at a standstill of time."""
    still = replace(registry, now=lambda: NOW)
    apply(still, [ORG])
    return still


def test_both_secrets_are_live_until_the_overlap_ends(applied: Registry, calcom: FakeCalcom) -> None:
    (old,) = find(applied, "org").secrets

    rotated = rotate(applied, "org", overlap=timedelta(days=2))

    newest, older = rotated.webhook.secrets
    assert calcom.only()["secret"] == newest.key != old.key == older.key
    assert (newest.expires_at, older.expires_at) == (None, NOW + timedelta(days=2))
    assert rotated.secret is None
    assert [change.kind for change in survey(applied, [ORG])[0]] == [Kind.UNCHANGED]


def test_seven_days_are_the_overlap_unless_said_otherwise(applied: Registry) -> None:
    assert rotate(applied, "org").webhook.secrets[1].expires_at == NOW + timedelta(days=7)


@pytest.mark.parametrize(("first", "second"), [(1, 9), (9, 1), (7, 0)])
def test_a_second_rotation_changes_nothing_in_what_was_promised_to_the_first_secret(
    applied: Registry, first: int, second: int
) -> None:
    rotate(applied, "org", overlap=timedelta(days=first))
    rotated = rotate(applied, "org", overlap=timedelta(days=second))

    assert [one.expires_at for one in rotated.webhook.secrets] == [
        None,
        NOW + timedelta(days=second),
        NOW + timedelta(days=first),
    ]


def test_as_many_secrets_are_live_as_were_replaced_within_their_overlaps(applied: Registry) -> None:
    for days in (7, 3, 5):
        rotate(applied, "org", overlap=timedelta(days=days))

    ends = [one.expires_at for one in find(applied, "org").secrets]
    assert ends == [None, *(NOW + timedelta(days=days) for days in (5, 3, 7))]


def test_the_new_secret_is_committed_before_calcom_hears_of_it(applied: Registry, calcom: FakeCalcom) -> None:
    live: list[list[str]] = []

    def look(tool: str, arguments: Mapping[str, Any]) -> None:
        if tool == UPDATE:
            live.append([one.key for one in find(applied, "org").secrets if one.expires_at is None])
            assert arguments["secret"] == live[0][0]

    calcom.before = look
    rotate(applied, "org")

    assert len(live[0]) == 2


@pytest.mark.parametrize(
    "error",
    [
        Forbidden(status=403),
        Unauthorized(status=401),
        RateLimited(after=60.0),
        CalcomUnavailable("no way there", sent=False),
    ],
)
def test_a_secret_that_calcom_certainly_did_not_take_is_taken_back(
    applied: Registry, calcom: FakeCalcom, error: CalcomError
) -> None:
    before = find(applied, "org").secrets
    calcom.before = failing(UPDATE, error)

    with pytest.raises(type(error)):
        rotate(applied, "org")

    assert find(applied, "org").secrets == before


def test_a_lost_answer_after_the_deed_is_a_success(applied: Registry, calcom: FakeCalcom) -> None:
    calcom.after = failing(UPDATE, CalcomUnavailable("cut", sent=True))

    rotated = rotate(applied, "org")

    assert calcom.only()["secret"] == rotated.webhook.secrets[0].key
    assert rotated.webhook.secrets[1].expires_at is not None


def test_while_the_outcome_is_unknown_both_secrets_stay_live_and_apply_finishes(
    applied: Registry, calcom: FakeCalcom
) -> None:
    calcom.before = failing(UPDATE, CalcomUnavailable("cut", sent=True))

    with pytest.raises(CalcomUnavailable, match="both are live"):
        rotate(applied, "org")

    assert [one.expires_at for one in find(applied, "org").secrets] == [None, None]
    apply(applied, [ORG])
    newest, older = find(applied, "org").secrets
    assert calcom.only()["secret"] == newest.key
    assert older.expires_at == NOW + timedelta(days=7)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_crash_in_the_middle_of_a_rotation_is_finished_by_apply(
    applied: Registry, calcom: FakeCalcom, moment: str
) -> None:
    setattr(calcom, moment, failing(UPDATE, Killed()))
    with pytest.raises(Killed):
        rotate(applied, "org")

    apply(applied, [ORG])

    newest, older = find(applied, "org").secrets
    assert calcom.only()["secret"] == newest.key
    assert (newest.expires_at, older.expires_at) == (None, NOW + timedelta(days=7))


def test_a_secret_may_be_given_but_not_one_it_has_already(applied: Registry, calcom: FakeCalcom) -> None:
    rotate(applied, "org", secret="a given one")

    assert calcom.only()["secret"] == "a given one"
    with pytest.raises(BadInput, match="this very secret"):
        rotate(applied, "org", secret="a given one")


def test_a_webhook_that_calcom_does_not_have_cannot_be_rotated(applied: Registry, calcom: FakeCalcom) -> None:
    calcom.rows.clear()

    with pytest.raises(NotFound, match="webhooks apply"):
        rotate(applied, "org")
    with pytest.raises(NotFound, match="there are: org"):
        rotate(applied, "orgs")

    assert len(find(applied, "org").secrets) == 1


def test_an_adopted_webhook_has_a_url_and_the_secret_that_was_typed(registry: Registry, calcom: FakeCalcom) -> None:
    webhook = adopt(registry, "sales", pcid="acme", secret="typed by hand")

    assert webhook.url(registry.base_url).startswith(f"{registry.base_url}/in/")
    assert [one.key for one in webhook.secrets] == ["typed by hand"]
    assert webhook.origin == "adopted"
    assert calcom.calls == []


def test_adopting_the_same_again_gives_the_same_url(registry: Registry) -> None:
    first = adopt(registry, "sales", pcid="acme", secret="typed by hand")

    assert adopt(registry, "sales", pcid="acme", secret="typed by hand") == first
    with pytest.raises(Conflict, match="rotate sales"):
        adopt(registry, "sales", pcid="acme", secret="another")


def test_the_name_of_an_applied_webhook_cannot_be_adopted(applied: Registry) -> None:
    with pytest.raises(Conflict):
        adopt(applied, "org", pcid="acme", secret=find(applied, "org").secrets[0].key)


@pytest.mark.parametrize("secret", ["", "two\nlines", "\x00"])
def test_a_secret_that_signs_nothing_is_refused(registry: Registry, secret: str) -> None:
    with pytest.raises(BadInput, match="one line of text"):
        adopt(registry, "sales", pcid="acme", secret=secret)

    assert registry.known() == []


def test_adopting_for_an_unknown_connection_is_refused(registry: Registry) -> None:
    with pytest.raises(NotFound, match="there are: acme"):
        adopt(registry, "sales", pcid="acne", secret="s")


def test_the_new_secret_of_an_unseen_adopted_webhook_is_to_be_pasted(registry: Registry, calcom: FakeCalcom) -> None:
    adopt(registry, "sales", pcid="acme", secret="typed by hand")

    rotated = rotate(registry, "sales")

    assert rotated.secret == rotated.webhook.secrets[0].key
    assert rotated.webhook.secrets[1].key == "typed by hand"
    assert calcom.changes() == []


def test_an_adopted_webhook_is_rotated_even_where_the_credential_sees_no_webhooks(
    registry: Registry, calcom: FakeCalcom
) -> None:
    adopt(registry, "sales", pcid="acme", secret="typed by hand")
    calcom.before = failing(LIST, Forbidden(status=403))

    assert rotate(registry, "sales").secret is not None


def test_an_adopted_webhook_that_the_tools_see_is_rotated_by_them(registry: Registry, calcom: FakeCalcom) -> None:
    webhook = adopt(registry, "sales", pcid="acme", secret="typed by hand")
    calcom.rows["r1"] = {
        "id": "r1", "subscriberUrl": webhook.url(registry.base_url), "active": True,
        "triggers": ["BOOKING_CREATED"], "secret": "typed by hand", "payloadTemplate": None,
    }  # fmt: skip

    rotated = rotate(registry, "sales")

    assert rotated.secret is None
    assert calcom.only()["secret"] == rotated.webhook.secrets[0].key
    assert calcom.only()["triggers"] == ["BOOKING_CREATED"]
