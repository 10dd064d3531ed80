"""The ready-made rules of docs/rules/examples, each against a stand-in Cal.com by a running `daybook up`."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.conftest import Daybook, Eventually
from tests.chaos.receiver import SECRET, Receiver, receiver
from tests.chaos.standin import API_KEY, ORG_ID, StandIn, standin
from tests.conftest import free_port
from workers.store import ledger, runs
from workers.store.engine import open_store

EXAMPLES = Path(__file__).parents[2] / "docs" / "rules" / "examples"
INGRID, MAYA, TOMAS, SOFIA = 90210, 90211, 90212, 90213


@dataclass
class Town:
    """Daybook with all examples live, the stand-in Cal.com it acts on, and a service it sends to."""

    daybook: Daybook
    calcom: StandIn
    service: Receiver

    def runs(self, rule: str) -> list[tuple[str, str | None, dict[str, str]]]:
        """State, reason and the states of the steps of each run of a rule, the oldest first."""
        url = f"sqlite:///{self.daybook.folder / 'data' / 'daybook.db'}"
        with contextlib.closing(open_store(url, pool_size=1)) as store, store.read() as connection:
            found = runs.page(connection, runs.Filter(rules=(rule,)), limit=100)[::-1]
            steps = ledger.of_runs(connection, [row.id for row in found])
        return [
            (str(row.state), row.reason, {action.step: str(action.state) for action in steps[row.id]}) for row in found
        ]

    def ended(self, rule: str, number: int = 1) -> list[str]:
        """The states of a rule's runs, where none is under way and there are so many."""
        states = [state for state, _, _ in self.runs(rule)]
        return states if len(states) >= number and not {*states} & {"planned", "running", "failed"} else []

    def absences(self, user: int) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = self.calcom.ask("GET", f"/users/{user}/ooo")
        return entries

    def messages(self, word: str) -> list[str]:
        """What was said in the team's channel with this word in it."""
        said = [str(body["text"]) for _, body in self.service.at("/services/T0000/B0000/your-own")]
        return [text for text in said if word in text]

    def options_of(self, user: int) -> list[str]:
        """The options that a member has."""
        members = self.calcom.ask("GET", "/memberships")
        (member,) = [each for each in members if each["userId"] == user]
        return [attribute["option"] for attribute in member["attributes"]]


@pytest.fixture(scope="module")
def town() -> Iterator[Town]:
    with (
        tempfile.TemporaryDirectory(prefix="daybook-") as folder,
        standin() as calcom,
        receiver() as service,
    ):
        daybook = Daybook(Path(folder), free_port())
        daybook.extra |= {"HTTP_ALLOW": "127.0.0.1", "SIGNING_SECRET": SECRET, "SWEEP_INTERVAL": "0.2"}
        (daybook.folder / "rules").mkdir()
        for example in EXAMPLES.glob("*.yaml"):
            text = example.read_text()
            for outside in ("https://billing.example.com", "https://hooks.slack.com"):
                text = text.replace(outside, service.url)
            (daybook.folder / "rules" / example.name).write_text(text)
        (daybook.folder / "daybook.yaml").write_text("webhooks: [{name: org, connection: acme}]")
        words = ["--base-url", f"{calcom.address}/v2", "--org-id", str(ORG_ID), "--api-key", API_KEY]
        daybook.run("connections", "add", "acme", *words, "--per-minute", "0")
        calcom.attribute("team", "Sales", "Support")
        calcom.attribute("duty", "Covering")
        calcom.attribute("reliability", "Missed")
        try:
            daybook.start()
            daybook.run("webhooks", "apply")
            yield Town(daybook, calcom, service)
        finally:
            if daybook.up is not None:
                daybook.stop()


