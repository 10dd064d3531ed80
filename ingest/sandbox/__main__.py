"""`python -m ingest.sandbox`: the sandbox as a process of its own. Ends cleanly on SIGINT and SIGTERM."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import signal
import socket
import sys
from collections.abc import Iterator, Sequence

import uvicorn

from ingest.sandbox.app import make_sandbox
from ingest.sandbox.setup import Options


class _Server(uvicorn.Server):
    """Uvicorn that says when it is ready, and leaves the signals alone.

    Its own handling raises the signal again at the end, so that the process would end with the signal's number.
    """

    ready_line = ""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then print the one line that tells a waiting script to go on."""
        await super().startup(sockets)
        sys.stdout.write(self.ready_line)
        sys.stdout.flush()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to `_serve`."""
        yield


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    defaults = Options()
    parser = argparse.ArgumentParser(prog="python -m ingest.sandbox", description="A stand-in Cal.com.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8788, help="port to listen on; 0 takes any that is free")
    parser.add_argument("--org-id", type=int, default=defaults.org_id, help="id of the organization")
    parser.add_argument("--api-key", default=defaults.api_key, help="key that acts as the owner (cal_…)")
    parser.add_argument("--member-key", default=defaults.member_key, help="key that acts as a plain member")
    parser.add_argument("--rate-limit", type=int, default=defaults.rate_limit, help="calls a minute; 0 for no limit")
    parser.add_argument(
        "--time-unit",
        type=float,
        default=defaults.time_unit,
        help="seconds that one second between two attempts of a delivery takes",
    )
    return parser.parse_args(given)


async def _serve(arguments: argparse.Namespace, listener: socket.socket) -> None:
    options = Options(
        org_id=arguments.org_id,
        api_key=arguments.api_key,
        member_key=arguments.member_key,
        rate_limit=arguments.rate_limit,
        time_unit=arguments.time_unit,
    )
    # What is cut in the middle is meant to be.
    logging.getLogger("uvicorn.error").addFilter(lambda said: "without completing response" not in said.getMessage())
    config = uvicorn.Config(make_sandbox(options), log_level="warning", access_log=False, timeout_graceful_shutdown=3)
    server = _Server(config)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, setattr, server, "should_exit", True)
    host, port = listener.getsockname()[:2]
    server.ready_line = f"sandbox ready: http://{host}:{port}/v2 (organization {options.org_id})\n"
    await server.serve([listener])


def main(given: Sequence[str] | None = None) -> int:
    """Serve until told to stop. Returns the exit status."""
    arguments = _arguments(given)
    try:
        listener = socket.create_server((arguments.host, arguments.port))
    except (OSError, OverflowError) as error:
        sys.stderr.write(f"Cannot listen on {arguments.host}:{arguments.port} ({error}); choose another --port.\n")
        return 1
    with listener:
        # Else an answer's body waits for 40 ms until its head is acknowledged.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        asyncio.run(_serve(arguments, listener))
    return 0


if __name__ == "__main__":
    sys.exit(main())
