"""`daybook webhooks` against the sandbox: registering, rotating and adopting as a user does it."""

from __future__ import annotations

import threading
from typing import Any

import httpx2
import pytest

from ingest.signatures import sign
from tests.conftest import PATIENCE, PLAIN
from tests.integration.registration.conftest import Daybook, Sandbox
from workers.calcom.webhooks import TRIGGERS


def signed(url: str, number: int, key: str) -> int:
    """The status of a delivery, unlike those of other numbers, that was signed with this secret."""
    body = b'{"triggerEvent":"PING","createdAt":"2027-01-04T09:30:00.000Z","payload":{"title":"%d"}}' % number
    header = {"X-Cal-Signature-256": sign(body, key.encode()).decode()}
    return httpx2.post(url, content=body, headers=header, **PLAIN).status_code


def test_plan_apply_apply(daybook: Daybook, sandbox: Sandbox) -> None:
    planned = daybook.json("webhooks", "plan")
    first = daybook.json("webhooks", "apply")
    second = daybook.json("webhooks", "apply")

    assert [(one["name"], one["change"]) for one in planned] == [("org", "missing"), ("few", "missing")]
    assert [one["name"] for one in first] == ["org", "few"]
    assert second == []
    org, few = sandbox.webhooks()
    assert (set(org["triggers"]), org["version"], org["active"]) == (set(TRIGGERS), "2021-10-20", True)
    assert (few["triggers"], few["version"]) == (["BOOKING_CREATED"], "2026-07-27")
    assert org["secret"] != few["secret"]
    listed = {one["name"]: one for one in daybook.json("webhooks", "list", "--urls")}
    assert listed["org"]["url"] == org["subscriber_url"]
    assert listed["few"]["remote_id"] == few["id"]


def test_a_url_is_only_shown_whole_when_asked_for(daybook: Daybook) -> None:
    daybook.run("webhooks", "apply")
    (few, _) = daybook.json("webhooks", "list", "--urls")

    shown = daybook.run("webhooks", "list").stdout + daybook.run("webhooks", "list", "--json").stdout

    assert few["url"].rpartition("/")[2] not in shown
    assert few["url"][-4:] in shown


def test_two_processes_that_apply_at_once_make_each_webhook_once(daybook: Daybook, sandbox: Sandbox) -> None:
    processes = [daybook.begin("webhooks", "apply", "--json") for _ in range(2)]
    ends = [(*process.communicate(timeout=2 * PATIENCE), process.returncode) for process in processes]

    assert [status for *_, status in ends] == [0, 0], ends
    assert sorted(len(out.splitlines()) for out, *_ in ends) == [0, 2]
    assert len(sandbox.webhooks()) == 2
    assert daybook.json("webhooks", "apply") == []


def test_a_cut_connection_while_registering_leaves_one_webhook(daybook: Daybook, sandbox: Sandbox) -> None:
    sandbox.control("faults", calls=[{"kind": "cut", "method": "POST", "path": "webhooks"}])

    daybook.run("webhooks", "apply")

    assert len(sandbox.webhooks()) == 2
    assert len({one["subscriber_url"] for one in sandbox.webhooks()}) == 2


def test_what_somebody_changed_at_calcom_is_planned_field_by_field_and_put_right(
    daybook: Daybook, sandbox: Sandbox
) -> None:
    daybook.run("webhooks", "apply")
    org = sandbox.webhooks()[0]
    httpx2.patch(
        f"{sandbox.base_url}/organizations/4821/webhooks/{org['id']}",
        json={"active": False, "triggers": ["OOO_CREATED"]},
        headers={"Authorization": "Bearer cal_sandbox_owner"},
        trust_env=False,
    ).raise_for_status()

    planned = daybook.json("webhooks", "plan")
    daybook.run("webhooks", "apply")

    assert [one["field"] for one in planned[0]["fields"]] == ["active", "triggers"]
    assert planned[1]["change"] == "unchanged"
    assert sandbox.webhooks()[0]["active"] is True
    assert len(sandbox.webhooks()[0]["triggers"]) == len(TRIGGERS)


def test_prune_deletes_what_is_not_wanted_and_refuses_without_a_file(daybook: Daybook, sandbox: Sandbox) -> None:
    daybook.run("webhooks", "apply")
    (daybook.folder / "daybook.yaml").unlink()
    assert daybook.error("webhooks", "apply", "--prune")["kind"] == "bad_input"
    daybook.want("webhooks: [{name: org, connection: acme}]")

    assert daybook.json("webhooks", "apply") == []
    (pruned,) = daybook.json("webhooks", "apply", "--prune")

    assert (pruned["name"], pruned["change"]) == ("few", "extra")
    assert len(sandbox.webhooks()) == 1


def test_after_a_prune_there_is_nothing_to_do_and_the_history_still_names_the_webhook(
    daybook: Daybook, sandbox: Sandbox
) -> None:
    daybook.run("webhooks", "apply")
    urls = {one["name"]: one["url"] for one in daybook.json("webhooks", "list", "--urls")}
    secret = next(one["secret"] for one in sandbox.webhooks() if one["subscriber_url"] == urls["few"])
    with daybook.running("serve"):
        assert signed(urls["few"], 1, secret) == 202
        daybook.want("webhooks: [{name: org, connection: acme}]")
        (pruned,) = daybook.json("webhooks", "apply", "--prune")
        assert signed(urls["few"], 2, secret) == 202  # what was on its way

    assert (pruned["name"], pruned["change"]) == ("few", "extra")
    assert [(one["name"], one["change"]) for one in daybook.json("webhooks", "plan")] == [("org", "unchanged")]
    assert "Nothing to change." in daybook.run("webhooks", "plan").stdout
    assert daybook.json("webhooks", "apply", "--prune") == []
    states = {one["name"]: one["state"] for one in daybook.json("webhooks", "list")}
    assert states == {"few": "retired", "org": "registered"}
    assert {one["webhook"] for one in daybook.json("deliveries", "list")} == {"few"}
    daybook.want("webhooks: []")
    daybook.run("webhooks", "apply", "--prune")
    assert daybook.run("webhooks", "plan").stdout == "Nothing to change.\n"


