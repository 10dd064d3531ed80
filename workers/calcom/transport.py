"""httpx2's transport for threads whose every wait ends at the calling thread's deadline. One request, one answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpcore2
import httpx2

from workers import certificates
from workers.calcom.deadline import DeadlineBackend, ending
from workers.calcom.exchange import Answer
from workers.calcom.requests import Request
from workers.calcom.rim import Timeouts, body_of

#: what httpx2 takes for itself: connections at a time, kept open, and seconds that an unused one is kept
_CONNECTIONS, KEPT, UNUSED = 100, 20, 5.0
#: what httpcore2 raises; httpx2 has an error of the same name for each
_TROUBLE = (
    httpcore2.NetworkError,
    httpcore2.ProtocolError,
    httpcore2.ProxyError,
    httpcore2.TimeoutException,
    httpcore2.UnsupportedProtocol,
)


class DeadlineTransport(httpx2.BaseTransport):
    """Connections to where a URL leads through a proxy, kept open.

    Several threads may use it at the same time, each within its own `deadline.ending`.
    """

    def __init__(self, base_url: str, proxy: httpx2.Proxy) -> None:
        url = httpx2.URL(base_url)
        self._pool = httpcore2.ConnectionPool(
            ssl_context=certificates.known() if url.scheme == "https" else None,
            proxy=_proxy(proxy),
            max_connections=_CONNECTIONS,
            max_keepalive_connections=KEPT,
            keepalive_expiry=UNUSED,
            network_backend=DeadlineBackend(),
        )

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """The answer, its body still to be read."""
        assert isinstance(request.stream, httpx2.SyncByteStream)
        with in_httpx2_words():
            answer = self._pool.handle_request(
                httpcore2.Request(
                    request.method,
                    _url(request.url),
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions=request.extensions,
                )
            )
        return httpx2.Response(
            answer.status, headers=answer.headers, stream=_Body(answer), extensions=answer.extensions
        )

    def close(self) -> None:
        """Closes its connections."""
        self._pool.close()


class Through:
    """What a client needs, by way of one of httpx2's transports. Close it."""

    def __init__(self, transport: httpx2.BaseTransport) -> None:
        self._transport = transport

    def send(self, request: Request, timeouts: Timeouts, until: float) -> Answer:
        """The answer, before `time.monotonic()` is `until`, if the transport heeds `deadline.ending`. Raises what
        `Rim.carried` understands."""
        with ending(until):
            response = self._transport.handle_request(
                httpx2.Request(
                    request.method,
                    request.url,
                    params=list(request.query) or None,
                    headers={"Accept-Encoding": "gzip, deflate", **request.headers},
                    content=request.body or None,
                    extensions={"timeout": timeouts.for_httpx2().as_dict()},
                )
            )
            try:
                return Answer(response.status_code, response.headers, body_of(response))
            finally:
                response.close()

    def close(self) -> None:
        """Closes the transport."""
        self._transport.close()


class _Body(httpx2.SyncByteStream):
    def __init__(self, answer: httpcore2.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        with in_httpx2_words():
            yield from self._answer.iter_stream()

    def close(self) -> None:
        with in_httpx2_words():
            self._answer.close()


@contextmanager
def in_httpx2_words() -> Iterator[None]:
    """What httpcore2 raises, as httpx2's error of the same name."""
    try:
        yield
    except _TROUBLE as error:
        kind: type[httpx2.TransportError] = getattr(httpx2, type(error).__name__)
        raise kind(str(error)) from error


def _proxy(proxy: httpx2.Proxy) -> httpcore2.Proxy:
    return httpcore2.Proxy(_url(proxy.url), proxy.raw_auth, proxy.headers.raw)


def _url(url: httpx2.URL) -> httpcore2.URL:
    return httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
