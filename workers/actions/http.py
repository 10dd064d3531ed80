"""`http`: send to n8n, Zapier, Slack or a service of one's own, signed. How it is sent is in `posting`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import cached_property
from ssl import SSLContext
from typing import Any
from urllib.parse import urlsplit

import httpx2
import msgspec

from workers import certificates
from workers.actions.destinations import Allowed
from workers.actions.kind import Absent, Again, Call, Done, Lost, Outcome, Refused, Toolbox, Unknowable
from workers.actions.posting import Answer, Broken, Message, NotSent, Unsendable, post
from workers.actions.signing import signed, signing_secrets
from workers.actions.telling import masked, told
from workers.calcom.rate import wait
from workers.calcom.requests import USER_AGENT
from workers.catalogue.mask import MASK
from workers.errors import Misconfigured
from workers.rules.durations import duration
from workers.rules.kinds import UNKNOWN, Key, Problem
from workers.settings import Settings

METHODS = ("POST", "PUT", "PATCH", "DELETE")
#: seconds for a whole exchange, and the most that may be asked for
USUAL, LONGEST = 30.0, 100.0
#: bytes that are sent at most
LARGEST_BODY = 1024 * 1024
LONGEST_URL = 4_000

_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
#: headers that are ours or the connection's
_OURS = re.compile(
    r"webhook-(id|timestamp|signature)|host|content-length|transfer-encoding|connection|keep-alive|te|trailer|upgrade"
    r"|expect|proxy-.*",
    re.IGNORECASE,
)
_SECRET_HEADER = re.compile(r"auth|cookie|token|secret|key|passw|signature|credential", re.IGNORECASE)
_UNKEPT = frozenset({"set-cookie", "set-cookie2"})
#: words under which a JSON answer says what is wrong
_SAYING = ("message", "error", "detail", "title")


class HttpStep:
    """Sends a request and reads the answer: `{status, headers, body}`, the body JSON where it is JSON, else text.

    The body is JSON: by default `{"rule": …, "step": …, "event": …}`, the event without its payload. Every attempt of
    a step has the same `webhook-id`. A receiver that goes by it and takes each id once is `idempotent: true`: what
    nobody knows the end of may be sent again. To any other, it is not.
    """

    name = "http"
    keys: Mapping[str, Key] = {
        "http": Key(
            {"type": "string", "description": "The URL, https:// (or http://) on the public internet."}, required=True
        ),
        "method": Key({"type": "string", "enum": [*METHODS], "default": "POST"}),
        "headers": Key({"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}}),
        "body": Key({"description": "What is sent as JSON, a text as text; default: the event without its payload."}),
        "timeout": Key(
            {"type": "string", "description": f"Such as 10s; default {USUAL:.0f}s, at most {LONGEST:.0f}s."}
        ),
        "idempotent": Key({"type": "boolean", "description": "The receiver takes each webhook-id only once."}),
    }
    duration = False
    changes = True
    sees_payload = False

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._allowed = Allowed.of(settings.http_allow or ())

    @cached_property
    def _secrets(self) -> tuple[str, ...]:
        return signing_secrets(self._settings)

    @cached_property
    def _tls(self) -> SSLContext:
        return certificates.known()

    def problems(self, values: Mapping[str, Any]) -> Iterator[Problem]:
        """What is wrong with what is written, as far as it is known."""
        for key, read in (("http", self._url), ("method", _method), ("timeout", _timeout), ("idempotent", _flag)):
            if (value := values.get(key, UNKNOWN)) is not UNKNOWN:
                try:
                    read(value)
                except ValueError as error:
                    yield Problem((key,), f"{key} {error}.")
        headers = values.get("headers", {})
        if not isinstance(headers, Mapping):
            yield Problem(("headers",), "headers must be a mapping of names to values.")
            return
        for name, value in headers.items():
            try:
                _header(name, "x" if value is UNKNOWN else value)
            except ValueError as error:
                yield Problem(("headers", name), f"header {str(name)[:60]} {error}.")

    def output(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """What came back."""
        return {
            "type": "object",
            "properties": {
                "status": {"type": "integer"},
                "headers": {"type": "object", "additionalProperties": {"type": "string"}},
                "body": {},
            },
        }

    def perform(self, call: Call, box: Toolbox) -> Outcome:
        """Send it once."""
        try:
            message = self._message(call)
            seconds = min(_timeout(call.values.get("timeout")), call.seconds)
        except ValueError as error:
            return Refused(f"It cannot be sent: {error}.")
        except Misconfigured as error:
            return Refused(error.message)
        try:
            answer = post(message, self._allowed, seconds, self._tls)
        except Unsendable as error:
            return Refused(error.message)
        except NotSent as error:
            return Again(error.message)
        except Broken as error:
            return Lost(error.message)
        return _outcome(message, answer)

    def probe(self, call: Call, box: Toolbox) -> Absent | Unknowable:
        """Nobody can be asked; only where the receiver takes each id once it may simply be sent again."""
        if call.values.get("idempotent") is True:
            return Absent()
        host = told(_host(call.values.get("http")))
        return Unknowable(
            f"{host} may have taken it or not. Look there for webhook-id {call.key}; a step whose receiver takes each "
            "id only once may say `idempotent: true`."
        )

    def shown(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """The values: of the URL the host and the first part of its path, secret headers and values masked."""
        shown = masked(values)
        if isinstance(shown.get("http"), str):
            shown["http"] = _shown_url(str(values["http"]))
        if isinstance(headers := shown.get("headers"), Mapping):
            shown["headers"] = {n: MASK if _SECRET_HEADER.search(n) else value for n, value in headers.items()}
        return shown

    def effect(self, call: Call) -> None:
        """It causes no event of Cal.com's."""

    def _url(self, written: object) -> httpx2.URL:
        """The address, as far as its text tells. Raises ValueError."""
        url = _url(written)
        if objection := self._allowed.written(url.host):
            raise ValueError(f"may not be sent to: {objection}")
        return url

    def _message(self, call: Call) -> Message:
        """What is sent. Raises ValueError, Misconfigured."""
        values = call.values
        url, method = self._url(values.get("http")), _method(values.get("method", "POST"))
        body, kind = _body(call)
        given = values.get("headers") or {}
        if not isinstance(given, Mapping):
            raise ValueError("headers must be a mapping of names to values")
        headers = {"accept": "*/*", "accept-encoding": "identity", "user-agent": USER_AGENT, "content-type": kind}
        headers |= dict(_header(name, value) for name, value in given.items())
        headers |= signed(self._secrets, call.key, datetime.now(UTC), body)
        return Message(method, url, headers, body.encode())