def test_a_time_off_booking_makes_an_absence_that_moves_with_it_and_goes_with_it(
    town: Town, eventually: Eventually
) -> None:
    rule = "time-off-booking-blocks-calendar"
    story = {"type": "time-off", "start": "2027-03-08T09:00:00Z", "end": "2027-03-10T17:00:00Z"}
    told = town.calcom.tell("story", steps=["BOOKING_CREATED", "BOOKING_RESCHEDULED"], gap=1, changes=story)
    first, moved = [chapter["uid"] for chapter in told["chapters"]]
    eventually(lambda: town.ended("time-off-booking-moves"), what="the move")

    (entry,) = town.absences(MAYA)
    assert (entry["start"][:10], entry["end"][:10]) == ("2027-03-09", "2027-03-11")
    assert (entry["reason"], entry["notes"]) == ("vacation", f"Time off, booking {first}")

    town.calcom.tell("emit", trigger="BOOKING_CREATED", changes={**story, "uid": first})  # and again
    cancelled = {"type": "time-off", "uid": moved, "previousUid": first}
    town.calcom.tell("emit", trigger="BOOKING_CANCELLED", changes=cancelled)
    eventually(lambda: town.ended(rule, 3), what="the end of it")

    assert town.absences(MAYA) == []
    assert town.ended(rule) == ["done", "skipped", "done"]
    assert [effect["times"] for effect in town.calcom.effects("POST", f"/users/{MAYA}/ooo")] == [1]
    assert [effect["times"] for effect in town.calcom.effects("DELETE", f"/users/{MAYA}/ooo")] == [1]


def test_any_other_booking_makes_no_absence(town: Town, eventually: Eventually) -> None:
    before = town.daybook.events()
    town.calcom.tell("emit", trigger="BOOKING_CREATED", changes={"organizer": {"id": SOFIA}})
    eventually(lambda: town.daybook.events() > before, what="the event")

    assert town.absences(SOFIA) == []


def test_a_join_us_form_makes_a_user_a_membership_and_an_attribute_once(town: Town, eventually: Eventually) -> None:
    rule = "join-us-form-makes-a-member"
    answers = {"email": {"value": "Nils.Holm@example.net"}, "team": {"value": "Support"}}
    for name in ("Join us", "Another form", "Join us"):
        town.calcom.tell(
            "emit", trigger="FORM_SUBMITTED", changes={"payload": {"formName": name, "responses": answers}}
        )
    eventually(lambda: town.ended(rule, 2), what="both runs")

    assert sorted(town.ended(rule)) == ["done", "skipped"]
    (user,) = [each for each in town.calcom.ask("GET", "/users") if each["email"] == "nils.holm@example.net"]
    (member,) = [each for each in town.calcom.ask("GET", "/memberships") if each["userId"] == user["id"]]
    assert (member["role"], member["accepted"]) == ("MEMBER", True)
    assert town.options_of(user["id"]) == ["Support"]
    assert [effect["times"] for effect in town.calcom.effects("POST", "/users") if "email" in effect["body"]] == [1]


def test_a_form_that_names_no_team_there_is_does_nothing_and_says_why(town: Town, eventually: Eventually) -> None:
    rule = "join-us-form-makes-a-member"
    before = len(town.runs(rule))
    answers = {"email": {"value": "ida@example.net"}, "team": {"value": "Piracy"}}
    changes = {"payload": {"formName": "Join us", "responses": answers}}
    town.calcom.tell("emit", trigger="FORM_SUBMITTED_NO_EVENT", changes=changes)
    eventually(lambda: town.ended(rule, before + 1), what="the run")

    state, reason, _ = town.runs(rule)[-1]
    assert (state, reason) == ("done", 'There is no team "Piracy"; nobody was invited.')
    assert "ida@example.net" not in [user["email"] for user in town.calcom.ask("GET", "/users")]


