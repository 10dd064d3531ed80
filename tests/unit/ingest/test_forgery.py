"""A request that changes something is told from a forged one."""

from __future__ import annotations

import pytest

from ingest import forgery

PUBLIC = "https://daybook.acme.com"


def test_a_token_is_that_of_its_session_alone() -> None:
    assert forgery.genuine("one", forgery.token("one"))
    assert not forgery.genuine("one", forgery.token("two"))
    assert not forgery.genuine("one", None)
    assert not forgery.genuine("one", "")
    assert not forgery.genuine("one", "\udc80é")


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "127.0.0.1:8787", "origin": "http://127.0.0.1:8787", "sec-fetch-site": "same-origin"},
        {"host": "127.0.0.1:8787", "origin": "http://127.0.0.1:8787"},
        {"host": "10.0.0.3:8787", "origin": "https://daybook.acme.com", "sec-fetch-site": "same-origin"},
        {"host": "DAYBOOK.acme.com", "origin": "https://daybook.acme.com"},
        {"host": "127.0.0.1:8787"},
    ],
)
def test_a_page_of_ours_is_known_by_where_it_came_from(headers: dict[str, str]) -> None:
    assert forgery.same_origin(headers, PUBLIC)


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "127.0.0.1:8787", "origin": "https://evil.example"},
        {"host": "127.0.0.1:8787", "origin": "null"},
        {"host": "127.0.0.1:8787", "origin": ""},
        {"host": "127.0.0.1:8787", "origin": "http://127.0.0.1:8788"},
        {"host": "127.0.0.1:8787", "origin": "http://[::1"},
        {"host": "127.0.0.1:8787", "sec-fetch-site": "cross-site"},
        {"host": "127.0.0.1:8787", "origin": "http://127.0.0.1:8787", "sec-fetch-site": "same-site"},
        {"origin": "https://daybook.acme.com.evil.example"},
    ],
)
def test_any_other_page_is_not(headers: dict[str, str]) -> None:
    assert not forgery.same_origin(headers, PUBLIC)


def test_without_a_public_url_only_the_host_that_was_asked_is_ours() -> None:
    assert not forgery.same_origin({"host": "127.0.0.1:8787", "origin": "https://daybook.acme.com"}, None)
    assert not forgery.same_origin({"origin": "null"}, None)
