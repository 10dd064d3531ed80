"""What a page says once about the form before it ("Released."): a cookie that is read and forgotten."""

from __future__ import annotations

from urllib.parse import quote, unquote

from starlette.requests import Request
from starlette.responses import Response

_COOKIE = "daybook_notice"
#: characters of a notice, and seconds it may wait for its page
_LONGEST, _LIVES = 400, 30


def leave(answer: Response, said: str) -> None:
    """Say it on the next page."""
    answer.set_cookie(_COOKIE, quote(said[:_LONGEST]), max_age=_LIVES, httponly=True, samesite="strict", path="/")


def read(request: Request) -> str | None:
    """What is to be said."""
    held = request.cookies.get(_COOKIE)
    return unquote(held)[:_LONGEST] if held else None


def forget(answer: Response) -> None:
    """It was said."""
    answer.delete_cookie(_COOKIE, path="/", httponly=True, samesite="strict")
