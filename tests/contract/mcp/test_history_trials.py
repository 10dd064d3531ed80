"""test_rule, replay, trigger_sample, and what can be read by URI, on both databases."""

from __future__ import annotations

import json
import re
from typing import Any
from uuid import uuid4

import pytest
from jsonschema import Draft202012Validator

from ingest.mcp.history import trials
from ingest.mcp.history.toolset import TOOLS
from ingest.seats import Busy, Seats
from tests.contract.mcp.conftest import MAKES, Asked
from tests.contract.store.filled import body
from workers.catalogue.own import ABOUT
from workers.errors import BadArguments, BadInput, Conflict, NotFound
from workers.persist import persist
from workers.rules import allowance
from workers.store import deliveries
from workers.store.receipts import State

SHOWS = """
rules:
  - name: shows
    on: [BOOKING_CREATED]
    once_per: ${{ event.booking.uid }}
    do:
      - make: ${{ event.payload.videoCallData.password }}
"""
CALLS = """
rules:
  - name: calls
    description: Tells a chat.
    on: [BOOKING_CREATED]
    once_per: ${{ event.booking.uid }}
    do:
      - http: https://hooks.slack.com/services/T0000/B0000/s3cret-path
        headers: { Authorization: Bearer s3cret-token }
"""


def test_a_rules_text_is_tried_on_a_stored_event_and_nothing_is_done(asked: Asked) -> None:
    mine = asked.office.comes(uid="a")
    told = asked("test_rule", rule=MAKES, event=str(mine))
    assert (told["matches"], told["acts"], told["once"]) == (True, True, "a")
    assert told["summary"] == "It matches; the key is a. This would be done:"
    assert told["steps"][0]["request"] == {"make": "thing of a"}
    assert asked.office.runs() == []
    assert asked.office.world.made == {}


def test_a_live_rule_is_tried_by_name_and_a_run_that_has_the_key_is_named(asked: Asked) -> None:
    asked.office.rules(MAKES)
    mine = asked.office.comes(uid="a")
    told = asked("test_rule", name="makes", event=str(mine))
    assert told["acts"] is False
    assert told["before"]["run_id"] == str(asked.office.runs()[0].id)


def test_a_rule_is_tried_on_a_sample_and_says_which_part_does_not_hold(asked: Asked) -> None:
    told = asked("test_rule", rule=MAKES, trigger="BOOKING_CREATED", connection="acme", mask=True)
    assert (told["matches"], told["on"], told["steps"]) == (False, "a sample", [])
    assert [(part["part"], part["holds"]) for part in told["parts"]] == [("on", True), ("when", False)]


def test_a_payload_that_nests_deeply_is_tried_masked_too(asked: Asked) -> None:
    mine = asked.office.filled.keep(b'{"triggerEvent": "PING", "payload": {"a": ' + b"[" * 900 + b"]" * 900 + b"}}")
    persist(asked.office.store, [mine])
    assert asked("test_rule", rule=MAKES, event=str(mine), mask=True)["matches"] is False
    assert asked("get_event", event=str(mine), mask=True)["event"]["trigger"] == "PING"


