"""A name as a slug, as Cal.com makes them."""

from __future__ import annotations

import re
import unicodedata


def slugify(name: str) -> str:
    """Lower case, accents dropped, everything but letters and digits a single hyphen."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
