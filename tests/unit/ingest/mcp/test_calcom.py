"""Cal.com's tools as a toolset, where no Cal.com is needed."""

from __future__ import annotations

from typing import Any

import pytest

from ingest.mcp.calcom import CalcomTools
from workers.calcom.requests import Reply
from workers.errors import CalcomUnavailable
from workers.store.audit import Who
from workers.store.keys import Role

USERS = "cal_organizations_users_controller_get_organizations_users"
CREATE = "cal_organizations_users_controller_create_organization_user"
ANN = Who("ann", Role.OPERATOR, None)


class Tools(CalcomTools):
    """Of one connection, whose other side answers so."""

    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__(None, None, destructive=False)  # type: ignore[arg-type]  # neither is asked
        self._box = self  # type: ignore[assignment]
        self._answer = answer

    def _pcids(self) -> list[str]:
        return ["acme"]

    def caller(self, _pcid: str) -> Any:
        class Caller:
            call = staticmethod(lambda _name, _arguments: Reply(self._answer))

        return Caller


def nested(levels: int) -> Any:
    value: Any = {}
    for _ in range(levels):
        value = [value]
    return value


def test_a_reply_is_passed_on_whole() -> None:
    whole = {"status": "success", "data": nested(90), "more": 10**30}
    assert Tools(whole).call(ANN, USERS, {}) == whole


@pytest.mark.parametrize("levels", [100, 900])
def test_a_reply_that_no_client_could_read_is_an_error_that_says_so(levels: int) -> None:
    tools = Tools({"status": "success", "data": nested(levels)})
    with pytest.raises(CalcomUnavailable, match=r"nested too deeply to be passed on; 100 levels are the most\.$"):
        tools.call(ANN, USERS, {})
    with pytest.raises(CalcomUnavailable, match="look first") as raised:
        tools.call(ANN, CREATE, {})
    assert raised.value.sent
