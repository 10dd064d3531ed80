"""The web process's sockets, over real ones: who is hung up on, and who is not. What is asked is an echo's to say."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from starlette.types import Receive, Scope, Send

from ingest.server import Bounds, Server, server
from workers.settings import Settings

#: what no test waits for
LONG = 60.0
GET = b"GET /%s HTTP/1.1\r\nhost: x\r\n\r\n"
POST = b"POST /read HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n"
#: more than the kernel keeps for a peer that does not read
PIECE, PIECES = b"x" * 1_000_000, 40


class Echo:
    """Answers at once, but `/read` once it has the body, `/hold` when it is told to, and `/much` at length."""

    def __init__(self) -> None:
        self.release = threading.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        if scope["path"] == "/read":
            while (await receive())["more_body"]:
                pass
        if scope["path"] == "/hold":
            await asyncio.to_thread(self.release.wait, LONG)
        pieces = PIECES if scope["path"] == "/much" else 1
        length = str(len(PIECE) * pieces if pieces > 1 else 0).encode()
        await send({"type": "http.response.start", "status": 202, "headers": [(b"content-length", length)]})
        for left in reversed(range(pieces)):
            body = PIECE if pieces > 1 else b""
            await send({"type": "http.response.body", "body": body, "more_body": left > 0})


@dataclass
class Running:
    """A server in a thread, and how to talk to it."""

    port: int
    server: Server
    echo: Echo

    @contextlib.contextmanager
    def peer(self, *, reads: int | None = None) -> Iterator[socket.socket]:
        """A connection; `reads` is how many bytes its kernel takes before it says stop."""
        with socket.socket() as made:
            made.settimeout(10)
            if reads is not None:
                made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, reads)
            made.connect(("127.0.0.1", self.port))
            yield made

    def open(self) -> int:
        """How many connections it has."""
        return len(self.server.server_state.connections)


Start = Callable[..., Running]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a server with those bounds; the others are too long to be met."""
    with contextlib.ExitStack() as stack:

        def starter(**bounds: float) -> Running:
            echo = Echo()
            usual = {"head": LONG, "body": LONG, "unread": LONG}
            made = server(echo, Settings(), Bounds(**{**usual, **bounds}))  # type: ignore[arg-type]
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            thread = threading.Thread(target=made.run, args=([listener],), daemon=True)
            thread.start()

            def stop() -> None:
                made.should_exit = True
                echo.release.set()
                thread.join(20)
                assert not thread.is_alive()

            stack.callback(stop)
            until(lambda: made.started)
            return Running(listener.getsockname()[1], made, echo)

        yield starter


def until(happened: Callable[[], bool]) -> None:
    """Wait for it, but not for ever."""
    deadline = time.monotonic() + 10
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def answer(peer: socket.socket) -> bytes:
    """The status line of the next answer; nothing where the connection is closed."""
    said = b""
    while not said.endswith(b"\r\n\r\n"):
        try:
            byte = peer.recv(1)
        except ConnectionResetError:
            byte = b""
        if not byte:
            return b""
        said += byte
    return said.partition(b"\r\n")[0]


def drip(peer: socket.socket, byte: bytes) -> None:
    """Send it again and again until the other side has had enough."""
    deadline = time.monotonic() + 10
    with contextlib.suppress(ConnectionError):
        while time.monotonic() < deadline:
            peer.sendall(byte)
            time.sleep(0.01)
        raise AssertionError("it was listened to for ever")


def test_a_new_connection_that_says_nothing_is_closed(start: Start) -> None:
    with start(head=0.2).peer() as peer:
        assert peer.recv(1) == b""


def test_half_a_head_is_closed(start: Start) -> None:
    with start(head=0.2).peer() as peer:
        peer.sendall(b"POST /in/tok HTTP/1.1\r\nhost: x\r\nx-")
        assert peer.recv(1) == b""


def test_a_head_that_drips_in_is_closed_however_steadily_it_drips(start: Start) -> None:
    with start(head=0.2).peer() as peer:
        peer.sendall(b"GET / HTTP/1.1\r\nx-slow: ")
        drip(peer, b"a")


def test_half_a_head_after_an_answer_is_closed(start: Start) -> None:
    with start(head=0.2).peer() as peer:
        peer.sendall(GET % b"")
        assert answer(peer) == b"HTTP/1.1 202 Accepted"
        peer.sendall(b"GET /")
        assert peer.recv(1) == b""


def test_empty_lines_after_an_answer_do_not_keep_a_connection(start: Start) -> None:
    with start(head=0.2).peer() as peer:
        peer.sendall(GET % b"")
        assert answer(peer) == b"HTTP/1.1 202 Accepted"
        drip(peer, b"\r\n")