def _outcome(message: Message, answer: Answer) -> Outcome:
    """What the status means. Only what certainly says that nothing was done is tried again without asking."""
    status, host = answer.status, message.url.host
    if 200 <= status < 300:
        return Done(_output(answer))
    said = f"{host} answered {status}{_said(message, answer)}"
    if 300 <= status < 400:
        return Refused(f"{said}: it points elsewhere, which is not followed. Give the step the address it leads to.")
    if status in (425, 429) or (status == 503 and "retry-after" in answer.headers):
        return Again(f"{said}.", wait(answer.headers))
    if status == 408 or status >= 500:
        return Lost(f"{said}; it may have been done or not.")
    return Refused(f"{said}. The same request would be refused again.")


def _output(answer: Answer) -> dict[str, Any]:
    headers = {name: value for name, value in answer.headers.items() if name not in _UNKEPT}
    body: Any = None
    if "content-encoding" not in answer.headers:
        with suppress(msgspec.DecodeError, RecursionError):
            return {"status": answer.status, "headers": headers, "body": msgspec.json.decode(answer.body)}
        body = answer.body.decode("utf-8", "replace").replace("\x00", "�")
    return {"status": answer.status, "headers": headers, "body": body}


def _said(message: Message, answer: Answer) -> str:
    """What the answer gives as its reason, without what is secret in the request; "" where it gives none."""
    body = _output(answer)["body"]
    if isinstance(body, Mapping):
        body = next((body[word] for word in _SAYING if isinstance(body.get(word), str)), None)
    if not isinstance(body, str) or not body.strip() or body.lstrip().startswith("<"):
        return ""
    hidden = [*message.url.path.split("/")[2:], *re.split(r"[&=]", message.url.query.decode("ascii"))]
    hidden += [value for name, value in message.headers.items() if _SECRET_HEADER.search(name)]
    hidden += [part for value in hidden for part in value.split()]
    for secret in sorted(hidden, key=len, reverse=True):
        if len(secret) >= 4:
            body = body.replace(secret, "[hidden]")
    return f' "{told(body)[:150]}"'


def _body(call: Call) -> tuple[str, str]:
    """The body and its content type. Raises ValueError."""
    event = {key: value for key, value in call.event.items() if key != "payload"}
    body = call.values.get("body", {"rule": call.rule, "step": call.step, "event": event})
    text = "" if body is None else body if isinstance(body, str) else _json(body)
    try:
        size = len(text.encode())
    except UnicodeError:
        raise ValueError("the body holds half of a character") from None
    if size > LARGEST_BODY:
        raise ValueError(f"the body has over {LARGEST_BODY // 1024 // 1024} MiB")
    return text, "text/plain; charset=utf-8" if isinstance(body, str) else "application/json"


def _json(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError):
        raise ValueError("the body is no JSON") from None


def _url(written: object) -> httpx2.URL:
    if not isinstance(written, str) or not written.isprintable() or len(written) > LONGEST_URL or " " in written:
        raise ValueError("must be an http:// or https:// address without spaces")
    try:
        url = httpx2.URL(written)
        _port = urlsplit(written).port  # raises where the library is lenient: 99999, an open bracket
    except (httpx2.InvalidURL, ValueError):
        raise ValueError("cannot be read as an address") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise ValueError("must be an http:// or https:// address with a host")
    if url.userinfo:
        raise ValueError("must have no user or password before its host; send an authorization header")
    return url


def _method(written: object) -> str:
    if written not in METHODS:
        raise ValueError(f"must be one of {', '.join(METHODS)}")
    return str(written)


def _timeout(written: object) -> float:
    if written is None:
        return USUAL
    span = duration(written) if isinstance(written, str) else None
    if span is None or not 0 < span.total_seconds() <= LONGEST:
        raise ValueError(f"must be a duration such as 10s, of at most {LONGEST:.0f}s")
    return span.total_seconds()


def _flag(written: object) -> None:
    if not isinstance(written, bool):
        raise ValueError("must be true or false")


def _header(name: object, value: object) -> tuple[str, str]:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError("has a name that no header has")
    if _OURS.fullmatch(name):
        raise ValueError("is set by Daybook itself")
    text = value if isinstance(value, str) else json.dumps(value)
    if isinstance(value, Mapping | list) or value is None or not text.isascii() or not text.isprintable():
        raise ValueError("must be one line of plain ASCII text")
    return name.lower(), text


def _host(written: object) -> str:
    try:
        return _url(written).host
    except ValueError:
        return "The receiver"


def _shown_url(written: str) -> str:
    """`https://hooks.slack.com/services/…`: the rest of it may be what lets one in."""
    try:
        url = _url(written)
    except ValueError:
        return MASK
    first, _, rest = url.path.lstrip("/").partition("/")
    return f"{url.scheme}://{url.netloc.decode('ascii')}/{first}" + ("/…" if rest else "") + ("?…" if url.query else "")
