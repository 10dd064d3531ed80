"""`http` steps against a real server on loopback: what is sent, what an answer means, and where nothing is sent."""

from __future__ import annotations

import datetime as dt
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import SecretStr
from pytest_httpserver import HTTPServer
from standardwebhooks import Webhook
from werkzeug import Request, Response

from tests.clocks import Clock
from tests.conftest import PATIENCE
from workers.actions.http import HttpStep
from workers.actions.kind import Again, Call, Done, Lost, Outcome, Refused
from workers.settings import Settings

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
EVENT = {"id": "e1", "trigger": "BOOKING_PAID", "title": "Häuser", "payload": {"secret": "x"}}


def step(*allow: str) -> HttpStep:
    return HttpStep(Settings(signing_secret=SecretStr(SECRET), http_allow=allow or ("127.0.0.1",)))


def send(url: str, *, kind: HttpStep | None = None, seconds: float = 20.0, **more: Any) -> Outcome:
    values = {"http": url, **more}
    reached = datetime(2026, 11, 23, tzinfo=UTC)
    call = Call("k.do.s", "paid", "s", "acme", values, EVENT, reached, seconds=seconds)
    return (kind or step()).perform(call, None)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def httpserver_listen_address() -> tuple[str, int]:
    """By address, not by the name `localhost`."""
    return "127.0.0.1", 0


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Make names lead to addresses, in turn where there are several tuples of them; gives what was asked for."""

    def lead(**found: list[tuple[str, ...]]) -> list[str]:
        asked: list[str] = []
        real = socket.getaddrinfo

        def getaddrinfo(host: Any, port: Any, *more: Any, **others: Any) -> Any:
            name = host.decode() if isinstance(host, bytes) else host
            if name not in found:
                return real(host, port, *more, **others)
            asked.append(name)
            addresses = found[name].pop(0) if len(found[name]) > 1 else found[name][0]
            return [
                (socket.AF_INET6 if ":" in a else socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, port))
                for a in addresses
            ]

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        return asked

    return lead


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@contextmanager
def served(*answer: bytes, held: Callable[[], object] | None = None) -> Iterator[tuple[str, list[bytes]]]:
    """A server that reads a request and writes exactly these bytes; with `held` it calls that, and says no more."""
    received: list[bytes] = []
    over = threading.Event()

    def serve() -> None:
        with listener:
            connection, _ = listener.accept()
            with connection:
                received.append(connection.recv(65536))
                for piece in answer:
                    connection.sendall(piece)
                if held is not None:
                    held()
                    over.wait(2 * PATIENCE)

    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/x", received
    finally:
        over.set()
        thread.join(PATIENCE)


def test_the_event_without_its_payload_is_sent_signed_under_the_steps_key(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/hook", method="POST").respond_with_json({"ok": True}, headers={"X-Run": "7"})

    done = send(httpserver.url_for("/hook"))

    request, _ = httpserver.log[0]
    body = Webhook(SECRET).verify(request.data, dict(request.headers))
    event = {"id": "e1", "trigger": "BOOKING_PAID", "title": "Häuser"}
    assert body == {"rule": "paid", "step": "s", "event": event}
    assert request.headers["webhook-id"] == "k.do.s"
    assert request.headers["content-type"] == "application/json"
    assert isinstance(done, Done)
    assert (done.output["status"], done.output["body"], done.output["headers"]["x-run"]) == (200, {"ok": True}, "7")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_method_headers_and_body_are_as_given(httpserver: HTTPServer, method: str) -> None:
    httpserver.expect_request("/hook", method=method).respond_with_data("thanks")

    done = send(
        httpserver.url_for("/hook?a=1"),
        method=method,
        body={"text": "Grüße"},
        headers={"Authorization": "Bearer x", "X-N": 5},
    )

    request, _ = httpserver.log[0]
    assert request.data == '{"text":"Grüße"}'.encode()
    assert (request.headers["authorization"], request.headers["x-n"]) == ("Bearer x", "5")
    assert request.query_string == b"a=1"
    assert isinstance(done, Done)
    assert done.output["body"] == "thanks"


@pytest.mark.parametrize(("body", "sent", "kind"), [("Hello", b"Hello", "text/plain"), (None, b"", "application/json")])
def test_a_text_is_sent_as_it_is_and_null_is_nothing(httpserver: HTTPServer, body: Any, sent: bytes, kind: str) -> None:
    httpserver.expect_request("/hook").respond_with_data("")

    assert isinstance(send(httpserver.url_for("/hook"), body=body), Done)

    request, _ = httpserver.log[0]
    assert request.data == sent
    assert request.headers["content-type"].startswith(kind)


@pytest.mark.parametrize(
    ("status", "headers", "kind"),
    [
        (201, {}, Done),
        (204, {}, Done),
        (301, {"Location": "/elsewhere"}, Refused),
        (307, {"Location": "/elsewhere"}, Refused),
        (400, {}, Refused),
        (404, {}, Refused),
        (410, {}, Refused),
        (408, {}, Lost),
        (425, {}, Again),
        (429, {"Retry-After": "7"}, Again),
        (500, {}, Lost),
        (502, {}, Lost),
        (503, {}, Lost),
        (503, {"Retry-After": "7"}, Again),
        (504, {}, Lost),
    ],
)
def test_what_each_status_means(httpserver: HTTPServer, status: int, headers: dict[str, str], kind: type) -> None:
    httpserver.expect_request("/hook").respond_with_data("", status=status, headers=headers)
    httpserver.expect_request("/elsewhere").respond_with_data("")

    outcome = send(httpserver.url_for("/hook"))

    assert isinstance(outcome, kind)
    assert [request.path for request, _ in httpserver.log] == ["/hook"]
    if isinstance(outcome, Again) and headers:
        assert outcome.after == 7.0


def test_the_reason_of_a_refusal_is_told_without_what_is_secret_in_the_request(httpserver: HTTPServer) -> None:
    def refuse(request: Request) -> Response:
        said = f"no hook {request.path} for ann@acme.example with {request.headers['authorization']}"
        return Response('{"message": "' + said + '"}', status=404)

    httpserver.expect_request("/hooks/T000/s3cr3t").respond_with_handler(refuse)

    refused = send(httpserver.url_for("/hooks/T000/s3cr3t"), headers={"Authorization": "Bearer t0p4"})

    assert isinstance(refused, Refused)
    assert 'answered 404 "no hook /hooks/[hidden]/[hidden] for [e-mail] with [hidden]"' in refused.reason


@pytest.mark.parametrize(
    ("body", "headers", "output"),
    [
        (b'{"a": [1]}', {}, {"a": [1]}),
        (b"null", {}, None),
        (b"", {}, ""),
        (b"\xff\x00a", {}, "\ufffd\ufffda"),
        (b"[" * 30_000, {}, "[" * 30_000),
        (b"\x1f\x8bxx", {"Content-Encoding": "gzip"}, None),
        (b"x" * 200_000, {}, "x" * 65_536),
    ],
    ids=["json", "null", "empty", "bytes", "deep", "packed", "long"],
)
def test_any_answer_is_output(httpserver: HTTPServer, body: bytes, headers: dict[str, str], output: Any) -> None:
    httpserver.expect_request("/hook").respond_with_data(body, headers={**headers, "Set-Cookie": "a=s3cr3t"})

    done = send(httpserver.url_for("/hook"))

    assert isinstance(done, Done)
    assert done.output["body"] == output
    assert "s3cr3t" not in str(done.output)


def test_no_cookie_is_kept_for_the_next_call(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/hook").respond_with_data("", headers={"Set-Cookie": "a=b"})
    kind = step()

    send(httpserver.url_for("/hook"), kind=kind)
    send(httpserver.url_for("/hook"), kind=kind)

    assert all("cookie" not in request.headers for request, _ in httpserver.log)


def test_no_proxy_of_the_environment_is_used(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    httpserver.expect_request("/hook").respond_with_data("")

    assert isinstance(send(httpserver.url_for("/hook")), Done)


def test_a_connection_that_is_refused_is_tried_again() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        outcome = send(f"http://127.0.0.1:{free.getsockname()[1]}/x")

    assert isinstance(outcome, Again)
    assert "nothing was sent" in outcome.reason


def test_a_name_that_is_none_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)

    assert send("https://hooks.example/x") == Again("hooks.example cannot be found by name.")


@pytest.mark.parametrize(
    "answer",
    [
        (),
        (b"HTTP/1.1 200 OK\r\ncontent-le",),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc",),
        (b"not http at all\r\n\r\n",),
    ],
    ids=["nothing", "half of the headers", "half of the body", "no http"],
)
def test_an_answer_that_is_none_or_breaks_off_is_lost(answer: tuple[bytes, ...]) -> None:
    with served(*answer) as (url, received):
        outcome = send(url)

    assert isinstance(outcome, Lost)
    assert "may have taken it" in outcome.reason
    assert received[0].startswith(b"POST /x HTTP/1.1\r\n")


@pytest.mark.parametrize(
    "answer", [(), (b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc",)], ids=["silence", "half of the body"]
)
def test_who_does_not_answer_in_time_is_lost(answer: tuple[bytes, ...], clock: Clock) -> None:
    with served(*answer, held=lambda: clock.forward(60.0)) as (url, _):
        by_step = send(url, timeout="59s", seconds=60.0)
    with served(*answer, held=lambda: clock.forward(60.0)) as (url, _):
        by_lease = send(url, timeout="59s", seconds=58.0)

    assert isinstance(by_step, Lost)
    assert isinstance(by_lease, Lost)
    assert clock.asked == [59.0, 58.0]


def test_a_name_that_leads_inside_is_refused_and_nothing_is_sent(
    httpserver: HTTPServer, names: Callable[..., list[str]]
) -> None:
    httpserver.expect_request("/hook").respond_with_data("")
    url = f"http://hooks.example:{httpserver.port}/hook"
    nobody = HttpStep(Settings(signing_secret=SecretStr(SECRET)))

    for addresses in (("127.0.0.1",), ("93.184.215.14", "127.0.0.1"), ("::ffff:127.0.0.1",), ("169.254.169.254",)):
        names(**{"hooks.example": [addresses]})
        refused = send(url, kind=nobody)
        assert isinstance(refused, Refused)
        assert "DAYBOOK_HTTP_ALLOW" in refused.reason
    assert httpserver.log == []


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1"])
def test_loopback_in_odd_spellings_is_refused(httpserver: HTTPServer, host: str) -> None:
    nobody = HttpStep(Settings(signing_secret=SecretStr(SECRET)))

    assert isinstance(send(f"http://{host}:{httpserver.port}/hook", kind=nobody), Refused)
    assert httpserver.log == []


def test_the_name_is_looked_up_once_and_the_address_that_was_checked_is_connected_to(
    httpserver: HTTPServer, names: Callable[..., list[str]]
) -> None:
    httpserver.expect_request("/hook").respond_with_data("")
    asked = names(**{"hooks.example": [("127.0.0.1",), ("127.0.0.2",)]})

    assert isinstance(send(f"http://hooks.example:{httpserver.port}/hook"), Done)

    assert asked == ["hooks.example"]
    assert httpserver.log[0][0].headers["host"] == f"hooks.example:{httpserver.port}"


def test_of_several_addresses_the_first_that_answers_is_taken(
    httpserver: HTTPServer, names: Callable[..., list[str]]
) -> None:
    httpserver.expect_request("/hook").respond_with_data("")
    names(**{"hooks.example": [("127.0.0.9", "127.0.0.1")]})

    assert isinstance(send(f"http://hooks.example:{httpserver.port}/hook", kind=step("127.0.0.0/8")), Done)
    assert len(httpserver.log) == 1


@pytest.fixture
def certified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HTTPServer]:
    """An https server on loopback whose certificate is hooks.example's, and which this process trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hooks.example")])
    now = dt.datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("hooks.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "hooks.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    server = HTTPServer(host="127.0.0.1", ssl_context=context)
    server.start()
    yield server
    server.stop()


def test_the_certificate_has_to_be_the_names_though_the_connection_is_to_an_address(
    certified: HTTPServer, names: Callable[..., list[str]]
) -> None:
    certified.expect_request("/hook").respond_with_data("")
    names(**{"hooks.example": [("127.0.0.1",)], "other.example": [("127.0.0.1",)]})

    right = send(f"https://hooks.example:{certified.port}/hook")
    wrong = send(f"https://other.example:{certified.port}/hook")

    assert isinstance(right, Done)
    assert isinstance(wrong, Again)
    assert "certificate" in wrong.reason
    assert len(certified.log) == 1
    assert ipaddress.ip_address(certified.host).is_loopback
