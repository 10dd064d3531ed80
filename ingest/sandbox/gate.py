"""Who is calling, may they, and not too often. Pure but for the counts it keeps; the caller brings `now`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ingest.sandbox.endpoint import Endpoint
from ingest.sandbox.envelopes import Refusal, nest
from ingest.sandbox.setup import Options
from ingest.sandbox.state import ROLES, Organization, User, World

_WINDOW = timedelta(seconds=60)
_BLOCK = timedelta(seconds=60)
#: what Cal.com allows in 60 s to platform credentials, and to an address without any
_OAUTH_CLIENT_LIMIT, _ADDRESS_LIMIT = 500, 120
_KEY_PREFIX = "cal_"


@dataclass(frozen=True, slots=True)
class Credential:
    """What a request shows: who that is (None: nobody), by what it is counted, and why it is refused."""

    tracker: str
    limit: int
    user_id: int | None = None
    refusal: Refusal | None = None


def credential_of(
    headers: Mapping[str, str], address: str, world: World, options: Options, now: datetime
) -> Credential:
    """Read the credential: both `x-cal-…` headers win over `Authorization`, as at Cal.com."""
    client, secret = headers.get("x-cal-client-id"), headers.get("x-cal-secret-key")
    if client and secret:
        if (client, secret) != (options.client_id, options.client_secret):
            return Credential(f"client {client}", _OAUTH_CLIENT_LIMIT, refusal=nest(401, "Invalid client"))
        return Credential(f"client {client}", _OAUTH_CLIENT_LIMIT, _owner_id(world, options.org_id))
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        return Credential(f"address {address}", _ADDRESS_LIMIT, refusal=nest(401, "No credential was given"))
    key = world.keys.get(token)
    if key is None and token.startswith(_KEY_PREFIX):
        invalid = nest(401, "CustomThrottlerGuard - Invalid API Key")
        return Credential(f"address {address}", _ADDRESS_LIMIT, refusal=invalid)
    if key is None:  # anything else is taken for an access token
        unknown = nest(401, "Invalid access token")
        return Credential(f"token {token}", _OAUTH_CLIENT_LIMIT, refusal=unknown)
    expired = key.expires_at is not None and key.expires_at <= now
    refusal = nest(401, "Your api key is expired") if expired else None
    return Credential(f"key {token}", options.rate_limit, key.user_id, refusal)


def _owner_id(world: World, organization_id: int) -> int | None:
    for membership in world.memberships.values():
        if membership.team_id == organization_id and membership.role == "OWNER":
            return membership.user_id
    return None


def caller_of(credential: Credential, world: World) -> User:
    """The user behind a credential. Raises the 401."""
    user = world.users.get(credential.user_id) if credential.user_id is not None else None
    if credential.refusal:
        raise credential.refusal
    if user is None:
        raise nest(401, "The owner of the credential no longer exists")
    return user


def organization_for(caller: User, organization_id: int, endpoint: Endpoint, world: World) -> Organization:
    """The organization, if it exists, the caller's role suffices and it may do this. Raises 403."""
    organization = world.organizations.get(organization_id)
    if organization is None:
        raise nest(403, f"IsOrgGuard - provided organization id={organization_id} does not represent any")
    membership = world.membership_of(caller.id, organization_id)
    if membership is None or not membership.accepted:
        raise nest(403, f"RolesGuard - user is not a member of the organization with id={organization_id}")
    if ROLES.index(membership.role) < ROLES.index(endpoint.role):
        raise nest(403, f"RolesGuard - user must have the role {endpoint.role} or a higher one")
    if endpoint.platform and not organization.is_platform:
        raise nest(403, "PlatformPlanGuard - the organization is not a platform organization")
    return organization


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a caller stands with one limit: `reset` is in seconds from now, and never a time of day."""

    limit: int
    remaining: int
    reset: int
    blocked: bool = False

    def headers(self, suffix: str = "Default") -> dict[str, str]:
        """The rate limit headers; there is no `Retry-After`."""
        return {
            f"X-RateLimit-Limit-{suffix}": str(self.limit),
            f"X-RateLimit-Remaining-{suffix}": str(self.remaining),
            f"X-RateLimit-Reset-{suffix}": str(self.reset),
        }


@dataclass(slots=True)
class _Window:
    until: datetime
    hits: int = 0
    blocked_until: datetime | None = None


@dataclass(slots=True)
class Throttle:
    """Counts calls by tracker: over the limit within a window, the tracker is blocked for a while."""

    window: timedelta = _WINDOW
    block: timedelta = _BLOCK
    _windows: dict[str, _Window] = field(default_factory=dict)

    def hit(self, tracker: str, limit: int, now: datetime) -> Standing:
        """Count one call. A call while blocked is not counted."""
        window = self._windows.get(tracker)
        over = window is not None and (window.blocked_until or window.until) <= now
        if window is None or over:
            window = self._windows[tracker] = _Window(now + self.window)
        if window.blocked_until is None:
            window.hits += 1
            if window.hits > limit:
                window.blocked_until = now + self.block
        left = math.ceil(((window.blocked_until or window.until) - now).total_seconds())
        return Standing(limit, max(0, limit - window.hits), left, window.blocked_until is not None)
