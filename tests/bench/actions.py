"""Actions: how many a second are carried out against a sandbox without a rate limit, each through the ledger, beside
bare loops of the HTTP client that make the same calls and remember nothing: both in as many processes and threads."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from uuid import UUID

import msgspec
from cryptography.fernet import Fernet
from uuid_utils.compat import uuid7

from ingest.sandbox.seed import MAYA_ID
from ingest.sandbox.setup import Options
from tests.bench.contenders.days import days
from tests.bench.databases import KINDS, TITLES, Databases, Kind
from tests.bench.failure import BenchFailed
from tests.bench.load import ROOT
from tests.bench.plan import Bench
from tests.bench.report import Goal, Line
from workers.actions.registry import kinds
from workers.calcom.connection import BearerKey
from workers.persist import persist
from workers.reach import pack
from workers.rulebook import Rulebook
from workers.settings import Settings, load
from workers.store import connections, receipts, runs, webhooks
from workers.store.engine import Store, open_store
from workers.store.migrate import migrate
from workers.store.receipts import Receipt
from workers.store.runs import RunState
from workers.vault import Vault, open_vault

_PART = "actions against the sandbox"
#: processes, and threads of each, which are as many as workers have by themselves: so many calls are under way at once
_PROCESSES, _THREADS = 2, Settings.model_fields["act_threads"].default
_FULL, _QUICK = 4_000, 100
_RULE = """
rules:
  - name: bench
    on: [BOOKING_CREATED]
    do:
      - tool: cal_organizations_users_ooocontroller_create_organization_user_ooo
        with: {userId: "${{ event.organizer.id }}", start: "${{ event.start }}", end: "${{ event.end }}"}
"""
_READY = re.compile(r"sandbox ready: (\S+)")


def measure(bench: Bench, databases: Databases, folder: Path) -> list[Line]:
    """Actions a second, ours on both databases against the bare loop."""
    number = _FULL if bench.plan.rounds > 1 else _QUICK
    contenders: dict[str, Callable[[], float]] = {"bare": lambda: _bare(number)}
    for kind in KINDS:
        contenders[kind] = _ours(databases, folder, kind, number)
    found = bench.alternate("actions", contenders)
    return [
        Line(
            _PART,
            TITLES[kind],
            "/s",
            found[kind],
            f"bare loop, {_PROCESSES} x {_THREADS} threads",
            found["bare"],
            Goal(">=", 0.5),
            note=f"{number} runs of one step",
        )
        for kind in KINDS
    ]


def _bare(number: int) -> float:
    with _sandbox() as url:
        share = number // _PROCESSES
        return number / _timed(
            [["bare", str(_THREADS), url, str(n * share), str((n + 1) * share)] for n in range(_PROCESSES)]
        )


def _ours(databases: Databases, folder: Path, kind: Kind, number: int) -> Callable[[], float]:
    def turn() -> float:
        with TemporaryDirectory(dir=folder, prefix="a") as scratch, _sandbox() as api:
            home = Path(scratch)
            with databases.empty(kind, home) as url:
                environ = {
                    "DAYBOOK_DATA_DIR": str(home),
                    "DAYBOOK_DATABASE_URL": url,
                    "DAYBOOK_SECRET_KEY": Fernet.generate_key().decode(),
                    "DAYBOOK_RULES": str(home / "rules"),
                }
                settings = load(environ, cwd=home)
                (home / "rules").mkdir()
                (home / "rules" / "bench.yaml").write_text(_RULE)
                with contextlib.closing(open_store(settings.database, pool_size=_THREADS + 2)) as store:
                    migrate(store)
                    vault = open_vault(settings)
                    step_kinds = kinds(settings)
                    book = Rulebook(store, home / "rules", step_kinds)
                    ids = _kept(store, vault, api, number)
                    for start in range(0, number, 100):
                        persist(store, ids[start : start + 100], book.live())
                    took = _timed([["daybook", str(_THREADS)]] * _PROCESSES, environ)
                    with store.read() as connection:
                        done = runs.count(connection, runs.Filter(states=(RunState.DONE,)))
                    if done != number:
                        raise BenchFailed(f"{done} of {number} runs were done.")
                    return number / took

    return turn


def _timed(argvs: list[list[str]], environ: Mapping[str, str] = MappingProxyType({})) -> float:
    """The seconds from the starting line until every process is done."""
    with contextlib.ExitStack() as stack:
        processes = [stack.enter_context(_acting(argv, environ)) for argv in argvs]
        for process in processes:
            _hear(process, "ready")
        began = time.perf_counter()
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        for process in processes:
            _hear(process, "done")
        return time.perf_counter() - began


@contextlib.contextmanager
def _acting(argv: list[str], environ: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "tests.bench.contenders.acting", *argv],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environ},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _hear(process: subprocess.Popen[str], word: str) -> None:
    assert process.stdout is not None
    if process.stdout.readline().strip() != word:
        raise BenchFailed("a process that was to act ended early.")


def _kept(store: Store, vault: Vault, api: str, number: int) -> list[UUID]:
    now = datetime.now(UTC)
    with store.write() as sql:
        acme = connections.Connection("acme", connections.Kind.CALCOM, api, Options().org_id, 0, now)
        connections.add(sql, vault, acme, pack(BearerKey(Options().api_key)))
        webhook = webhooks.add(sql, vault, name="bench", pcid="acme", token="t", secret="s", origin="adopted", now=now)
    batch = []
    for each in range(number):
        start, end = days(each)
        payload = {"uid": f"u{each}", "startTime": start, "endTime": end, "organizer": {"id": MAYA_ID}}
        body = msgspec.json.encode(
            {"triggerEvent": "BOOKING_CREATED", "createdAt": now.isoformat(), "payload": payload}
        )
        batch.append(
            Receipt(uuid7(), webhook, hashlib.sha256(body).digest(), 0, now, "signed", None, "received", b"[]", body)
        )
    for first in range(0, number, 100):
        receipts.keep(store, batch[first : first + 100])
    return [one.id for one in batch]


@contextlib.contextmanager
def _sandbox() -> Iterator[str]:
    """A sandbox without a rate limit, as a process of its own; the URL of its API."""
    argv = [sys.executable, "-P", "-m", "ingest.sandbox", "--port", "0", "--rate-limit", "0"]
    process = subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        ready = _READY.match(process.stdout.readline())
        if ready is None:
            raise BenchFailed("the sandbox did not start.")
        yield ready[1]
    finally:
        process.terminate()
        process.wait(10)
