"""A webhook's payloadTemplate, as Cal.com fills it in. Plain `{{path}}` only: no Handlebars blocks or helpers.

Values are HTML-escaped and `&quot;` is then turned back into a quote. If the template's own text is JSON, the
result is parsed and written again; a quote or a newline in a value spoils that, and the body sent is `false`.
Any other template goes out as it is, under a form content type, though nothing is URL-encoded.
"""

from __future__ import annotations

import json
import re
from typing import Any

from ingest.samples.samples import to_json

_PLACE = re.compile(r"\{\{\{?\s*([\w.$-]+)\s*\}?\}\}")
#: the characters Handlebars escapes
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;", "`": "&#x60;", "=": "&#x3D;"}
_ESCAPED = re.compile("[&<>\"'`=]")
#: triggers that keep `payload` as an object of its own; the others' payload is flattened beside the trigger
_GENERIC = (
    "FORM_SUBMITTED",
    "FORM_SUBMITTED_NO_EVENT",
    "ROUTING_FORM_FALLBACK_HIT",
    "AFTER_HOSTS_CAL_VIDEO_NO_SHOW",
    "AFTER_GUESTS_CAL_VIDEO_NO_SHOW",
    "INSTANT_MEETING",
    "WRONG_ASSIGNMENT_REPORT",
)
_NEVER = ("MEETING_STARTED", "MEETING_ENDED")
JSON_TYPE, FORM_TYPE = "application/json", "application/x-www-form-urlencoded"


def rendered(trigger: str, body: bytes, template: str | None) -> tuple[bytes, str]:
    """The body to send and its content type."""
    if not template or trigger in _NEVER:
        return body, JSON_TYPE
    document = _parsed(body)
    if not isinstance(document, dict):
        return body, JSON_TYPE
    payload = document.get("payload")
    context = document if trigger in _GENERIC else document | (payload if isinstance(payload, dict) else {})
    text = _PLACE.sub(lambda match: _filled(match, context), template).replace("&quot;", '"')
    if _parsed(template) is _NO_JSON:
        return text.encode(), FORM_TYPE
    result = _parsed(text)
    return (b"false" if result is _NO_JSON else to_json(result)), JSON_TYPE


_NO_JSON = object()


def _parsed(text: bytes | str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return _NO_JSON


def _filled(match: re.Match[str], context: Any) -> str:
    value = context
    for step in match[1].split("."):
        if isinstance(value, list):
            value = value[int(step)] if step.isdecimal() and int(step) < len(value) else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
    text = _as_text(value)
    return text if match[0].startswith("{{{") else _ESCAPED.sub(lambda found: _ESCAPES[found[0]], text)


def _as_text(value: Any) -> str:
    """As JavaScript turns a value into text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(map(_as_text, value))
    return "[object Object]" if isinstance(value, dict) else str(value)
