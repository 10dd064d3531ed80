"""A signed sample on its way to a webhook of Daybook's, as Cal.com would send it, and what became of it."""

from __future__ import annotations

import difflib
import hashlib
import time
from dataclasses import dataclass
from uuid import UUID

import httpx2

from ingest import signatures
from ingest.samples import TRIGGERS_WITH_SAMPLES
from workers.differences import masked
from workers.errors import BadInput, DaybookError, NotFound
from workers.store import fates
from workers.store.engine import Store
from workers.store.fates import Fate

#: Cal.com gives up on an answer after so many seconds
_TIMEOUT = 20.0
_LOOK = 0.1
#: what an answer says
MEANINGS = {202: "kept", 401: "the signature is not this webhook's", 404: "no webhook has this URL"}


class NotDelivered(DaybookError):
    """The sample did not arrive; start Daybook with `daybook up`, or name where it is with --url."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a sample goes, and what it is signed with."""

    url: str
    secret: str
    #: None: the webhook is not one of this database
    webhook_id: UUID | None
    name: str | None

    def __repr__(self) -> str:
        return f"Target({self.name})"


def known(trigger: str) -> None:
    """Raises NotFound, which names the nearest, for a trigger there is no sample of."""
    if trigger not in TRIGGERS_WITH_SAMPLES:
        near = difflib.get_close_matches(trigger.upper(), TRIGGERS_WITH_SAMPLES, 1, cutoff=0.5)
        hint = f"did you mean {near[0]}? " if near else ""
        raise NotFound(f"There is no sample of {trigger[:60]!r}; {hint}There are: {', '.join(TRIGGERS_WITH_SAMPLES)}.")


def post(target: Target, body: bytes, version: str, *, remedy: str) -> int:
    """Post it as Cal.com does: the same headers, no redirect followed. Raises NotDelivered, with this remedy."""
    try:
        answer = httpx2.post(
            target.url,
            content=body,
            headers={
                "Content-Type": "application/json",
                "X-Cal-Signature-256": signatures.sign(body, target.secret.encode()).decode(),
                "X-Cal-Webhook-Version": version,
            },
            timeout=_TIMEOUT,
            follow_redirects=False,
        )
    except (httpx2.InvalidURL, httpx2.UnsupportedProtocol):
        raise BadInput("--url must be an http:// or https:// address.") from None
    except httpx2.HTTPError as error:
        raise NotDelivered(f"{masked(target.url)} did not answer ({type(error).__name__}); {remedy}") from None
    return answer.status_code


def fate(store: Store, target: Target, body: bytes, wait: float) -> Fate | None:
    """What became of the delivery, as far as SQL knows within `wait` seconds; None for a webhook that is not ours."""
    if target.webhook_id is None or not wait:
        return None
    digest = hashlib.sha256(body).digest()
    deadline = time.monotonic() + wait
    while True:
        with store.read() as sql:
            found = fates.find(sql, target.webhook_id, digest)
        if (found is not None and found.event is not None) or time.monotonic() > deadline:
            return found
        time.sleep(_LOOK)
