"""What every client of Cal.com has to do, run on both against a real HTTP server on loopback."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import stamina
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from tests.clocks import Clock
from tests.conftest import PATIENCE
from workers.calcom.budget import LocalBudget
from workers.calcom.client import AsyncClient, Client
from workers.calcom.connection import BearerKey, ClientCredentials, Connection, Credential
from workers.calcom.requests import Reply
from workers.calcom.rim import Timeouts
from workers.calcom.tool import Place, Tool
from workers.calcom.tools import TOOLS
from workers.errors import CalcomUnavailable, Missing, RateLimited, Rejected, Unauthorized

CONTRACT: dict[str, Any] = {
    tool["tool"]: tool for tool in json.loads((Path(__file__).parent / "tools.json").read_text())
}
USERS = "cal_organizations_users_controller_get_organizations_users"
USER_CREATE = "cal_organizations_users_controller_create_organization_user"
USER_DELETE = "cal_organizations_users_controller_delete_organization_user"
ATTRIBUTE = "cal_organizations_attributes_controller_get_organization_attribute"

#: a value for each parameter a tool cannot do without, and for some it can
SAMPLES: dict[str, Any] = {
    "userId": 5,
    "membershipId": 77,
    "managedOrganizationId": 901,
    "oooId": 42,
    "attributeId": "3f2b8c1e-6a53-4f0e-9d1b-2a9d6f0c7b11",
    "optionId": "9a7d2c44-1b0e-4c8f-8a32-5f6e7d8c9b01",
    "attributeOptionId": "9a7d2c44-1b0e-4c8f-8a32-5f6e7d8c9b01",
    "credentialId": "d3b07384-d9a0-4f5c-8f5e-1c2d3e4f5a6b",
    "webhookId": "7f1c2a52-3b6e-4a1c-9a55-0d7a2c3f9a10",
    "name": "Department",
    "slug": "department",
    "value": "Sales",
    "type": "SINGLE_SELECT",
    "options": [{"value": "Sales", "slug": "sales"}],
    "domain": "example.com",
    "workspacePlatformSlug": "google",
    "serviceAccountKey": {"private_key": "k", "client_email": "c@example.com", "client_id": "1"},
    "role": "MEMBER",
    "email": "ann@example.com",
    "start": "2026-02-02",
    "end": "2026-02-06",
    "active": True,
    "subscriberUrl": "https://hooks.example.com/cal",
    "triggers": ["BOOKING_CREATED", "BOOKING_CANCELLED"],
}

Call = Callable[..., Reply]
#: longer than a busy machine takes for anything here
UNHURRIED = Timeouts(PATIENCE, PATIENCE, PATIENCE)
#: of these the time between two pieces of an answer is soon up
IMPATIENT = Timeouts(PATIENCE, 0.3, PATIENCE)
#: of these only the time of a whole call is ever up
IN_ALL = Timeouts(10 * PATIENCE, 10 * PATIENCE, PATIENCE)


def client_of(base_url: str, credential: Credential, timeouts: Timeouts = UNHURRIED) -> Client:
    return Client(Connection("acme", base_url, 1, credential), LocalBudget(), timeouts=timeouts)


def call_sync(connection: Connection, timeouts: Timeouts, tool: str, arguments: dict[str, Any]) -> Reply:
    with Client(connection, LocalBudget(), timeouts=timeouts) as client:
        return client.call(tool, arguments)


def call_async(connection: Connection, timeouts: Timeouts, tool: str, arguments: dict[str, Any]) -> Reply:
    async def run() -> Reply:
        async with AsyncClient(connection, LocalBudget(), timeouts=timeouts) as client:
            return await client.call(tool, arguments)

    return asyncio.run(run())


@pytest.fixture(params=[call_sync, call_async], ids=["Client", "AsyncClient"])
def call(request: pytest.FixtureRequest) -> Call:
    def with_key(
        base_url: str,
        tool: str,
        credential: Credential | None = None,
        timeouts: Timeouts = UNHURRIED,
        **arguments: Any,
    ) -> Reply:
        connection = Connection("acme", base_url, 1, credential or BearerKey("cal_test"))
        found: Reply = request.param(connection, timeouts, tool, arguments)
        return found

    return with_key


@pytest.fixture(autouse=True)
def no_pauses() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3, cap=True):
        yield


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def base(server: HTTPServer) -> str:
    """The server's base URL, as Cal.com's ends."""
    return server.url_for("/v2")


def arguments_of(tool: Tool) -> dict[str, Any]:
    """The least a tool can be called with."""
    given = {p.name: SAMPLES[p.name] for p in tool.params if p.required and p.name != "orgId"}
    if tool.rules and "value" in {param.name for param in tool.params}:
        given["value"] = "Sales"
    return given


@pytest.mark.parametrize("tool", TOOLS.values(), ids=[name[18:] for name in TOOLS])
def test_every_tool_is_called_as_documented_and_its_answer_read(call: Call, httpserver: HTTPServer, tool: Tool) -> None:
    known = CONTRACT[tool.name]
    given = arguments_of(tool)
    path = known["path"].replace("{orgId}", "1")
    for param in tool.params:
        if param.place is Place.PATH:
            path = path.replace(f"{{{param.name}}}", str(given.get(param.name)))
    seen: list[Any] = []

    def answer(request: Request) -> Response:
        seen.append(request.get_json() if request.data else None)
        return Response(json.dumps(known["response_example"]), known["success_status"], content_type="application/json")

    httpserver.expect_oneshot_request(
        path, method=known["method"], headers={"Authorization": "Bearer cal_test"}
    ).respond_with_handler(answer)

    reply = call(base(httpserver), tool.name, **given)

    assert reply.json == known["response_example"]
    assert reply.status == known["success_status"]
    assert set(seen[0] or {}) == {name for name in known["body"] if name in given}


def test_a_platform_client_shows_both_its_headers(call: Call, httpserver: HTTPServer) -> None:
    httpserver.expect_oneshot_request(
        "/v2/organizations/1/users",
        headers={"x-cal-client-id": "id-1", "x-cal-secret-key": "secret-1"},
    ).respond_with_json({"status": "success", "data": []})

    assert call(base(httpserver), USERS, ClientCredentials("id-1", "secret-1")).data == []
    assert "Authorization" not in httpserver.log[0][0].headers


def test_pages_are_walked_over_the_wire(call: Call, httpserver: HTTPServer) -> None:
    def answer(request: Request) -> Response:
        skip, take = int(request.args["skip"]), int(request.args["take"])
        rows = [{"id": number} for number in range(skip, min(skip + take, 620))]
        return Response(json.dumps({"status": "success", "data": rows}), content_type="application/json")

    httpserver.expect_request("/v2/organizations/1/users").respond_with_handler(answer)

    reply = call(base(httpserver), USERS)

    assert [row["id"] for row in reply.data] == list(range(620))
    assert len(httpserver.log) == 3


def test_a_429_and_then_success_is_success(call: Call, httpserver: HTTPServer) -> None:
    path = "/v2/organizations/1/users"
    httpserver.expect_ordered_request(path).respond_with_json(
        {"status": "error", "error": {"code": "ThrottlerException", "message": "Too many"}},
        status=429,
        headers={"X-RateLimit-Reset-Default": "1", "X-RateLimit-Remaining-Default": "0"},
    )
    httpserver.expect_ordered_request(path).respond_with_json({"status": "success", "data": {"id": 5}}, status=201)

    assert call(base(httpserver), USER_CREATE, email="ann@example.com").data == {"id": 5}


def test_a_429_for_an_hour_is_handed_on(call: Call, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/v2/organizations/1/users").respond_with_data(
        "slow down", status=429, headers={"X-RateLimit-Reset-Default": "3000"}
    )

    with pytest.raises(RateLimited) as caught:
        call(base(httpserver), USERS)
    assert caught.value.after == 3000


@pytest.mark.parametrize("status", [200, 502])
def test_a_page_of_html_is_no_answer(call: Call, httpserver: HTTPServer, status: int) -> None:
    httpserver.expect_request("/v2/organizations/1/users").respond_with_data(
        "<html>edge</html>", status=status, content_type="text/html"
    )

    with pytest.raises(CalcomUnavailable):
        call(base(httpserver), USERS)
    assert len(httpserver.log) == 3


def test_a_wrong_key_is_told(call: Call, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/v2/organizations/1/users").respond_with_json(
        {"status": "error", "error": {"code": "UnauthorizedException", "message": "CustomThrottlerGuard"}},
        status=401,
        headers={"X-Request-Id": "r-9"},
    )

    with pytest.raises(Unauthorized) as caught:
        call(base(httpserver), USERS)
    assert caught.value.request_id == "r-9"


def test_a_redirect_is_not_followed(call: Call, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/v2/organizations/1/users").respond_with_data(
        status=308, headers={"Location": httpserver.url_for("/elsewhere")}
    )

    with pytest.raises(Rejected, match="base URL"):
        call(base(httpserver), USERS)
    assert len(httpserver.log) == 1


def test_an_attribute_that_is_null_is_missing(call: Call, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/v2/organizations/1/attributes/a1").respond_with_json(
        {"status": "success", "data": None}
    )

    with pytest.raises(Missing):
        call(base(httpserver), ATTRIBUTE, attributeId="a1")


@contextmanager
def server_of_bytes(
    *answers: bytes | None, drip: bytes = b"", dripped: Callable[[], object] = lambda: None
) -> Iterator[tuple[str, list[bytes]]]:
    """A server that reads one request a connection, sends those bytes and cuts; None: it never answers.

    With `drip` it does not cut, but sends that again and again for as long as it is listened to; `dripped` is called
    once, when it has done so for a while.
    """
    received: list[bytes] = []
    drops = 0
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)

        def serve() -> None:
            nonlocal drops
            waiting = list(answers)
            while waiting and not over.is_set():
                try:
                    connection, _address = listener.accept()
                except TimeoutError:
                    continue
                answer = waiting.pop(0)
                with connection:
                    received.append(connection.recv(65536))
                    if answer is None:
                        over.wait(2 * PATIENCE)
                    else:
                        connection.sendall(answer)
                    with suppress(OSError):
                        while drip and not over.wait(0.01):
                            connection.sendall(drip)
                            drops += 1
                            if drops == 5:
                                dripped()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/v2", received
        finally:
            over.set()
            thread.join(PATIENCE)


HALF = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5000000\r\n\r\n{"status": "succ'
WHOLE = b'HTTP/1.1 200 OK\r\nContent-Length: 32\r\nConnection: close\r\n\r\n{"status": "success", "data": 1}'
GONE = (
    b"HTTP/1.1 403 Forbidden\r\nContent-Length: 53\r\nConnection: close\r\n\r\n"
    b'{"status":"error","error":{"code":"F","message":"m"}}'
)


@pytest.mark.parametrize("cut", [b"", b"HTTP/1.1 200", HALF, b"not http at all\r\n\r\n"])
def test_a_read_whose_answer_is_cut_is_asked_again(call: Call, cut: bytes) -> None:
    with server_of_bytes(cut, WHOLE) as (url, received):
        assert call(url, USERS, take=1).data == 1
    assert len(received) == 2


@pytest.mark.parametrize("cut", [b"", HALF, None])
def test_a_creation_whose_answer_is_lost_is_not_asked_again(
    call: Call, cut: bytes | None, eventually: Callable[..., None]
) -> None:
    with server_of_bytes(cut, WHOLE) as (url, received):
        with pytest.raises(CalcomUnavailable) as caught:
            call(url, USER_CREATE, timeouts=IMPATIENT if cut is None else UNHURRIED, email="ann@example.com")
        assert caught.value.sent
        eventually(lambda: received, what="the request")
        assert len(received) == 1


def test_a_deletion_whose_answer_is_lost_is_done_when_the_thing_is_gone(call: Call) -> None:
    with server_of_bytes(HALF, GONE) as (url, received):
        assert call(url, USER_DELETE, userId=5).repeated
    assert len(received) == 2


def test_an_answer_that_says_it_is_huge_is_not_waited_for(call: Call) -> None:
    huge = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n{"
    with server_of_bytes(huge, huge, huge) as (url, _), pytest.raises(CalcomUnavailable, match="32 MiB"):
        call(url, USERS)


def test_a_server_that_is_not_there_was_never_reached(call: Call) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/v2"
    with pytest.raises(CalcomUnavailable, match="nothing was sent") as caught:
        call(url, USER_CREATE, email="ann@example.com")
    assert not caught.value.sent


@pytest.mark.parametrize(
    ("begun", "drip"),
    [
        (b"HTTP/1.1 200 O", b"K"),
        (b"HTTP/1.1 200 OK\r\nx-slow: ", b"a"),
        (b"HTTP/1.1 200 OK\r\n", b"x-more: a\r\n"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (HALF, b" "),
    ],
)
def test_an_answer_that_drips_in_for_ever_is_given_up_and_not_asked_for_again(
    call: Call, begun: bytes, drip: bytes, clock: Clock
) -> None:
    with server_of_bytes(begun, begun, drip=drip, dripped=lambda: clock.forward(PATIENCE)) as (url, received):
        with pytest.raises(CalcomUnavailable, match="no answer within 60 s"):
            call(url, USERS, timeouts=IN_ALL)
        assert len(received) == 1


def test_a_client_whose_call_was_given_up_can_call_again(clock: Clock) -> None:
    with (
        server_of_bytes(HALF, WHOLE, drip=b" ", dripped=lambda: clock.forward(PATIENCE)) as (url, _),
        client_of(url, BearerKey("cal_test"), IN_ALL) as client,
    ):
        with pytest.raises(CalcomUnavailable):
            client.call(USERS, {"take": 1})
        assert client.call(USERS, {"take": 1}).data == 1


def test_threads_share_a_client() -> None:
    everyone = threading.Barrier(4)

    def answer(_request: Request) -> Response:
        everyone.wait(PATIENCE)  # nobody is answered before all have asked
        return Response(json.dumps({"status": "success", "data": 1}), content_type="application/json")

    with HTTPServer(threaded=True) as server, ThreadPoolExecutor(4) as threads:
        server.expect_request("/v2/organizations/1/users").respond_with_handler(answer)
        with client_of(base(server), BearerKey("cal_test")) as client:
            replies = [threads.submit(client.call, USERS, {"take": 1}) for _ in range(4)]
            assert [reply.result().data for reply in replies] == [1, 1, 1, 1]


def test_ctrl_c_ends_a_call_that_is_waited_for() -> None:
    with server_of_bytes(None) as (url, received):

        def interrupt() -> None:
            while not received:
                time.sleep(0.01)
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

        threading.Thread(target=interrupt, daemon=True).start()
        unhurried = Timeouts(read=600.0, total=600.0)
        with pytest.raises(KeyboardInterrupt), client_of(url, BearerKey("cal_test"), unhurried) as client:
            client.call(USERS, {"take": 1})
