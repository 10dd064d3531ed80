"""How an `http` step signs what it sends: the Standard Webhooks headers, and the secret a receiver checks them with."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from standardwebhooks import Webhook

from workers.settings import Settings
from workers.vault import keys

PREFIX = "whsec_"
LONGEST_ID = 200
_PURPOSE = b"daybook http steps"


def signing_secret(settings: Settings) -> str:
    """The secret to give to a receiver: `whsec_…`. Raises Misconfigured where the data directory has no key."""
    return signing_secrets(settings)[0]


def signing_secrets(settings: Settings) -> tuple[str, ...]:
    """DAYBOOK_SIGNING_SECRET, else one derived of each of DAYBOOK_SECRET_KEY's keys; the newest first.

    All sign, so that a receiver that still has the old one goes on understanding while a key is replaced.
    """
    if settings.signing_secret is not None:
        return tuple(secret.strip() for secret in settings.signing_secret.get_secret_value().split(","))
    return tuple(_derived(key) for key in keys(settings))


def _derived(key: str) -> str:
    kdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE)
    return PREFIX + base64.b64encode(kdf.derive(base64.urlsafe_b64decode(key))).decode()


def signed(secrets: Sequence[str], key: str, now: datetime, body: str) -> dict[str, str]:
    """The headers `webhook-id`, `-timestamp` and `-signature`. The id is the same for every attempt of a step."""
    plain = key.isascii() and key.isprintable() and " " not in key and 0 < len(key) <= LONGEST_ID
    name = key if plain else sha256(key.encode("utf-8", "replace")).hexdigest()
    return {
        "webhook-id": name,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(Webhook(secret).sign(name, now, body) for secret in secrets),
    }
