"""The web process's sockets, over real ones: who is hung up on, and who is not. What is asked is an echo's to say.

Seconds pass here when a test says so, not while a busy machine is slow: nobody is late who was only not scheduled.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from ingest.server import Bounds, Server, server
from tests.conftest import PATIENCE
from workers.settings import Settings

#: what no test waits for
LONG = 1_000_000.0
GET = b"GET /%s HTTP/1.1\r\nhost: x\r\n\r\n"
POST = b"POST /read HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n"
#: more than the kernel keeps for a peer that does not read
PIECE, PIECES = b"x" * 1_000_000, 40


class Echo:
    """Answers at once, but `/read` once it has the body, `/hold` when it is told to, and `/much` at length."""

    def __init__(self) -> None:
        self.release = threading.Event()
        self.held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        if scope["path"] == "/read":
            while (await receive())["more_body"]:
                pass
        if scope["path"] == "/hold":
            self.held += 1
            await asyncio.to_thread(self.release.wait, 2 * PATIENCE)
        pieces = PIECES if scope["path"] == "/much" else 1
        length = str(len(PIECE) * pieces if pieces > 1 else 0).encode()
        await send({"type": "http.response.start", "status": 202, "headers": [(b"content-length", length)]})
        for left in reversed(range(pieces)):
            body = PIECE if pieces > 1 else b""
            await send({"type": "http.response.body", "body": body, "more_body": left > 0})


class Timer:
    """What `call_later` of the test's time gives."""

    def __init__(self, at: float, done: Callable[[], object]) -> None:
        self.at = at
        self.done = done
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Time:
    """The time of a server's connections: as late as a test says. All but `call_later` is the real loop's."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timers: list[Timer] = []
        #: how often a timer of so many seconds was set
        self.set: dict[float, int] = {}
        self.loop: Any = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.loop, name)

    def call_later(self, seconds: float, done: Callable[..., object], *arguments: Any) -> Timer:
        timer = Timer(self.now + seconds, lambda: done(*arguments))
        self.timers.append(timer)
        self.set[seconds] = self.set.get(seconds, 0) + 1
        return timer

    def forward(self, seconds: float) -> None:
        """So many seconds later. In the loop's thread only."""
        self.now += seconds
        due = [timer for timer in self.timers if timer.at <= self.now]
        self.timers = [timer for timer in self.timers if timer.at > self.now]
        for timer in due:
            if not timer.cancelled:
                timer.done()


@dataclass
class Running:
    """A server in a thread, and how to talk to it."""

    port: int
    server: Server
    echo: Echo
    time: Time
    #: bytes that its connections have got
    heard: list[int]

    @contextlib.contextmanager
    def peer(self, *, reads: int | None = None) -> Iterator[socket.socket]:
        """A connection; `reads` is how many bytes its kernel takes before it says stop."""
        with socket.socket() as made:
            made.settimeout(PATIENCE)
            if reads is not None:
                made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, reads)
            before = self.time.set.get(self.head, 0)
            made.connect(("127.0.0.1", self.port))
            until(lambda: self.time.set.get(self.head, 0) > before)  # it is known there
            yield made

    @property
    def head(self) -> float:
        bounds: Bounds = self.server.config.http.crowd.bounds  # type: ignore[union-attr]
        return bounds.head

    def open(self) -> int:
        """How many connections it has."""
        return len(self.server.server_state.connections)

    def later(self, seconds: float) -> None:
        """So many seconds pass."""
        over = threading.Event()

        def pass_by() -> None:
            self.time.forward(seconds)
            over.set()

        self.time.loop.call_soon_threadsafe(pass_by)
        assert over.wait(PATIENCE)

    def pause(self, *, after: int) -> int:
        """Wait until it waited for its peers to read more often than that; how often it did, where `unread` is 2."""
        until(lambda: self.time.set.get(2, 0) > after)
        return self.time.set[2]

    def tell(self, peer: socket.socket, said: bytes) -> None:
        """Send it, and wait until it has come."""
        before = sum(self.heard)
        peer.sendall(said)
        until(lambda: sum(self.heard) >= before + len(said))


