"""A deadline for the calling thread, and sockets that keep it: a backend for `httpcore2`. It knows no HTTP.

A socket's timeout bounds one wait, so an answer that drips in renews it for ever. Here each wait is as long as the
library asked for, and no longer than what is left of the thread's time. Not bounded is the resolver
(`getaddrinfo`): it keeps to its own timeouts, 5 seconds a name server and try unless resolv.conf says otherwise.
"""

from __future__ import annotations

import math
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, TypeVar

import httpcore2

T = TypeVar("T")

_PIECE = 64 * 1024


class TimeUp(Exception):
    """A call has taken its whole time."""


class TimeLeft:
    """How long a call may still take. For one thread."""

    def __init__(self, seconds: float) -> None:
        self.until = time.monotonic() + seconds

    def seconds(self) -> float:
        """How many are left; none and fewer when its time is up."""
        return self.until - time.monotonic()

    def check(self) -> None:
        """Raises TimeUp if it is."""
        if self.seconds() <= 0:
            raise TimeUp

    def postpone(self, seconds: float) -> None:
        """So many seconds are not part of it."""
        self.until += seconds


class _Ends(threading.local):
    at: float = math.inf


_mine = _Ends()


@contextmanager
def ending(at: float) -> Iterator[None]:
    """What this thread does on its sockets ends when `time.monotonic()` is `at`, or when it had to end before."""
    before = _mine.at
    _mine.at = min(at, before)
    try:
        yield
    finally:
        _mine.at = before


def _bounded(seconds: float | None, late: type[httpcore2.TimeoutException]) -> float | None:
    """How long the next wait may be. Raises `late` where nothing is left: 0 would mean not to wait at all."""
    if _mine.at == math.inf:
        return seconds
    left = _mine.at - time.monotonic()
    if left <= 0:
        raise late("its time is up")
    return left if seconds is None else min(seconds, left)


def in_time() -> None:
    """Raises what a wait does where nothing is left of the thread's time: for long work between two waits."""
    _bounded(None, httpcore2.ReadTimeout)


class DeadlineBackend(httpcore2.SyncBackend):
    """Connections whose every wait ends at the thread's deadline, whichever thread uses them."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        """A connection to the first of the host's addresses that takes one; each may take `timeout` seconds."""
        try:
            addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise httpcore2.ConnectError(str(error)) from error
        failed: Exception = httpcore2.ConnectError("no address")
        for *_, place in addresses:
            seconds = _bounded(timeout, httpcore2.ConnectTimeout)
            try:
                return _Plain(super().connect_tcp(str(place[0]), port, seconds, local_address, socket_options))
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failed = error
        raise failed


class _Stream(httpcore2.NetworkStream):
    """What plain and encrypted connections have in common: both can be encrypted, the second within the first."""

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        """The same connection, encrypted. The whole handshake may take `timeout` seconds."""
        try:
            with ending(time.monotonic() + (math.inf if timeout is None else timeout)):
                return _Encrypted(self, ssl_context, server_hostname)
        except httpcore2.TimeoutException as error:
            self.close()
            raise httpcore2.ConnectTimeout(str(error)) from error
        except (httpcore2.NetworkError, OSError) as error:
            self.close()
            raise httpcore2.ConnectError(str(error)) from error
        except BaseException:
            self.close()
            raise


class _Plain(_Stream):
    """A socket. What is written goes out when an answer to it is asked for: a request's head and body in one piece."""

    def __init__(self, stream: httpcore2.NetworkStream) -> None:
        self._stream = stream
        self._socket: socket.socket = stream.get_extra_info("socket")
        # With a timeout of its own a socket asks the system three times where once or twice will do.
        self._socket.setblocking(False)
        self._unsent = bytearray()

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """What has come, at most so many bytes; nothing where the other side is done."""
        if self._unsent:
            # A server may refuse what it has not read to its end, and say why: the answer counts.
            with suppress(httpcore2.WriteError):
                self._flush(timeout)
            self._wait(select.POLLIN, timeout, httpcore2.ReadTimeout)
        else:
            _bounded(timeout, httpcore2.ReadTimeout)  # there may always be something to read
        while True:
            try:
                return self._socket.recv(max_bytes)
            except BlockingIOError:
                self._wait(select.POLLIN, timeout, httpcore2.ReadTimeout)
            except OSError as error:
                raise httpcore2.ReadError(str(error)) from error

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Sends it with the next `read`."""
        self._unsent += buffer

    def close(self) -> None:
        """Closes the socket."""
        self._stream.close()

    def get_extra_info(self, info: str) -> Any:
        """What the library asks a connection for."""
        return self._stream.get_extra_info(info)

    def _flush(self, timeout: float | None) -> None:
        rest, self._unsent = memoryview(self._unsent), bytearray()
        while rest:
            try:
                rest = rest[self._socket.send(rest) :]
            except BlockingIOError:
                self._wait(select.POLLOUT, timeout, httpcore2.WriteTimeout)
            except OSError as error:
                raise httpcore2.WriteError(str(error)) from error

    def _wait(self, event: int, timeout: float | None, late: type[httpcore2.TimeoutException]) -> None:
        seconds = _bounded(timeout, late)
        poll = select.poll()
        poll.register(self._socket, event)
        if not poll.poll(None if seconds is None else math.ceil(seconds * 1000)):
            raise late("nothing came in time")


class _Encrypted(_Stream):
    """TLS over another stream.

    `SSLContext.wrap_socket` would do for most. Not for a record that drips in through a proxy which is itself spoken
    to in TLS; and the system's certificates come with a lock (truststore's) that a slow handshake on a socket holds
    against every other one.
    """

    def __init__(self, below: _Stream, context: ssl.SSLContext, host: str | None) -> None:
        self._below = below
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._carry(self._tls.do_handshake, None)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """What has come, at most so many bytes; nothing where the other side is done."""
        try:
            return self._carry(partial(self._tls.read, max_bytes), timeout)
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""  # whether the answer was whole is HTTP's to say
        except ssl.SSLError as error:
            raise httpcore2.ReadError(str(error)) from error

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Sends everything."""
        rest = memoryview(buffer)
        try:
            while rest:
                rest = rest[self._carry(partial(self._tls.write, rest), timeout) :]
        except ssl.SSLError as error:
            raise httpcore2.WriteError(str(error)) from error

    def close(self) -> None:
        """Closes what is below; like the library, it takes no leave in TLS."""
        self._below.close()

    def get_extra_info(self, info: str) -> Any:
        """What the library asks a connection for."""
        if info == "ssl_object":
            return self._tls
        # What came with the last answer and was not asked for has left the socket: it waits here.
        waits = info == "is_readable" and (self._tls.pending() or self._incoming.pending)
        return True if waits else self._below.get_extra_info(info)

    def _carry(self, step: Callable[[], T], timeout: float | None) -> T:
        """What the step gives, once as much was sent and received as it asks for."""
        while True:
            try:
                done = step()
            except ssl.SSLWantReadError:
                self._send(timeout)
                if piece := self._below.read(_PIECE, timeout):
                    self._incoming.write(piece)
                else:
                    self._incoming.write_eof()
            else:
                self._send(timeout)
                return done

    def _send(self, timeout: float | None) -> None:
        if self._outgoing.pending:
            self._below.write(self._outgoing.read(), timeout)
