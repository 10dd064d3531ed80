"""What an error of a remote MCP server means: the same tree as Cal.com's own, by what happens next. Pure and total.

Four may speak: the HTTP server (its token, its limit, a proxy), the protocol (JSON-RPC), the tool itself, and through
it Cal.com. A Daybook says all of it in `structuredContent.error`; of other servers there is only a text, in which a
status is looked for. Where nothing tells, a change may have been done: it is looked for before anything is sent again.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from workers.calcom.rate import BLOCK, LONGEST, SHORTEST, wait
from workers.calcom.requests import LONGEST_MESSAGE, clean, parse, words
from workers.calcom.rest import Said, read, refusal
from workers.calcom.tool import Tool
from workers.errors import (
    AlreadyExists,
    BadArguments,
    CalcomError,
    CalcomUnavailable,
    DaybookError,
    Forbidden,
    Missing,
    NotFound,
    RateLimited,
    Rejected,
    Unauthorized,
)

#: errors whose kind says all there is, when a Daybook tells them
_PLAIN: Mapping[str, type[CalcomError]] = {
    "unauthorized": Unauthorized,
    "forbidden": Forbidden,
    "not_allowed": Forbidden,  # its key's role, not Cal.com's
    "missing": Missing,
    "already_exists": AlreadyExists,
    "rejected": Rejected,
}
#: Cal.com's limit, or the other Daybook's for its key
_PACED = frozenset({"rate_limited", "too_many_requests"})
#: what keeps the other Daybook from its work may be mended by the next attempt
_AWAY = frozenset({"calcom_unavailable", "store_unavailable", "misconfigured"})

#: the forms in which texts tell a status
_STATUS = re.compile(
    r"(?:\bstatus(?:[ _]?code)?|\banswered|\breturned|\bhttp(?:/[\d.]+)?(?: error)?|\bcode|\berror)[\"']?"
    r"[ :=(\[\"']{1,4}([45]\d\d)(?!\d)|^\W{0,3}([45]\d\d)(?!\d)",
    re.IGNORECASE,
)
_UNKNOWN_TOOL = re.compile(
    r"\b(?:unknown|no such) tool\b|\btool\b[^.]{0,200}\b(?:not found|does not exist)", re.IGNORECASE
)
_LIMITED = re.compile(r"\brate.?limit|\btoo many requests\b", re.IGNORECASE)
#: what is said before anything is done. "Invalid" alone is not: the answer to what was done may be.
_REFUSED = re.compile(
    r"\binput validation error|\binvalid (?:arguments?|parameters?|params|input)\b|\bmissing (?:required|argument)"
    r"|\brequired (?:argument|parameter|property|field)|\bis (?:a )?required\b|\bnot found\b|\bdoes not exist\b"
    r"|\bunauthori[sz]ed\b|\bforbidden\b|\bnot authenticated\b|\b(?:permission|access) denied\b",
    re.IGNORECASE,
)
#: what tells that nobody knows, whatever else is said
_UNSURE = re.compile(
    r"time[ds]?[ -]?out|unavailable|connection|network|socket|reset|gateway|internal|fetch failed|output validation"
    r"|response|ECONN",
    re.IGNORECASE,
)
_LOOK_FIRST = "It may have been done or not: look first, or try later."
#: JSON-RPC's codes for what was refused before anything was done
_PARSE_ERROR, _INVALID_REQUEST, _NO_METHOD, _INVALID_PARAMS = -32700, -32600, -32601, -32602
_INTERNAL = -32603


@dataclass(frozen=True, slots=True)
class Asked:
    """What an answer is about."""

    tool: Tool
    #: texts that no message may hold
    secrets: Collection[str]
    request_id: str | None

    def quoted(self, text: str, longest: int = LONGEST_MESSAGE) -> str:
        """The words of the other side, fit for a message."""
        said = clean(text, self.secrets, longest)
        return f' "{said}"' if said else ""


def http(asked: Asked, status: int, headers: Mapping[str, str]) -> CalcomError:
    """What a status means that is none of success: the tool was not reached, or nobody knows.

    `code` stays empty: what this says of a tool's thing ("not there", 404) it does not say.
    """
    head = f"{asked.tool.name}: the MCP server answered {status}"
    known: dict[str, Any] = {"status": status, "request_id": asked.request_id}
    if status == 429:
        after = wait(headers)
        message = f"{head}: its limit is reached. All calls of this connection wait {after:.0f} s."
        return RateLimited(message, after=after, request_id=asked.request_id)
    if status == 401:
        remedy = (
            "It refuses the token: give a new one with `daybook connections add --replace`, or renew it at its source."
        )
        return Unauthorized(f"{head}. {remedy}", **known)
    if status == 403:
        return Forbidden(f"{head}. Its token may not do that; the server's owner knows what it may.", **known)
    if 300 <= status < 400:
        remedy = "It points elsewhere: the base URL is probably wrong. Nothing was followed."
        return Rejected(f"{head}. {remedy}", **known)
    if status in (404, 405):
        remedy = "There is no MCP server: the base URL is probably wrong, /cal-organizations is put to its end."
        return Rejected(f"{head}. {remedy}", **known)
    if status in (408, 425) or not 400 <= status < 500:
        return CalcomUnavailable(f"{head}. {_LOOK_FIRST}", **known)
    return Rejected(f"{head}. The same request would be refused again.", **known)


def is_said_by_protocol(status: int) -> bool:
    """Whether a JSON-RPC error in an answer of that status says more than the status does."""
    return 400 <= status < 500 and status not in (401, 403, 408, 425, 429)


def protocol(asked: Asked, error: Any, status: int) -> DaybookError:
    """What a JSON-RPC error means. A server may fail with any code after the deed; only a few say that it did not."""
    error = error if isinstance(error, dict) else {}
    code, said = error.get("code"), words(error.get("message"))
    head = f"{asked.tool.name}: the MCP server refused the call{asked.quoted(said)}"
    if code == _INVALID_PARAMS and _UNKNOWN_TOOL.search(said[: 3 * LONGEST_MESSAGE]):
        return NotFound(f"{head}. It does not have this tool; another server, or a newer one, may.")
    if code == _INVALID_PARAMS:
        return BadArguments(f"{head}. Nothing was sent to Cal.com.")
    if code in (_PARSE_ERROR, _INVALID_REQUEST, _NO_METHOD) or (400 <= status < 500 and code != _INTERNAL):
        remedy = "See that the base URL is that of a server that takes calls without a session."
        return Rejected(f"{head}. {remedy}", status=status, request_id=asked.request_id)
    return CalcomUnavailable(
        f"{asked.tool.name}: the MCP server failed{asked.quoted(said)}. {_LOOK_FIRST}",
        status=status,
        request_id=asked.request_id,
    )


def no_answer(asked: Asked, what: str, body: bytes) -> CalcomUnavailable:
    """An answer of success that brings none."""
    what = what if body.strip() else "is empty"
    done = "" if asked.tool.reads else " It may have been done or not: look first."
    return CalcomUnavailable(
        f"{asked.tool.name}: the answer {what}; check the base URL, and what stands between here and the MCP "
        f"server.{done}",
        request_id=asked.request_id,
    )


def tool_error(asked: Asked, structure: Any, texts: list[str]) -> DaybookError:
    """What a tool's error means, as a Daybook tells it or as another server does."""
    documents = [structure, *(parse(text.encode()) for text in texts)]
    told = next((one for one in documents if isinstance(one, dict)), None)
    error = told.get("error") if told else None
    if isinstance(error, dict) and isinstance(error.get("kind"), str):
        return _of_daybook(asked, error, error["kind"])
    return _of_another(asked, told, " ".join(texts))


