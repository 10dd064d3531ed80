"""Web processes that share a database share the count of how long their deliveries took."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import httpx2

from ingest.signatures import sign
from tests.conftest import PLAIN, free_port
from tests.integration.registration.conftest import Daybook
from workers.store import accept_times
from workers.store.engine import open_store


def test_the_counts_of_two_web_processes_add_up(daybook: Daybook) -> None:
    other = replace(daybook, port=free_port())
    (adopted,) = daybook.json("webhooks", "adopt", "hand", "--connection", "acme", "--secret", "s3cret")
    path = urlsplit(adopted["url"]).path
    with daybook.running("serve"), other.running("serve"):
        for number, each in enumerate((daybook, daybook, daybook, other, other)):
            body = b'{"number": %d}' % number
            header = {"X-Cal-Signature-256": sign(body, b"s3cret").decode()}
            assert httpx2.post(f"{each.url}{path}", content=body, headers=header, **PLAIN).status_code == 202
    url = f"sqlite:///{daybook.folder / 'data' / 'daybook.db'}"
    with contextlib.closing(open_store(url)) as store, store.read() as sql:
        counted = accept_times.sums(sql, datetime.now(UTC) - timedelta(hours=1), step=1)
    assert sum(map(sum, counted.values())) == 5
