"""What is done to Daybook and to all it stands on, one thing at a time. Each has a name, and says how long it takes."""

from __future__ import annotations

import contextlib
import random
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import psutil

from tests.chaos.databases import Postgresql, Sqlite
from tests.chaos.site import Site
from tests.conftest import PATIENCE

#: does something to a site; `wait` sleeps as long as nothing has gone wrong elsewhere
Deed = Callable[[Site, "Faults"], None]


@dataclass
class Faults:
    """`outage` is how many seconds something stays gone that goes for long, `short` those of everything else."""

    seed: int
    outage: float
    short: float
    dice: random.Random = field(init=False)
    done: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)

    def sleep(self, seconds: float) -> None:
        """Nothing more for a while."""
        time.sleep(seconds)

    def order(self, site: Site, wanted: Sequence[str] | None) -> list[str]:
        """Those that can be done to this site, each once, in an order of the seed's; only those `wanted`, if any."""
        possible = [name for name in DEEDS if _possible(name, site)]
        chosen = [name for name in possible if wanted is None or name in wanted]
        self.dice.shuffle(chosen)
        return chosen

    def left_out(self, site: Site) -> list[str]:
        """Those that would fit this site, but for something that this machine lacks."""
        needs_disk = ("disk full", "spool's disk full while SQL is away")
        return [name for name in needs_disk if site.disk is None]

    def carry_out(self, site: Site, name: str) -> None:
        """Do it, and make it good again."""
        DEEDS[name](site, self)
        self.done.append(name)


def _possible(name: str, site: Site) -> bool:
    on_postgresql = isinstance(site.database, Postgresql)
    if name in ("PostgreSQL restarted", "PostgreSQL gone", "PostgreSQL out of connections", "no room for receipts"):
        return on_postgresql
    if name == "spool's disk full while SQL is away":
        return on_postgresql and site.disk is not None
    if name == "disk full":
        return not on_postgresql and site.disk is not None
    if name == "SQLite locked":
        return not on_postgresql
    if name == "kill -9 of the supervisor":
        return site.supervised
    return True


def _kill(what: str) -> Deed:
    def deed(site: Site, faults: Faults) -> None:
        process = faults.dice.choice(site.processes()[what])
        process.kill()
        _another(site, what, process)

    return deed


def _stop_worker(site: Site, faults: Faults) -> None:
    process = faults.dice.choice(site.processes()["worker"])
    process.send_signal(signal.SIGTERM)
    _another(site, "worker", process)


def _another(site: Site, what: str, process: psutil.Process) -> None:
    """Where there is no supervisor, what ended is started again, as whoever runs it would."""
    if site.supervised:
        return
    if what == "worker":
        (ended,) = (one for one in site.workers if one.pid == process.pid)
        site.workers.remove(ended)
        site.start_worker()
        ended.wait(2 * PATIENCE)
        return
    port = next(port for port, one in site.webs.items() if one.pid == process.pid)
    site.webs[port].wait(PATIENCE)
    site.start_web(port)


def _kill_supervisor(site: Site, faults: Faults) -> None:
    site.daybook.stop(signal.SIGKILL)
    faults.sleep(1)
    site.daybook.start("up")


def _broker_killed(site: Site, _faults: Faults) -> None:
    site.broker.kill()
    site.broker.start()


def _broker_flushed(site: Site, _faults: Faults) -> None:
    site.broker.flush()


def _broker_gone(site: Site, faults: Faults) -> None:
    site.broker.kill()
    faults.sleep(faults.outage)
    site.broker.start()


def _restarted(site: Site, _faults: Faults) -> None:
    _postgresql(site).restart()


def _gone(site: Site, faults: Faults) -> None:
    _postgresql(site).stop()
    faults.sleep(faults.outage)
    _postgresql(site).start()


def _crowded(site: Site, faults: Faults) -> None:
    """Those that Daybook has are taken from it, and it gets no others."""
    _postgresql(site).restart()
    with _postgresql(site).crowded():
        faults.sleep(faults.short)


def _no_room(site: Site, faults: Faults) -> None:
    with _postgresql(site).full():
        faults.sleep(faults.short)


def _locked(site: Site, faults: Faults) -> None:
    assert isinstance(site.database, Sqlite)
    with site.database.locked():
        faults.sleep(faults.short)


def _disk_full(site: Site, faults: Faults) -> None:
    assert site.disk is not None
    filler = site.disk / "filler"
    filling = threading.Event()

    def fill() -> None:  # what is freed meanwhile, by a checkpoint or a drained segment, is taken too
        with filler.open("ab", buffering=0) as file:
            while not filling.wait(0.05):
                with contextlib.suppress(OSError):
                    while not filling.is_set():
                        file.write(bytes(1024 * 1024))
                with contextlib.suppress(OSError):
                    file.write(bytes(4096))

    thread = threading.Thread(target=fill)
    thread.start()
    try:
        faults.sleep(faults.short)
    finally:
        filling.set()
        thread.join()
        filler.unlink()


def _spool_full(site: Site, faults: Faults) -> None:
    _postgresql(site).stop()
    _disk_full(site, faults)
    faults.sleep(faults.short / 2)
    _postgresql(site).start()


def _clock(site: Site, faults: Faults) -> None:
    """An hour ahead, then two hours back, then right again."""
    for offset in ("3600", "-3600", "0"):
        site.clock.write_text(offset)
        faults.sleep(faults.short / 2)


def _postgresql(site: Site) -> Postgresql:
    assert isinstance(site.database, Postgresql)
    return site.database


DEEDS: dict[str, Deed] = {
    "kill -9 of a web process": _kill("web"),
    "kill -9 of a worker": _kill("worker"),
    "a worker stopped": _stop_worker,
    "kill -9 of the supervisor": _kill_supervisor,
    "broker killed": _broker_killed,
    "broker flushed": _broker_flushed,
    "broker gone": _broker_gone,
    "PostgreSQL restarted": _restarted,
    "PostgreSQL gone": _gone,
    "PostgreSQL out of connections": _crowded,
    "no room for receipts": _no_room,
    "SQLite locked": _locked,
    "disk full": _disk_full,
    "spool's disk full while SQL is away": _spool_full,
    "clock stepped": _clock,
}
