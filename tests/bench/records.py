"""What stands beside a history once it has been lived through: the delivery of each event, a run for each fifth, what
waits in quarantine, and the audit log. The events themselves are in `history.py`.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import insert
from uuid_utils.compat import uuid7

from tests.bench import deliveries, history
from tests.bench.failure import BenchFailed
from tests.bench.history import Happened
from workers.actions.registry import kinds
from workers.rules.load import read_text
from workers.settings import Settings
from workers.store import audit, connections, receipts, rules, webhooks
from workers.store.audit import Outcome, Who
from workers.store.engine import Store
from workers.store.keys import Role
from workers.store.ledger import ActionState
from workers.store.receipts import Receipt, State
from workers.store.runs import RunState
from workers.store.tables import actions, runs
from workers.vault import Vault

#: the rules that had runs, as a file of rules
RULES = "rules:\n" + "".join(
    f"""
  - name: {name}
    on: [{trigger}]
    do:
      - id: ooo
        tool: cal_organizations_users_ooocontroller_create_organization_user_ooo
        with: {{userId: "${{{{ event.organizer.id }}}}", start: "${{{{ event.start }}}}", end: "${{{{ event.end }}}}"}}
      - id: tell
        http: https://desk.harbourlight.example/calls
"""
    for name, trigger in (
        ("block-the-calendar", "BOOKING_CREATED"),
        ("free-the-calendar", "BOOKING_CANCELLED"),
        ("move-the-block", "BOOKING_RESCHEDULED"),
        ("note-a-start", "MEETING_STARTED"),
        ("note-an-end", "MEETING_ENDED"),
        ("answer-a-form", "FORM_SUBMITTED"),
    )
)
#: one event of so many had a run
_PER_RUN = 5
#: what became of a run and of the step that it stopped at, and how often; None: the step was not begun
_ENDS: tuple[tuple[RunState, ActionState | None, int], ...] = (
    (RunState.DONE, ActionState.DONE, 86),
    (RunState.SKIPPED, None, 5),
    (RunState.DEAD, ActionState.FAILED, 2),
    (RunState.DEAD, ActionState.UNKNOWN, 2),
    (RunState.FAILED, ActionState.FAILED, 2),
    (RunState.RUNNING, ActionState.SENDING, 1),
    (RunState.RUNNING, ActionState.PLANNED, 1),
    (RunState.PLANNED, None, 1),
)
_REASONS = {
    RunState.SKIPPED: "the run that it takes back did nothing",
    RunState.DEAD: "HTTP 422: the entry overlaps another of the same person.",
    RunState.FAILED: "no answer within 10 s; tried again",
}
QUARANTINED, AUDITED = 400, 600
#: seconds between two of either, back from now
_APART = 300


class Keeper:
    """Writes what goes with each batch of events. It needs a store with its tables and the connection `acme`."""

    def __init__(self, settings: Settings, store: Store, vault: Vault) -> None:
        self._store = store
        self._dice = random.Random(11)
        self._numbers = iter(deliveries.numbers(10_000_000))
        self._versions = _versions(settings, store)
        self._names = sorted(self._versions)
        now = datetime.now(UTC)
        with store.write() as sql:
            beta = connections.Connection("beta", connections.Kind.CALCOM, "http://127.0.0.1:9/v2", 2, 90, now)
            connections.add(sql, vault, beta, "no credential is needed: nothing is called")
            self._webhook = webhooks.add(
                sql, vault, name=history.WEBHOOK, pcid="acme", token="t", secret="s", origin="adopted", now=now
            )

    def follow(self, batch: Sequence[Happened]) -> None:
        """The deliveries of these events, and the runs that some of them had."""
        kept = []
        for arrived, event in batch:
            number = next(self._numbers)
            uid = event.booking.uid if event.booking is not None else ""
            body = (
                deliveries.body(number)
                .replace(b"BOOKING_CREATED", (event.trigger or "").encode(), 1)
                .replace(deliveries.uid(number).encode(), uid.encode())
            )
            kept.append(self._receipt(arrived.id, arrived.received_at, body, "signed", State.PERSISTED))
        receipts.keep(self._store, kept)
        self._run([one for place, one in enumerate(batch) if place % _PER_RUN == 0])

    def close(self) -> None:
        """What came lately and is no event: deliveries in quarantine, and the audit log."""
        now = datetime.now(UTC)
        waiting = []
        for number in range(QUARANTINED):
            at = now - timedelta(seconds=_APART * (QUARANTINED - number))
            verdict = "mismatch" if number % 3 else "unsigned"
            body = deliveries.body(next(self._numbers))
            waiting.append(self._receipt(_id(at), at, body, verdict, State.QUARANTINED))
        receipts.keep(self._store, waiting)
        who = Who("ops", Role.OPERATOR, None)
        with self._store.write() as sql:
            for number in range(AUDITED):
                at = now - timedelta(seconds=_APART * (AUDITED - number))
                entry = audit.begin(
                    sql,
                    who,
                    door="api",
                    what="POST /runs/{id}/retry",
                    connection="acme",
                    arguments={"id": str(_id(at))},
                    now=at,
                )
                if number % 50:
                    audit.end(sql, entry, Outcome.DONE if number % 7 else Outcome.REFUSED, detail=None, now=at)

    def _receipt(self, receipt_id: UUID, at: datetime, body: bytes, verdict: str, state: State) -> Receipt:
        return Receipt(
            id=receipt_id,
            webhook_id=self._webhook,
            sha256=hashlib.sha256(body).digest(),
            window=0,
            received_at=at,
            verdict=verdict,
            secret_id=None,
            state=state.value,
            headers=_HEADERS,
            body=body,
        )

    def _run(self, batch: Sequence[Happened]) -> None:
        begun: list[dict[str, Any]] = []
        done: list[dict[str, Any]] = []
        ends, weights = [end[:2] for end in _ENDS], [end[2] for end in _ENDS]
        for arrived, event in batch:
            rule = self._dice.choice(self._names)
            state, stopped = self._dice.choices(ends, weights)[0]
            at, run_id = arrived.received_at, _id(arrived.received_at)
            over = state in (RunState.DONE, RunState.SKIPPED, RunState.DEAD)
            uid = event.booking.uid if event.booking is not None else ""
            begun.append(
                {
                    "id": run_id,
                    "rule": rule,
                    "version_id": self._versions[rule],
                    "act": "do",
                    "event_id": arrived.id,
                    "connection": arrived.connection,
                    "trigger": event.trigger,
                    "entity": f"{arrived.connection}/{uid}",
                    "once": f"do|{rule}|{arrived.id}",
                    "key": str(arrived.id),
                    "depth": 0,
                    "state": state.value,
                    "reason": _REASONS.get(state),
                    "step": 2 if state is RunState.DONE else 0 if stopped is None else 1,
                    "attempt": 3 if stopped is ActionState.FAILED else 0,
                    "happened_at": at,
                    "due_at": None if over else at + timedelta(days=1),
                    "holds": not over,
                    "created_at": at,
                    "ended_at": at + timedelta(seconds=2) if over else None,
                }
            )
            if stopped is not None:
                done.append(_action(run_id, "ooo", 0, "tool", ActionState.DONE, at))
                done.append(_action(run_id, "tell", 1, "http", stopped, at))
        with self._store.write() as sql:
            sql.execute(insert(runs), begun)
            sql.execute(insert(actions), done)


_HEADERS = msgspec.json.encode(
    [["content-type", "application/json"], ["x-cal-webhook-version", "2026-07-27"], ["user-agent", "node"]]
)


def _versions(settings: Settings, store: Store) -> dict[str, UUID]:
    """The rules, live as a worker makes them, and the version of each."""
    found, faults = read_text(RULES, "rules.yaml", kinds(settings))
    if faults:
        raise BenchFailed(f"the rules of the history cannot be read: {faults[0].message}")
    now = datetime.now(UTC)
    with store.write() as sql:
        return {
            rule.name: rules.keep(sql, name=rule.name, digest=rule.digest, source=rule.source, file=rule.file, now=now)
            for rule in found
        }


def _action(run_id: UUID, step: str, place: int, kind: str, state: ActionState, at: datetime) -> dict[str, Any]:
    open_ = state in (ActionState.SENDING, ActionState.PLANNED)
    return {
        "id": _id(at),
        "run_id": run_id,
        "step": step,
        "place": place,
        "kind": kind,
        "state": state.value,
        "attempts": 3 if state is ActionState.FAILED else 1,
        "request": {"userId": 41, "start": "2026-12-03T15:00:00Z", "end": "2026-12-03T15:30:00Z"},
        "answer": {"status": "success", "data": {"id": 4711}} if state is ActionState.DONE else None,
        "reason": None if state is ActionState.DONE or open_ else _REASONS[RunState.DEAD],
        "ours": True,
        "effect": f"ooo:{run_id}" if kind == "tool" else None,
        "begun_at": at,
        "ended_at": None if open_ else at + timedelta(seconds=1),
    }


def _id(at: datetime) -> UUID:
    """An id of that moment."""
    return uuid7(nanoseconds=int(at.timestamp() * 1000) * 1_000_000)
