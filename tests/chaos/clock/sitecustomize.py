"""A process's clock that is set while it runs: Python imports this by itself where it is in PYTHONPATH.

`CHAOS_CLOCK` names a file with the seconds by which the clock is ahead. What asks the system past Python, as
SQLite and the ids of deliveries do, has the right time: two clocks of one installation that do not agree.
"""

from __future__ import annotations

import contextlib
import os
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import time_machine

#: seconds between two looks at the file
_LOOK = 0.2


def _follow(clock: Path) -> None:
    ahead = 0.0
    traveller = time_machine.travel(datetime.now(UTC), tick=True)
    coordinates = traveller.start()
    pause = threading.Event()
    while True:
        with contextlib.suppress(OSError, ValueError):
            wanted = float(clock.read_text())
            if wanted != ahead:
                coordinates.shift(timedelta(seconds=wanted - ahead))
                ahead = wanted
        pause.wait(_LOOK)


if clock := os.environ.get("CHAOS_CLOCK"):
    threading.Thread(target=_follow, args=(Path(clock),), daemon=True).start()
