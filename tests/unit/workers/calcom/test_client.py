"""Both clients against a transport that plays Cal.com: what is sent, waited for, sent again and logged."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest
import stamina
from structlog.testing import capture_logs

from tests.clocks import later
from workers.calcom import rim
from workers.calcom.budget import LocalBudget
from workers.calcom.client import AsyncClient, Client
from workers.calcom.connection import BearerKey, Connection
from workers.calcom.requests import Reply
from workers.calcom.rim import Timeouts
from workers.errors import (
    BadArguments,
    CalcomUnavailable,
    NotFound,
    RateLimited,
    Rejected,
)

ACME = Connection("acme", "https://api.cal.com/v2", 1, BearerKey("cal_live_0123456789"))
USERS = "cal_organizations_users_controller_get_organizations_users"
USER_CREATE = "cal_organizations_users_controller_create_organization_user"
USER_DELETE = "cal_organizations_users_controller_delete_organization_user"

Step = httpx2.Response | Exception
#: a step: no answer comes
NEVER = httpx2.Response(599)


class Calcom:
    """Plays back one step a request, and remembers requests, waits and the budget's clock."""

    def __init__(self, *steps: Step) -> None:
        self.steps = list(steps)
        self.requests: list[httpx2.Request] = []
        self.slept: list[float] = []
        self.now = 0.0
        #: seconds that passed for threads though nobody waited
        self.late = 0.0
        self.budget = LocalBudget(per_minute=60, burst=100, clock=lambda: self.now)

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        step = self._step(request)
        if step is NEVER:  # as a transport does whose every wait is bounded
            self.late += request.extensions["timeout"]["read"]
            raise httpx2.ReadTimeout("no answer")
        return httpx2.Response(step.status_code, headers=step.headers, content=step.content)

    async def answer_async(self, request: httpx2.Request) -> httpx2.Response:
        step = self._step(request)
        if step is NEVER:
            later(3600)
            await asyncio.Event().wait()
        return httpx2.Response(step.status_code, headers=step.headers, content=step.content)

    def _step(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        step = self.steps.pop(0)
        if isinstance(step, Exception):
            raise step
        return step

    def monotonic(self) -> float:
        return time.monotonic() + self.late

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        self.late += seconds

    async def sleep_async(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        later(seconds)
        await asyncio.sleep(0)


Call = Callable[..., Reply]


def call_sync(calcom: Calcom, tool: str, /, max_wait: float = 120.0, total: float = 60.0, **arguments: Any) -> Reply:
    with (
        pytest.MonkeyPatch.context() as patch,
        Client(
            ACME,
            calcom.budget,
            transport=httpx2.MockTransport(calcom.answer),
            sleep=calcom.sleep,
            max_wait=max_wait,
            timeouts=Timeouts(read=600.0, total=total),
        ) as client,
    ):
        patch.setattr("workers.calcom.deadline.time", calcom)
        return client.call(tool, arguments)


def call_async(calcom: Calcom, tool: str, /, max_wait: float = 120.0, total: float = 60.0, **arguments: Any) -> Reply:
    async def run() -> Reply:
        async with AsyncClient(
            ACME,
            calcom.budget,
            transport=httpx2.MockTransport(calcom.answer_async),
            sleep=calcom.sleep_async,
            max_wait=max_wait,
            timeouts=Timeouts(total=total),
        ) as client:
            return await client.call(tool, arguments)

    return asyncio.run(run())


@pytest.fixture(params=[call_sync, call_async], ids=["Client", "AsyncClient"])
def call(request: pytest.FixtureRequest) -> Call:
    found: Call = request.param
    return found


@pytest.fixture(autouse=True)
def no_pauses() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3, cap=True):
        yield


def ok(data: Any = None, status: int = 200, headers: dict[str, str] | None = None) -> httpx2.Response:
    return httpx2.Response(status, json={"status": "success", "data": data}, headers=headers)


def failed(status: int, message: str = "m", headers: dict[str, str] | None = None) -> httpx2.Response:
    body = {"status": "error", "error": {"code": "X", "message": message}}
    return httpx2.Response(status, json=body, headers=headers)


def test_a_call_is_checked_sent_and_answered(call: Call) -> None:
    calcom = Calcom(ok({"id": 5}, 201))

    reply = call(calcom, USER_CREATE, email="ann@example.com")

    request = calcom.requests[0]
    assert (request.method, str(request.url)) == ("POST", "https://api.cal.com/v2/organizations/1/users")
    assert request.headers["authorization"] == "Bearer cal_live_0123456789"
    assert json.loads(request.content) == {"email": "ann@example.com"}
    assert reply.data == {"id": 5}
    assert not reply.repeated


def test_nothing_is_sent_for_wrong_arguments_or_an_unknown_tool(call: Call) -> None:
    calcom = Calcom()

    with pytest.raises(BadArguments):
        call(calcom, USER_CREATE)
    with pytest.raises(NotFound):
        call(calcom, "cal_organizations_nothing")
    assert calcom.requests == []


def test_a_filter_s_keys_are_repeated_and_commas_kept(call: Call) -> None:
    calcom = Calcom(ok([]), ok([]))

    call(calcom, USERS, emails=["a+b@example.com", "c@example.com"], take=5)
    call(calcom, USERS, teamIds=[1, 2], take=5)

    assert calcom.requests[0].url.params.get_list("emails") == ["a+b@example.com", "c@example.com"]
    assert calcom.requests[1].url.params["teamIds"] == "1,2"


def test_pages_are_walked(call: Call) -> None:
    first = [{"id": number} for number in range(250)]
    calcom = Calcom(ok(first), ok([{"id": 249}, {"id": 250}]))

    reply = call(calcom, USERS)

    assert [request.url.params["skip"] for request in calcom.requests] == ["0", "250"]
    assert len(reply.data) == 251


@pytest.mark.parametrize(
    "trouble",
    [
        failed(500),
        failed(502),
        httpx2.Response(504, html="<html>Gateway</html>"),
        httpx2.Response(200, html="<html>Welcome</html>"),
        httpx2.ReadTimeout("slow"),
        httpx2.ConnectTimeout("slow"),
        httpx2.ReadError("cut"),
        httpx2.RemoteProtocolError("cut"),
        httpx2.DecodingError("zip"),
    ],
    ids=repr,
)
def test_a_read_is_sent_again_after_trouble(call: Call, trouble: Step) -> None:
    calcom = Calcom(trouble, ok([{"id": 1}]))

    assert call(calcom, USERS, take=1).data == [{"id": 1}]
    assert len(calcom.requests) == 2


def test_a_read_is_given_up_after_three_attempts(call: Call) -> None:
    calcom = Calcom(failed(500), failed(500), failed(503, "last"))

    with pytest.raises(CalcomUnavailable, match="last"):
        call(calcom, USERS)
    assert len(calcom.requests) == 3


def test_what_might_happen_twice_is_never_sent_again(call: Call) -> None:
    calcom = Calcom(httpx2.ReadTimeout("slow"))

    with pytest.raises(CalcomUnavailable) as caught:
        call(calcom, USER_CREATE, email="ann@example.com")
    assert len(calcom.requests) == 1
    assert caught.value.sent


def test_a_delete_whose_answer_was_lost_is_done_when_the_thing_is_gone(call: Call) -> None:
    reply = call(Calcom(failed(502), failed(403)), USER_DELETE, userId=5)

    assert reply.repeated


@pytest.mark.parametrize(
    "trouble", [httpx2.ConnectError("refused"), httpx2.ConnectTimeout("slow"), httpx2.PoolTimeout("full")]
)
def test_what_never_left_is_always_sent_again(call: Call, trouble: Step) -> None:
    calcom = Calcom(trouble, trouble, ok({"id": 1}, 201))

    assert call(calcom, USER_CREATE, email="ann@example.com").data == {"id": 1}


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422])
def test_a_refusal_is_not_argued_with(call: Call, status: int) -> None:
    calcom = Calcom(failed(status))

    with pytest.raises(Exception, match=f"answered {status}"):
        call(calcom, USERS)
    assert len(calcom.requests) == 1


