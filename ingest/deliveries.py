"""POST /in/{token}: take a delivery's bytes, verify them, keep them, answer. What they mean is for the workers.

The answer is chosen by what the sender does with it. Cal.com repeats on 408, 429, 500, 502, 503, 504 and drops the
event for good on 400, 401, 403, 404, 413, 422 and any 3xx; 410 switches the webhook off. So 202 is said only of what
is durable, and what could be kept later gets 503.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from uuid import UUID

import msgspec
import structlog
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send
from uuid_utils.compat import uuid7

from ingest import signatures
from ingest.intake import Intake, Overloaded
from ingest.latency import Latency
from ingest.quarantine import Quarantine
from ingest.roster import Listed, Roster
from ingest.signatures import Outcome, Verdict
from ingest.tally import Tally
from workers import traces
from workers.errors import DaybookError, StoreUnavailable
from workers.settings import Settings
from workers.store import repeats
from workers.store.receipts import Receipt, State

log = structlog.get_logger(__name__)

#: bytes of bodies that may be between arrival and answer at once
_HELD_BYTES = 256 * 1024 * 1024
#: bytes of headers that one delivery may have: they are kept with it
_HEADER_BYTES = 32 * 1024
#: the answer to what is durable: no body, so that it leaves in one piece; Cal.com reads the status alone
_KEPT_START = {"type": "http.response.start", "status": 202, "headers": [(b"content-length", b"0")]}
_KEPT_BODY = {"type": "http.response.body", "body": b""}
#: answers to what is a delivery of a webhook's: kept, or not kept though it should have been
_TIMED = frozenset((202, 503))
_ENCODE = msgspec.json.Encoder().encode
#: what a delivery that proves nothing is told
_UNPROVED = {
    Outcome.MISMATCH: "The signature is not this webhook's",
    Outcome.UNSIGNED: (
        "The delivery has no signature (X-Cal-Signature-256): at Cal.com the webhook needs the secret that Daybook has "
        "for it; `daybook webhooks rotate` gives both a new one"
    ),
}


class DeliveryRefused(DaybookError):
    """The delivery is not taken; `status` says how."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(slots=True)
class Told:
    """What is known of a delivery by the time it is answered, however that ends."""

    verdict: str = "none"
    #: the id it is kept under; None: it is not kept
    delivery: UUID | None = None
    webhook: str = ""
    repeated: bool = False


