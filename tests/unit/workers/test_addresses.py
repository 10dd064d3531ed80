"""Tests for workers.addresses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.addresses import is_hosted, objection, private

HOSTED = "https://api.cal.com/v2"
OWN = "http://cal.acme.internal:5555/v2"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://daybook.acme.com", "not https"),
        ("https://localhost:8787", "this machine"),
        ("https://daybook.localhost", "this machine"),
        ("https://127.0.0.1", "public internet"),
        ("https://10.1.2.3", "public internet"),
        ("https://192.168.0.9:8443", "public internet"),
        ("https://169.254.169.254", "public internet"),
        ("https://100.64.0.1", "public internet"),
        ("https://198.18.0.1", "public internet"),
        ("https://[::1]", "public internet"),
        ("https://[fd00::1]", "public internet"),
        ("https://[::ffff:10.0.0.1]", "public internet"),
        ("https://metadata.google.internal", "this machine"),
        ("https://[", "no host"),
    ],
)
def test_the_hosted_calcom_does_not_post_there(url: str, reason: str) -> None:
    said = objection(url, HOSTED)

    assert said is not None
    assert reason in said


@pytest.mark.parametrize("url", ["https://daybook.acme.com", "https://8.8.8.8", "https://[2606:4700::1111]:8443"])
def test_the_hosted_calcom_posts_to_public_https(url: str) -> None:
    assert objection(url, HOSTED) is None


@pytest.mark.parametrize("url", ["http://127.0.0.1:8787", "http://10.0.0.3", "https://daybook.acme.com"])
def test_one_that_a_company_runs_itself_posts_anywhere(url: str) -> None:
    assert objection(url, OWN) is None


def test_only_the_hosted_api_counts_as_hosted() -> None:
    assert is_hosted("https://API.cal.com/v2")
    assert not is_hosted("https://api.cal.com.evil.example/v2")
    assert not is_hosted("https://[broken/v2")


@given(st.text(), st.text())
def test_any_text_gets_an_answer(url: str, base_url: str) -> None:
    assert objection(url, base_url) is None or isinstance(objection(url, base_url), str)
    assert private(url) is None or isinstance(private(url), str)
