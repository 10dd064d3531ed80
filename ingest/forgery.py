"""Whether a request that changes something was meant: from a page of ours, with the token of its session. Pure.

A browser sends the session's cookie along with whatever any page makes it send. Two things hold such requests off
beside the cookie's own SameSite: where the browser says that it comes from, and a token that only our pages hold.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from urllib.parse import urlsplit

#: the form field that the token comes in, and the header for scripts of ours
FIELD = "csrf"
HEADER = "x-csrf-token"
#: methods that change nothing
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def token(session: str) -> str:
    """The token of a session: made of its cookie, so that nothing has to be kept."""
    return hmac.new(session.encode("utf-8", "surrogatepass"), b"csrf", "sha256").hexdigest()


def genuine(session: str, given: str | None) -> bool:
    """Whether this is the session's token."""
    return given is not None and hmac.compare_digest(token(session).encode(), given.encode("utf-8", "surrogatepass"))


def same_origin(headers: Mapping[str, str], public_url: str | None) -> bool:
    """Whether a browser says that the request is from a page of ours; one that says nothing at all is no browser's.

    Behind a proxy the Host header may be the proxy's own name for us: the public URL's origin is ours as well.
    """
    site = headers.get("sec-fetch-site")
    if site is not None and site not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    if origin is None:
        return True
    try:
        netloc = urlsplit(origin).netloc.lower()
    except ValueError:
        return False
    ours = {headers.get("host", "").lower()} | ({urlsplit(public_url).netloc.lower()} if public_url else set())
    return bool(netloc) and netloc in ours
