"""Signing in with an OpenID Connect provider, by authlib: code flow with PKCE, state and nonce. Off where no provider
is set. Which role somebody has is decided by a claim of their ID token, anew each time they sign in.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import anyio.to_thread
import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ingest.dashboard import signin
from ingest.dashboard.look import Look
from ingest.session import Identity, secure
from ingest.source import Source
from workers.errors import Misconfigured, StoreUnavailable
from workers.settings import Settings
from workers.store.keys import Role

if TYPE_CHECKING:
    from authlib.integrations.starlette_client import StarletteOAuth2App

log = structlog.get_logger(__name__)

BACK = "/sign-in/oidc/back"
#: what the provider's answer is compared with: sealed, and good for this long
_COOKIE, _LIVES = "daybook_oidc", timedelta(minutes=10)
_SEALED_FOR = "oidc sign-in"
#: seconds that the provider may take for each answer
_PATIENCE = 10.0
#: characters of a name from outside
_LONGEST_NAME = 100
_AGAIN = "The provider's answer could not be used; sign in again. If it happens each time, the log says why."


def routes(source: Source, look: Look) -> list[Route]:
    """The way there and the way back; none where no provider is set. Raises Misconfigured."""
    if source.settings.oidc_issuer is None:
        return []
    desk = _Desk(source, look, _client(source.settings))
    return [Route("/sign-in/oidc", desk.there, methods=["GET"]), Route(BACK, desk.back, methods=["GET"])]


def role_of(claim: Any, roles: Mapping[str, str]) -> Role | None:
    """The highest role that any value of a claim has; None: they may not come in. A claim may be one value or a list,
    and anything at all."""
    values: Iterable[Any] = claim if isinstance(claim, list) else [claim]
    held = {value for value in values if isinstance(value, str)} | {"*"}
    found = [role for role in Role if role.value in {roles[value] for value in held if value in roles}]
    return found[-1] if found else None


def name_of(claims: Mapping[str, Any]) -> str | None:
    """Who somebody is to us: their address, unless the provider says that it was not proved; else their name there."""
    proved = "email" if claims.get("email_verified", True) is True else "preferred_username"
    for claim in (proved, "preferred_username", "sub"):
        value = claims.get(claim)
        if isinstance(value, str) and value.strip() and value.isprintable():
            return value.strip()[:_LONGEST_NAME]
    return None


class _Desk:
    def __init__(self, source: Source, look: Look, client: StarletteOAuth2App) -> None:
        self._source, self._look, self._client = source, look, client

    async def there(self, request: Request) -> Response:
        """To the provider."""
        request.scope["session"] = {}
        try:
            answer: Response = await self._client.authorize_redirect(request, f"{self._source.settings.base_url}{BACK}")
        except Exception as error:  # of its metadata: away, no JSON, anything
            return self._refused(request, _away(error), 502)
        kept = {
            "at": datetime.now(UTC).timestamp(),
            "session": request.session,
            "next": signin.local(request.query_params.get("next", "/")),
        }
        sealed = self._source.vault.seal(_SEALED_FOR, msgspec.json.encode(kept).decode())
        answer.set_cookie(
            _COOKIE,
            sealed,
            max_age=int(_LIVES.total_seconds()),
            path=BACK,
            secure=secure(request, self._source.settings.public_url),
            httponly=True,
            samesite="lax",
        )
        return answer

    async def back(self, request: Request) -> Response:
        """From the provider: who is it, and what may they do?"""
        kept = self._kept(request)
        if kept is None:
            return self._refused(request, "That took longer than ten minutes, or began elsewhere; sign in again.", 400)
        request.scope["session"] = kept["session"]
        try:
            token = await self._client.authorize_access_token(request)
            claims: Mapping[str, Any] = token["userinfo"]
        except Exception as error:  # a wrong state, a token that is not the provider's, or anything else
            log.warning("oidc.refused", reason=type(error).__name__)
            return self._refused(request, _AGAIN, 401)
        name, role = (
            name_of(claims),
            role_of(claims.get(self._source.settings.oidc_claim), self._source.settings.oidc_roles),
        )
        if name is None or role is None:
            log.warning("oidc.no_role")
            said = (
                "You are signed in there, but have no role here; whoever runs Daybook maps one in DAYBOOK_OIDC_ROLES."
            )
            return self._refused(request, said, 403)
        answer = RedirectResponse(kept["next"], 303)
        try:
            await anyio.to_thread.run_sync(signin.begin, self._source, request, answer, Identity(name, role), None)
        except StoreUnavailable as error:
            return self._refused(request, error.message, 503)
        answer.delete_cookie(_COOKIE, path=BACK)
        return answer

    def _kept(self, request: Request) -> dict[str, Any] | None:
        try:
            text = self._source.vault.open(_SEALED_FOR, request.cookies.get(_COOKIE, ""))
        except Misconfigured:  # what it says of a token that it did not seal
            return None
        kept: dict[str, Any] = msgspec.json.decode(text)
        fresh = datetime.now(UTC).timestamp() - kept["at"] < _LIVES.total_seconds()
        return kept if fresh else None

    def _refused(self, request: Request, said: str, status: int) -> Response:
        return signin.shown(self._look, request, problem=said, status=status)


def _client(settings: Settings) -> StarletteOAuth2App:
    missing = [
        f"DAYBOOK_{name.upper()}"
        for name in ("oidc_client_id", "oidc_client_secret", "oidc_roles")
        if not getattr(settings, name)
    ]
    if missing:
        raise Misconfigured(f"DAYBOOK_OIDC_ISSUER is set, and so must be {', '.join(missing)}.")
    if importlib.util.find_spec("authlib") is None:
        raise Misconfigured("DAYBOOK_OIDC_ISSUER needs authlib: install 'daybook[oidc]', or unset it.")
    from authlib.integrations.starlette_client import OAuth

    assert settings.oidc_issuer is not None
    assert settings.oidc_client_secret is not None
    made = OAuth().register(
        "provider",
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret.get_secret_value(),
        server_metadata_url=f"{settings.oidc_issuer.rstrip('/')}/.well-known/openid-configuration",
        client_kwargs={"scope": "openid email profile", "code_challenge_method": "S256", "timeout": _PATIENCE},
    )
    client: StarletteOAuth2App = made
    return client


def _away(error: Exception) -> str:
    log.warning("oidc.away", reason=type(error).__name__)
    return "The provider cannot be asked at the moment; try again, or sign in with a key."