def test_a_refused_key_ends_in_one_clear_error(daybook: Daybook) -> None:
    daybook.connect("cal_wrong")

    error = daybook.error("webhooks", "apply")

    assert (error["kind"], error["status"]) == ("unauthorized", 401)
    assert error["message"].startswith("connection acme: ")
    assert "cal_wrong" not in error["message"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("webhooks: [{name: org, connection: acme, triggers: [BOOKING_CREATD]}]", "did you mean BOOKING_CREATED?"),
        ("webhooks: [{name: org, connection: acne}]", "there are: acme"),
        ("webhooks: {", "not YAML"),
    ],
)
def test_a_wrong_daybook_yaml_is_said_before_anything_is_sent(
    daybook: Daybook, sandbox: Sandbox, text: str, said: str
) -> None:
    daybook.want(text)

    assert said in daybook.error("webhooks", "apply")["message"]
    assert sandbox.look("calls")["count"] == 0


def test_no_delivery_is_refused_while_the_secret_is_rotated(daybook: Daybook, sandbox: Sandbox) -> None:
    daybook.want("webhooks: [{name: org, connection: acme}]")
    daybook.run("webhooks", "apply")
    with daybook.running("serve"):
        emitting = threading.Thread(
            target=lambda: sandbox.control("emit", trigger="BOOKING_CREATED", count=300, rate=100, wait=True)
        )
        emitting.start()
        rotated = daybook.json("webhooks", "rotate", "org", "--overlap", "1h")
        emitting.join()
        sandbox.control("faults", deliveries=[{"kind": "old_secret", "times": 3}])
        sandbox.control("emit", trigger="BOOKING_CANCELLED", count=3, wait=True)

    attempts: list[dict[str, Any]] = sandbox.look("deliveries")["attempts"]
    assert len(attempts) == 303
    assert {attempt["status"] for attempt in attempts} == {202}
    assert rotated[0]["secret"] is None
    (org,) = daybook.json("webhooks", "list")
    assert [one["live_until"] is None for one in org["secrets"]] == [True, False]
    assert org["last_delivery"] is not None


def test_a_secret_stays_good_until_its_promised_end_however_often_the_webhook_is_rotated(
    daybook: Daybook, sandbox: Sandbox
) -> None:
    daybook.want("webhooks: [{name: org, connection: acme}]")
    daybook.run("webhooks", "apply")
    (org,) = daybook.json("webhooks", "list", "--urls")
    used = [sandbox.webhooks()[0]["secret"]]
    for overlap in ("7d", "1h", "0s"):
        (rotated,) = daybook.json("webhooks", "rotate", "org", "--overlap", overlap)
        used.append(sandbox.webhooks()[0]["secret"])

    with daybook.running("serve"):
        answers = [signed(org["url"], number, key) for number, key in enumerate(used)]

    assert answers == [202, 202, 401, 202]
    until = [one["live_until"] for one in rotated["secrets"]]
    assert until[0] is None
    assert until[1] < until[2] == rotated["old_secrets_until"]


def test_rotating_says_which_secrets_are_good_until_when(daybook: Daybook) -> None:
    daybook.want("webhooks: [{name: org, connection: acme}]")
    daybook.run("webhooks", "apply")
    daybook.run("webhooks", "rotate", "org")

    said = daybook.run("webhooks", "rotate", "org", "--overlap", "1h").stdout.splitlines()

    (org,) = daybook.json("webhooks", "list")
    ends = [one["live_until"] for one in org["secrets"] if one["live_until"]]
    assert said[0] == "Cal.com signs org with a new secret now."
    assert [line.partition("good until ")[2] for line in said[2:]] == [
        "it is replaced",
        *(f"{end[:10]} {end[11:16]}Z" for end in ends),
    ]
    assert len(ends) == 2


def test_an_adopted_webhook_takes_deliveries_at_the_url_to_paste(daybook: Daybook) -> None:
    (made,) = daybook.json("webhooks", "adopt", "sales", "--connection", "acme", "--secret", "typed by hand")
    assert set(made) == {"name", "url"}

    with daybook.running("serve"):
        answers = [signed(made["url"], 1, key) for key in ("typed by hand", "another")]

    assert answers == [202, 401]
    assert daybook.error("webhooks", "remove", "sales")["kind"] == "conflict"
    assert daybook.error("connections", "remove", "acme")["kind"] == "conflict"


def test_a_webhook_that_never_got_anything_is_forgotten_and_then_its_connection(daybook: Daybook) -> None:
    daybook.run("webhooks", "adopt", "sales", "--connection", "acme", "--secret", "typed by hand")

    daybook.run("webhooks", "remove", "sales")
    daybook.run("connections", "remove", "acme")

    assert daybook.json("connections", "list") == []
    assert daybook.error("connections", "remove", "acme")["kind"] == "not_found"
