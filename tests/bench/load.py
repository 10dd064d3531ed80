"""The sender, a process of its own: signed deliveries over keep-alive connections, as fast as they are answered.

All requests are made before the first is sent, and an answer is only searched for its status and its end, so that
the sender needs less of a core than any of the servers it measures; it says how much it needed.
"""

from __future__ import annotations

import asyncio
import gc
import json
import math
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

import uvloop

from tests.bench import deliveries
from tests.bench.failure import BenchFailed

ROOT = Path(__file__).parents[2]
#: seconds beyond the planned ones after which the sender is given up
_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Sent:
    """What one run of the sender saw. Latencies are milliseconds, `began` and `ended` Unix seconds."""

    answers: dict[str, int]
    cut: int  #: connections that ended in the middle of an answer
    seconds: float
    per_second: float
    p50: float
    p90: float
    p99: float
    longest: float
    sender_cpu: float  #: share of one core that the sender itself used
    began: float
    ended: float

    @property
    def kept(self) -> int:
        """How many were answered with 202."""
        return self.answers.get("202", 0)


def drive(port: int, *, seconds: float, at_most: int, connections: int) -> Sent:
    """Send to 127.0.0.1:`port` for `seconds`, at most so many, from a new process. Any answer but 202 is a failure."""
    words = [str(word) for word in (port, seconds, at_most, connections)]
    try:
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.load", *words],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=seconds + _PATIENCE,
        )
    except subprocess.TimeoutExpired:
        raise BenchFailed(f"the sender was not done {_PATIENCE:.0f} s after its time; the server hangs.") from None
    if done.returncode:
        raise BenchFailed(f"the sender failed: {done.stderr.strip()[-400:]}")
    sent = Sent(**json.loads(done.stdout))
    if set(sent.answers) != {"202"} or sent.cut:
        raise BenchFailed(f"not every delivery was answered with 202: {sent.answers}, {sent.cut} cut off.")
    return sent


class _Run:
    """What the connections of one run share."""

    def __init__(self, port: int, requests: Sequence[bytes], until: float) -> None:
        self.port = port
        self._requests = requests
        self._taken = 0
        self._until = until  # time.perf_counter() after which nothing is sent
        self.latencies: list[float] = []
        self.answers: Counter[str] = Counter()
        self.cut = 0
        self.open = 0
        self.finished = asyncio.Event()

    def more(self) -> bool:
        return self._taken < len(self._requests) and time.perf_counter() < self._until

    def next(self) -> bytes | None:
        if not self.more():
            return None
        self._taken += 1
        return self._requests[self._taken - 1]


class _Sender(asyncio.Protocol):
    """One connection: a request, its answer, the next request. A server that hangs up is dialled again."""

    def __init__(self, run: _Run) -> None:
        self._run = run
        self._transport: asyncio.Transport | None = None
        self._sent_at: float | None = None
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one by behaviour, not by class
        self._send()

    def _send(self) -> None:
        assert self._transport is not None
        request = self._run.next()
        if request is None:
            self._transport.close()
            return
        self._sent_at = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        fields = head.lower()
        _, _, length = fields.partition(b"\r\ncontent-length: ")
        if len(rest) < int(length.partition(b"\r\n")[0] or 0):
            return
        assert self._sent_at is not None
        self._run.latencies.append(time.perf_counter() - self._sent_at)
        self._run.answers[head[9:12].decode()] += 1
        self._sent_at, self._buffer = None, b""
        if b"\r\nconnection: close" not in fields:
            self._send()  # else the server closes, and `connection_lost` dials again

    def connection_lost(self, _error: Exception | None) -> None:
        run = self._run
        if self._sent_at is not None:
            run.cut += 1
        elif run.more():
            self._redial = asyncio.ensure_future(_dial(run))
            return
        run.open -= 1
        if run.open == 0:
            run.finished.set()


async def _dial(run: _Run) -> None:
    await asyncio.get_running_loop().create_connection(lambda: _Sender(run), "127.0.0.1", run.port)


async def _send_all(port: int, seconds: float, requests: Sequence[bytes], connections: int) -> Sent:
    run = _Run(port, requests, time.perf_counter() + seconds)
    run.open = connections
    began, start, cpu = time.time(), time.perf_counter(), time.process_time()
    await asyncio.gather(*(_dial(run) for _ in range(connections)))
    await run.finished.wait()
    took = time.perf_counter() - start
    cpu = time.process_time() - cpu
    found = sorted(run.latencies)
    return Sent(
        answers=dict(run.answers),
        cut=run.cut,
        seconds=took,
        per_second=len(found) / took,
        p50=percentile(found, 50) * 1000,
        p90=percentile(found, 90) * 1000,
        p99=percentile(found, 99) * 1000,
        longest=found[-1] * 1000 if found else math.nan,
        sender_cpu=cpu / took,
        began=began,
        ended=time.time(),
    )


def percentile(found: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile of a sorted sequence; NaN of an empty one."""
    return found[max(0, math.ceil(len(found) * percent / 100) - 1)] if found else math.nan


def main() -> None:
    """`python -m tests.bench.load PORT SECONDS AT_MOST CONNECTIONS` prints one JSON object."""
    port, seconds, at_most, connections = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    requests = [deliveries.request(number) for number in deliveries.numbers(at_most)]
    gc.freeze()
    gc.disable()
    print(json.dumps(asdict(uvloop.run(_send_all(port, seconds, requests, connections)))))


if __name__ == "__main__":
    main()
