"""httpx2's transport for threads whose every wait ends at the calling thread's deadline. One request, one answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpcore2
import httpx2

from workers import certificates
from workers.calcom.deadline import DeadlineBackend
from workers.calcom.proxies import proxy_for

#: what httpx2 takes for itself: connections at a time, kept open, and seconds that an unused one is kept
_CONNECTIONS, _KEPT, _UNUSED = 100, 20, 5.0
#: what httpcore2 raises; httpx2 has an error of the same name for each
_TROUBLE = (
    httpcore2.NetworkError,
    httpcore2.ProtocolError,
    httpcore2.ProxyError,
    httpcore2.TimeoutException,
    httpcore2.UnsupportedProtocol,
)


class DeadlineTransport(httpx2.BaseTransport):
    """Connections to where a URL leads, kept open; through the proxy that the environment names for it.

    Several threads may use it at the same time, each within its own `deadline.ending`. Raises Misconfigured for a
    proxy that cannot be used.
    """

    def __init__(self, base_url: str) -> None:
        url = httpx2.URL(base_url)
        self._pool = httpcore2.ConnectionPool(
            ssl_context=certificates.known() if url.scheme == "https" else None,
            proxy=_proxy(proxy_for(url)),
            max_connections=_CONNECTIONS,
            max_keepalive_connections=_KEPT,
            keepalive_expiry=_UNUSED,
            network_backend=DeadlineBackend(),
        )

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """The answer, its body still to be read."""
        assert isinstance(request.stream, httpx2.SyncByteStream)
        with _in_httpx2_words():
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


class _Body(httpx2.SyncByteStream):
    def __init__(self, answer: httpcore2.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        with _in_httpx2_words():
            yield from self._answer.iter_stream()

    def close(self) -> None:
        with _in_httpx2_words():
            self._answer.close()


@contextmanager
def _in_httpx2_words() -> Iterator[None]:
    try:
        yield
    except _TROUBLE as error:
        kind: type[httpx2.TransportError] = getattr(httpx2, type(error).__name__)
        raise kind(str(error)) from error


def _proxy(proxy: httpx2.Proxy | None) -> httpcore2.Proxy | None:
    return None if proxy is None else httpcore2.Proxy(_url(proxy.url), proxy.raw_auth, proxy.headers.raw)


def _url(url: httpx2.URL) -> httpcore2.URL:
    return httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
