"""Stories: what a booking lives through."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from ingest.samples import STORIES, Changes, story
from workers.errors import BadInput

NOW = datetime(2027, 7, 1, 12, 34, 56, tzinfo=UTC)


def payloads(*steps: str, changes: Changes | None = None) -> list[dict[str, Any]]:
    return [json.loads(chapter.body)["payload"] for chapter in story(steps, now=NOW, changes=changes)]


def test_a_booking_keeps_its_uid_until_it_is_rescheduled() -> None:
    requested, created, rescheduled, cancelled = story(STORIES["booking"], now=NOW)

    assert requested.uid == created.uid == rescheduled.previous_uid
    assert rescheduled.uid == cancelled.uid != created.uid


def test_the_bodies_of_a_reschedule_agree_with_the_booking_before() -> None:
    created, moved, moved_again = payloads("BOOKING_CREATED", "BOOKING_RESCHEDULED", "BOOKING_RESCHEDULED")

    assert moved["rescheduleId"] == created["bookingId"]
    assert moved["rescheduleStartTime"] == created["startTime"]
    assert (moved_again["rescheduleUid"], moved_again["rescheduleId"]) == (moved["uid"], moved["bookingId"])
    assert moved_again["rescheduleEndTime"] == moved["endTime"]


def test_a_given_uid_and_booking_id_begin_the_story() -> None:
    changes = Changes(uid="first", booking_id=5)

    created, moved = payloads("BOOKING_CREATED", "BOOKING_RESCHEDULED", changes=changes)

    assert (created["uid"], created["bookingId"]) == ("first", 5)
    assert (moved["rescheduleUid"], moved["rescheduleId"]) == ("first", 5)
    assert moved["bookingId"] != 5


def test_no_two_chapters_say_the_same_moment() -> None:
    for steps in STORIES.values():
        bodies = [chapter.body for chapter in story(steps, now=NOW)]

        assert len(set(bodies)) == len(steps)


def test_a_story_without_steps_or_with_an_unknown_one_is_refused() -> None:
    for steps in ([], ["BOOKING_CONFIRMED"]):
        with pytest.raises(BadInput):
            story(steps, now=NOW)
