"""The event that Cal.com sends of an entry has the name of the step that made it, in every time zone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from ingest.sandbox.seed import MAYA_ID, SOFIA_ID, TOMAS_ID
from tests.conftest import PATIENCE
from tests.contract.actions.conftest import Calcom
from workers.actions import echo

WEBHOOK = "cal_organizations_webhooks_controller_create_organization_webhook"
UPDATE_USER = "cal_organizations_users_controller_update_organization_user"


def caused(httpserver: HTTPServer, calcom: Calcom, tool: str, **arguments: Any) -> tuple[Any, dict[str, Any]]:
    """What a call gives, and the event that Cal.com delivers of it, as history shows it."""
    httpserver.expect_oneshot_request("/in").respond_with_data("")
    with httpserver.wait(timeout=PATIENCE):
        given = calcom.done(tool, **arguments)
    body = json.loads(httpserver.log[-1][0].data)
    return given, {"trigger": body["triggerEvent"], "connection": "acme", "payload": body["payload"]}


@pytest.mark.parametrize("zone", ["Europe/London", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_an_entry_made_and_changed_by_us_is_known_by_its_event(
    calcom: Calcom, httpserver: HTTPServer, zone: str
) -> None:
    calcom.done(UPDATE_USER, userId=MAYA_ID, timeZone=zone)
    calcom.done(WEBHOOK, active=True, subscriberUrl=httpserver.url_for("/in"), triggers=["OOO_CREATED"])
    made = {"userId": MAYA_ID, "start": "2027-07-01T23:30:00-04:00", "end": "2027-07-09"}
    others = ({**made, "userId": TOMAS_ID}, {**made, "end": "2027-07-10"})

    entry, event = caused(httpserver, calcom, echo.CREATE, **made)

    assert echo.of_call(echo.CREATE, made, "acme") in echo.of_event(event)
    assert not {echo.of_call(echo.CREATE, other, "acme") for other in others} & {*echo.of_event(event)}

    changed = {"userId": MAYA_ID, "oooId": entry["id"], "toUserId": SOFIA_ID}
    _, event = caused(httpserver, calcom, echo.UPDATE, **changed)

    assert echo.of_call(echo.UPDATE, changed, "acme") in echo.of_event(event)
