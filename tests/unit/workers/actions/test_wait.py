from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.actions.kind import Call, Done, Refused, Until
from workers.actions.wait import WaitStep, read
from workers.rules.kinds import UNKNOWN

NINE = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
Make = Callable[..., Call]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("90s", timedelta(seconds=90)),
        ("45m", timedelta(minutes=45)),
        ("1h30m", timedelta(minutes=90)),
        (" 2d12h ", timedelta(hours=60)),
        ("0s", timedelta()),
        ("-3600s", timedelta(hours=-1)),
        ("2026-11-23T10:00:00+01:00", NINE),
    ],
)
def test_durations_and_instants_are_read(written: object, meant: object) -> None:
    assert read(written) == meant


@pytest.mark.parametrize("written", ["", "24", "-", "1h 30m", "9999999d", "soon", "2026-11-23T10:00:00", 5, None, True])
def test_what_is_neither_is_refused_with_what_may_be_written(written: object) -> None:
    with pytest.raises(ValueError, match="must be"):
        read(written)


@given(st.text() | st.integers() | st.datetimes().map(str) | st.from_regex(r"-?[0-9]{1,12}[dhms]", fullmatch=True))
def test_anything_is_read_or_refused(written: object) -> None:
    with suppress(ValueError):
        assert isinstance(read(written), timedelta | datetime)


def test_a_wrong_literal_is_a_problem_and_an_expression_is_none() -> None:
    assert [p.path for p in WaitStep().problems({"wait": "a day"})] == [("wait",)]
    assert not [*WaitStep().problems({"wait": UNKNOWN}), *WaitStep().problems({"wait": "24h"})]


def test_a_duration_counts_from_when_the_run_came_to_the_step_however_often_it_is_asked(call: Make) -> None:
    early, late = WaitStep(lambda: NINE + timedelta(hours=23)), WaitStep(lambda: NINE + timedelta(hours=24))

    assert early.perform(call({"wait": "24h"}, attempt=7), None) == Until(NINE + timedelta(days=1))  # type: ignore[arg-type]
    assert late.perform(call({"wait": "24h"}), None) == Done({"until": "2026-11-24T09:00:00Z"})  # type: ignore[arg-type]


def test_an_instant_that_has_passed_is_over_at_once(call: Make) -> None:
    step = WaitStep(lambda: NINE)

    assert step.perform(call({"wait": "2026-11-23T08:00:00Z"}), None) == Done({"until": "2026-11-23T08:00:00Z"})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "value",
    ["soon", 7, None, "4000d", "2226-11-23T08:00:00Z", "9999-12-31T23:59:59-23:00", "0001-01-01T00:00:00+23:00"],
)
def test_what_an_expression_gives_and_cannot_be_waited_for_is_refused(call: Make, value: Any) -> None:
    outcome = WaitStep(lambda: NINE).perform(call({"wait": value}), None)  # type: ignore[arg-type]

    assert isinstance(outcome, Refused)
    assert outcome.reason.startswith("wait must be")
