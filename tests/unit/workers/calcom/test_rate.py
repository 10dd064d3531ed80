"""The rate limit headers: what is left, and how long a refusal lasts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.calcom.rate import Rate, rates, wait


@pytest.mark.parametrize(
    ("headers", "after"),
    [
        ({"X-RateLimit-Reset-Default": "42"}, 42),
        ({"X-RateLimit-Reset-Default": "0"}, 1),
        ({"X-RateLimit-Reset-Default": "999999999"}, 3600),
        ({"X-RateLimit-Reset-Default": "-5"}, 60),
        ({"X-RateLimit-Reset-Default": "inf"}, 60),
        ({"X-RateLimit-Reset-Default": "٤"}, 60),
        ({}, 60),
        ({"Retry-After": "90"}, 90),
        ({"Retry-After": "5", "X-RateLimit-Reset-Organizations_delete": "9"}, 9),
        ({"Retry-After": "Thu, 01 Jan 2026 00:01:30 GMT", "Date": "Thu, 01 Jan 2026 00:00:00 GMT"}, 90),
        ({"Retry-After": "Thu, 01 Jan 2026 00:01:30 GMT"}, 60),
        ({"Retry-After": "soon", "Date": "later"}, 60),
        (
            {
                "X-RateLimit-Reset-Default": "50",
                "X-RateLimit-Remaining-Default": "80",
                "X-RateLimit-Reset-Organizations_delete": "1",
                "X-RateLimit-Remaining-Organizations_delete": "0",
            },
            1,
        ),
    ],
)
def test_a_429_says_how_long_to_wait(headers: dict[str, str], after: float) -> None:
    assert wait(headers) == after


def test_the_tightest_of_several_limits_comes_first() -> None:
    headers = {
        "X-RateLimit-Limit-Default": "120",
        "X-RateLimit-Remaining-Default": "80",
        "X-RateLimit-Reset-Default": "30",
        "X-RateLimit-Remaining-Organizations_delete": "0",
        "X-RateLimit-Reset-Organizations_delete": "1",
        "X-RateLimit-Limit-Odd": "many",
    }

    assert rates(headers) == (
        Rate("organizations_delete", None, 0, 1),
        Rate("default", 120, 80, 30),
    )
    assert [rate.spent for rate in rates(headers)] == [True, False]


names = st.sampled_from(["X-RateLimit-Reset-A", "X-RateLimit-Remaining-A", "Retry-After", "Date"])


@given(headers=st.dictionaries(names | st.text(max_size=20), st.text(max_size=40), max_size=6))
def test_any_headers_give_a_wait_within_bounds(headers: dict[str, str]) -> None:
    assert 1 <= wait(headers) <= 3600