def test_a_redirect_is_not_followed(call: Call) -> None:
    calcom = Calcom(httpx2.Response(302, headers={"location": "https://evil.example.com/"}))

    with pytest.raises(Rejected, match="base URL is probably wrong"):
        call(calcom, USERS)
    assert len(calcom.requests) == 1


def test_a_429_halts_the_budget_and_the_call_is_sent_again_even_a_creation(call: Call) -> None:
    calcom = Calcom(failed(429, headers={"X-RateLimit-Reset-Default": "42"}), ok({"id": 1}, 201))

    assert call(calcom, USER_CREATE, email="ann@example.com").data == {"id": 1}
    assert sum(calcom.slept) == 42


def test_a_429_that_would_last_too_long_is_given_up_with_the_time(call: Call) -> None:
    calcom = Calcom(failed(429, headers={"X-RateLimit-Reset-Default": "600"}))

    with pytest.raises(RateLimited) as caught:
        call(calcom, USERS)
    assert caught.value.after == 600
    assert sum(calcom.slept) == 0


def test_waits_of_one_call_add_up_to_no_more_than_it_may_wait(call: Call) -> None:
    calcom = Calcom(*[failed(429, headers={"X-RateLimit-Reset-Default": "30"}) for _ in range(3)])

    with pytest.raises(RateLimited):
        call(calcom, USERS, max_wait=50.0)
    assert sum(calcom.slept) == 30
    assert len(calcom.requests) == 2