def test_a_rules_text_that_takes_longer_to_read_than_a_trial_may_is_refused(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(allowance, "TRIAL", 0.0)
    with pytest.raises(BadInput, match="line 3, column 5: to read so many expressions takes too long here"):
        asked("test_rule", rule=MAKES, trigger="PING")


def test_a_crowd_of_trials_is_told_to_come_again(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trials, "_SEATS", Seats(1, bench=0, patience=0.0))
    assert asked("test_rule", rule=MAKES, trigger="PING")["matches"] is False
    with trials._SEATS.one(), pytest.raises(Busy):
        asked("test_rule", rule=MAKES, trigger="PING")


def test_masked_a_trial_names_nobody(asked: Asked) -> None:
    mine = asked.office.comes()
    rule = MAKES.replace("${{ event.booking.uid }}", "${{ event.attendees[0].name }} of ${{ event.organizer.email }}")
    told = asked("test_rule", rule=rule, event=str(mine), mask=True)
    assert told["once"] == "person-2 of person-1"
    said = json.dumps(told).lower()
    assert [mark for mark in (r"\bada\b", "jon", "doe", "acme.example") if re.search(mark, said)] == []


def test_a_rule_sees_no_more_of_a_payload_than_whoever_tries_it(asked: Asked) -> None:
    mine = asked.office.comes(videoCallData={"password": "hunter2"})
    assert "hunter2" not in json.dumps(asked("test_rule", rule=SHOWS, event=str(mine)))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "rule: missing"),
        ({"rule": "rules: [", "trigger": "PING"}, "rule: line 1, column"),
        ({"rule": MAKES.replace("once_per", "once"), "trigger": "PING"}, "rule: line"),
        ({"rule": "", "trigger": "PING"}, "rule: may not be empty"),
        ({"rule": "rules: []", "trigger": "PING"}, "rule"),
        ({"rule": MAKES, "name": "other", "trigger": "PING"}, "name: must be one of those in `rule`: makes"),
        ({"rule": MAKES}, "event: give either"),
        ({"rule": MAKES, "event": "0123", "trigger": "PING"}, "event: give either"),
        ({"rule": MAKES, "trigger": "BOOKED"}, "trigger: must be one of its values"),
        ({"rule": MAKES, "trigger": "PING", "outputs": {"nothing": 1}}, "no step 'nothing'"),
        ({"rule": "x" * 50_001, "trigger": "PING"}, "rule: may have at most 50,000 characters"),
    ],
)
def test_a_trial_that_cannot_be_made_says_why(asked: Asked, arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput) as error:
        asked("test_rule", **arguments)
    assert said in error.value.message


def test_a_rule_that_is_not_live_cannot_be_tried_by_name(asked: Asked) -> None:
    with pytest.raises(NotFound, match="there are: none"):
        asked("test_rule", name="makes", trigger="PING")


def test_a_replay_by_id_counts_first_and_leaves_alone_what_is_no_event(asked: Asked) -> None:
    mine = asked.office.filled.event()
    held = asked.office.filled.keep(b"{}", verdict="unsigned")
    wanted = [str(mine), str(held)]
    told = asked("replay", deliveries=wanted)
    assert (told["dry_run"], told["deliveries"]) == (True, 1)
    assert told["left_alone"] == [{"id": str(held), "state": "quarantined"}]
    assert _states(asked) == {"persisted": 1, "quarantined": 1}
    done = asked("replay", deliveries=wanted, dry_run=False)
    assert (done["dry_run"], done["deliveries"], done["rung"]) == (False, 1, False)
    assert "broker is away" in done["note"]
    assert _states(asked) == {"received": 1, "quarantined": 1}


def test_a_replay_by_filter_wants_the_count_that_the_dry_run_told(asked: Asked) -> None:
    asked.office.filled.events(3)
    assert "expect: 3" in asked("replay", webhook="org")["note"]
    with pytest.raises(BadArguments, match="expect: missing; 3 deliveries"):
        asked("replay", webhook="org", dry_run=False)
    with pytest.raises(Conflict, match="3 deliveries are meant by now, not 2"):
        asked("replay", webhook="org", dry_run=False, expect=2)
    assert _states(asked) == {"persisted": 3}
    assert asked("replay", webhook="org", dry_run=False, expect=3)["deliveries"] == 3
    assert _states(asked) == {"received": 3}


def test_a_replay_repeats_nothing_that_a_rule_did(asked: Asked) -> None:
    asked.office.rules(MAKES)
    mine = asked.office.comes(uid="a")
    asked.office.work()
    asked("replay", deliveries=[str(mine)], dry_run=False)
    persist(asked.office.store, [mine], asked.office.book.live())
    asked.office.work()
    assert asked.office.world.made == {"thing of a": 1}


@pytest.mark.parametrize("unclear", [{}, {"deliveries": ["0123"], "all": True}, {"dry_run": False}])
def test_a_replay_of_nothing_or_of_two_things_is_refused(asked: Asked, unclear: dict[str, Any]) -> None:
    with pytest.raises(BadArguments, match="deliveries: name"):
        asked("replay", **unclear)


