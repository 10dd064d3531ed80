"""Is a delivery Cal.com's? Pure and total: any bytes in, a verdict out. It reads no clock and keeps nothing."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

#: the header that carries the lower-case hex HMAC-SHA256 of the raw body, without prefix or timestamp
HEADER = b"x-cal-signature-256"
#: what Cal.com sends in that header when the webhook has no secret
UNSIGNED = b"no-secret-provided"
_HEX_LENGTH = 64


class Outcome(StrEnum):
    """What a signature proved."""

    SIGNED = "signed"
    MISMATCH = "mismatch"
    UNSIGNED = "unsigned"  #: the header is missing, empty, or says that there is no secret


@dataclass(frozen=True, slots=True)
class Secret:
    """One secret of a webhook; after `expires_at` (aware) it proves nothing any more."""

    id: UUID
    key: bytes
    expires_at: datetime | None = None

    def __repr__(self) -> str:
        return f"Secret({self.id})"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome, and by which secret."""

    outcome: Outcome
    secret_id: UUID | None = None


def verify(body: bytes, signature: bytes | None, secrets: Sequence[Secret], now: datetime) -> Verdict:
    """Compare `signature` with the HMAC of `body` under every secret that is live at `now`.

    Bytes are compared, not text: a header may hold anything. All live secrets are tried, so that a rotation,
    during which Cal.com's queued jobs still sign with the old one, loses nothing.
    """
    given = signature.strip() if signature is not None else b""
    if not given or given == UNSIGNED:
        return Verdict(Outcome.UNSIGNED)
    if len(given) != _HEX_LENGTH:
        return Verdict(Outcome.MISMATCH)
    for secret in secrets:
        if secret.expires_at is not None and secret.expires_at <= now:
            continue
        if hmac.compare_digest(sign(body, secret.key), given):
            return Verdict(Outcome.SIGNED, secret.id)
    return Verdict(Outcome.MISMATCH)


def sign(body: bytes, key: bytes) -> bytes:
    """The signature Cal.com makes: lower-case hex of HMAC-SHA256 over the exact bytes."""
    return hmac.digest(key, body, "sha256").hex().encode()
