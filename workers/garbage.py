"""Python's garbage collector, set for processes that make many short-lived objects and no cycles to speak of."""

from __future__ import annotations

import gc

#: objects made before the youngest are looked through: a batch of deliveries makes about 40,000, all of them alive
#: until it is written, and with Python's 700 a third of a worker's time went into looking through them
_YOUNG = 50_000


def settle_down() -> None:
    """Call once a process is set up: what is loaded by now stays, so it is never looked through again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, 20, 50)
