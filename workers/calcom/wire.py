"""HTTP/1.1 straight to one server, for threads: the standard library's, over sockets that keep the thread's deadline.

httpx2 takes a call three times as long to send and read, which is more than all else that is done for an action. What
it can do besides (proxies) is left to it: `transport`.
"""

from __future__ import annotations

import io
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse
from socket import IPPROTO_TCP, TCP_NODELAY
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import httpcore2
import httpx2

from workers import certificates
from workers.calcom.deadline import DeadlineBackend, ending, in_time
from workers.calcom.exchange import Answer
from workers.calcom.requests import Request
from workers.calcom.rim import LARGEST_ANSWER, Timeouts, TooLargeError, body_of
from workers.calcom.transport import KEPT, UNUSED, in_httpx2_words

#: what may stand in a path as it is; the rest is written as %XX
_PATH = "%/:@!$&'()*+,;=~"
_PIECE = 64 * 1024
#: bytes of what comes before an answer's body, and of both with all that divides it
_HEAD, _MOST = 1024 * 1024, 2 * LARGEST_ANSWER


class Wire:
    """Connections to the server that a base URL names, kept open for a while. Threads may share it. Close it.

    Certificates are checked; redirects are not followed and cookies not kept.
    """

    def __init__(self, base_url: str) -> None:
        url = httpx2.URL(base_url)
        self._tls = url.scheme == "https"
        self._host = url.raw_host.decode("ascii")
        self._port = url.port or (443 if self._tls else 80)
        self._authority = url.netloc.decode("ascii")
        self._backend = DeadlineBackend()
        #: those nobody uses, the one used last at the end, each with the moment it was put there
        self._idle: deque[tuple[float, _Connection]] = deque()
        self._closed = False

    def send(self, request: Request, timeouts: Timeouts, until: float) -> Answer:
        """The answer, before `time.monotonic()` is `until`. Raises what `Rim.carried` understands."""
        with ending(until), in_httpx2_words():
            connection = self._kept() or self._opened(timeouts)
            try:
                answer = connection.exchange(request, self._authority, timeouts.read)
            except BaseException:
                connection.close()
                raise
            self._keep(connection)
            return answer

    def close(self) -> None:
        """Closes its connections; one that is in use, once it is done."""
        self._closed = True
        for _, connection in _taken(self._idle):
            connection.close()

    def _kept(self) -> _Connection | None:
        """One that is open and can be used."""
        for since, connection in _taken(self._idle):
            # A server that has something to say unasked says good-bye.
            if time.monotonic() < since + UNUSED and not connection.stream.get_extra_info("is_readable"):
                return connection
            connection.close()
        return None

    def _keep(self, connection: _Connection) -> None:
        if self._closed or connection.sock is None or connection.sock.astray or len(self._idle) >= KEPT:
            connection.close()
        else:
            self._idle.append((time.monotonic(), connection))

    def _opened(self, timeouts: Timeouts) -> _Connection:
        stream = self._backend.connect_tcp(
            self._host, self._port, timeouts.connect, socket_options=[(IPPROTO_TCP, TCP_NODELAY, 1)]
        )
        if self._tls:
            stream = stream.start_tls(certificates.known(), self._host, timeouts.connect)
        return _Connection(stream)


def _taken(idle: deque[tuple[float, _Connection]]) -> Iterator[tuple[float, _Connection]]:
    """Takes one after another, the one used last first. Safe between threads."""
    with suppress(IndexError):
        while True:
            yield idle.pop()


class _Connection(HTTPConnection):
    """One connection, opened already. It is closed where nothing more can come of it: `sock` is None then."""

    auto_open = 0

    def __init__(self, stream: httpcore2.NetworkStream) -> None:
        super().__init__("")
        self.response_class = _Response
        self.stream = stream
        self.sock: Any = _Socket(stream)

    def exchange(self, request: Request, authority: str, timeout: float) -> Answer:
        """Send a request and read the answer to its end."""
        self.sock.timeout = timeout
        try:
            self.putrequest(request.method, _target(request), skip_host=True, skip_accept_encoding=True)
            self.putheader("Host", authority)
            self.putheader("Accept-Encoding", "gzip, deflate")
            for name, value in request.headers.items():
                self.putheader(name, value)
            if request.body:
                self.putheader("Content-Length", str(len(request.body)))
            self.endheaders(request.body or None)
        except HTTPException as error:
            raise httpx2.LocalProtocolError(type(error).__name__) from error
        answering = self.sock
        try:
            with self.getresponse() as response:
                answering.most = _MOST
                return _answer(response)
        except (HTTPException, ValueError) as error:  # its text may quote what came
            raise httpx2.RemoteProtocolError(type(error).__name__) from error


