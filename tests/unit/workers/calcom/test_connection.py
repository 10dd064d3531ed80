"""Connections: base URLs as they are pasted, credentials that never show."""

from __future__ import annotations

from typing import Any

import pytest

from workers.calcom.connection import BearerKey, ClientCredentials, Connection, McpToken
from workers.errors import BadInput


def connection(base_url: str) -> Connection:
    """One with that base URL."""
    return Connection("acme", base_url, 1, BearerKey("cal_live_secret"))


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://api.cal.com/v2", "https://api.cal.com/v2"),
        (" https://api.cal.com/v2// ", "https://api.cal.com/v2"),
        ("http://127.0.0.1:5555/v2", "http://127.0.0.1:5555/v2"),
        ("http://cal.internal/prefix/v2/", "http://cal.internal/prefix/v2"),
        ("http://[::1]:5555/v2", "http://[::1]:5555/v2"),
        ("HTTPS://API.cal.com/v2", "https://api.cal.com/v2"),
    ],
)
def test_a_base_url_is_kept_without_its_last_slash(given: str, kept: str) -> None:
    assert connection(given).base_url == kept
    assert connection(given).hint is None


def test_a_base_url_without_v2_is_kept_with_a_hint() -> None:
    assert "/v2" in (connection("https://api.cal.com").hint or "")


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "api.cal.com/v2",
        "ftp://api.cal.com/v2",
        "https:///v2",
        "https://user:password@api.cal.com/v2",
        "https://api.cal.com/v2?x=1",
        "https://api.cal.com/v2#x",
        "http://[broken/v2",
        "http://host:99999999/v2",
        "http://\x00/v2",
    ],
)
def test_a_base_url_that_is_none_is_refused(wrong: str) -> None:
    with pytest.raises(BadInput, match="base URL") as caught:
        connection(wrong)

    assert "password" not in caught.value.message


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://tools.example.com", "https://tools.example.com"),
        ("https://tools.example.com/", "https://tools.example.com"),
        ("https://tools.example.com/daybook/", "https://tools.example.com/daybook"),
        ("https://tools.example.com/cal-organizations", "https://tools.example.com"),
        ("https://tools.example.com/mcp/cal-organizations/", "https://tools.example.com/mcp"),
    ],
)
def test_the_base_url_of_an_mcp_server_is_what_comes_before_its_path_of_tools(given: str, kept: str) -> None:
    remote = Connection("acme", given, 1, McpToken("acme", "tok_secret"))

    assert (remote.base_url, remote.hint) == (kept, None)


def test_calcoms_api_as_an_mcp_server_is_kept_with_a_hint_and_no_url_says_what_one_looks_like() -> None:
    assert "--kind calcom" in (Connection("acme", "https://api.cal.com/v2", 1, McpToken("a", "tok_1")).hint or "")
    with pytest.raises(BadInput, match=r"http\(s\)://host\[:port\], such as https://tools.example.com\."):
        Connection("acme", "tools", 1, McpToken("acme", "tok_1"))


def test_the_token_of_an_mcp_server_is_given_or_comes_from_one_place() -> None:
    wrong: list[dict[str, Any]] = [
        {},
        {"token": "tok_1", "file": "/run/token"},
        {"file": "/run/token", "command": ("vault", "read")},
        {"token": "tok 1"},
        {"token": ""},
    ]
    for given in wrong:
        with pytest.raises(BadInput) as caught:
            McpToken("acme", **given)
        assert "tok_" not in caught.value.message


def test_a_key_is_stripped_of_what_pasting_adds() -> None:
    assert BearerKey(" cal_1\n").key == "cal_1"


@pytest.mark.parametrize("wrong", ["", "  ", "cal_1 cal_2", "Bearer cal_1", "cal_1\r\nX-Evil: 1", "cal_ä"])
def test_a_key_no_header_can_hold_is_refused_without_showing_it(wrong: str) -> None:
    for make in (BearerKey, lambda text: ClientCredentials("id", text)):
        with pytest.raises(BadInput) as caught:
            make(wrong)
        assert "cal_1" not in caught.value.message


def test_no_repr_shows_a_secret() -> None:
    assert "cal_live_secret" not in repr(connection("https://api.cal.com/v2"))
    assert "hush" not in repr(ClientCredentials("id-1", "hush"))
    assert "id-1" in repr(ClientCredentials("id-1", "hush"))
    assert "hush" not in repr(McpToken("acme", "hush")) + repr(McpToken("acme", command=("vault", "hush")))
