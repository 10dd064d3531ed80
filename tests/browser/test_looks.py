"""Every page, in light and dark, on a desk and on a telephone: readable for everybody, small, and kept as a picture."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, FloatRect, Page, ViewportSize, expect

from ingest.dashboard.look import segment
from ingest.dashboard.routes import PAGES as ROUTES
from tests.browser.conftest import PICTURES, Office, Opened, watching
from workers.store import audit, history
from workers.store.keys import Role

#: name of the picture, and the page; {…} is filled in from what the demo has by then
PAGES = {
    "sign-in": "/sign-in",
    "events": "/events",
    "events-narrowed": "/events?kind=booking&kind=form&since=7d&host=nobody@acme.example&live=1",
    "event": "/events/{id}",
    "deliveries": "/deliveries",
    "delivery": "/deliveries/{id}",
    "bookings": "/bookings",
    "booking": "/bookings/{uid:path}",
    "rules": "/rules",
    "rule": "/rules/{name}",
    "back-test": "/backtests/{id}",
    "runs": "/runs",
    "run": "/runs/{id}",
    "webhooks": "/webhooks",
    "webhook": "/webhooks/{name}",
    "webhook-url": "/webhooks/{name}/url",
    "quarantine": "/quarantine",
    "connections": "/connections",
    "connection": "/connections/add",
    "keys": "/keys",
    "audit": "/audit",
    "audit-entry": "/audit/{id}",
    "settings": "/settings",
    "overview": "/?window=1h",  # last, for by then its charts have something to show
}
#: the pictures that README shows, each in one of the themes: copied from `readme/` into docs/ by hand
README: dict[str, Literal["light", "dark"]] = {"overview": "light", "booking": "dark"}
#: what nobody sees as a page
UNSEEN = {
    "/search": "it leads to another page",
    "/events/{id}/raw": "what came, as JSON",
    "/deliveries/{id}/body": "what came, to be kept as a file",
    "/bookings/{uid:path}/text": "text",
    "/rules/{name}/source": "text",
    "/backtests/{id}/progress": "JSON for the page's script",
}
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
SIZES = {"desk": ViewportSize(width=1280, height=860), "telephone": ViewportSize(width=390, height=844)}
#: px of a picture: the fiftieth row looks as the tenth does
_HIGHEST = 2_400
#: bytes of a page with all that it is made of
_LARGEST = 100_000
_RULE = "time-off-booking-blocks-calendar"


def test_every_page_of_the_table_is_looked_at_or_is_said_to_be_none() -> None:
    looked_at = {path.partition("?")[0] for path in PAGES.values()}
    served = {page.path for page in ROUTES if page.method == "GET"}
    assert served - looked_at == set(UNSEEN)
    assert looked_at - served == {"/sign-in"}


@pytest.fixture(scope="module")
def things(office: Office, browser: Browser, signed_in: Callable[[Role], str]) -> dict[str, str]:
    """What stands for {…} in each page: a booking that a rule acted on, and what a demo has none of by itself."""
    office.quarantined()
    with watching(office, browser, signed_in) as opens:
        page = opens(f"/rules/{_RULE}", role=Role.ADMIN)
        page.get_by_role("button", name="Back-test").click()
        expect(page.get_by_text("events looked at")).to_be_visible()
        trial = page.url.rpartition("/")[2]
    run = office.done()
    with office.store.read() as sql:
        event = history.one(sql, run.event_id)
        entry = audit.page(sql, audit.Filter(), limit=1)[0]
    assert event is not None
    return {
        "/events/{id}": str(event.id),
        "/deliveries/{id}": str(event.delivery_id),
        "/bookings/{uid:path}": segment(event.booking_uid),
        "/rules/{name}": _RULE,
        "/backtests/{id}": trial,
        "/runs/{id}": str(run.id),
        "/webhooks/{name}": "demo",
        "/webhooks/{name}/url": "demo",
        "/audit/{id}": str(entry.id),
    }


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_small_and_can_be_read_by_everybody(name: str, things: dict[str, str], opened: Opened) -> None:
    path = re.sub(r"\{[^}]*\}", lambda _: things[PAGES[name]], PAGES[name])
    page = opened(path, role=None if name == "sign-in" else Role.ADMIN, viewport=SIZES["desk"])
    for theme in THEMES:
        page.emulate_media(color_scheme=theme)
        for size, viewport in SIZES.items():
            page.set_viewport_size(viewport)
            _kept(page, f"{theme}/{name}-{size}.png", height=_HIGHEST)
            beside = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert beside <= 0, f"on a {size} {beside} px of the page are beside the window"
        # the second theme has the names of the first, but colours of its own
        _named_and_legible(page, theme, only=None if theme == THEMES[0] else ["color-contrast"])
    if name in README:
        page.emulate_media(color_scheme=README[name])
        page.set_viewport_size(SIZES["desk"])
        _kept(page, f"readme/{name}.png", height=SIZES["desk"]["height"])
    loaded = page.evaluate(
        "[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]"
        ".reduce((sum, each) => sum + each.decodedBodySize, 0)"
    )
    assert 0 < loaded < _LARGEST


def _kept(page: Page, name: str, *, height: int) -> None:
    path = PICTURES / name
    path.parent.mkdir(parents=True, exist_ok=True)
    size = page.evaluate("({ width: innerWidth, height: document.documentElement.scrollHeight })")
    clip = FloatRect(x=0, y=0, width=size["width"], height=min(size["height"], height))
    page.screenshot(path=path, full_page=True, clip=clip)


def _named_and_legible(page: Page, theme: str, *, only: list[str] | None) -> None:
    asked = {"resultTypes": ["violations"], **({"runOnly": only} if only is not None else {})}
    found = Axe().run(page, options=asked).response["violations"]
    said = [f"{theme}: {each['id']}: {each['help']}: {each['nodes'][0]['html'][:300]}" for each in found]
    assert not said, "\n".join(said)