class Deliveries:
    """The endpoint, spoken to in plain ASGI: Starlette's request objects would cost a fifth of its speed."""

    def __init__(
        self,
        settings: Settings,
        roster: Roster,
        intake: Intake,
        quarantine: Quarantine,
        latency: Latency,
        tally: Tally,
    ) -> None:
        self._max_bytes = settings.max_body_bytes
        self._body_timeout = settings.body_timeout
        self._window = settings.repeat_window
        self._roster = roster
        self._intake = intake
        self._quarantine = quarantine
        self._latency = latency
        self._tally = tally
        self._held = 0

    async def __call__(self, token: str, scope: Scope, receive: Receive, send: Send) -> None:
        began, clock = monotonic(), traces.now()
        told = Told()
        try:
            status, word = await self._take(token, scope, receive, told)
        except DeliveryRefused as refused:
            status, word = refused.status, refused.message
        except ClientDisconnect:
            return
        except (StoreUnavailable, Overloaded) as error:
            log.warning("delivery.not_kept", delivery=told.delivery and str(told.delivery), reason=error.message)
            status, word = 503, "It could not be kept; please send it again."
        await _answer(send, status, word)
        self._tally.note(told.verdict, status)
        if traces.on():
            _trace(told, status, clock, scope)
        if status in _TIMED:
            self._latency.note(began)

    async def _take(self, token: str, scope: Scope, receive: Receive, told: Told) -> tuple[int, str]:
        if scope["method"] != "POST":
            raise DeliveryRefused(405, "This address takes webhook deliveries by POST.")
        webhook = await self._roster.find(token.strip("/"))  # pasted with a slash at its end it is the same
        if webhook is None:
            raise DeliveryRefused(404, "No webhook has this address; `daybook webhooks list` shows those that are.")
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        if sum(len(name) + len(value) for name, value in headers) > _HEADER_BYTES:
            raise DeliveryRefused(431, f"The headers are larger than {_HEADER_BYTES} bytes; Cal.com sends about 500.")
        if webhook.secrets is None:
            raise StoreUnavailable(f"the secrets of webhook {webhook.name} do not open with DAYBOOK_SECRET_KEY.")
        body = await self._body(headers, receive)
        try:
            return await self._keep(webhook, headers, body, told)
        finally:
            self._held -= len(body)

    async def _keep(
        self, webhook: Listed, headers: list[tuple[bytes, bytes]], body: bytes, told: Told
    ) -> tuple[int, str]:
        now = datetime.now(UTC)
        verdict = await self._verify(webhook, body, _signature(headers), now)
        told.verdict, told.webhook = verdict.outcome.value, webhook.name
        if verdict.outcome != Outcome.SIGNED and not await self._quarantine.admits(webhook.id, len(body)):
            raise DeliveryRefused(401, f"{_UNPROVED[verdict.outcome]}.")
        told.delivery = uuid7()
        kept = await self._intake.keep(
            Receipt(
                id=told.delivery,
                webhook_id=webhook.id,
                sha256=hashlib.sha256(body).digest(),
                window=repeats.window(body, self._window),
                received_at=now,
                verdict=verdict.outcome.value,
                secret_id=verdict.secret_id,
                state=(State.RECEIVED if verdict.outcome == Outcome.SIGNED else State.QUARANTINED).value,
                headers=_ENCODE([(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]),
                body=body,
            )
        )
        told.delivery, told.repeated = kept.id, kept.repeated
        if verdict.outcome != Outcome.SIGNED:
            log.info(
                "delivery.quarantined",
                delivery=str(told.delivery),
                webhook=webhook.name,
                verdict=verdict.outcome.value,
            )
            return 401, f"{_UNPROVED[verdict.outcome]}. The delivery waits in quarantine."
        return 202, ""

    async def _verify(self, webhook: Listed, body: bytes, signature: bytes | None, now: datetime) -> Verdict:
        verdict = signatures.verify(body, signature, webhook.secrets or (), now)
        if verdict.outcome != Outcome.MISMATCH:
            return verdict
        # Another process may have given the webhook a new secret since the last look.
        await self._roster.look()
        renewed = self._roster.by_id(webhook.id) or webhook
        if renewed.secrets is None or renewed.secrets == webhook.secrets:
            return verdict
        return signatures.verify(body, signature, renewed.secrets, now)

    async def _body(self, headers: list[tuple[bytes, bytes]], receive: Receive) -> bytes:
        declared = next((value for name, value in headers if name == b"content-length"), b"")
        if declared.isdigit() and int(declared[:20]) > self._max_bytes:
            raise self._too_large()
        chunks: list[bytes] = []
        size = 0
        whole = False
        try:
            async with asyncio.timeout(self._body_timeout):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise ClientDisconnect
                    chunk: bytes = message.get("body", b"")
                    chunks.append(chunk)
                    size += len(chunk)
                    self._held += len(chunk)
                    if size > self._max_bytes:
                        raise self._too_large()
                    if self._held > _HELD_BYTES:
                        raise Overloaded
                    if not message.get("more_body", False):
                        whole = True
                        return b"".join(chunks) if len(chunks) > 1 else chunk
        except TimeoutError:
            raise DeliveryRefused(408, "The body did not arrive in time; please send it again.") from None
        finally:
            if not whole:  # of a whole body the caller takes care
                self._held -= size

    def _too_large(self) -> DeliveryRefused:
        return DeliveryRefused(413, f"The body is larger than {self._max_bytes} bytes (DAYBOOK_MAX_BODY_BYTES).")


def _signature(headers: list[tuple[bytes, bytes]]) -> bytes | None:
    """The one signature header; two of them prove nothing, so they are joined into a mismatch."""
    found = [value for name, value in headers if name == signatures.HEADER]
    return b",".join(found) if found else None


def _trace(told: Told, status: int, began: int, scope: Scope) -> None:
    """The span of a delivery that is kept: the first that came is what all that follows lies under."""
    if told.delivery is None:
        return
    root = traces.root(told.delivery)
    facts: traces.Facts = {
        "delivery": str(told.delivery),
        "webhook": told.webhook,
        "verdict": told.verdict,
        "status": status,
    }
    link = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"traceparent"), None)
    failed = "not kept" if status >= 500 else None
    own, under = (None, root) if told.repeated else (root, None)
    traces.tell("receive", told.delivery, began=began, facts=facts, own=own, under=under, failed=failed, link=link)


async def _answer(send: Send, status: int, word: str) -> None:
    if status == 202:
        await send(_KEPT_START)
        await send(_KEPT_BODY)
        return
    body = word.encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    if status == 405:
        headers.append((b"allow", b"POST"))
    if status in (408, 413, 503):  # what is left of the body is not worth reading
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
