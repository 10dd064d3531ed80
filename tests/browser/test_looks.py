"""Every page, in light and dark, on a desk and on a telephone: readable for everybody, small, and kept as a picture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, ViewportSize

from tests.browser.conftest import PICTURES, Office

#: name of the picture, and the page; {…} is filled in from what the demo has by then
PAGES = {
    "sign-in": "/sign-in",
    "overview": "/",
    "events": "/events",
    "events-narrowed": "/events?kind=booking&kind=form&since=7d&host=nobody@acme.example&live=1",
    "deliveries": "/deliveries",
}
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
SIZES = {"desk": ViewportSize(width=1280, height=860), "telephone": ViewportSize(width=390, height=844)}
#: bytes of a page with all that it is made of
_LARGEST = 100_000


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_small_and_can_be_read_by_everybody(name: str, office: Office, opened: Callable[..., Page]) -> None:
    page = opened(PAGES[name], role=None if name == "sign-in" else "admin", viewport=SIZES["desk"])
    for theme in THEMES:
        page.emulate_media(color_scheme=theme)
        for size, viewport in SIZES.items():
            page.set_viewport_size(viewport)
            folder = PICTURES / theme
            folder.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=folder / f"{name}-{size}.png", full_page=True)
            beside = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert beside <= 0, f"on a {size} {beside} px of the page are beside the window"
        _named_and_legible(page, theme)
    loaded = page.evaluate(
        "[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]"
        ".reduce((sum, each) => sum + each.decodedBodySize, 0)"
    )
    assert 0 < loaded < _LARGEST


def _named_and_legible(page: Page, theme: str) -> None:
    found = Axe().run(page).response["violations"]
    said = [f"{theme}: {each['id']}: {each['help']}: {each['nodes'][0]['html'][:300]}" for each in found]
    assert not said, "\n".join(said)
