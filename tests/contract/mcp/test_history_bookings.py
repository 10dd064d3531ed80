"""explain_booking and list_runs: from what was received to what rules did, on both databases."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import msgspec
import pytest
from cryptography.fernet import Fernet

from ingest.mcp.history.toolset import History
from tests.contract.ledger.conftest import refused
from tests.contract.mcp.conftest import MAKES, Asked, conforms
from tests.contract.store.filled import START, body
from workers.errors import BadInput, NotFound
from workers.replay import discard
from workers.settings import Settings
from workers.store.audit import Who
from workers.store.keys import Role
from workers.vault import Vault

HEARS_OTHERS = """
rules:
  - name: only-demos
    on: [BOOKING_CREATED]
    when: event.type == "demo" && event.organizer.email == "ada@acme.example"
    once_per: ${{ event.booking.uid }}
    do:
      - stop: It is no demo.
"""
UID = "uid-of-a-booking"


def test_a_booking_is_explained_from_its_delivery_to_what_an_action_gave(asked: Asked) -> None:
    asked.office.rules(MAKES)
    asked.office.rules(HEARS_OTHERS, "others.yaml")
    created = asked.office.comes(uid=UID)
    asked.office.work()
    asked.office.comes(uid=UID, trigger="BOOKING_CANCELLED", status="CANCELLED")
    told = asked("explain_booking", booking=UID)
    assert told["summary"].startswith("Intro call with Ada Berg, Jon Doe is cancelled")
    assert told["summary"].endswith("Rules had 1 run for it: 1 done.")
    assert told["booking"]["status"] == "CANCELLED"
    first, second = told["steps"]
    assert first["received"]["verdict"] == "signed"
    assert first["event"]["id"] == str(created)
    ran, other = first["rules"]
    assert (ran["rule"], ran["outcome"], ran["because"]) == ("makes", "run", "it matched, and its run is done")
    assert (other["rule"], other["outcome"]) == ("only-demos", "no match")
    assert 'event.type == "demo"' in other["because"]
    assert other["because"].endswith("is false")
    (run,) = first["runs"]
    assert (run["id"], run["state"]) == (ran["run"], "done")
    assert run["actions"][0]["request"] == {"make": f"thing of {UID}"}
    assert run["actions"][0]["answer"]["id"] == f"id of thing of {UID}"
    assert (second["event"]["trigger"], second["rules"], second["runs"]) == ("BOOKING_CANCELLED", [], [])
    assert "as they are live now" in told["rules"]


def test_what_an_action_gave_under_a_secrets_name_is_not_told(asked: Asked) -> None:
    asked.office.rules(MAKES)
    asked.office.comes(uid=UID)
    asked.office.work()
    assert "s3cret" not in json.dumps(asked("explain_booking", booking=UID))
    assert "s3cret" not in json.dumps(asked("list_runs", details=True))


def test_a_run_that_a_person_has_to_look_at_is_in_the_first_sentences(asked: Asked) -> None:
    asked.office.rules(MAKES)
    asked.office.comes(uid=UID)
    asked.office.world.script = [refused]
    asked.office.work()
    told = asked("explain_booking", booking=UID)
    assert "A person has to look at run" in told["summary"]
    assert "it is not allowed" in told["summary"]


def test_a_rule_that_came_after_the_event_would_match_now_and_has_no_run(asked: Asked) -> None:
    asked.office.comes(uid=UID)
    asked.office.rules(MAKES)
    told = asked("explain_booking", booking=UID)
    assert told["summary"].endswith("No rule acted on it.")
    assert [(line["outcome"], line["run"]) for line in told["steps"][0]["rules"]] == [("would match", None)]


def test_a_rule_that_is_no_longer_live_is_told_by_its_run(asked: Asked) -> None:
    asked.office.rules(MAKES)
    asked.office.comes(uid=UID)
    asked.office.work()
    (asked.office.folder / "rules.yaml").unlink()
    asked.office.book.live()
    (line,) = asked("explain_booking", booking=UID)["steps"][0]["rules"]
    assert (line["rule"], line["outcome"]) == ("makes", "run")
    assert "does not hear BOOKING_CREATED" in line["because"]
    assert asked("explain_booking", booking=UID, rule="makes")["steps"][0]["rules"] == [line]


def test_one_rule_alone_is_asked_about_by_its_name(asked: Asked) -> None:
    asked.office.rules(MAKES)
    asked.office.rules(HEARS_OTHERS, "others.yaml")
    asked.office.comes(uid=UID)
    (step,) = asked("explain_booking", booking=UID, rule="only-demos")["steps"]
    assert [line["rule"] for line in step["rules"]] == ["only-demos"]
    assert step["runs"] == []
    with pytest.raises(BadInput, match="rule: no live rule has this name; there are: makes, only-demos"):
        asked("explain_booking", booking=UID, rule="nobody")


@pytest.mark.parametrize("moved", [False, True])
def test_a_delivery_that_became_no_event_is_told_with_what_stands_in_its_way(asked: Asked, moved: bool) -> None:
    kept = asked.office.filled.keep(body(uid=UID), verdict="mismatch")
    asked.office.filled.keep(body(uid="another-booking"), verdict="mismatch")
    if moved:
        discard(asked.office.store, [kept])
    with pytest.raises(NotFound):
        asked("explain_booking", booking=UID, connection="eu")
    told = asked("explain_booking", booking=UID, connection="acme")
    assert told["summary"] == f"No event told of a booking {UID}. 1 delivery that mentions it is no event."
    (step,) = told["steps"]
    assert (step["received"]["id"], step["received"]["verdict"]) == (str(kept), "mismatch")
    assert ("discarded" if moved else "quarantine") in step["note"]


def test_steps_are_in_the_order_of_time_and_their_pages_join(asked: Asked) -> None:
    filled = asked.office.filled
    ids = [filled.event(at=START + timedelta(minutes=n), uid=UID) for n in (0, 2)]
    ids.insert(1, filled.keep(body(uid=UID, trigger="PING"), at=START + timedelta(minutes=1), verdict="unsigned"))
    first = asked("explain_booking", booking=UID, limit=2)
    last = asked("explain_booking", booking=UID, limit=2, cursor=first["next"])
    assert [step["received"]["id"] for step in (*first["steps"], *last["steps"])] == [str(one) for one in ids]
    assert last["next"] is None


def test_a_booking_is_found_by_a_uid_it_had_and_by_a_beginning(asked: Asked) -> None:
    asked.office.comes(uid="first-uid")
    asked.office.comes(uid="second-uid", rescheduleUid="first-uid", trigger="BOOKING_RESCHEDULED")
    for uid in ("first-uid", "second-uid", "second"):
        told = asked("explain_booking", booking=uid)
        assert told["booking"]["uid"] == "second-uid"
        assert told["steps"][1]["event"]["previous"] == "first-uid"


def test_a_booking_that_nobody_told_of_is_said_with_what_finds_events(asked: Asked) -> None:
    with pytest.raises(NotFound, match="search_events"):
        asked("explain_booking", booking="no-such-booking")


def test_where_steps_of_rules_cannot_be_had_the_rest_is_told_all_the_same(asked: Asked) -> None:
    asked.office.rules(MAKES)
    asked.office.comes(uid=UID)
    settings = Settings(data_dir=asked.office.folder, python_steps={"mine": "no_such_module:function"})
    elsewhere = History(settings, asked.office.store, Vault([Fernet.generate_key().decode()]))
    told = elsewhere.call(Who("test", Role.VIEWER, None), "explain_booking", {"booking": UID})
    conforms("explain_booking", told)
    assert "No rule could be looked at" in told["rules"]
    assert "no_such_module" in told["rules"]
    assert [line["outcome"] for line in told["steps"][0]["rules"]] == ["run"]


def test_a_busy_booking_is_told_in_a_bounded_answer(asked: Asked) -> None:
    rules = "rules:\n"
    for number in range(60):
        when = " && ".join([f'event.title != "{"x" * 40}{n}"' for n in range(8)])
        rules += f"""
  - name: rule-{number}
    on: [BOOKING_CREATED]
    when: {when} && event.type == "none-{number}"
    once_per: ${{{{ event.booking.uid }}}}
    do: [{{ stop: "no" }}]
