"""The sender, a process of its own: signed deliveries over keep-alive connections, as fast as they are answered.

All requests are made before the first is sent, and an answer is only searched for its status and its end, so that
the sender needs less of a core than any of the servers it measures; it says how much it needed.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import math
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import cycle
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


def drive(ports: Sequence[int], *, seconds: float, at_most: int, connections: int) -> Sent:
    """Send to 127.0.0.1, each connection to one of `ports` in turn, for `seconds` and at most so many, from a new
    process. Any answer but 202 is a failure."""
    with driving(ports, seconds=seconds, at_most=at_most, connections=connections) as sender:
        return sender.ended()


class Sender:
    """A sender under way."""

    def __init__(self, process: subprocess.Popen[str], seconds: float) -> None:
        self._process = process
        self._seconds = seconds

    def stop(self) -> Sent:
        """Let it send nothing more; what it saw."""
        self._process.send_signal(signal.SIGTERM)
        return self.ended()

    def ended(self) -> Sent:
        """Wait until it is done; what it saw."""
        try:
            output, errors = self._process.communicate(timeout=self._seconds + _PATIENCE)
        except subprocess.TimeoutExpired:
            raise BenchFailed(f"the sender was not done {_PATIENCE:.0f} s after its time; the server hangs.") from None
        if self._process.returncode:
            raise BenchFailed(f"the sender failed: {errors.strip()[-400:]}")
        sent = Sent(**json.loads(output.splitlines()[-1]))
        if set(sent.answers) != {"202"} or sent.cut:
            raise BenchFailed(f"not every delivery was answered with 202: {sent.answers}, {sent.cut} cut off.")
        return sent


@contextlib.contextmanager
def driving(
    ports: Sequence[int], *, seconds: float, at_most: int, connections: int, per_second: float = 0
) -> Iterator[Sender]:
    """As `drive`, while the block does something else, which begins once all requests are made. With `per_second` each
    delivery has its moment, and its latency counts from then, whatever the one before it is kept waiting for."""
    words = [",".join(map(str, ports)), *(str(word) for word in (seconds, at_most, connections, per_second))]
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.load", *words],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        process.stdout.readline()  # it says when it begins
        yield Sender(process, seconds)
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


class _Run:
    """What the connections of one run share."""

    def __init__(self, ports: Sequence[int], requests: Sequence[bytes], until: float, per_second: float) -> None:
        self._ports = cycle(ports)
        self._requests = requests
        self._taken = 0
        self._until = until  # time.perf_counter() after which nothing is sent
        self._began = time.perf_counter()
        self._apart = 1 / per_second if per_second else 0.0
        self.latencies: list[float] = []
        self.answers: Counter[str] = Counter()
        self.cut = 0
        self.open = 0
        self.finished = asyncio.Event()

    def more(self) -> bool:
        return self._taken < len(self._requests) and time.perf_counter() < self._until

    def next(self) -> tuple[bytes, float] | None:
        """A request, and the time.perf_counter() at which it is due: now, where there is no pace."""
        if not self.more():
            return None
        self._taken += 1
        due = self._began + self._taken * self._apart if self._apart else time.perf_counter()
        return self._requests[self._taken - 1], due

    def stop(self) -> None:
        """Send nothing more."""
        self._until = 0.0

    async def dial(self) -> None:
        """One more connection, to the port whose turn it is."""
        port = next(self._ports)
        await asyncio.get_running_loop().create_connection(lambda: _Sender(self, port), "127.0.0.1", port)


class _Sender(asyncio.Protocol):
    """One connection: a request, its answer, the next request. A server that hangs up is dialled again."""

    def __init__(self, run: _Run, port: int) -> None:
        self._run = run
        self._port = port
        self._transport: asyncio.Transport | None = None
        self._sent_at: float | None = None
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one by behaviour, not by class
        self._send()

    def _send(self) -> None:
        assert self._transport is not None
        following = self._run.next()
        if following is None:
            self._transport.close()
            return
        request, self._sent_at = following
        if (early := self._sent_at - time.perf_counter()) > 0:
            asyncio.get_running_loop().call_later(early, self._transport.write, request)
        else:
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
            self._redial = asyncio.ensure_future(run.dial())
            return
        run.open -= 1
        if run.open == 0:
            run.finished.set()


async def _send_all(
    ports: Sequence[int], seconds: float, requests: Sequence[bytes], connections: int, per_second: float
) -> Sent:
    run = _Run(ports, requests, time.perf_counter() + seconds, per_second)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, run.stop)
    run.open = connections
    began, start, cpu = time.time(), time.perf_counter(), time.process_time()
    await asyncio.gather(*(run.dial() for _ in range(connections)))
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
    """`python -m tests.bench.load PORT,… SECONDS AT_MOST CONNECTIONS PER_SECOND` says that it begins, and prints one
    JSON object at its end."""
    ports = [int(port) for port in sys.argv[1].split(",")]
    seconds, at_most, connections, per_second = float(sys.argv[2]), *map(int, sys.argv[3:5]), float(sys.argv[5])
    requests = [deliveries.request(number) for number in deliveries.numbers(at_most)]
    gc.freeze()
    gc.disable()
    print("begins", flush=True)
    print(json.dumps(asdict(uvloop.run(_send_all(ports, seconds, requests, connections, per_second)))))


if __name__ == "__main__":
    main()