Start = Callable[..., Running]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a server with those bounds; the others are too long to be met."""
    with contextlib.ExitStack() as stack:

        def starter(**bounds: float) -> Running:
            echo, clock, heard = Echo(), Time(), list[int]()
            usual = {"head": LONG, "body": LONG + 1, "unread": LONG + 2}
            made = server(echo, Settings(), Bounds(**{**usual, **bounds}))  # type: ignore[arg-type]

            class Timed(made.config.http):  # type: ignore[name-defined, misc]  # a class made for one server
                def __init__(self, *arguments: Any, **named: Any) -> None:
                    super().__init__(*arguments, **named)
                    clock.loop = asyncio.get_running_loop()
                    self.loop = clock

                def data_received(self, data: bytes) -> None:
                    super().data_received(data)
                    heard.append(len(data))

            made.config.http = Timed
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            thread = threading.Thread(target=made.run, args=([listener],), daemon=True)
            thread.start()

            def stop() -> None:
                made.should_exit = True
                echo.release.set()
                thread.join(PATIENCE)
                assert not thread.is_alive()

            stack.callback(stop)
            until(lambda: made.started)
            return Running(listener.getsockname()[1], made, echo, clock, heard)

        yield starter


def until(happened: Callable[[], bool]) -> None:
    """Wait for it, but not for ever."""
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def hung_up(peer: socket.socket) -> bool:
    """Whether the next that comes is the end, which the kernel tells of in two ways."""
    try:
        return peer.recv(1) == b""
    except ConnectionResetError:
        return True


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


ACCEPTED = b"HTTP/1.1 202 Accepted"


def test_a_new_connection_that_says_nothing_is_closed(start: Start) -> None:
    running = start(head=2)
    with running.peer() as peer:
        running.later(2)
        assert hung_up(peer)


def test_half_a_head_is_closed(start: Start) -> None:
    running = start(head=2)
    with running.peer() as peer:
        running.tell(peer, b"POST /in/tok HTTP/1.1\r\nhost: x\r\nx-")
        running.later(2)
        assert hung_up(peer)


def test_a_head_that_drips_in_is_closed_however_steadily_it_drips(start: Start) -> None:
    running = start(head=4)
    with running.peer() as peer:
        running.tell(peer, b"GET / HTTP/1.1\r\nx-slow: ")
        for _ in range(3):
            running.tell(peer, b"a")
            running.later(1)
        assert running.open() == 1
        running.later(1)
        assert hung_up(peer)


def test_half_a_head_after_an_answer_is_closed(start: Start) -> None:
    running = start(head=2)
    with running.peer() as peer:
        peer.sendall(GET % b"")
        assert answer(peer) == ACCEPTED
        running.tell(peer, b"GET /")
        running.later(2)
        assert hung_up(peer)


def test_empty_lines_after_an_answer_do_not_keep_a_connection(start: Start) -> None:
    running = start(head=4)
    with running.peer() as peer:
        peer.sendall(GET % b"")
        assert answer(peer) == ACCEPTED
        for _ in range(4):
            running.tell(peer, b"\r\n")
            running.later(1)
        assert hung_up(peer)


def test_a_connection_that_is_kept_for_the_next_request_lives(start: Start) -> None:
    running = start(head=3)
    with running.peer() as peer:
        for _ in range(3):
            running.later(2)
            peer.sendall(GET % b"")
            assert answer(peer) == ACCEPTED
        running.later(30)  # longer than a head may take: this is a pause between two requests, which may be longer
        peer.sendall(GET % b"")
        assert answer(peer) == ACCEPTED


def test_a_connection_that_is_kept_for_too_long_is_closed(start: Start) -> None:
    running = start(head=3)
    with running.peer() as peer:
        peer.sendall(GET % b"")
        assert answer(peer) == ACCEPTED
        running.later(Bounds().idle)
        assert hung_up(peer)


def test_a_body_may_take_longer_than_a_head(start: Start) -> None:
    running = start(head=2)
    with running.peer() as peer:
        running.tell(peer, POST)
        for _ in range(10):
            running.later(1)
            running.tell(peer, b"b")
        assert answer(peer) == ACCEPTED


def test_a_body_that_does_not_end_is_closed(start: Start) -> None:
    running = start(body=2)
    with running.peer() as peer:
        running.tell(peer, POST + b"b")
        running.later(2)
        assert hung_up(peer)


def test_a_body_that_drips_in_after_its_answer_is_closed(start: Start) -> None:
    running = start(body=4)
    with running.peer() as peer:
        running.tell(peer, POST.replace(b"/read", b"/").replace(b": 10", b": 100000"))
        assert answer(peer) == ACCEPTED
        for _ in range(4):
            running.tell(peer, b"b")
            running.later(1)
        assert hung_up(peer)


def test_a_request_that_is_worked_on_has_no_deadline(start: Start) -> None:
    running = start(head=2, body=2)
    with running.peer() as peer:
        running.tell(peer, GET % b"hold")
        running.later(1000)  # longer than anything here may take
        running.echo.release.set()
        assert answer(peer) == ACCEPTED


def test_an_answer_that_is_not_read_is_given_up(start: Start) -> None:
    running = start(unread=2)
    with running.peer(reads=4096) as peer:
        peer.sendall(GET % b"much")
        assert running.pause(after=0) == 1
        assert running.open() == 1
        running.later(2)
        until(lambda: running.open() == 0)


def test_an_answer_that_is_read_slowly_comes_whole(start: Start) -> None:
    running = start(unread=2)
    with running.peer(reads=65536) as peer:
        peer.sendall(GET % b"much")
        assert answer(peer) == ACCEPTED
        left, pauses = PIECES * len(PIECE), 0
        while left:
            if left % 5_000_000 == 0 and left > 20_000_000:  # more than the kernel has room for: it waits for us again
                pauses = running.pause(after=pauses)
                running.later(1)  # all together longer than any of it may lie unread
            got = len(peer.recv(min(left % 5_000_000 or 5_000_000, 65536)))
            assert got
            left -= got
    assert pauses >= 4


@pytest.mark.parametrize("before", [b"", GET % b""])
def test_a_head_without_end_is_refused(start: Start, before: bytes) -> None:
    with start().peer() as peer:
        if before:
            peer.sendall(before)
            assert answer(peer) == ACCEPTED
        with contextlib.suppress(ConnectionError):
            peer.sendall(b"GET / HTTP/1.1\r\nx-big: " + b"a" * 5_000_000)
        assert answer(peer) in (b"HTTP/1.1 400 Bad Request", b"")


def test_nobody_is_late_while_the_server_itself_does_not_listen(start: Start) -> None:
    running = start(head=2)
    with running.peer() as peer:
        running.tell(peer, GET % b"hold" + GET % b"" + b"GET /")  # it listens again when the first is answered
        running.later(10)
        running.echo.release.set()
        assert answer(peer) == ACCEPTED


def test_a_crowd_of_the_silent_shuts_nobody_out(start: Start) -> None:
    running = start(peers=3)
    with contextlib.ExitStack() as stack:
        silent = [stack.enter_context(running.peer()) for _ in range(3)]
        with running.peer() as peer:
            peer.sendall(GET % b"")
            assert answer(peer) == ACCEPTED
            assert hung_up(silent[0])  # who has waited for the longest
            assert running.open() == 3


def test_a_connection_that_was_answered_waits_behind_those_that_waited_before(start: Start) -> None:
    running = start(peers=2)
    with running.peer() as first, running.peer() as second:
        first.sendall(GET % b"")
        assert answer(first) == ACCEPTED
        with running.peer() as third, running.peer() as fourth:
            for peer in (third, fourth):
                peer.sendall(GET % b"")
                assert answer(peer) == ACCEPTED
            assert hung_up(second)
            assert hung_up(first)


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
        assert answer(first) == ACCEPTED
        assert answer(second) == ACCEPTED
