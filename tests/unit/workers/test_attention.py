"""What needs a person, in sentences that a person reads."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from workers import attention
from workers.attention import Item, Kind
from workers.differences import Kind as Standing
from workers.silence import Silence, Unheard

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
SILENT = Silence("BOOKING_CREATED", NOW - timedelta(hours=30), timedelta(hours=8))

EVERY = [
    *(make(count, NOW) for make in (attention.quarantine, attention.unknown, attention.dead) for count in (1, 2, 3000)),
    *(attention.drift("acme", [("org", "missing")] * count, NOW) for count in (1, 2, 5)),
    attention.unseen("acme", "Cal.com refused the credential.", NOW),
    attention.silent(SILENT, NOW),
    attention.unheard(Unheard("MEETING_ENDED", 4, NOW)),
    attention.spool("web-1:/data/spool", 4_000_000, NOW),
    attention.set_aside("web-1:/data/spool", 1, NOW),
    attention.set_aside("web-1:/data/spool", 2, NOW),
]


@pytest.mark.parametrize("item", EVERY, ids=lambda item: f"{item.kind}-{item.count}")
def test_every_item_says_what_it_is_and_what_to_do_in_whole_sentences(item: Item) -> None:
    for sentence in (item.says, item.next):
        assert sentence[0].isupper() or sentence[0].isdigit() or sentence[0] == "`"
        assert sentence.endswith(".")
    assert item.count >= 1


def test_there_is_an_item_of_each_kind() -> None:
    assert {item.kind for item in EVERY} == set(Kind)


def test_one_is_not_told_as_many() -> None:
    assert attention.unknown(1, NOW).says == "1 run stopped at a step of which nobody knows whether it was done."
    assert attention.unknown(2, NOW).says == "2 runs stopped at steps of which nobody knows whether they were done."
    assert attention.quarantine(3000, NOW).says.startswith("3,000 deliveries wait in quarantine")


def test_a_drift_names_the_first_three_webhooks() -> None:
    told = [("org", "switched_off"), (None, "extra"), ("few", "edited"), ("last", "missing")]
    assert attention.drift("acme", told, NOW).says == (
        "4 webhooks are not at Cal.com as daybook.yaml wants for acme: org is switched off, one without a name is "
        "there though nobody wants it, few is otherwise and 1 more."
    )


@pytest.mark.parametrize("kind", [kind for kind in Standing if kind not in (Standing.UNCHANGED, Standing.RETIRED)])
def test_every_way_in_which_a_webhook_can_differ_has_words(kind: Standing) -> None:
    assert kind.value == "missing" or f" is {kind.value}" not in attention.drift("acme", [("org", kind)], NOW).says


def test_a_silence_tells_how_long_it_is_and_what_was_usual() -> None:
    item = attention.silent(SILENT, NOW)
    assert item.says == (
        "BOOKING_CREATED has not come for 30 hours; in four weeks it never paused for more than 8 hours before."
    )
    assert (item.about, item.since) == ("BOOKING_CREATED", SILENT.last)
    assert "for 5 days;" in attention.silent(SILENT, NOW + timedelta(days=4)).says