def test_a_replay_of_a_delivery_that_there_is_not_replays_nothing(asked: Asked) -> None:
    mine = asked.office.filled.event()
    with pytest.raises(NotFound, match="nothing was replayed"):
        asked("replay", deliveries=[str(mine), str(uuid4())], dry_run=False)
    assert _states(asked) == {"persisted": 1}


def test_a_sample_wants_a_webhook(asked: Asked) -> None:
    with pytest.raises(NotFound, match="there is none yet"):
        asked("trigger_sample", trigger="PING")
    asked.office.filled.webhook("org")
    with pytest.raises(NotFound, match="there are: org"):
        asked("trigger_sample", trigger="PING", webhook="other")
    asked.office.filled.webhook("eu")
    with pytest.raises(BadArguments, match="webhook: missing; there are: "):
        asked("trigger_sample", trigger="PING")


def test_the_catalogue_and_the_live_rules_can_be_read(asked: Asked) -> None:
    asked.office.rules(MAKES)
    uris = [page.uri for page in asked.history.pages()]
    assert uris == ["daybook://catalogue", "daybook://rules", "daybook://rules/makes"]
    assert {one["trigger"] for one in json.loads(asked.history.page(uris[0]))["triggers"]} == set(ABOUT)
    (rule,) = json.loads(asked.history.page(uris[1]))["rules"]
    assert (rule["name"], rule["on"], rule["state"]) == ("makes", ["BOOKING_CREATED"], "live")
    assert "make: thing of ${{ event.booking.uid }}" in asked.history.page(uris[2])


def test_a_rules_text_can_be_read_without_what_lets_one_in(asked: Asked) -> None:
    del asked.history.desk.__dict__["kinds"]
    kinds = asked.history.desk.kinds
    asked.office.book._kinds = kinds
    asked.office.rules(CALLS)
    text = asked.history.page("daybook://rules/calls")
    assert "on:" in text
    assert "https://hooks.slack.com/services/…" in text
    assert "s3cret" not in text


@pytest.mark.parametrize("uri", ["daybook://rules/none", "daybook://other", "file:///etc/passwd", "", "\ud800"])
def test_what_cannot_be_read_is_said(asked: Asked, uri: str) -> None:
    with pytest.raises(NotFound):
        asked.history.page(uri)


def test_no_secret_is_in_any_answer(asked: Asked) -> None:
    asked.office.rules(MAKES)
    secret: dict[str, Any] = {
        "otp": "sk-otp",
        "videoCallData": {"password": "sk-password", "url": "https://x.example/j?pwd=sk-link"},
    }
    headers = (("content-type", "application/json"), ("authorization", "Bearer sk-proxy"), ("x-api-key", "sk-header"))
    kept = asked.office.filled.keep(body(uid="uid-of-secrets", **secret), headers=headers)
    persist(asked.office.store, [kept], asked.office.book.live())
    held = asked.office.filled.keep(body(uid="uid-of-secrets", **secret), headers=headers, verdict="mismatch")
    asked.office.work()
    said = [
        asked("search_events"),
        asked("get_event", event=str(kept)),
        asked("explain_booking", booking="uid-of-secrets"),
        asked("event_stats"),
        asked("list_runs", details=True),
        asked("test_rule", rule=SHOWS, event=str(kept)),
        asked("replay", deliveries=[str(kept), str(held)]),
        *(asked.history.page(page.uri) for page in asked.history.pages()),
    ]
    everything = json.dumps(said)
    secrets = ("sk-otp", "sk-password", "sk-link", "sk-proxy", "sk-header", "s3cret", "token-of-org", "cal_key")
    assert [one for one in secrets if one in everything] == []
    assert str(held) in everything


def test_every_tool_has_a_test_that_calls_it() -> None:
    assert set(TOOLS) == {
        "search_events",
        "get_event",
        "explain_booking",
        "event_stats",
        "list_runs",
        "test_rule",
        "replay",
        "trigger_sample",
    }
    for tool in TOOLS.values():
        Draft202012Validator.check_schema(dict(tool.offer.input_schema))


def _states(asked: Asked) -> dict[str, int]:
    with asked.office.store.read() as sql:
        found: dict[str, int] = deliveries.stats(sql, deliveries.Filter())["states"]
    assert set(found) <= set(State)
    return found
