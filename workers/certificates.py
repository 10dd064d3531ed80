"""The certificates by which servers are known: read once for a process, which takes longer than many a call."""

from __future__ import annotations

import os
from functools import cache
from ssl import SSLContext

import httpx2


def known() -> SSLContext:
    """For any number of clients, threads and loops. SSL_CERT_FILE and SSL_CERT_DIR are heeded."""
    return _read(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@cache
def _read(_file: str | None, _folder: str | None) -> SSLContext:
    return httpx2.create_ssl_context()