def test_a_connection_that_is_kept_for_the_next_request_lives(start: Start) -> None:
    with start(head=0.1).peer() as peer:
        deadline = time.monotonic() + 0.5
        while time.monotonic() < deadline:
            peer.sendall(GET % b"")
            assert answer(peer) == b"HTTP/1.1 202 Accepted"
        time.sleep(0.3)  # longer than a head may take: this is a pause between two requests, which may be longer
        peer.sendall(GET % b"")
        assert answer(peer) == b"HTTP/1.1 202 Accepted"


def test_a_body_may_take_longer_than_a_head(start: Start) -> None:
    with start(head=0.1).peer() as peer:
        peer.sendall(POST)
        for _ in range(10):
            time.sleep(0.03)
            peer.sendall(b"b")
        assert answer(peer) == b"HTTP/1.1 202 Accepted"


def test_a_body_that_does_not_end_is_closed(start: Start) -> None:
    with start(body=0.2).peer() as peer:
        peer.sendall(POST + b"b")
        assert peer.recv(1) == b""


def test_a_body_that_drips_in_after_its_answer_is_closed(start: Start) -> None:
    with start(body=0.2).peer() as peer:
        peer.sendall(POST.replace(b"/read", b"/").replace(b": 10", b": 100000"))
        assert answer(peer) == b"HTTP/1.1 202 Accepted"
        drip(peer, b"b")


def test_a_request_that_is_worked_on_has_no_deadline(start: Start) -> None:
    running = start(head=0.1, body=0.1)
    with running.peer() as peer:
        peer.sendall(GET % b"hold")
        time.sleep(0.4)  # longer than anything here may take
        running.echo.release.set()
        assert answer(peer) == b"HTTP/1.1 202 Accepted"


def test_an_answer_that_is_not_read_is_given_up(start: Start) -> None:
    running = start(unread=0.2)
    with running.peer(reads=4096) as peer:
        peer.sendall(GET % b"much")
        until(lambda: running.open() == 1)
        until(lambda: running.open() == 0)


def test_an_answer_that_is_read_slowly_comes_whole(start: Start) -> None:
    running = start(unread=0.5)
    with running.peer(reads=65536) as peer:
        peer.sendall(GET % b"much")
        assert answer(peer) == b"HTTP/1.1 202 Accepted"
        left = PIECES * len(PIECE)
        while left:
            time.sleep(0.002)  # all together longer than any of it may lie unread
            got = len(peer.recv(min(left, 65536)))
            assert got
            left -= got


@pytest.mark.parametrize("before", [b"", GET % b""])
def test_a_head_without_end_is_refused(start: Start, before: bytes) -> None:
    with start().peer() as peer:
        if before:
            peer.sendall(before)
            assert answer(peer) == b"HTTP/1.1 202 Accepted"
        with contextlib.suppress(ConnectionError):
            peer.sendall(b"GET / HTTP/1.1\r\nx-big: " + b"a" * 5_000_000)
        assert answer(peer) in (b"HTTP/1.1 400 Bad Request", b"")


def test_nobody_is_late_while_the_server_itself_does_not_listen(start: Start) -> None:
    running = start(head=0.1)
    with running.peer() as peer:
        peer.sendall(GET % b"hold" + GET % b"" + b"GET /")  # it listens again when the first is answered
        time.sleep(0.4)
        running.echo.release.set()
        assert answer(peer) == b"HTTP/1.1 202 Accepted"


def test_a_crowd_of_the_silent_shuts_nobody_out(start: Start) -> None:
    running = start(peers=3)
    with contextlib.ExitStack() as stack:
        silent = [stack.enter_context(running.peer()) for _ in range(3)]
        until(lambda: running.open() == 3)
        with running.peer() as peer:
            peer.sendall(GET % b"")
            assert answer(peer) == b"HTTP/1.1 202 Accepted"
            assert silent[0].recv(1) == b""  # who has waited for the longest
            assert running.open() == 3


def test_a_connection_that_was_answered_waits_behind_those_that_waited_before(start: Start) -> None:
    running = start(peers=2)
    with running.peer() as first, running.peer() as second:
        until(lambda: running.open() == 2)
        first.sendall(GET % b"")
        assert answer(first) == b"HTTP/1.1 202 Accepted"
        with running.peer() as third, running.peer() as fourth:
            for peer in (third, fourth):
                peer.sendall(GET % b"")
                assert answer(peer) == b"HTTP/1.1 202 Accepted"
            assert second.recv(1) == b""
            assert first.recv(1) == b""


def test_where_all_are_being_answered_one_more_is_told_to_come_again(start: Start) -> None:
    running = start(peers=2)
    with running.peer() as first, running.peer() as second:
        first.sendall(GET % b"hold")
        second.sendall(GET % b"hold")
        until(lambda: len(running.server.server_state.tasks) == 2)
        with running.peer() as third:
            third.sendall(GET % b"")
            assert answer(third) == b"HTTP/1.1 503 Service Unavailable"
        running.echo.release.set()
        assert answer(first) == b"HTTP/1.1 202 Accepted"
        assert answer(second) == b"HTTP/1.1 202 Accepted"
