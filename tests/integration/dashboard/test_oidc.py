"""Signing in with a provider: one that stands on this machine, signs tokens and has a mind of its own."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import msgspec
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from pydantic import SecretStr
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from ingest import dashboard
from ingest.live.feed import Feed
from ingest.live_rules import Reader
from ingest.source import Source
from tests.integration.api.conftest import Bell
from tests.integration.dashboard.conftest import Looked, looking, words
from workers.errors import Misconfigured
from workers.settings import Settings
from workers.store import audit
from workers.store.audit import Filter
from workers.store.engine import open_store
from workers.vault import Vault

ROLES = {"it": "admin", "staff": "viewer"}


@dataclass
class Provider:
    """What it says of whoever comes; `claims` override."""

    server: HTTPServer
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one"}))
    signing: RSAKey | None = None
    claims: dict[str, Any] = field(default_factory=dict)
    nonce: str = ""
    asked: list[dict[str, str]] = field(default_factory=list)

    def stand(self) -> None:
        at = self.server.url_for("").rstrip("/")
        self.server.expect_request("/.well-known/openid-configuration").respond_with_json(
            {
                "issuer": at,
                "authorization_endpoint": f"{at}/authorize",
                "token_endpoint": f"{at}/token",
                "jwks_uri": f"{at}/jwks",
                "id_token_signing_alg_values_supported": ["RS256"],
            }
        )
        self.server.expect_request("/jwks").respond_with_json({"keys": [self.key.as_dict(private=False)]})
        self.server.expect_request("/token").respond_with_handler(self.token)

    def token(self, request: Request) -> Response:
        self.asked.append(request.form.to_dict())
        now = int(time.time())
        told = {
            "iss": self.server.url_for("").rstrip("/"),
            "aud": "daybook",
            "sub": "1",
            "iat": now,
            "exp": now + 60,
            "nonce": self.nonce,
            "email": "ada@acme.com",
            "groups": ["staff"],
            **self.claims,
        }
        signed = jwt.encode({"alg": "RS256", "kid": "one"}, told, self.signing or self.key)
        answer = {"access_token": "x", "token_type": "Bearer", "id_token": signed}
        return Response(msgspec.json.encode(answer), content_type="application/json")


@pytest.fixture
def provider(httpserver: HTTPServer) -> Provider:
    made = Provider(httpserver)
    made.stand()
    return made


@pytest.fixture
def page(provider: Provider, sqlite_database: str, vault: Vault, tmp_path: Path) -> Iterator[Looked]:
    settings = Settings(
        data_dir=tmp_path,
        public_url="http://testserver",
        oidc_issuer=provider.server.url_for(""),
        oidc_client_id="daybook",
        oidc_client_secret=SecretStr("a secret"),
        oidc_roles=ROLES,
    )
    with contextlib.closing(open_store(sqlite_database)) as store, looking(store, vault, settings) as made:
        yield made


def _there(page: Looked, provider: Provider) -> dict[str, str]:
    answer = page.client.get("/sign-in/oidc?next=/events", follow_redirects=False)
    assert answer.status_code == 302
    asked = {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}
    provider.nonce = asked["nonce"]
    return asked


def _back(page: Looked, **query: str) -> httpx2.Response:
    return page.client.get("/sign-in/oidc/back", params=query, follow_redirects=False)


def test_who_has_a_role_there_comes_in_with_that_role_and_goes_on_to_the_page_they_wanted(
    page: Looked, provider: Provider
) -> None:
    assert "Sign in with your organization" in words(page.client.get("/sign-in"))
    asked = _there(page, provider)
    assert asked["redirect_uri"] == "http://testserver/sign-in/oidc/back"
    assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
    answer = _back(page, code="c", state=asked["state"])
    assert (answer.status_code, answer.headers["location"]) == (303, "/events")
    assert provider.asked[0]["code_verifier"]
    home = page.client.get("/")
    assert "ada@acme.com viewer" in words(home)
    with page.source.store.read() as sql:
        assert audit.page(sql, Filter(what="sign in"), limit=1)[0].name == "ada@acme.com"


@pytest.mark.parametrize("claims", [{"groups": ["sales"]}, {"groups": None}, {"groups": {"it": 1}}])
def test_who_has_none_stays_outside_and_is_told_why(page: Looked, provider: Provider, claims: dict[str, Any]) -> None:
    provider.claims = claims
    asked = _there(page, provider)
    answer = _back(page, code="c", state=asked["state"])
    assert answer.status_code == 403
    assert "DAYBOOK_OIDC_ROLES" in words(answer)
    assert page.client.get("/", follow_redirects=False).status_code == 303


@pytest.mark.parametrize(
    "claims", [{"nonce": "another"}, {"aud": "somebody"}, {"iss": "https://evil.example"}, {"exp": 1}]
)
def test_a_token_that_is_not_for_us_now_is_no_token(page: Looked, provider: Provider, claims: dict[str, Any]) -> None:
    asked = _there(page, provider)
    provider.claims = claims
    assert _back(page, code="c", state=asked["state"]).status_code == 401


def test_a_token_that_somebody_else_signed_is_no_token(page: Looked, provider: Provider) -> None:
    provider.signing = RSAKey.generate_key(2048, {"kid": "one"})
    asked = _there(page, provider)
    assert _back(page, code="c", state=asked["state"]).status_code == 401


def test_an_answer_that_was_not_asked_for_is_refused(page: Looked, provider: Provider) -> None:
    assert _back(page, code="c", state="s").status_code == 400
    asked = _there(page, provider)
    assert _back(page, code="c", state="another").status_code == 401
    assert _back(page, error="access_denied", state=asked["state"]).status_code == 401
    assert _back(page).status_code == 401


def test_a_provider_that_is_away_is_told_and_keys_still_work(page: Looked, httpserver: HTTPServer) -> None:
    httpserver.clear()
    httpserver.expect_request("/.well-known/openid-configuration").respond_with_data("<html>", status=500)
    answer = page.client.get("/sign-in/oidc", follow_redirects=False)
    assert answer.status_code == 502
    assert "sign in with a key" in words(answer)


def test_half_a_configuration_is_said_at_the_start(sqlite_database: str, vault: Vault, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, oidc_issuer="https://login.acme.com", oidc_client_id="daybook")
    with (
        contextlib.closing(open_store(sqlite_database)) as store,
        pytest.raises(Misconfigured, match="DAYBOOK_OIDC_CLIENT_SECRET, DAYBOOK_OIDC_ROLES"),
    ):
        dashboard.make_app(Source(store, Bell(), Reader(settings, store), Feed(store), settings, vault))


def test_without_a_provider_there_is_no_such_way(looked: Looked) -> None:
    assert "your organization" not in words(looked.client.get("/sign-in"))
    assert looked.get("/sign-in/oidc", role=None).headers["location"].startswith("/sign-in?next")
