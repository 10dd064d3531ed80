"""How one sandbox is set up. Values only; the options of attributes are in `options.py`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Options:
    """Everything a sandbox can be told when it is made."""

    org_id: int = 4821
    #: acts as the organization's owner
    api_key: str = "cal_sandbox_owner"
    #: acts as a plain member, so that 403 for a role can be seen
    member_key: str = "cal_sandbox_member"
    #: platform credentials of the organization; they win over a bearer key
    client_id: str = "sandbox-client"
    client_secret: str = "sandbox-client-secret"  # noqa: S105 - a sandbox guards nothing
    #: calls per 60 s and API key, as Cal.com's default; 0 = no limit for anyone
    rate_limit: int = 120
    #: False: an ordinary organization, which may not manage others
    platform: bool = True
    #: seconds that one second between two attempts of a delivery takes; tests set milliseconds
    time_unit: float = 1.0
    #: seconds for one delivery attempt, reading the answer included (Cal.com: 20)
    delivery_timeout: float = 20.0
    #: deliveries that may be under way or waiting for another attempt; more make the sandbox wait
    capacity: int = 10_000
    #: the sandbox's clock, aware, in UTC
    clock: Callable[[], datetime] = _utc_now
