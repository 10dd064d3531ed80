"""Scale: what a second web process and a second worker add on PostgreSQL, from the delivery sent to the event."""

from __future__ import annotations

import os
from functools import partial

from tests.bench.plan import Bench
from tests.bench.report import Line
from tests.bench.sustained import turn

_PART = "scale: accepted, worked, committed"


def measure(bench: Bench) -> list[Line]:
    """Events a second of two processes of each kind against one of each, the deliveries spread over their ports."""
    daybook = partial(bench.servers.daybook, "postgresql", worker=True)
    found = bench.alternate(
        "scale",
        {name: turn(bench, partial(daybook, processes=number)) for name, number in (("2 + 2", 2), ("1 + 1", 1))},
    )
    note = f"{os.cpu_count()} cores, which sender, PostgreSQL and Valkey share with them"
    return [Line(_PART, "2 serve + 2 work, PostgreSQL", "/s", found["2 + 2"], "1 + 1", found["1 + 1"], note=note)]
