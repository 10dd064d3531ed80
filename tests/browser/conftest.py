"""The pages in a real browser: Debian's Chromium on `daybook demo`, whose Cal.com sends signed deliveries meanwhile.

What goes wrong in a browser goes wrong in silence: each page is watched for errors of scripts, for what the content
security policy stopped, and for answers of 5xx; a test in which any came fails.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Response, expect, sync_playwright

from ingest import signatures
from ingest.samples import changes_from, sample
from tests.acceptance.conftest import Daybook, installed
from tests.conftest import PATIENCE, PLAIN, lacking
from workers.settings import Settings
from workers.store import deliveries, keys, runs, sessions, webhooks
from workers.store.engine import Store, open_store
from workers.store.keys import Key, Role
from workers.store.receipts import State
from workers.store.runs import RunState
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
    store: Store

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

    def quarantined(self) -> UUID:
        """One more delivery that nothing proves to be Cal.com's; its id."""
        assert self.send("BOOKING_CREATED", signed=False) == 401
        with self.store.read() as sql:
            return deliveries.ids(sql, deliveries.Filter(State.QUARANTINED), limit=1)[0]

    def state(self, delivery: UUID) -> str:
        """What has become of a delivery."""
        with self.store.read() as sql:
            row = deliveries.one(sql, delivery)
        assert row is not None
        return str(row.state)

    def done(self) -> Any:
        """The row of the demo's newest run that did what it is for, once there is one."""
        deadline = time.monotonic() + PATIENCE
        while True:
            with self.store.read() as sql:
                if found := runs.page(sql, runs.Filter(states=(RunState.DONE,)), limit=1):
                    return found[0]
            assert time.monotonic() < deadline, "the demo's rule did nothing"
            time.sleep(0.05)

    def key(self, name: str, role: Role) -> tuple[Key, str]:
        """A new key, and the text of it."""
        with self.store.write() as sql:
            return keys.create(sql, name=name, role=role, now=datetime.now(UTC))

    def session(self, text: str, role: Role) -> str:
        """What a browser's cookie holds that signed in with this key. Signing in by the form is throttled."""
        with self.store.write() as sql:
            return sessions.begin(
                sql, name=f"a {role}", role=role, key_digest=keys.digest(text),
                now=datetime.now(UTC), lives=timedelta(hours=1),
            )  # fmt: skip


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


@pytest.fixture(scope="module")
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
        with contextlib.closing(open_store(settings.database, pool_size=1)) as store:
            with store.read() as sql:
                (webhook,) = webhooks.every(sql, open_vault(settings))
            made = Office(daybook, found[0], webhook.url(daybook.url), webhook.secrets[0].key, store)
            made.done()  # its door is open before its worker has read the rules: until then a rule has no page
            yield made


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, without a window. Not for the session: while it runs, so does its event loop, and no other can."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        lacking("chromium is not installed (Debian: apt-get install chromium)")
    expect.set_options(timeout=_SOON)
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=chromium, args=_FLAGS)
        yield made
        made.close()


@pytest.fixture(scope="module")
def signed_in(office: Office) -> Callable[[Role], str]:
    """What the cookie of a role holds; each has one session for all tests."""
    held: dict[Role, str] = {}

    def token(role: Role) -> str:
        if role not in held:
            held[role] = office.session(office.key(f"a {role}", role)[1], role)
        return held[role]

    return token


#: opens a page for somebody with a role (None: not signed in), or with the cookie of a `session`
Opened = Callable[..., Page]


@contextlib.contextmanager
def watching(office: Office, browser: Browser, signed_in: Callable[[Role], str]) -> Iterator[Opened]:
    """Opens pages, each in a context of its own; what went wrong on any of them is told at the end."""
    contexts: list[BrowserContext] = []
    watched: list[Watched] = []

    def opens(path: str, *, role: Role | None = Role.VIEWER, session: str = "", **options: Any) -> Page:
        context = browser.new_context(base_url=office.daybook.url, **options)
        contexts.append(context)
        if token := session or (signed_in(role) if role is not None else ""):
            context.add_cookies([{"name": "daybook", "value": token, "url": office.daybook.url}])
        page = context.new_page()
        page.set_default_timeout(_SOON)
        watched.append(Watched(page))
        page.goto(path)
        return page

    try:
        yield opens
    finally:
        for context in contexts:
            context.close()
    amiss = [each for one in watched for each in one.amiss]
    assert not amiss, "\n".join(amiss)


@pytest.fixture
def opened(office: Office, browser: Browser, signed_in: Callable[[Role], str]) -> Iterator[Opened]:
    """Opens pages; what goes wrong on any of them fails the test."""
    with watching(office, browser, signed_in) as opens:
        yield opens
