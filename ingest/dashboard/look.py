"""How a page is made of its template: Jinja2, everything escaped, and the few filters that templates share."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.requests import Request

from ingest import forgery
from ingest.dashboard import statics
from ingest.dashboard.menu import MENU
from ingest.session import Identity
from workers.settings import Settings

#: a person's choice of light or dark; without it their system's
_THEME = "daybook_theme"

#: what each state means, and so its colour: good, busy, waiting, bad, quiet
MEANING = {
    **dict.fromkeys(("signed", "persisted", "done", "live", "ACCEPTED", "run"), "good"),
    **dict.fromkeys(("unchanged", "as wanted", "registered", "adopted", "made", "changed", "switched on"), "good"),
    **dict.fromkeys(("received", "running", "planned", "sending", "begun"), "busy"),
    **dict.fromkeys(("unsigned", "quarantined", "unknown", "PENDING", "would match", "stopped", "halted"), "wait"),
    **dict.fromkeys(("kept", "kept dry run", "dry run", "missing", "edited", "extra", "unregistered"), "wait"),
    **dict.fromkeys(("to be made by hand", "not seen"), "wait"),
    **dict.fromkeys(("mismatch", "failed", "dead", "refused", "CANCELLED", "REJECTED"), "bad"),
    **dict.fromkeys(("unreadable", "switched off"), "bad"),
}
#: what is to be typed, in texts that people read in a terminal too
_TYPED = re.compile("`([^`]+)`")
_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


class Look:
    """Renders templates. Safe to share between threads."""

    def __init__(self, settings: Settings) -> None:
        self._oidc = settings.oidc_issuer is not None
        self._environment = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.filters.update(
            instant=instant,
            ago=ago,
            meaning=meaning,
            pretty=pretty,
            coded=coded,
            count=count,
            segment=segment,
            size=size,
        )
        self._environment.globals.update(static=statics.address)

    def render(
        self,
        template: str,
        title: str,
        told: dict[str, Any],
        *,
        request: Request,
        identity: Identity | None,
        notice: str | None = None,
    ) -> str:
        """The page as text."""
        theme = request.cookies.get(_THEME)
        shared = {
            "title": title,
            "identity": identity,
            "csrf": forgery.token(identity.session) if identity and identity.session else "",
            "menu": [each for each in MENU if identity and identity.role.covers(each.role)],
            "here": request.url.path,
            "notice": notice,
            "theme": theme if theme in ("light", "dark") else "",
            "now": datetime.now(UTC),
            "oidc": self._oidc,
            "sought": "",
        }
        return self._environment.get_template(template).render({**shared, **told})


def meaning(state: str | None) -> str:
    """The colour of a state, by what it means for whoever looks."""
    return MEANING.get(state or "", "quiet")


def instant(value: str | datetime | None, form: str = "%Y-%m-%d %H:%M:%S") -> str:
    """An instant in UTC as people read it; "" for none, the text itself for what is no instant."""
    if value is None:
        return ""
    try:
        then = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        return str(value)
    return then.astimezone(UTC).strftime(form)


def ago(value: str | datetime | None, now: datetime) -> str:
    """How long ago, in the largest unit that fits: "5 min ago"; "in 3 h" for what is to come."""
    if value is None:
        return ""
    try:
        then = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        return ""
    seconds = (now - then).total_seconds()
    far = abs(seconds)
    if far < 1:
        return "now"
    unit, length = next(each for each in _UNITS if far >= each[1])
    said = f"{int(far // length)} {unit}"
    return f"{said} ago" if seconds > 0 else f"in {said}"


def pretty(value: Any) -> str:
    """JSON for reading."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def coded(text: str) -> Markup:
    """A text with what stands between backticks as code, and everything in it escaped."""
    return Markup(_TYPED.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - it is escaped, and backticks open nothing


def count(number: int) -> str:
    """A number with its thousands apart."""
    return f"{number:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def size(number: int) -> str:
    """Bytes as people say them."""
    if number < 1_000:
        return f"{number} B"
    return f"{number / 1_000:.1f} KB" if number < 1_000_000 else f"{number / 1_000_000:.1f} MB"


def segment(value: str) -> str:
    """A value as one segment of an address, whatever is in it."""
    return quote(value, safe="")
