"""What people come to the pages for, from the first click to the last, in a browser on a demo that goes on."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from playwright.sync_api import Dialog, Locator, Page, expect

from ingest.demo import RULE
from tests.acceptance.conftest import Eventually
from tests.browser.conftest import Office, Opened
from workers.store import backtests
from workers.store.keys import Role
from workers.store.receipts import State

#: names that a page must show as they are
NAMES = {
    "markup": "<img src=x id=made onerror=alert(1)><b id=made>Bold</b>",
    "script": "</title><script id=made>alert(2)</script>{{ 7 * 7 }}",
    "rtl": "\u202eיעל כהן\u202c עו״ד",
    "emoji": "👩🏽‍⚕️ Zoë 🏳️‍🌈",
}
_RULE = "time-off-booking-blocks-calendar"


def _booked(office: Office, name: str) -> str:
    """A booking by somebody of this name; their e-mail, which nobody else has."""
    email = f"{uuid4().hex[:12]}@guests.example"
    assert office.send("BOOKING_CREATED", attendee={"name": name, "email": email}) == 202
    return email


def _rows(page: Page) -> Locator:
    return page.locator("main tbody tr")


def _search(page: Page, words: str) -> None:
    field = page.get_by_role("searchbox", name="Search the history")
    field.fill(words)
    field.press("Enter")


def _follow(page: Page) -> None:
    page.get_by_role("button", name="Follow live").click()
    expect(page.locator("#tail-state")).to_have_text(re.compile("^live"))


# signing in


def test_who_is_not_signed_in_is_led_back_to_the_page_that_they_wanted(office: Office, opened: Opened) -> None:
    _, key = office.key("Rosa", Role.VIEWER)
    page = opened("/deliveries?verdict=signed", role=None)
    expect(page).to_have_url(re.compile("/sign-in"))
    page.get_by_label("Key", exact=True).fill("not a key")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("daybook keys list")
    page.get_by_label("Key", exact=True).fill(key)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(f"{office.daybook.url}/deliveries?verdict=signed")
    expect(page.get_by_role("banner")).to_contain_text("Rosa viewer")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("status")).to_have_text("You are signed out.")
    page.goto("/events")
    expect(page).to_have_url(re.compile("/sign-in"))


def test_the_link_of_the_first_start_signs_in_once(office: Office, opened: Opened) -> None:
    page = opened(office.link, role=None)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    again = opened(office.link, role=None)
    again.get_by_role("button", name="Sign in").click()
    expect(again.get_by_role("alert")).to_contain_text("daybook keys link")


def test_a_session_is_over_when_its_key_is_revoked(office: Office, opened: Opened) -> None:
    _, key = office.key("Gone soon", Role.OPERATOR)
    page = opened("/events", session=office.session(key, Role.OPERATOR))
    expect(page.get_by_role("heading", name="Events")).to_be_visible()
    office.daybook.run("keys", "revoke", "Gone soon")
    page.get_by_role("link", name="Quarantine").click()
    expect(page).to_have_url(re.compile(r"/sign-in\?next=/quarantine"))


# the history


def test_what_comes_is_in_the_live_tail_and_found_by_email_and_told_on_its_booking(
    office: Office, opened: Opened
) -> None:
    page = opened("/events")
    _follow(page)
    page.evaluate("window.kept = true")
    name = f"Ines {uuid4().hex[:8]}"
    email = _booked(office, name)
    expect(_rows(page).filter(has_text=name)).to_be_visible()
    assert page.evaluate("window.kept"), "the page was loaded anew"

    _search(page, email)
    expect(page).to_have_url(re.compile(r"/events\?email="))
    expect(_rows(page)).to_have_count(1)
    expect(_rows(page)).to_contain_text(name)

    _rows(page).get_by_role("link").last.click()  # the booking's
    expect(page).to_have_url(re.compile("/bookings/"))
    expect(page.locator("p.lead")).to_contain_text(name)
    story = page.get_by_role("region", name="Timeline")
    expect(story.get_by_role("link", name="BOOKING_CREATED")).to_be_visible()
    expect(story.get_by_role("link", name="Delivery")).to_be_visible()
    story.get_by_text("1 did not match").click()
    expect(story.get_by_role("link", name=_RULE)).to_be_visible()
    expect(story.locator("li.fails")).to_contain_text('event.type == "time-off" is false')


def test_the_booking_for_time_off_tells_what_was_asked_and_answered(office: Office, opened: Opened) -> None:
    page = opened(f"/events/{office.done().event_id}")
    page.get_by_role("link", name="The whole booking").click()
    run = page.get_by_role("region", name=f"A run of {_RULE}").first
    expect(run).to_contain_text("done")
    run.get_by_text("Request", exact=True).click()
    expect(run.get_by_text('"vacation"').first).to_be_visible()
    run.get_by_text("Answer", exact=True).click()
    expect(run.get_by_text('"id":').last).to_be_visible()
    run.get_by_role("link", name="the run").click()
    expect(page.get_by_role("heading", name=f"Run of {_RULE}")).to_be_visible()


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_name_is_shown_as_it_is_whatever_it_holds(name: str, office: Office, opened: Opened) -> None:
    page = opened("/events")
    asked: list[Dialog] = []

    def note(dialog: Dialog) -> None:  # Playwright marks its listeners, which a built-in method does not bear
        asked.append(dialog)

    page.on("dialog", note)
    _follow(page)
    email = _booked(office, name)
    row = _rows(page).filter(has=page.locator(f'[title="{email}"]'))
    expect(row).to_contain_text(name)
    expect(page.locator("#made")).to_have_count(0)
    _search(page, email)
    _as_it_is(page, name, at="/events?email=")
    row.get_by_role("link").first.click()
    _as_it_is(page, name, at="/events/")
    page.get_by_role("link", name="The whole booking").click()
    _as_it_is(page, name, at="/bookings/")
    page.get_by_role("link", name="Bookings", exact=True).click()
    _as_it_is(page, name, at="/bookings")
    assert not asked


def _as_it_is(page: Page, name: str, *, at: str) -> None:
    expect(page).to_have_url(re.compile(re.escape(at) + (".+" if at != "/bookings" else "$")))
    expect(page.get_by_role("main")).to_contain_text(name)
    expect(page.locator("#made")).to_have_count(0)


# what a person does


def test_an_operator_releases_what_a_wrong_signature_held_back(
    office: Office, opened: Opened, eventually: Eventually
) -> None:
    held = office.quarantined()
    page = opened("/quarantine", role=Role.OPERATOR)
    row = _rows(page).filter(has=page.locator(f'a[href="/deliveries/{held}"]'))
    expect(row).to_contain_text("mismatch")
    row.get_by_role("button", name="Release").click()
    expect(page.get_by_role("status").first).to_have_text("Released 1 delivery.")
    expect(row).to_have_count(0)
    eventually(lambda: office.state(held) == State.PERSISTED, what="an event of what was released")
    page.goto(f"/deliveries/{held}")
    page.get_by_role("link", name="Its event").click()
    expect(page.get_by_role("region", name="How it came")).to_contain_text("persisted")


def test_a_viewer_may_look_and_change_nothing(office: Office, opened: Opened) -> None:
    held = office.quarantined()
    places = ("/quarantine", f"/deliveries/{held}", "/webhooks", "/webhooks/demo", f"/rules/{_RULE}")
    # a viewer may back-test: that changes nothing
    does = "main form[method=post]:not([action$='/backtest']) button"
    chief, viewer = opened("/", role=Role.ADMIN), opened("/")
    for place in (*places, f"/runs/{office.done().id}", "/connections"):
        viewer.goto(place)
        expect(viewer.locator(does)).to_have_count(0)
    for place in places:
        chief.goto(place)
        expect(chief.locator(does)).not_to_have_count(0)
    menu = viewer.get_by_role("navigation", name="Pages").get_by_role("link")
    expect(menu).not_to_have_count(0)
    expect(menu.filter(has_text=re.compile("Keys|Audit|Settings"))).to_have_count(0)
    expect(chief.get_by_role("link", name=re.compile("^(Keys|Audit|Settings)$"))).to_have_count(3)
    forms: dict[str, dict[str, str | float | bool]] = {
        "/quarantine/release": {"only": str(held)},
        f"/deliveries/{held}/discard": {},
    }
    for path, fields in forms.items():
        status = viewer.evaluate(
            """async ([path, fields]) => {
                const csrf = document.querySelector("form[action='/sign-out'] [name=csrf]").value;
                return (await fetch(path, { method: "POST", body: new URLSearchParams({ csrf, ...fields }) })).status;
            }""",
            [path, fields],
        )
        assert status == 403
        assert viewer.request.post(path, form=fields).status == 403
    assert office.state(held) == State.QUARANTINED


def test_a_rule_is_tried_on_what_came_before(office: Office, opened: Opened) -> None:
    page = opened("/rules")
    page.get_by_role("link", name=_RULE).first.click()
    page.get_by_label("Events since").fill("1d")
    page.get_by_role("button", name="Back-test").click()
    expect(page.get_by_role("heading", name=f"Back-test of {_RULE}")).to_be_visible()
    expect(page.get_by_text("events looked at")).to_be_visible()
    expect(page.get_by_text("It matches what the live rule matches")).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text("create_organization_user_ooo")


def test_the_bar_of_a_back_test_moves_by_itself_until_it_is_over(office: Office, opened: Opened) -> None:
    now = datetime.now(UTC)
    with office.store.write() as sql:
        trial = backtests.begin(
            sql, rule=_RULE, by="Rosa", source=RULE, edited=False, since=now, until=None, now=now
        )  # fmt: skip
        assert trial is not None
        backtests.go_on(sql, trial, looked=0, total=40)
    try:
        page = opened(f"/backtests/{trial}")
        bar = page.get_by_role("progressbar", name="Events looked at")
        expect(bar).to_have_js_property("position", 0)
        with office.store.write() as sql:
            backtests.go_on(sql, trial, looked=10, total=40)
        expect(bar).to_have_js_property("position", 0.25)
        page.get_by_role("button", name="Stop").click()
        expect(page.get_by_text("It is being stopped …")).to_be_visible()
    finally:
        with office.store.write() as sql:
            backtests.end(sql, trial, state=backtests.State.STOPPED, looked=12, now=now)
    expect(page.get_by_text("It was stopped, after 12 events")).to_be_visible()


# how it feels


def test_the_keyboard_is_enough(office: Office, opened: Opened) -> None:
    _booked(office, "Ines")
    page = opened("/deliveries")
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox", name="Search the history")).to_be_focused()
    page.keyboard.press("Escape")
    links = [_rows(page).nth(place).get_by_role("link").first for place in range(2)]
    for key, place in (("j", 0), ("j", 1), ("k", 0), ("j", 1)):
        page.keyboard.press(key)
        expect(links[place]).to_be_focused()
    there = links[1].get_attribute("href")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{office.daybook.url}{there}")
    page.wait_for_load_state()  # it is the page's script that hears the keys
    page.keyboard.press("g")
    page.keyboard.press("e")
    expect(page).to_have_url(f"{office.daybook.url}/events")


def test_the_theme_that_was_chosen_stays(opened: Opened) -> None:
    page = opened("/", color_scheme="light")
    root = page.locator("html")
    expect(root).to_have_css("color-scheme", "light")
    page.get_by_role("button", name="Switch between light and dark").click()
    expect(root).to_have_css("color-scheme", "dark")
    page.reload()
    expect(root).to_have_css("color-scheme", "dark")
    page.get_by_role("button", name="Switch between light and dark").click()
    page.goto("/events")
    expect(root).to_have_css("color-scheme", "light")


def test_all_of_it_works_without_javascript(office: Office, opened: Opened) -> None:
    _, key = office.key("Plain", Role.OPERATOR)
    name = f"Noor {uuid4().hex[:8]}"
    email, held = _booked(office, name), office.quarantined()
    page = opened("/events", role=None, java_script_enabled=False)
    page.get_by_label("Key", exact=True).fill(key)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("E-mail", exact=True).fill(email)
    page.get_by_role("button", name="Filter").click()
    expect(_rows(page)).to_have_count(1)
    _rows(page).get_by_role("link").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(name)
    page.get_by_role("link", name="Quarantine").click()
    page.get_by_role("button", name=f"Release the delivery {str(held)[-12:]}").click()
    expect(page.get_by_role("status").first).to_have_text("Released 1 delivery.")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("status")).to_have_text("You are signed out.")
