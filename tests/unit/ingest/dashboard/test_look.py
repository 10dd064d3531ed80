"""How instants, numbers and states are told on pages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ingest.dashboard.look import ago, coded, count, instant, meaning, pretty, segment, size

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "now"),
        (1, "1 s ago"),
        (59, "59 s ago"),
        (60, "1 min ago"),
        (7_199, "1 h ago"),
        (-7_200, "in 2 h"),
        (200_000, "2 d ago"),
    ],
)
def test_how_long_ago_is_told_in_the_largest_unit_that_fits(seconds: int, said: str) -> None:
    assert ago(NOW - timedelta(seconds=seconds), NOW) == said


def test_what_is_no_instant_is_shown_as_it_is() -> None:
    assert instant("soon") == "soon"
    assert ago("soon", NOW) == ""
    assert (instant(None), ago(None, NOW)) == ("", "")
    assert instant("2026-11-23T13:00:00+01:00") == "2026-11-23 12:00:00"


def test_a_state_that_nobody_knows_has_no_colour() -> None:
    assert meaning("ACCEPTED") == "good"
    assert (meaning("AWAITING_HOST"), meaning(None)) == ("quiet", "quiet")


def test_numbers_sizes_and_json_are_readable() -> None:
    assert count(1_234_567) == "1\u202f234\u202f567"
    assert [size(number) for number in (999, 4_400, 5_242_880)] == ["999 B", "4.4 KB", "5.2 MB"]
    assert pretty({"a": [1]}) == '{\n  "a": [\n    1\n  ]\n}'


def test_a_value_is_one_segment_of_an_address_whatever_is_in_it() -> None:
    assert segment("a/b?c#d e\u202e") == "a%2Fb%3Fc%23d%20e%E2%80%AE"


def test_what_is_typed_is_code_and_everything_in_a_text_stays_text() -> None:
    assert coded("run `daybook doctor`, then <b>") == "run <code>daybook doctor</code>, then &lt;b&gt;"
    assert coded("`<script>` and a single `") == "<code>&lt;script&gt;</code> and a single `"
