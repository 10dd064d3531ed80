from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from workers.catalogue.event import Kind
from workers.errors import Misconfigured
from workers.retention import Plan, parse, past, spelt

NOW = datetime(2026, 11, 25, tzinfo=UTC)


def test_a_section_is_read() -> None:
    plan = parse({"events": "400d", "bodies": "30 days", "kinds": {"form": "90d"}}, "daybook.yaml")

    assert plan == Plan(
        events=timedelta(days=400), bodies=timedelta(days=30), kinds={"form": timedelta(days=90)}
    )  # fmt: skip
    assert [spelt(plan.events), spelt(plan.audit)] == ["400d", "for ever"]


def test_without_a_section_all_is_kept() -> None:
    assert parse(None, "daybook.yaml").keeps_all
    gone = past(Plan(), NOW)
    assert (gone.kinds, gone.bodies, gone.quarantined, gone.audit, gone.every_body) == ({}, None, None, None, None)


@pytest.mark.parametrize(
    ("section", "said"),
    [
        (["events"], "must be a mapping"),
        ({"event": "4d"}, "did you mean events"),
        ({"events": 400}, "whole days"),
        ({"events": "0d"}, "whole days"),
        ({"events": "-1d"}, "whole days"),
        ({"kinds": {"forms": "3d"}}, "did you mean form"),
        ({"kinds": "form"}, "must be a mapping"),
    ],
)
def test_a_wrong_section_is_told_with_its_place(section: object, said: str) -> None:
    with pytest.raises(Misconfigured, match=said) as caught:
        parse(section, "daybook.yaml")

    assert "daybook.yaml" in caught.value.message


def test_a_kind_with_an_age_of_its_own_goes_by_that() -> None:
    gone = past(Plan(events=timedelta(days=10), kinds={"form": timedelta(days=20)}), NOW)

    assert gone.kinds["booking"] == NOW - timedelta(days=10)
    assert gone.kinds["form"] == NOW - timedelta(days=20)
    assert len(gone.kinds) == len(Kind)


def test_a_body_is_past_whatever_its_kind_only_before_the_oldest_of_them() -> None:
    ages = Plan(events=timedelta(days=10), kinds={"form": timedelta(days=20)})

    assert past(ages, NOW).every_body == NOW - timedelta(days=20)
    assert past(Plan(kinds={"form": timedelta(days=20)}), NOW).every_body is None
    assert past(Plan(bodies=timedelta(days=3)), NOW).every_body == NOW - timedelta(days=3)
