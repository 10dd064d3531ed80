"""The pages in a real browser: Debian's Chromium on `daybook demo`, whose Cal.com sends signed deliveries meanwhile.

What goes wrong in a browser goes wrong in silence: each page is watched for errors of scripts, for what the content
security policy stopped, and for answers of 5xx; a test in which any came fails.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Response, sync_playwright

from ingest import signatures
from ingest.samples import changes_from, sample
from tests.acceptance.conftest import Daybook, installed
from tests.conftest import PATIENCE, PLAIN, lacking
from workers.settings import Settings
from workers.store import webhooks
from workers.store.engine import open_store
from workers.vault import open_vault

#: where the pictures of a run are kept
PICTURES = Path(os.environ.get("DAYBOOK_TESTS_PICTURES", "pictures"))
_FLAGS = [
    "--no-sandbox",  # the suite may run as root
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
]
_LINK = re.compile(r"http://\S+/sign-in\?link=\S+")
#: milliseconds that a page, or what is to appear on it, may take on a busy machine
_SOON = PATIENCE * 1_000


@dataclass
class Office:
    """A demo that runs, and how its Cal.com's deliveries are made."""

    daybook: Daybook
    link: str
    url: str
    secret: str

    def send(self, trigger: str, *, signed: bool = True, **changes: Any) -> int:
        """One delivery of a sample with these changes, as Cal.com posts it; the status of the answer."""
        body = sample(trigger, now=datetime.now(UTC), changes=changes_from(changes))
        key = self.secret if signed else "another secret"
        headers = {
            "Content-Type": "application/json",
            "X-Cal-Signature-256": signatures.sign(body, key.encode()).decode(),
            "X-Cal-Webhook-Version": "2021-10-20",
        }
        return httpx2.post(self.url, content=body, headers=headers, **PLAIN).status_code


@dataclass
class Watched:
    """A page, and what went wrong on it."""

    page: Page
    amiss: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.amiss.append(f"{self.page.url}: {error}"))
        self.page.on("response", self._answered)

    def _said(self, message: ConsoleMessage) -> None:
        # a page that says 4xx is told by the browser as an error, and may be what a test is about
        if message.type in ("error", "warning") and "the server responded with a status of 4" not in message.text:
            self.amiss.append(f"{self.page.url}: {message.text}")

    def _answered(self, response: Response) -> None:
        if response.status >= 500:
            self.amiss.append(f"{response.url}: {response.status}")


@pytest.fixture(scope="session")
def office() -> Iterator[Office]:
    """`daybook demo` in a folder of its own."""
    with installed() as daybook:
        daybook.start("demo")
        log = daybook.folder / "up.log"
        deadline = datetime.now(UTC).timestamp() + PATIENCE
        while not (found := _LINK.search(log.read_text())):
            assert datetime.now(UTC).timestamp() < deadline, log.read_text()
        data = daybook.folder / "data"
        settings = Settings(data_dir=data, port=daybook.port)
        with contextlib.closing(open_store(settings.database, pool_size=1)) as store, store.read() as sql:
            (webhook,) = webhooks.every(sql, open_vault(settings))
        yield Office(daybook, found[0], webhook.url(daybook.url), webhook.secrets[0].key)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, without a window."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        lacking("chromium is not installed (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=chromium, args=_FLAGS)
        yield made
        made.close()


@pytest.fixture(scope="session")
def signed_in(office: Office, browser: Browser) -> Callable[[str], Any]:
    """What a browser holds that is signed in with a role; each role signs in once."""
    held: dict[str, Any] = {}

    def state(role: str) -> Any:
        if role not in held:
            context = browser.new_context(base_url=office.daybook.url)
            page = context.new_page()
            page.set_default_timeout(_SOON)
            if role == "admin":
                page.goto(office.link)
            else:
                (made,) = office.daybook.json("keys", "create", f"a {role}", "--role", role)
                page.goto("/sign-in")
                page.get_by_label("Key", exact=True).fill(made["key"])
            page.get_by_role("button", name="Sign in").click()
            page.get_by_role("button", name="Sign out").wait_for()
            held[role] = context.storage_state()
            context.close()
        return held[role]

    return state


@pytest.fixture
def opened(office: Office, browser: Browser, signed_in: Callable[[str], Any]) -> Iterator[Callable[..., Page]]:
    """Opens a page for somebody with a role (None: not signed in); what goes wrong on any of them fails the test."""
    contexts: list[BrowserContext] = []
    watched: list[Watched] = []

    def opens(path: str, *, role: str | None = "viewer", **options: Any) -> Page:
        state = signed_in(role) if role is not None else None
        context = browser.new_context(base_url=office.daybook.url, storage_state=state, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(_SOON)
        watched.append(Watched(page))
        page.goto(path)
        return page

    yield opens
    for context in contexts:
        context.close()
    amiss = [each for one in watched for each in one.amiss]
    assert not amiss, "\n".join(amiss)
