"""Which proxy is taken, beside what httpx2 finds in the same environment."""

from __future__ import annotations

import httpx2
import pytest
from httpx2._utils import URLPattern, get_environment_proxies

from workers.calcom.proxies import proxy_for
from workers.errors import Misconfigured

NAMES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
URLS = [
    "https://api.cal.com/v2",
    "https://cal.com:8443/v2",
    "http://notcal.com/v2",
    "http://localhost:3000/v2",
    "http://sub.localhost/v2",
    "http://192.168.3.4/v2",
    "http://[::1]:8080/v2",
]
SPARED = [
    "",
    "*",
    "cal.com",
    ".cal.com",
    "*.cal.com",
    "CAL.com",
    "api.cal.com",
    "cal.com:8443",
    "cal.com:443",
    "com",
    "https://api.cal.com",
    "https://cal.com",
    "http://*cal.com",
    "all://*.cal.com",
    "localhost",
    "LOCALHOST:3000",
    "192.168.3.4",
    "192.168.0.0/16",
    "10.0.0.0/8",
    "::1",
    "::/64",
    "[::1]",
    "[::1]:8080",
    "api.cal.com/v2",
    "[",
    " other.example , api.cal.com ",
]
PROXIES = [
    {"https_proxy": "http://p.example:3128"},
    {"http_proxy": "p.example:3128"},
    {"all_proxy": "https://p.example", "http_proxy": "http://q.example"},
    {},
]


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def of_httpx2(url: httpx2.URL) -> str | None:
    known = {URLPattern(pattern): proxy for pattern, proxy in get_environment_proxies().items()}
    return next((known[pattern] for pattern in sorted(known) if pattern.matches(url)), None)


@pytest.mark.parametrize("spared", SPARED)
@pytest.mark.parametrize("proxies", PROXIES, ids=str)
def test_the_proxy_is_the_one_that_httpx2_finds(
    monkeypatch: pytest.MonkeyPatch, proxies: dict[str, str], spared: str
) -> None:
    for name, value in {**proxies, "no_proxy": spared}.items():
        monkeypatch.setenv(name, value)

    for url in map(httpx2.URL, URLS):
        found, wanted = proxy_for(url), of_httpx2(url)
        assert (found and found.url) == (wanted and httpx2.URL(wanted)), url


def test_a_password_for_the_proxy_is_taken_from_its_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://ann:secret@p.example:3128")

    proxy = proxy_for(httpx2.URL("https://api.cal.com/v2"))

    assert proxy is not None
    assert proxy.raw_auth == (b"ann", b"secret")
    assert str(proxy.url) == "http://p.example:3128"


@pytest.mark.parametrize(
    "wrong", ["ftp://ann:secret@p.example", "http://ann:secret@p.example:port", "socks5://ann:secret@p.example"]
)
def test_a_proxy_that_cannot_be_used_is_said_without_its_password(monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    monkeypatch.setenv("all_proxy", wrong)

    with pytest.raises(Misconfigured, match="proxy") as caught:
        proxy_for(httpx2.URL("https://api.cal.com/v2"))
    assert "secret" not in caught.value.message