def test_a_budget_used_up_for_longer_than_a_call_may_wait_sends_nothing(call: Call) -> None:
    calcom = Calcom()
    calcom.budget.halt(300)

    with pytest.raises(RateLimited, match="not sent") as caught:
        call(calcom, USERS)
    assert caught.value.after == 300
    assert calcom.requests == []


def test_the_last_call_of_a_window_halts_the_next(call: Call) -> None:
    spent = {"X-RateLimit-Remaining-Default": "0", "X-RateLimit-Reset-Default": "17"}
    calcom = Calcom(ok([], headers=spent), ok([]))

    call(calcom, USERS)
    call(calcom, USERS)

    assert sum(calcom.slept) == 17


def test_an_answer_too_large_is_not_read(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rim, "LARGEST_ANSWER", 1024 * 1024)
    big = httpx2.Response(200, content=b" " * (1024 * 1024 + 1))

    with pytest.raises(CalcomUnavailable, match="more than 1 MiB"):
        call(Calcom(big, big, big), USERS)


def test_a_call_ends_when_its_time_is_up_and_may_have_been_done(call: Call) -> None:
    calcom = Calcom(NEVER)

    with capture_logs() as logs, pytest.raises(CalcomUnavailable, match="may have been done") as caught:
        call(calcom, USER_CREATE, email="ann@example.com")

    assert caught.value.sent
    assert len(calcom.requests) == 1
    assert [line["event"] for line in logs] == ["calcom.failed"]


def test_a_read_is_not_sent_again_when_the_time_is_up(call: Call) -> None:
    calcom = Calcom(failed(500), NEVER, ok([]))

    with pytest.raises(CalcomUnavailable, match="repeats and pages included"):
        call(calcom, USERS)
    assert len(calcom.requests) == 2


def test_a_pause_before_sending_again_ends_with_the_time(call: Call) -> None:
    calcom = Calcom(failed(500), ok([]))
    began = time.monotonic()

    with stamina.set_testing(False), pytest.raises(CalcomUnavailable, match="repeats and pages included"):
        call(calcom, USERS, total=0.1)
    assert time.monotonic() - began < 0.45
    assert len(calcom.requests) == 1


def test_all_pages_of_a_list_share_the_time(call: Call) -> None:
    calcom = Calcom(ok([{"id": number} for number in range(250)]), NEVER)

    with pytest.raises(CalcomUnavailable, match="repeats and pages included"):
        call(calcom, USERS)
    assert len(calcom.requests) == 2


def test_where_the_time_was_up_before_anything_was_sent_nothing_was(call: Call) -> None:
    calcom = Calcom()

    with pytest.raises(CalcomUnavailable, match="nothing was sent") as caught:
        call(calcom, USER_CREATE, total=0.0, email="ann@example.com")
    assert not caught.value.sent
    assert calcom.requests == []


def test_waiting_for_the_budget_is_not_part_of_a_calls_time(call: Call) -> None:
    calcom = Calcom(ok({"id": 1}, 201))
    calcom.budget.halt(90)

    assert call(calcom, USER_CREATE, total=60.0, email="ann@example.com").data == {"id": 1}
    assert calcom.slept == [90]


def test_the_log_says_what_was_called_and_nothing_else(call: Call, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with capture_logs() as logs:
        call(Calcom(ok([], headers={"X-Request-Id": "r-1"})), USERS, emails=["ann@example.com"])
        with pytest.raises(Rejected):
            call(Calcom(failed(400, "cal_live_0123456789 ann@example.com")), USERS, emails=["ann@example.com"])

    assert [line["event"] for line in logs] == ["calcom.answered", "calcom.failed"]
    assert logs[0].items() >= {"tool": USERS, "pcid": "acme", "status": 200, "request_id": "r-1"}.items()
    assert logs[1].items() >= {"error": "rejected", "status": 400}.items()
    everything = f"{logs} {caplog.text}"
    assert "ann@" not in everything
    assert "ann%40" not in everything
    assert "cal_live" not in everything
