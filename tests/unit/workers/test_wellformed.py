"""What may stand in a URL of the settings: errors speak of what is wrong and repeat nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers import wellformed

#: characters that URLs are made of, and some that break them
URLS = st.text(st.sampled_from("redispotglun:/@#?[]%0159.aä \n\x00\udcff"), max_size=30)


@pytest.mark.parametrize(
    ("check", "url"),
    [
        (wellformed.public_url, "https://daybook.acme.com:8443/hooks"),
        (wellformed.public_url, "http://[::1]:8787"),
        (wellformed.public_url, "https://dagbok.försäljning.example"),
        (wellformed.database_url, "sqlite:////var/lib/a#b.db"),
        (wellformed.database_url, "postgresql+psycopg://u:p%23w@h:5432/name?sslmode=require"),
        (wellformed.broker_url, "redis://:p%23w@localhost:6379/0"),
        (wellformed.broker_url, "rediss://localhost/1?ssl_ca_certs=/ca.pem"),
        (wellformed.broker_url, "unix:///run/a%23b?db=1"),
        (wellformed.broker_url, "amqp://guest:guest@[::1]:5672/%2F"),
    ],
)
def test_a_url_that_is_right_stays_as_it_is(check: Callable[[str], str], url: str) -> None:
    assert check(url) == url


@pytest.mark.parametrize("check", [wellformed.public_url, wellformed.database_url, wellformed.broker_url])
@given(st.sampled_from(["", "https://", "redis://", "unix://", "amqp://", "postgresql://", "sqlite://"]), URLS)
def test_any_text_is_a_url_or_half_a_sentence(check: Callable[[str], str], scheme: str, rest: str) -> None:
    said = "must be right"
    try:
        check(scheme + rest)
    except ValueError as error:
        said = str(error)

    assert said.startswith(("must ", "has ", "cannot "))
