"""One HTTP request to a system that a rule names: sent once, to an address that was checked, within a deadline.

The name is resolved once and the connection is made to what came out, so that it cannot lead elsewhere in between.
No redirect is followed; no cookie, proxy or password of this machine is used. What the answer means is `http`'s.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import Any

import httpx2

from workers.actions.destinations import Allowed
from workers.errors import DaybookError

#: bytes of an answer that are read
LARGEST_ANSWER = 64 * 1024
#: seconds for one connection
CONNECT = 5.0


class Unsendable(DaybookError):
    """It may not or cannot be sent, now or later; mend the rule, or allow the host by DAYBOOK_HTTP_ALLOW."""


class NotSent(DaybookError):
    """Nothing of it was sent; it can be sent later."""


class Broken(DaybookError):
    """It was sent, wholly or in part, and no whole answer came."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent. Its repr shows no header and no body."""

    method: str
    url: httpx2.URL = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; `cut`: there was more than LARGEST_ANSWER of it."""

    status: int
    headers: httpx2.Headers
    body: bytes
    cut: bool


def post(message: Message, allowed: Allowed, seconds: float, tls: SSLContext) -> Answer:
    """Send it, within so many seconds. Raises Unsendable, NotSent or Broken.

    A look-up of the name that hangs may last as long as this machine's resolver lets it, and is over nothing sent.
    """
    return asyncio.run(_Sending(message, allowed, tls).within(seconds))


class _Sending:
    """One message on its way."""

    def __init__(self, message: Message, allowed: Allowed, tls: SSLContext) -> None:
        self._message = message
        self._allowed = allowed
        self._tls = tls
        self._host = message.url.host
        #: bytes of the request went out
        self._begun = False

    async def within(self, seconds: float) -> Answer:
        try:
            async with asyncio.timeout(seconds):
                return await self._first_that_answers(await self._resolved())
        except TimeoutError:
            raise self._failed(f"did not answer within {seconds:.0f} s") from None

    async def _resolved(self) -> list[str]:
        """Every address of the host, all checked: one that may not be sent to spoils them all."""
        url, loop = self._message.url, asyncio.get_running_loop()
        port = url.port or {"http": 80, "https": 443}[url.scheme]
        try:
            name = url.raw_host.decode("ascii")
            found = await loop.getaddrinfo(name, port, type=socket.SOCK_STREAM)
        except socket.gaierror:
            raise NotSent(f"{self._host} cannot be found by name.") from None
        except (OSError, UnicodeError) as error:
            raise NotSent(f"{self._host} cannot be looked up ({type(error).__name__}).") from None
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        for address in addresses:
            if objection := self._allowed.objection(self._host, address):
                raise Unsendable(f"{objection}.")
        return addresses

    async def _first_that_answers(self, addresses: list[str]) -> Answer:
        problem = "has no address"
        limits = httpx2.Limits(max_keepalive_connections=0)
        async with httpx2.AsyncHTTPTransport(verify=self._tls, trust_env=False, limits=limits) as transport:
            for address in addresses:
                try:
                    return await self._exchanged(transport, address)
                except httpx2.InvalidURL:
                    raise Unsendable(f"{self._host} leads to an address that no URL can hold.") from None
                except (httpx2.HTTPError, httpx2.StreamError, OSError) as error:
                    problem = _problem(error)
                    if self._begun:
                        break
        raise self._failed(problem)

    async def _exchanged(self, transport: httpx2.AsyncHTTPTransport, address: str) -> Answer:
        url = self._message.url
        extensions: dict[str, Any] = {"timeout": httpx2.Timeout(None, connect=CONNECT).as_dict(), "trace": self._trace}
        if address != self._host:
            extensions["sni_hostname"] = url.raw_host.decode("ascii")
        request = httpx2.Request(
            self._message.method,
            url.copy_with(host=address),
            headers={"host": url.netloc.decode("ascii"), **self._message.headers},
            content=self._message.body,
            extensions=extensions,
        )
        response = await transport.handle_async_request(request)
        try:
            body = bytearray()
            async for piece in response.aiter_raw():
                body += piece
                if len(body) > LARGEST_ANSWER:
                    break
        finally:
            await response.aclose()
        return Answer(
            response.status_code, response.headers, bytes(body[:LARGEST_ANSWER]), cut=len(body) > LARGEST_ANSWER
        )

    async def _trace(self, event: str, _: Mapping[str, Any]) -> None:
        if event.endswith("send_request_headers.started"):
            self._begun = True

    def _failed(self, problem: str) -> NotSent | Broken:
        if self._begun:
            return Broken(f"{self._host} {problem}; it may have taken it or not.")
        return NotSent(f"{self._host} {problem}; nothing was sent.")


def _problem(error: Exception) -> str:
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return "has a certificate that is not its own, or that this machine does not trust (SSL_CERT_FILE may name one)"
    return f"broke off ({type(error).__name__})"
