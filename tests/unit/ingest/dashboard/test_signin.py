"""After signing in one goes on to a page of ours and nowhere else."""

from __future__ import annotations

import pytest

from ingest.dashboard.signin import local


@pytest.mark.parametrize("target", ["/", "/events?trigger=PING&cursor=a%2Fb", "/bookings/a%20b"])
def test_an_address_of_ours_is_gone_on_to(target: str) -> None:
    assert local(target) == target


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil",
        "",
        "javascript:alert(1)",
        "/\r\nSet-Cookie: a=b",
        "/sign-out",
        "/sign-in",
        "/\u202e",
    ],
)
def test_any_other_leads_to_the_first_page(target: str) -> None:
    assert local(target) == "/"