def test_who_stands_in_has_the_attribute_until_the_absence_ends(town: Town, eventually: Eventually) -> None:
    rule = "stand-in-is-on-duty"
    today = datetime.now(UTC)
    yesterday = f"{today - timedelta(days=1):%Y-%m-%d}T00:00:00Z"
    town.calcom.tell("faults", deliveries=[{"kind": "drop", "trigger": "OOO_CREATED"}])
    # Its last day is today, and it ends before the day does in UTC: the person's zone is somewhere east.
    absence = {"start": yesterday, "end": f"{today:%Y-%m-%d}T00:00:00Z", "toUserId": TOMAS}
    entry = town.calcom.ask("POST", f"/users/{SOFIA}/ooo", absence)
    end = (datetime.now(UTC) + timedelta(seconds=2)).replace(microsecond=0)
    told = {
        "id": entry["id"],
        "uuid": entry["uuid"],
        "start": yesterday,
        "end": end.isoformat(),
        "user": {"id": SOFIA, "email": "sofia.lindqvist@harbourlight.example"},
        "toUser": {"id": TOMAS, "email": "tomas.rivera@harbourlight.example"},
    }
    # What Cal.com says of a whole day, said of two seconds.
    town.calcom.tell("emit", trigger="OOO_CREATED", changes={"payload": {"oooEntry": told}})
    eventually(lambda: town.ended(rule), what="the end of the absence")

    assert town.ended(rule) == ["done"]
    given, taken = (
        town.calcom.look("calls", method=name, path=f"/options/{TOMAS}")["calls"] for name in ("POST", "DELETE")
    )
    assert (len(given), len(taken)) == (1, 1)
    assert datetime.fromisoformat(taken[0]["at"]) >= end
    assert town.options_of(TOMAS) == []


def test_who_stands_in_for_another_by_then_keeps_the_attribute(town: Town, eventually: Eventually) -> None:
    rule, before = "stand-in-is-on-duty", len(town.runs("stand-in-is-on-duty"))
    day = timedelta(days=1)
    today = datetime.now(UTC)
    for user, first, last in ((INGRID, today - day, today + day), (SOFIA, today - 3 * day, today - 2 * day)):
        absence = {"start": f"{first:%Y-%m-%d}T00:00:00Z", "end": f"{last:%Y-%m-%d}T00:00:00Z", "toUserId": MAYA}
        town.calcom.ask("POST", f"/users/{user}/ooo", absence)
    eventually(lambda: len(town.runs(rule)) == before + 2, what="both runs")
    eventually(lambda: "done" in [state for state, _, _ in town.runs(rule)[before:]], what="the absence that is over")

    (over,) = [steps for state, _, steps in town.runs(rule)[before:] if state == "done"]
    assert list(over.values())[-1] == "skipped"
    assert town.options_of(MAYA) == ["Covering"]


def test_a_host_who_misses_three_calls_gets_an_attribute_and_a_message_at_the_third(
    town: Town, eventually: Eventually
) -> None:
    rule = "host-missed-three-calls"
    for number in (1, 2, 3, 4):
        town.calcom.tell("emit", trigger="AFTER_HOSTS_CAL_VIDEO_NO_SHOW")
        eventually(lambda number=number: town.ended(rule, number), what=f"run {number}")

    assert [reason for _, reason, _ in town.runs(rule)] == [
        "No-show 1 within 30 days; the third one counts.",
        "No-show 2 within 30 days; the third one counts.",
        None,
        "No-show 4 within 30 days; the third one counts.",
    ]
    assert "Missed" in town.options_of(MAYA)
    (message,) = town.messages("missed")
    assert message.startswith("maya.okonkwo@harbourlight.example missed 3 calls within 30 days")


def test_a_paid_booking_is_told_to_billing_signed(town: Town, eventually: Eventually) -> None:
    (uid,) = town.calcom.tell("emit", trigger="BOOKING_PAID")["uids"]
    eventually(lambda: town.ended("paid-booking-to-billing"), what="the call")

    ((name, body),) = town.service.at("/hooks/cal")
    assert name
    assert (body["booking"], body["price"], body["currency"]) == (uid, 7500, "gbp")
    assert body["customer"] == ["priya.raman@example.net"]
    assert town.service.forged == 0


def test_an_error_of_a_delegation_credential_is_told_once_a_day(town: Town, eventually: Eventually) -> None:
    rule = "delegation-credential-error-alert"
    for _ in range(3):
        town.calcom.tell("emit", trigger="DELEGATION_CREDENTIAL_ERROR", wait=True)
    eventually(lambda: town.ended(rule, 3), what="three runs")

    assert sorted(town.ended(rule)) == ["done", "skipped", "skipped"]
    (text,) = town.messages("calendar")
    assert text == (
        "Cal.com cannot reach the calendar of sofia.lindqvist@harbourlight.example: "
        "Invalid grant: account has been disabled or password changed"
    )
