"""uvicorn as Daybook runs it, with the bounds it does not have: how long a peer may take, and how many there may be.

A peer that says nothing, or half of something, or does not read what it is told, holds a socket for as long as it
likes; enough of them hold every socket there is. What a request means is not looked at here.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import resource
import signal
import sys
import time
from dataclasses import dataclass, field, replace
from socket import socket
from types import FrameType
from typing import ClassVar

import structlog
import uvicorn
from starlette.types import ASGIApp
from uvicorn.config import STARTUP_FAILURE
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from workers.settings import Settings

log = structlog.get_logger(__name__)

#: files of this process that are no peer's: the database's, the broker's, the spool's, the logs
_OWN_FILES = 256
#: files that are enough
_FILES = 65_536
#: seconds after which a thread that waits for the interpreter gets it. Python's own 5 ms are for threads that compute;
#: here the intake's thread asks for it between any two calls of the database, with the deliveries of a batch waiting
_SWITCH = 0.0002
#: seconds between two lines of the log about the same crowd
_SAID_EVERY = 60.0
_HEAD = object()


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a peer may take, in seconds unless another unit is said. One that takes more is hung up on."""

    #: from the connection, or from a request's first byte, until its head is whole
    head: float = 15.0
    #: bytes of a head
    head_bytes: int = 64 * 1024
    #: from a request's head until its body is whole, whatever it is answered meanwhile
    body: float = 30.0
    #: that an answer may lie unread
    unread: float = 30.0
    #: that a connection may be kept for the next request
    idle: int = 75
    #: connections open at once
    peers: int = 10_000


@dataclass(slots=True)
class Crowd:
    """What the connections of one server share."""

    bounds: Bounds
    #: those that ask for nothing at the moment, the one that does so for the longest first
    waiting: dict[Peer, None] = field(default_factory=dict)
    #: when the log last told of too many
    said_at: float = -math.inf


class Peer(HttpToolsProtocol):
    """One connection. To Cal.com a hang-up is a network error, after which it sends again."""

    crowd: ClassVar[Crowd]

    #: what must come from the peer in time: a head, the body of that request (its cycle), or nothing
    _due: object | None = None
    _due_timer: asyncio.TimerHandle | None = None
    _unread_timer: asyncio.TimerHandle | None = None
    #: bytes of a head that is not whole yet
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self._expect(_HEAD)
        self.crowd.waiting[self] = None
        if len(self.connections) > self.crowd.bounds.peers:
            self._make_room()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        cycle = self.cycle
        due: object | None
        if cycle is None or cycle.scope is not self.scope:  # uvicorn begins a scope with a head, its cycle after it
            due = _HEAD
            self._head_bytes += len(data)
            if self._head_bytes > self.crowd.bounds.head_bytes and not self.transport.is_closing():
                self.send_400_response("The head of the request is too large.")
        elif cycle.more_body:
            due = cycle
        else:  # after an answer it must be the beginning of something, if only an empty line
            due = _HEAD if cycle.response_complete else None
        if cycle is not None and not cycle.response_complete:
            self.crowd.waiting.pop(self, None)
        if due is not self._due:
            self._expect(due)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.cycle.response_complete and not self.transport.is_closing():
            self.crowd.waiting[self] = None

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread_timer = self.loop.call_later(self.crowd.bounds.unread, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._read_again()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.crowd.waiting.pop(self, None)
        self._expect(None)
        self._read_again()

    def _expect(self, due: object | None) -> None:
        if self._due_timer is not None:
            self._due_timer.cancel()
            self._due_timer = None
        self._due, self._head_bytes = due, 0
        if due is not None:
            seconds = self.crowd.bounds.head if due is _HEAD else self.crowd.bounds.body
            self._due_timer = self.loop.call_later(seconds, self._late)

    def _late(self) -> None:
        if self.flow.read_paused:  # it is we who do not listen
            self._expect(self._due)
        else:
            self.transport.abort()

    def _read_again(self) -> None:
        if self._unread_timer is not None:
            self._unread_timer.cancel()
            self._unread_timer = None

    def _make_room(self) -> None:
        """Hang up on whoever has asked for nothing for the longest, so that a crowd of the silent shuts nobody out.

        Where all the others are being answered, this one stays, and what it asks is answered with 503.
        """
        now = time.monotonic()
        if now > self.crowd.said_at + _SAID_EVERY:
            self.crowd.said_at = now
            log.warning("server.crowded", connections=len(self.connections), waiting=len(self.crowd.waiting))
        longest = next(iter(self.crowd.waiting))
        if longest is not self:
            del self.crowd.waiting[longest]
            self.connections.discard(longest)  # it goes at the loop's next turn, and counts no more now
            longest.transport.abort()


class Server(uvicorn.Server):
    """Says in the log where it listens; uvicorn's own words for that are five lines, and turned off with the rest.

    Told twice to stop, in whichever way, it does not wait for anybody any more.
    """

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.force_exit = self.should_exit
        super().handle_exit(sig, frame)

    async def startup(self, sockets: list[socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            log.info("serve.started", host=self.config.host, port=self.config.port)


def protocol(bounds: Bounds) -> type[Peer]:
    """A class of connections for one server, as uvicorn wants to be told of them."""
    return type("BoundPeer", (Peer,), {"crowd": Crowd(bounds)})


def server(app: ASGIApp, settings: Settings, bounds: Bounds) -> Server:
    """A server of `app`, not yet listening."""
    return Server(
        uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            http=protocol(bounds),
            log_config=None,
            log_level=max(getattr(logging, settings.log_level.upper()), logging.WARNING),
            access_log=False,  # paths hold the webhooks' tokens
            server_header=False,
            ws="none",
            proxy_headers=False,  # nothing here depends on who the client is
            limit_concurrency=bounds.peers + 1,
            timeout_keep_alive=bounds.idle,
            timeout_graceful_shutdown=15,
        )
    )


def bounds(settings: Settings) -> Bounds:
    """The bounds of this process: as many peers as it may have files, less its own."""
    usual = Bounds()
    files = _files()
    return replace(
        usual,
        body=settings.body_timeout + usual.head,  # a delivery that takes too long is told so before
        peers=min(usual.peers, max(files - _OWN_FILES, files // 2)),
    )


def run(app: ASGIApp, settings: Settings) -> None:
    """Serve `app` until SIGINT or SIGTERM; exits with a status where it cannot start."""
    made = server(app, settings, bounds(settings))
    sys.setswitchinterval(_SWITCH)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt):  # how uvicorn passes a signal on when everything is closed
        made.run()
    if not made.started:
        sys.exit(STARTUP_FAILURE)


def _files() -> int:
    """How many files this process may have, after asking for what it can get: the usual 1,024 is soon reached."""
    soft, hard = (
        _FILES if limit == resource.RLIM_INFINITY else min(limit, _FILES)
        for limit in resource.getrlimit(resource.RLIMIT_NOFILE)
    )
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    return hard
