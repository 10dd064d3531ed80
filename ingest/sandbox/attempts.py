"""When a delivery is tried again, and what is written on it. Pure: the facts of Cal.com's sender."""

from __future__ import annotations

import hmac

#: answers after which Cal.com tries again; None is a network error or a timeout. Nothing else is tried again,
#: a redirect (never followed) included
RETRIED = frozenset({408, 429, 500, 502, 503, 504, None})
#: the answer after which Cal.com switches the webhook off
GONE = 410
MOST_ATTEMPTS = 4
#: events that Cal.com sends from the request that causes them: one attempt, whatever comes back
SENT_ONCE = frozenset(
    {
        "AFTER_GUESTS_CAL_VIDEO_NO_SHOW",
        "AFTER_HOSTS_CAL_VIDEO_NO_SHOW",
        "BOOKING_PAID",
        "BOOKING_PAYMENT_INITIATED",
        "DELEGATION_CREDENTIAL_ERROR",
        "FORM_SUBMITTED",
        "FORM_SUBMITTED_NO_EVENT",
        "INSTANT_MEETING",
        "INSTANT_MEETING_ACCEPTED",
        "MEETING_ENDED",
        "MEETING_STARTED",
        "PING",
    }
)
#: what the header says when the webhook has no secret
NO_SECRET = "no-secret-provided"  # noqa: S105 - the literal Cal.com sends
_FIRST_WAIT, _FACTOR, _LONGEST_WAIT = 10.0, 1.5, 600.0


def next_wait(trigger: str, attempt: int, status: int | None, luck: float) -> float | None:
    """Seconds until the next attempt after the `attempt`-th (from 1) got `status`, or None for no other attempt.

    The first repeat comes at once, in a second pass over the subscribers; then 10 s, then 15 s, each stretched by
    up to twice (`luck`, 0 to 1).
    """
    if trigger in SENT_ONCE or attempt >= MOST_ATTEMPTS or status not in RETRIED:
        return None
    if attempt == 1:
        return 0.0
    return min(_LONGEST_WAIT, _FIRST_WAIT * _FACTOR ** (attempt - 2) * (1 + luck))


def signature(body: bytes, secret: str | None) -> str:
    """Lower-case hex HMAC-SHA256 of the exact bytes: no prefix, no time in it."""
    return hmac.digest(secret.encode(), body, "sha256").hex() if secret else NO_SECRET


def headers(signed: str, version: str, content_type: str) -> dict[str, str]:
    """The headers as Node's fetch sends them: no delivery id, no time, no attempt number."""
    return {
        "content-type": content_type,
        "x-cal-signature-256": signed,
        "x-cal-webhook-version": version,
        "accept": "*/*",
        "accept-language": "*",
        "sec-fetch-mode": "cors",
        "user-agent": "node",
        "accept-encoding": "gzip, deflate",
    }
