"""What registering promises, on each database: one webhook for each wanted, whatever happens in between."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from uuid_utils.compat import uuid7

from tests.conftest import PATIENCE
from tests.contract.registration.fake import FakeCalcom, Killed, failing
from workers import exclusive
from workers.calcom.webhooks import TRIGGERS
from workers.desired import NEWER_TRIGGERS, Desired
from workers.differences import Kind
from workers.enrol import CREATE, DELETE, LIST, UPDATE
from workers.errors import CalcomUnavailable, Conflict, Forbidden, Misconfigured, NotFound, Rejected, Unauthorized
from workers.register import Registry, apply, survey
from workers.store import connections, receipts, webhooks
from workers.store.receipts import Receipt
from workers.store.webhooks import Webhook

ORG = Desired(name="org", connection="acme")


def known(registry: Registry) -> Webhook:
    (webhook,) = registry.known()
    return webhook


def another_connection(registry: Registry, pcid: str) -> None:
    with registry.store.write() as sql:
        row = connections.Connection(pcid, connections.Kind.CALCOM, "http://c/v2", 1, 0, datetime.now(UTC))
        connections.add(sql, registry.vault, row, "")


def test_a_missing_webhook_is_made_with_a_token_and_secret_of_its_own(registry: Registry, calcom: FakeCalcom) -> None:
    two = [ORG, Desired(name="few", connection="acme", triggers=("BOOKING_PAID",), everything=False)]

    done, failures = apply(registry, two)

    assert [change.kind for change in done] == [Kind.MISSING, Kind.MISSING]
    assert failures == []
    few, org = registry.known()
    rows = {row["subscriberUrl"]: row for row in calcom.rows.values()}
    assert set(rows) == {few.url(registry.base_url), org.url(registry.base_url)}
    assert rows[org.url(registry.base_url)]["secret"] == org.secrets[0].key != few.secrets[0].key
    assert tuple(rows[org.url(registry.base_url)]["triggers"]) == TRIGGERS
    assert rows[few.url(registry.base_url)]["triggers"] == ["BOOKING_PAID"]
    assert {org.remote_id, few.remote_id} == set(calcom.rows)
    assert org.token != few.token


def test_the_no_show_triggers_come_with_their_time(registry: Registry, calcom: FakeCalcom) -> None:
    apply(registry, [replace(ORG, time=3, time_unit="HOUR")])

    assert (calcom.only()["time"], calcom.only()["timeUnit"]) == (3, "HOUR")


def test_applying_twice_changes_nothing_the_second_time(registry: Registry, calcom: FakeCalcom) -> None:
    apply(registry, [ORG])
    calcom.calls.clear()

    done, failures = apply(registry, [ORG])

    assert (done, failures) == ([], [])
    assert calcom.changes() == []


def test_a_plan_changes_nothing(registry: Registry, calcom: FakeCalcom) -> None:
    changes, _ = survey(registry, [ORG])

    assert [change.kind for change in changes] == [Kind.MISSING]
    assert calcom.calls == [LIST]
    assert registry.known() == []


def test_what_was_edited_or_switched_off_is_put_right(registry: Registry, calcom: FakeCalcom) -> None:
    apply(registry, [ORG])
    calcom.only().update(active=False, secret="theirs", triggers=["OOO_CREATED"], payloadTemplate="{{title}}")

    done, _ = apply(registry, [ORG])

    assert [one.field for one in done[0].differences] == ["active", "triggers", "secret", "payloadTemplate"]
    assert calcom.only()["active"] is True
    assert calcom.only()["secret"] == known(registry).secrets[0].key
    assert tuple(calcom.only()["triggers"]) == TRIGGERS
    assert not calcom.only()["payloadTemplate"]
    assert apply(registry, [ORG]) == ([], [])


def test_a_new_public_url_keeps_the_token(registry: Registry, calcom: FakeCalcom) -> None:
    apply(registry, [ORG])
    moved = replace(registry, base_url="https://daybook.acme.com")

    apply(moved, [ORG])

    assert calcom.only()["subscriberUrl"] == f"https://daybook.acme.com/in/{known(registry).token}"


def test_one_deleted_at_calcom_is_made_again_with_the_same_url_and_secret(
    registry: Registry, calcom: FakeCalcom
) -> None:
    apply(registry, [ORG])
    before = calcom.only()
    calcom.rows.clear()

    apply(registry, [ORG])

    assert (calcom.only()["subscriberUrl"], calcom.only()["secret"]) == (before["subscriberUrl"], before["secret"])
    assert known(registry).remote_id == calcom.only()["id"] != before["id"]


def test_token_and_secret_are_committed_before_calcom_hears_of_them(registry: Registry, calcom: FakeCalcom) -> None:
    seen: list[str] = []

    def look(tool: str, arguments: Mapping[str, Any]) -> None:
        if tool == CREATE:
            seen.append(known(registry).url(registry.base_url))
            assert arguments["secret"] == known(registry).secrets[0].key

    calcom.before = look
    apply(registry, [ORG])

    assert seen == [calcom.only()["subscriberUrl"]]


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_crash_around_the_registration_leaves_one_webhook_in_the_end(
    registry: Registry, calcom: FakeCalcom, moment: str
) -> None:
    setattr(calcom, moment, failing(CREATE, Killed()))
    with pytest.raises(Killed):
        apply(registry, [ORG])

    apply(registry, [ORG])

    assert calcom.only()["subscriberUrl"] == known(registry).url(registry.base_url)
    assert known(registry).remote_id == calcom.only()["id"]


def test_a_lost_answer_is_looked_up_and_not_sent_again(registry: Registry, calcom: FakeCalcom) -> None:
    calcom.after = failing(CREATE, CalcomUnavailable("cut", sent=True))

    _, failures = apply(registry, [ORG])

    assert failures == []
    assert calcom.calls.count(CREATE) == 1
    assert known(registry).remote_id == calcom.only()["id"]


def test_a_registration_that_never_happened_is_an_error_that_the_next_run_mends(
    registry: Registry, calcom: FakeCalcom
) -> None:
    calcom.before = failing(CREATE, CalcomUnavailable("away", sent=False))

    _, failures = apply(registry, [ORG])

    assert [failure.error.message for failure in failures] == ["away"]
    apply(registry, [ORG])
    assert known(registry).remote_id == calcom.only()["id"]


def test_two_at_once_make_one_webhook(registry: Registry, calcom: FakeCalcom) -> None:
    failures: list[object] = []

    def run() -> None:
        failures.extend(apply(registry, [ORG])[1])

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert calcom.calls.count(CREATE) == 1
    assert known(registry).remote_id == calcom.only()["id"]


def test_two_at_once_make_one_webhook_even_when_the_lease_ran_out(
    registry: Registry, calcom: FakeCalcom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exclusive, "SECONDS", -1.0)  # every lease is over the moment it is taken
    inside = threading.Barrier(2)

    def meet(tool: str, _arguments: Mapping[str, Any]) -> None:
        if tool == CREATE:
            inside.wait(PATIENCE)

    calcom.before = meet
    failures: list[object] = []
    threads = [threading.Thread(target=lambda: failures.extend(apply(registry, [ORG])[1])) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert calcom.only()["subscriberUrl"] == known(registry).url(registry.base_url)
    assert known(registry).remote_id == calcom.only()["id"]


def test_a_busy_connection_is_said_to_be_busy(registry: Registry) -> None:
    with (
        exclusive.alone(registry.store, "register:acme"),
        pytest.raises(Conflict, match="Another process"),
        exclusive.alone(registry.store, "register:acme", patience=0.1),
    ):
        pass


def test_all_is_what_an_older_calcom_accepts(registry: Registry, calcom: FakeCalcom) -> None:
    calcom.refused_triggers = NEWER_TRIGGERS

    _, failures = apply(registry, [ORG])

    assert failures == []
    assert set(calcom.only()["triggers"]) == set(TRIGGERS) - NEWER_TRIGGERS
    assert apply(registry, [ORG]) == ([], [])


def test_resend_asks_an_upgraded_calcom_for_everything_again(registry: Registry, calcom: FakeCalcom) -> None:
    calcom.refused_triggers = NEWER_TRIGGERS
    apply(registry, [ORG])
    calcom.refused_triggers = frozenset()

    apply(registry, [ORG], resend=True)

    assert tuple(calcom.only()["triggers"]) == TRIGGERS


def test_triggers_that_are_refused_are_explained(registry: Registry, calcom: FakeCalcom) -> None:
    calcom.refused_triggers = frozenset({"BOOKING_REASSIGNED", "OOO_CREATED"})
    chosen = Desired("few", "acme", ("BOOKING_CREATED", "BOOKING_REASSIGNED"), everything=False)

    _, (one,) = apply(registry, [chosen])
    _, (other,) = apply(registry, [ORG])

    assert isinstance(one.error, Rejected)
    assert "does not know BOOKING_REASSIGNED: leave them out" in one.error.message
    assert "list fewer" in other.error.message


def test_the_version_goes_along_and_resend_sends_it_again(registry: Registry, calcom: FakeCalcom) -> None:
    apply(registry, [ORG])
    newer = replace(ORG, version="2026-07-27")

    assert apply(registry, [newer]) == ([], [])  # Cal.com does not tell the version: nobody can see it differs
    apply(registry, [newer], resend=True)

    assert calcom.only()["version"] == "2026-07-27"


def test_extra_webhooks_are_deleted_only_when_told_to(registry: Registry, calcom: FakeCalcom) -> None:
    apply(registry, [ORG])
    stray = {**calcom.only(), "id": "r99", "subscriberUrl": f"{registry.base_url}/in/of-nobody"}
    calcom.rows["r99"] = stray
    calcom.rows["r98"] = {**stray, "id": "r98", "subscriberUrl": "https://hooks.zapier.example/1"}

    kept, _ = apply(registry, [])
    assert kept == []
    pruned, _ = apply(registry, [], prune=True)

    assert [change.kind for change in pruned] == [Kind.EXTRA, Kind.EXTRA]
    assert list(calcom.rows) == ["r98"]
    assert registry.known() == []


def delivered(registry: Registry) -> None:
    """A delivery to the one webhook there is."""
    body = b"{}"
    receipt = Receipt(
        id=uuid7(),
        webhook_id=known(registry).id,
        sha256=hashlib.sha256(body).digest(),
        window=0,
        received_at=registry.now(),
        verdict="signed",
        secret_id=None,
        state="received",
        headers=b"[]",
        body=body,
    )
    receipts.keep(registry.store, [receipt])


def test_pruning_a_webhook_that_got_deliveries_leaves_nothing_to_do(registry: Registry, calcom: FakeCalcom) -> None:
    apply(registry, [ORG])
    before = known(registry)
    delivered(registry)

    (pruned,), _ = apply(registry, [], prune=True)
    calls = len(calcom.changes())

    assert "retired" in pruned.note
    assert survey(registry, []) == ([], [])
    assert apply(registry, [], prune=True) == ([], [])
    assert len(calcom.changes()) == calls
    assert known(registry) == replace(before, remote_id=None)


def test_a_webhook_with_deliveries_that_someone_deleted_at_calcom_is_retired_once(
    registry: Registry, calcom: FakeCalcom
) -> None:
    apply(registry, [ORG])
    delivered(registry)
    calcom.rows.clear()

    assert [change.kind for change in survey(registry, [])[0]] == [Kind.RETIRED]
    assert [change.kind for change in apply(registry, [], prune=True)[0]] == [Kind.RETIRED]

    assert survey(registry, []) == ([], [])
    assert known(registry).remote_id is None


def test_a_retired_webhook_that_is_wanted_again_gets_its_url_and_secret_back(
    registry: Registry, calcom: FakeCalcom
) -> None:
    apply(registry, [ORG])
    before = calcom.only()
    delivered(registry)
    apply(registry, [], prune=True)

    apply(registry, [ORG])

    assert (calcom.only()["subscriberUrl"], calcom.only()["secret"]) == (before["subscriberUrl"], before["secret"])


def test_pruning_is_done_when_someone_else_deleted_it_meanwhile(registry: Registry, calcom: FakeCalcom) -> None:
    apply(registry, [ORG])

    def delete_first(tool: str, _arguments: Mapping[str, Any]) -> None:
        if tool == DELETE:
            calcom.rows.clear()

    calcom.before = delete_first

    assert apply(registry, [], prune=True)[1] == []
    assert registry.known() == []


def test_pruning_that_the_role_forbids_is_an_error(registry: Registry, calcom: FakeCalcom) -> None:
    apply(registry, [ORG])
    calcom.before = failing(DELETE, Forbidden(status=403))

    _, (failure,) = apply(registry, [], prune=True)

    assert isinstance(failure.error, Forbidden)
    assert known(registry).remote_id == calcom.only()["id"]


def test_an_interrupted_rotation_gets_its_end(registry: Registry, calcom: FakeCalcom) -> None:
    apply(registry, [ORG])
    with registry.store.write() as sql:
        webhooks.add_secret(sql, registry.vault, known(registry).id, "the-new-one", now=registry.now())

    done, _ = apply(registry, [ORG])

    assert [one.field for one in done[0].differences] == ["secret"]
    assert calcom.only()["secret"] == "the-new-one"
    newest, older = known(registry).secrets
    assert newest.expires_at is None
    assert older.expires_at is not None


def test_a_public_url_that_the_hosted_calcom_refuses_is_said_before_anything_is_sent(
    registry: Registry, calcom: FakeCalcom
) -> None:
    hosted = FakeCalcom("https://api.cal.com/v2")

    _, (failure,) = apply(replace(registry, reach=hosted.reached), [ORG])

    assert isinstance(failure.error, Misconfigured)
    assert "DAYBOOK_PUBLIC_URL" in failure.error.message
    assert hosted.changes() == []


def test_an_unknown_connection_and_a_webhook_that_would_move_are_refused(registry: Registry) -> None:
    with pytest.raises(NotFound, match="there are: acme"):
        apply(registry, [replace(ORG, connection="acne")])
    apply(registry, [ORG])
    another_connection(registry, "other")

    with pytest.raises(Conflict, match="belongs to connection acme"):
        survey(registry, [replace(ORG, connection="other")])


def test_a_connection_that_fails_leaves_the_others_alone(registry: Registry, calcom: FakeCalcom) -> None:
    another_connection(registry, "broken")
    bad = FakeCalcom(before=failing(LIST, Unauthorized(status=401)))
    both = replace(registry, reach=lambda pcid: (bad if pcid == "broken" else calcom).reached(pcid))

    done, failures = apply(both, [Desired(name="first", connection="broken"), ORG])

    assert [change.name for change in done] == ["org"]
    assert [failure.connection for failure in failures] == ["broken"]


def test_an_update_sends_the_whole_webhook(registry: Registry, calcom: FakeCalcom) -> None:
    sent: list[Mapping[str, Any]] = []
    apply(registry, [ORG])
    calcom.only()["active"] = False

    calcom.before = lambda tool, arguments: sent.append(arguments) if tool == UPDATE else None
    apply(registry, [ORG])

    assert set(sent[0]) >= {"webhookId", "active", "subscriberUrl", "triggers", "secret", "version"}
