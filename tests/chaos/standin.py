"""The stand-in Cal.com as a process of its own, and what is asked of it."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx2

from tests.conftest import PLAIN

#: the most that a page of a list has
_PAGE = 250
ORG_ID, API_KEY = 4821, "cal_sandbox_owner"


@dataclass(frozen=True, slots=True)
class StandIn:
    """Where it is; `ask` calls its API as the owner, `tell` and `look` are its controls."""

    address: str
    process: subprocess.Popen[str] = field(repr=False)
    client: httpx2.Client = field(repr=False)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The data of a call below the organization."""
        answer = self.client.request(
            method,
            f"{self.address}/v2/organizations/{ORG_ID}{path}",
            json=body,
            headers={"Authorization": f"Bearer {API_KEY}"},
        )
        assert answer.is_success, answer.text
        return answer.json()["data"]

    def every(self, path: str) -> list[Any]:
        """All of a list, page by page."""
        found: list[Any] = []
        while page := self.ask("GET", f"{path}?take={_PAGE}&skip={len(found)}"):
            found += page
        return found

    def tell(self, what: str, **body: Any) -> Any:
        """A control that makes something happen."""
        answer = self.client.post(f"{self.address}/_sandbox/{what}", json=body)
        assert answer.is_success, answer.text
        return answer.json()

    def look(self, what: str, **query: str) -> Any:
        """A control that shows something."""
        return self.client.get(f"{self.address}/_sandbox/{what}", params=query).json()

    def effects(self, method: str, part: str) -> list[dict[str, Any]]:
        """What calls of that method to paths with `part` in them did: `{"path", "body", "times"}` each."""
        found: list[dict[str, Any]] = self.look("effects", method=method, path=part)["effects"]
        return found

    def attribute(self, slug: str, *options: str) -> None:
        """Make a select attribute with these options."""
        listed: Sequence[dict[str, str]] = [{"value": option, "slug": option.lower()} for option in options]
        self.ask(
            "POST", "/attributes", {"name": slug.title(), "slug": slug, "type": "SINGLE_SELECT", "options": listed}
        )


@contextlib.contextmanager
def standin() -> Iterator[StandIn]:
    """A stand-in without a rate limit, whose second is a hundredth of ours between two attempts of a delivery."""
    command = [sys.executable, "-P", "-m", "ingest.sandbox", "--port", "0", "--rate-limit", "0", "--time-unit", "0.01"]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process,
        httpx2.Client(**PLAIN) as client,
    ):
        try:
            assert process.stdout is not None
            address = process.stdout.readline().split()[2].removesuffix("/v2")
            yield StandIn(address, process, client)
        finally:
            process.terminate()