def _of_daybook(asked: Asked, error: Mapping[str, Any], kind: str) -> DaybookError:
    said = clean(words(error.get("message")), asked.secrets, 3 * LONGEST_MESSAGE)
    message = f"Through the MCP server: {said or f'{asked.tool.name} failed, and nothing tells why'}"
    status, code = _status(error.get("status")), error.get("code")
    sent = error.get("sent") is not False
    known: dict[str, Any] = {
        "status": status,
        "code": (clean(code, asked.secrets)[:60] or None) if isinstance(code, str) else None,
        "request_id": asked.request_id,
    }
    if plain := _PLAIN.get(kind):
        return plain(message, **known)
    if kind in _PACED:
        return RateLimited(message, after=_seconds(error.get("after")), request_id=asked.request_id)
    if kind in ("bad_arguments", "bad_input"):
        return BadArguments(message)
    if kind == "not_found":
        return NotFound(message)
    if kind in _AWAY:
        return CalcomUnavailable(message, sent=sent, **known)
    if status is not None:  # a kind of a later Daybook
        by_status = refusal(asked.tool, status, Said(known["code"], said), after=_seconds(error.get("after")))
        by_status.request_id = asked.request_id
        return by_status
    return CalcomUnavailable(message, **known) if sent else Rejected(message, **known)


def _of_another(asked: Asked, document: dict[str, Any] | None, text: str) -> DaybookError:
    said = read(asked.tool, document, asked.secrets)
    text = text[: 3 * LONGEST_MESSAGE]
    sentence = said.sentence or ("" if document else clean(text, asked.secrets))
    status = _status_in(document) or _status_told(text) or (429 if _LIMITED.search(f"{sentence} {text}") else None)
    head = f"{asked.tool.name}: the MCP server said " + (f'"{sentence}"' if sentence else "that it failed")
    if status == 401:  # theirs, or the one they have for Cal.com: nothing that is kept here
        return Unauthorized(
            f"{head}. A credential is refused there; the server's owner can mend it.",
            status=status,
            code=said.code,
            request_id=asked.request_id,
        )
    if status is not None:
        found = Said(said.code, sentence, said.refused)
        return refusal(asked.tool, status, found, after=_after_in(document), request_id=asked.request_id)
    words_said = f"{sentence} {text}"
    if _UNKNOWN_TOOL.search(words_said):
        return NotFound(f"{head}. It does not have this tool; another server, or a newer one, may.")
    if _UNSURE.search(words_said) or not (asked.tool.reads or _REFUSED.search(words_said)):
        return CalcomUnavailable(f"{head}. {_LOOK_FIRST}", code=said.code, request_id=asked.request_id)
    return Rejected(f"{head}. The same request would be refused again.", code=said.code, request_id=asked.request_id)


def _status_in(document: dict[str, Any] | None) -> int | None:
    """The status that an error's JSON names."""
    if document is None:
        return None
    inner = document.get("error")
    places = [document, *([inner] if isinstance(inner, dict) else [])]
    names = ("status", "statusCode", "status_code", "code")
    return next((found for one in places for name in names if (found := _status(one.get(name)))), None)


def _status_told(text: str) -> int | None:
    """The status that a text names."""
    found = _STATUS.search(text)
    return int(found[1] or found[2]) if found else None


def _status(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 100 <= value < 600 else None


def _after_in(document: dict[str, Any] | None) -> float:
    inner = document.get("error") if document else None
    places = [one for one in (document, inner) if isinstance(one, dict)]
    found = (one.get(name) for one in places for name in ("after", "retryAfter", "retry_after"))
    return _seconds(next((value for value in found if value is not None), None))


def _seconds(value: Any) -> float:
    """How long to wait, when the other side says so sensibly."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return BLOCK
    return float(min(max(value, SHORTEST), LONGEST))
