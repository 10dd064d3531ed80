"""A server that reads a request to its end and says 202: how fast the sender is, not a contender."""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import cast

import uvloop

_ANSWER = b"HTTP/1.1 202 Accepted\r\ncontent-type: text/plain\r\ncontent-length: 5\r\n\r\nKept."


class _Answers(asyncio.Protocol):
    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._missing = 0  # bytes of the request under way that did not arrive yet

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one by behaviour, not by class

    def data_received(self, data: bytes) -> None:
        if self._missing == 0:
            head, _, rest = data.partition(b"\r\n\r\n")
            self._missing = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]) - len(rest)
        else:
            self._missing -= len(data)
        if self._missing == 0:
            assert self._transport is not None
            self._transport.write(_ANSWER)


async def _serve(port: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    server = await loop.create_server(_Answers, "127.0.0.1", port)
    await stop.wait()
    server.close()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
