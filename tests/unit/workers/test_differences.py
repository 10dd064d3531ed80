"""Tests for workers.differences."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.calcom.webhooks import TRIGGERS
from workers.desired import NEWER_TRIGGERS, Desired, Scope
from workers.differences import Change, Kind, Remote, masked, plan
from workers.store.webhooks import LiveSecret, Webhook

BASE = "https://daybook.acme.com"
OWN_API = "http://cal.acme.internal/v2"
HOSTED_API = "https://api.cal.com/v2"
NOW = datetime(2027, 1, 4, 9, 30, tzinfo=UTC)
WANTED = Desired(name="org", connection="acme", triggers=("BOOKING_CREATED", "BOOKING_PAID"), everything=False)
KNOWN = Webhook(
    id=UUID(int=1),
    name="org",
    connection="acme",
    token="token-of-org",
    origin="applied",
    remote_id="r1",
    created_at=NOW,
    secrets=(
        LiveSecret(UUID(int=3), "newest", NOW, None),
        LiveSecret(UUID(int=2), "older", NOW, NOW + timedelta(days=7)),
    ),
)
THERE = Remote(
    id="r1",
    url=f"{BASE}/in/token-of-org",
    active=True,
    triggers=("BOOKING_PAID", "BOOKING_CREATED"),
    secret="newest",
    template=None,
    version=None,
)


def stand(
    desired: list[Desired],
    known: list[Webhook],
    remote: list[Remote],
    api: str = OWN_API,
    used: frozenset[UUID] = frozenset(),
) -> list[Change]:
    return plan("acme", desired, known, remote, used=used, base_url=BASE, api=api)


def test_what_is_there_as_it_is_wanted_is_unchanged() -> None:
    (change,) = stand([WANTED], [KNOWN], [THERE])

    assert change.kind is Kind.UNCHANGED
    assert not change.changes


def test_what_was_never_registered_is_missing() -> None:
    (change,) = stand([WANTED], [], [])

    assert change.kind is Kind.MISSING
    assert change.changes


def test_what_was_deleted_at_calcom_is_missing_and_keeps_its_token() -> None:
    (change,) = stand([WANTED], [KNOWN], [])

    assert change.kind is Kind.MISSING
    assert change.known == KNOWN
    assert "no more" in change.note


@pytest.mark.parametrize(
    ("there", "field"),
    [
        (replace(THERE, url="https://old.acme.com/in/token-of-org"), "url"),
        (replace(THERE, triggers=("BOOKING_CREATED",)), "triggers"),
        (replace(THERE, triggers=("BOOKING_CREATED", "BOOKING_PAID", "OOO_CREATED")), "triggers"),
        (replace(THERE, secret="somebody's"), "secret"),
        (replace(THERE, secret=None), "secret"),
        (replace(THERE, secret="older"), "secret"),
        (replace(THERE, template='{"a": "{{title}}"}'), "payloadTemplate"),
        (replace(THERE, version="2026-07-27"), "version"),
    ],
)
def test_an_edited_webhook_is_told_field_by_field(there: Remote, field: str) -> None:
    (change,) = stand([WANTED], [KNOWN], [there])

    assert change.kind is Kind.EDITED
    assert [one.field for one in change.differences] == [field]


def test_a_webhook_that_a_410_switched_off_is_told_apart_from_an_edited_one() -> None:
    (off,) = stand([WANTED], [KNOWN], [replace(THERE, active=False)])
    (both,) = stand([WANTED], [KNOWN], [replace(THERE, active=False, secret="other")])
    (meant,) = stand([replace(WANTED, active=False)], [KNOWN], [THERE])

    assert off.kind is Kind.SWITCHED_OFF
    assert both.kind is Kind.EDITED
    assert meant.kind is Kind.EDITED


def test_no_secret_and_no_token_is_ever_shown() -> None:
    there = replace(THERE, url="https://old.acme.com/in/token-of-org", secret="somebody's")

    (change,) = stand([WANTED], [KNOWN], [there])

    shown = repr(change.differences) + repr(there.url and replace(there, url=""))
    assert "somebody's" not in shown
    assert "newest" not in repr(change)
    assert "token-of-org" not in repr(change.differences)


def test_a_reply_without_a_secret_says_nothing_about_it() -> None:
    there = Remote.read({"id": "r1", "subscriberUrl": THERE.url, "active": True, "triggers": list(THERE.triggers)})
    assert there is not None

    (change,) = stand([WANTED], [KNOWN], [there])

    assert change.kind is Kind.UNCHANGED


def test_after_a_crash_the_webhook_is_found_by_its_url() -> None:
    (change,) = stand([WANTED], [replace(KNOWN, remote_id=None)], [THERE])

    assert change.kind is Kind.UNCHANGED
    assert change.remote == THERE


def test_a_second_webhook_for_the_same_url_is_extra() -> None:
    first, second = stand([WANTED], [KNOWN], [replace(THERE, id="r2"), THERE])

    assert (first.kind, first.remote) == (Kind.UNCHANGED, THERE)
    assert second.kind is Kind.EXTRA
    assert "twice" in second.note


def test_one_that_points_here_with_a_token_of_nobody_is_extra() -> None:
    (_, stray) = stand([WANTED], [KNOWN], [THERE, replace(THERE, id="r9", url=f"{BASE}/in/other")])

    assert stray.kind is Kind.EXTRA
    assert "404" in stray.note


def test_somebody_elses_webhook_is_none_of_our_business() -> None:
    elsewhere = replace(THERE, id="r7", url="https://hooks.zapier.example/in/abc")

    assert [change.kind for change in stand([WANTED], [KNOWN], [THERE, elsewhere])] == [Kind.UNCHANGED]


def test_what_daybook_yaml_does_not_name_any_more_is_extra_then_retired() -> None:
    (extra,) = stand([], [KNOWN], [THERE])
    (retired,) = stand([], [replace(KNOWN, remote_id=None)], [])

    assert extra.kind is Kind.EXTRA
    assert retired.kind is Kind.RETIRED
    assert not extra.changes
    assert not retired.changes


def test_what_was_pruned_and_is_in_the_history_is_nothing_to_do() -> None:
    used = frozenset({KNOWN.id})
    pruned = replace(KNOWN, remote_id=None)

    assert stand([], [pruned], [], used=used) == []
    assert [change.kind for change in stand([], [KNOWN], [], used=used)] == [Kind.RETIRED]
    assert [change.kind for change in stand([], [pruned], [THERE], used=used)] == [Kind.EXTRA]
    assert [change.kind for change in stand([WANTED], [pruned], [], used=used)] == [Kind.MISSING]


def test_an_adopted_webhook_is_left_alone() -> None:
    adopted = replace(KNOWN, origin="adopted", remote_id=None)

    assert [change.kind for change in stand([], [adopted], [])] == [Kind.ADOPTED]
    assert [change.kind for change in stand([], [adopted], [THERE])] == [Kind.ADOPTED]


def test_an_adopted_webhook_that_is_wanted_and_seen_is_kept_as_wanted() -> None:
    adopted = replace(KNOWN, origin="adopted", remote_id=None)

    (seen,) = stand([WANTED], [adopted], [replace(THERE, triggers=())])
    (unseen,) = stand([WANTED], [adopted], [])

    assert seen.kind is Kind.EDITED
    assert unseen.kind is Kind.BY_HAND


def test_other_scopes_are_made_by_hand() -> None:
    team = replace(WANTED, scope=Scope.TEAM)

    (before,) = stand([team], [], [])
    (after,) = stand([team], [replace(KNOWN, origin="adopted")], [])

    assert before.kind is Kind.BY_HAND
    assert "daybook webhooks adopt org --connection acme" in before.note
    assert after.kind is Kind.ADOPTED


def test_all_is_what_an_older_calcom_of_ones_own_has_but_the_hosted_has_all() -> None:
    everything = Desired(name="org", connection="acme")
    older = replace(THERE, triggers=tuple(one for one in TRIGGERS if one not in NEWER_TRIGGERS))

    (own,) = stand([everything], [KNOWN], [older])
    (hosted,) = stand([everything], [KNOWN], [older], api=HOSTED_API)
    (edited,) = stand([everything], [KNOWN], [replace(older, triggers=older.triggers[1:])])

    assert own.kind is Kind.UNCHANGED
    assert "BOOKING_REASSIGNED" in own.note
    assert hosted.kind is Kind.EDITED
    assert edited.kind is Kind.EDITED


def test_all_keeps_a_trigger_that_only_a_newer_calcom_knows() -> None:
    newer = replace(THERE, triggers=(*TRIGGERS, "SCHEDULE_UPDATED"))

    (change,) = stand([Desired(name="org", connection="acme")], [KNOWN], [newer], api=HOSTED_API)

    assert change.kind is Kind.UNCHANGED


def test_an_id_that_is_a_number_is_a_text() -> None:
    found = Remote.read({"id": 7, "subscriberUrl": "https://a/in/b"})

    assert found is not None
    assert found.id == "7"


def test_a_masked_url_still_says_where_it_leads() -> None:
    assert masked("https://daybook.acme.com/in/abcdefgh1234") == "https://daybook.acme.com/in/…1234"
    assert masked("https://elsewhere.example/hook") == "https://elsewhere.example/hook"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)
ROWS = JSON | st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(("id", "subscriberUrl", "active", "triggers", "secret", "payloadTemplate", "version"), JSON),
)


@given(st.lists(ROWS, max_size=4))
def test_whatever_calcom_lists_there_is_a_plan(rows: list[Any]) -> None:
    remote = [one for row in rows if (one := Remote.read(row))]

    changes = stand([WANTED], [KNOWN], remote)

    assert changes[0].name == "org"