class _Response(HTTPResponse):
    """An answer; of those that only announce one (1xx) nothing is kept."""

    def begin(self) -> None:
        """Read its head."""
        super().begin()
        while 100 <= self.status < 200:
            self.headers = self.msg = None  # type: ignore[assignment]  # so that it reads the next
            super().begin()


class _Socket:
    """What the library asks of a socket, over a stream whose waits are bounded."""

    def __init__(self, stream: httpcore2.NetworkStream) -> None:
        self.stream = stream
        self.timeout: float | None = None
        #: an answer is being read
        self.read_from = False
        #: bytes of it that may come
        self.most = _HEAD
        #: more came than was asked for: what comes next may be no answer to what is sent next
        self.astray = False
        self._over = False

    def sendall(self, data: bytes) -> None:
        self.stream.write(data, self.timeout)

    def makefile(self, _mode: str) -> io.BufferedReader:
        self.most = _HEAD
        return _Answering(_Incoming(self), self)

    def close(self) -> None:
        """Closed before an answer is read to its end, it stays open until then, as a socket does."""
        self._over = True
        if not self.read_from:
            self.stream.close()

    def done(self) -> None:
        """The answer is read, or will not be."""
        self.read_from = False
        if self._over:
            self.stream.close()


class _Answering(io.BufferedReader):
    """An answer, as a file to read from."""

    def __init__(self, incoming: _Incoming, socket: _Socket) -> None:
        super().__init__(incoming, _PIECE)
        self._incoming, self._socket = incoming, socket

    def close(self) -> None:
        if not self.closed:
            self._incoming.heard = True
            self._socket.astray = bool(self.peek())
        super().close()


class _Incoming(io.RawIOBase):
    """What comes in answer, piece by piece."""

    def __init__(self, socket: _Socket) -> None:
        self._socket = socket
        self._bytes = 0
        #: no more is waited for
        self.heard = False
        socket.read_from = True

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self.heard:
            return None
        piece = self._socket.stream.read(len(buffer), self._socket.timeout)
        buffer[: len(piece)] = piece
        self._bytes += len(piece)
        # The library takes announcements without end, and reads a chunk of -1 bytes to the end of all that comes.
        if self._bytes > self._socket.most:
            raise TooLargeError
        return len(piece)

    def close(self) -> None:
        if not self.closed:
            self._socket.done()
        super().close()


def _target(request: Request) -> str:
    path = quote(urlsplit(request.url).path, safe=_PATH)
    return f"{path}?{urlencode(request.query)}" if request.query else path


def _answer(response: HTTPResponse) -> Answer:
    # As bytes: whatever stands in a header, what was asked for may be done.
    headers = httpx2.Headers([(name.encode("latin-1"), text.encode("latin-1")) for name, text in response.getheaders()])
    if response.length is None and not response.chunked and response.msg.defects:
        # After a line that is no header the library reads none: it would be waited for an end that does not come.
        raise httpx2.RemoteProtocolError("headers that are none")
    if (response.length or 0) > LARGEST_ANSWER:
        raise TooLargeError
    body = response.read(LARGEST_ANSWER + 1)
    if len(body) > LARGEST_ANSWER:
        raise TooLargeError
    if response.length:  # it ended before as much had come as it said
        raise httpx2.RemoteProtocolError("an answer cut short")
    if "content-encoding" in headers:
        body = body_of(httpx2.Response(response.status, headers=headers, stream=_Pieces(body)))
    return Answer(response.status, headers, body)


class _Pieces(httpx2.SyncByteStream):
    """A body in pieces: unpacked, each is still of a size to be looked at. What is packed twice may give little, and
    take long all the same."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        for start in range(0, len(self._body), _PIECE):
            in_time()
            yield self._body[start : start + _PIECE]