"""
    asked.office.rules(rules)
    for _ in range(8):
        asked.office.comes(uid=UID)
    told = asked("explain_booking", booking=UID)
    assert len(msgspec.json.encode(told)) < 25_000
    assert told["steps"][0]["rules_left_out"] == 35
    assert told["next"] is not None


def test_masked_nobody_is_named_in_any_step(asked: Asked) -> None:
    asked.office.rules(MAKES.replace("thing of ${{ event.booking.uid }}", "for ${{ event.organizer.email }}"))
    asked.office.rules(HEARS_OTHERS, "others.yaml")
    asked.office.comes(uid=UID, title="Ada Berg meets Jon")
    asked.office.work()
    told = asked("explain_booking", booking=UID, mask=True)
    said = json.dumps(told).lower()
    assert [mark for mark in (r"\bada\b", "berg", "jon", "doe", "acme.example") if re.search(mark, said)] == []
    assert told["summary"].startswith(f"Booking {UID} with person-1, person-2 is accepted")
    assert 'event.organizer.email == "person-1"' in told["steps"][0]["rules"][1]["because"]


def test_runs_are_listed_by_state_rule_event_booking_and_time(asked: Asked) -> None:
    asked.office.rules(MAKES)
    events = [asked.office.comes(uid=f"booking-{n}") for n in range(3)]
    asked.office.world.script = [refused]
    asked.office.work()
    everything = asked("list_runs")["runs"]
    assert [run["event_id"] for run in everything] == [str(one) for one in events[::-1]]
    (dead,) = asked("list_runs", state=["dead"])["runs"]
    assert "it is not allowed" in dead["actions"][0]["reason"]
    assert "request" not in dead["actions"][0]
    for wanted in ({"event": str(events[1])}, {"booking": "booking-1"}, {"booking": "booking-1", "rule": ["makes"]}):
        assert [run["event_id"] for run in asked("list_runs", **wanted)["runs"]] == [str(events[1])]
    for none in ({"rule": ["other"]}, {"connection": "eu"}, {"until": "2026-01-01"}):
        assert asked("list_runs", **none)["runs"] == []
    with pytest.raises(NotFound, match="search_events"):
        asked("list_runs", booking="no-such-booking")


def test_masked_runs_name_nobody_in_keys_reasons_and_what_actions_were_told(asked: Asked) -> None:
    named = MAKES.replace("${{ event.booking.uid }}", "${{ event.attendees[0].name }} of ${{ event.organizer.email }}")
    asked.office.rules(named)
    asked.office.comes(uid=UID)
    asked.office.work()
    (run,) = asked("list_runs", details=True)["runs"]
    assert run["key"] == "Jon Doe of Ada@Acme.example"
    (run,) = asked("list_runs", details=True, mask=True)["runs"]
    assert run["key"] == "person-2 of person-1"
    assert [mark for mark in ("ada@", "jon", "doe", "acme.example") if mark in json.dumps(run).lower()] == []


def test_pages_of_runs_join_and_details_show_what_an_action_was_told(asked: Asked) -> None:
    asked.office.rules(MAKES)
    for number in range(3):
        asked.office.comes(uid=f"booking-{number}")
    asked.office.work()
    first = asked("list_runs", limit=2, details=True)
    last = asked("list_runs", limit=2, details=True, cursor=first["next"])
    told = [run["actions"][0]["request"]["make"] for run in (*first["runs"], *last["runs"])]
    assert told == [f"thing of booking-{number}" for number in (2, 1, 0)]
    assert last["next"] is None
