"""The check that every contender makes of every delivery: the same as Daybook's."""

from __future__ import annotations

import hmac

from ingest.signatures import sign
from tests.bench.deliveries import SECRET


def verified(body: bytes, signature: str | None) -> bool:
    """Whether `signature` is the body's."""
    return hmac.compare_digest(sign(body, SECRET), (signature or "").encode())
