"""One process of those that act: `bare` calls with the HTTP client and remembers nothing, `daybook` carries out runs.

It says `ready` on stdout, begins at a line on stdin, and says `done` at the end: setting up is not timed.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import httpx2
import structlog

from ingest.sandbox.seed import MAYA_ID
from ingest.sandbox.setup import Options
from tests.bench.contenders.days import days
from workers import garbage
from workers.act import Acting
from workers.actions.registry import kinds
from workers.rulebook import Rulebook
from workers.settings import load
from workers.store.engine import open_store
from workers.toolbox import Box
from workers.vault import open_vault


def bare(api: str, first: int, last: int, threads: int) -> None:
    """The calls for the numbers from `first` to before `last`."""
    left = iter(range(first, last))
    guard = threading.Lock()
    address = f"{api}/organizations/{Options().org_id}/users/{MAYA_ID}/ooo"
    with httpx2.Client(headers={"authorization": f"Bearer {Options().api_key}"}) as client:

        def work() -> None:
            while True:
                with guard:
                    mine = next(left, None)
                if mine is None:
                    return
                start, end = days(mine)
                client.post(address, json={"start": start, "end": end}).raise_for_status()

        _together(work, threads)


def daybook(threads: int) -> None:
    """Every run that is due, as a worker of the settings in the environment does it."""
    settings = load(dict(os.environ), cwd=Path.cwd())
    step_kinds = kinds(settings)
    with (
        contextlib.closing(open_store(settings.database, pool_size=threads + 2)) as store,
        contextlib.closing(Box(store, open_vault(settings))) as box,
    ):
        acting = Acting(store, Rulebook(store, settings.rules, step_kinds), step_kinds, box, holder=str(os.getpid()))
        _together(lambda: acting.act(lambda: True), threads)


def _together(work: Callable[[], object], threads: int) -> None:
    """Let every thread do it, from the starting line to the end."""
    running = [threading.Thread(target=work) for _ in range(threads)]
    garbage.settle_down()
    print("ready", flush=True)
    sys.stdin.readline()
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    print("done", flush=True)


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    what, count, *rest = sys.argv[1:]
    if what == "bare":
        bare(rest[0], int(rest[1]), int(rest[2]), int(count))
    else:
        daybook(int(count))
