"""How commands take a secret: as an option, or from a file so that it is in no shell's history. It keeps nothing."""

from __future__ import annotations

import sys
from pathlib import Path

from workers.errors import BadInput


def given(option: str, text: str | None, path: Path | None) -> str | None:
    """What `option` or its file says, the file's ends stripped of white space; `-` is stdin. None: neither given."""
    if text is not None and path is not None:
        raise BadInput(f"{option} and {option}-file are both given; keep one.")
    if path is None:
        return text
    try:
        return (sys.stdin.read() if str(path) == "-" else path.read_text("utf-8")).strip()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise BadInput(f"{option}-file: {path} cannot be read: {reason}.") from None
