"""Lone deliveries: one at a time with pauses between, so that there is no company to wait for or to share with."""

from __future__ import annotations

import contextlib
import socket
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from tests.bench import deliveries
from tests.bench.databases import KINDS, TITLES
from tests.bench.failure import BenchFailed
from tests.bench.load import percentile
from tests.bench.plan import Bench, Contender
from tests.bench.report import Goal, Line
from tests.bench.servers import Running

_PART = "lone delivery"
#: seconds between two looks for the row, and until it is given up
_LOOK = 0.0005
_GIVE_UP = 10.0


@dataclass(frozen=True, slots=True)
class _Turn:
    """Milliseconds from the first byte sent."""

    answered: float  #: median
    visible: float  #: median
    visible_p95: float


def measure(bench: Bench) -> list[Line]:
    """The median answer and the moment the row can be read, ours against the naive design's."""
    servers = bench.servers
    contenders: dict[str, Callable[[], _Turn]] = {}
    for kind in KINDS:
        contenders[f"daybook {kind}"] = _turn(bench, partial(servers.daybook, kind, worker=True))
        contenders[f"naive {kind}"] = _turn(bench, partial(servers.naive, kind, worker=True))
    found = bench.alternate("lone", contenders)
    lines = []
    for kind in KINDS:
        ours, naive = found[f"daybook {kind}"], found[f"naive {kind}"]
        lines.append(
            Line(
                _PART,
                f"answered, p50, {TITLES[kind]}",
                "ms",
                [turn.answered for turn in ours],
                "naive handler",
                [turn.answered for turn in naive],
                Goal("<=", 3.0),
            )
        )
        lines.append(
            Line(
                _PART,
                f"event visible, p50, {TITLES[kind]}",
                "ms",
                [turn.visible for turn in ours],
                "naive design",
                [turn.visible for turn in naive],
                Goal("<=", 50.0, "ours"),
                note=f"p95 {statistics.median(turn.visible_p95 for turn in ours):.0f} ms",
            )
        )
    return lines


def _turn(bench: Bench, contender: Contender) -> Callable[[], _Turn]:
    def turn() -> _Turn:
        with contender() as running, _dialled(running.port) as line:
            for number in deliveries.numbers(10):
                _one(running, line, number)
            answered, visible = [], []
            for place, number in enumerate(deliveries.numbers(bench.plan.lone)):
                time.sleep(0.03 + place * 7 % 40 / 1000)  # never in step with whoever looks at a queue now and then
                times = _one(running, line, number)
                answered.append(times[0] * 1000)
                visible.append(times[1] * 1000)
            return _Turn(statistics.median(answered), statistics.median(visible), percentile(sorted(visible), 95))

    return turn


def _one(running: Running, line: socket.socket, number: int) -> tuple[float, float]:
    """Seconds from sending a delivery to its answer, and to its row."""
    assert running.committed is not None
    request, uid = deliveries.request(number), deliveries.uid(number)
    start = time.perf_counter()
    line.sendall(request)
    answer = _answer(line)
    answered = time.perf_counter() - start
    if not answer.startswith(b"HTTP/1.1 202"):
        raise BenchFailed(f"a lone delivery was answered with {answer[:40]!r}.")
    while not running.committed.holds(uid):
        if time.perf_counter() - start > _GIVE_UP:
            raise BenchFailed(f"a lone delivery was not committed within {_GIVE_UP:g} s.")
        time.sleep(_LOOK)
    return answered, time.perf_counter() - start


def _answer(line: socket.socket) -> bytes:
    """A whole answer: servers send the head and the body apart."""
    answer = b""
    while True:
        part = line.recv(65536)
        answer += part
        head, found, body = answer.partition(b"\r\n\r\n")
        if not part:
            return answer
        if found and len(body) >= int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0):
            return answer


@contextlib.contextmanager
def _dialled(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=_GIVE_UP) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield line
