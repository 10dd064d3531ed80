"""What `Client`'s own transport has to do: TLS, proxies, and an end to waiting in each of them."""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
import stamina

from workers.calcom.budget import LocalBudget
from workers.calcom.client import Client
from workers.calcom.connection import BearerKey, Connection
from workers.calcom.requests import Reply
from workers.calcom.rim import Timeouts
from workers.errors import CalcomUnavailable

USERS = "cal_organizations_users_controller_get_organizations_users"
ANSWER = b'HTTP/1.1 200 OK\r\nContent-Length: 32\r\n\r\n{"status": "success", "data": 1}'
HALF = b'HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n{"status": "succ'
TUNNEL = b"HTTP/1.1 200 Connection established\r\n\r\n"
#: the beginning of a record of TLS that says it is 16 KiB long
RECORD = b"\x16\x03\x03\x40\x00"

Serve = Callable[[socket.socket], None]


@contextmanager
def server(serve: Serve) -> Iterator[int]:
    """A server that hands each connection to `serve` in a thread; its port."""
    over = threading.Event()
    open_sockets: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)

        def guarded(connection: socket.socket) -> None:
            with connection, suppress(OSError):
                serve(connection)

        def accept() -> None:
            while not over.is_set():
                with suppress(TimeoutError):
                    connection, _address = listener.accept()
                    open_sockets.append(connection)
                    threading.Thread(target=guarded, args=(connection,), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            over.set()
            thread.join(10)
            for one in open_sockets:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)


def answers(answer: bytes = ANSWER, drip: bytes = b"") -> Serve:
    """Answers every request; with `drip` only one, and sends that on and on."""

    def serve(connection: socket.socket) -> None:
        while connection.recv(65536):
            connection.sendall(answer)
            while drip:
                connection.sendall(drip)
                time.sleep(0.01)

    return serve


def drips(begun: bytes) -> Serve:
    """Says that, and then one byte after the other."""

    def serve(connection: socket.socket) -> None:
        connection.sendall(begun)
        while True:
            connection.sendall(b"a")
            time.sleep(0.01)

    return serve


def within(tls: ssl.SSLContext, serve: Serve) -> Serve:
    """The same, encrypted."""

    def encrypted(connection: socket.socket) -> None:
        with tls.wrap_socket(connection, server_side=True) as inside:
            serve(inside)

    return encrypted


def tunnel(asked: list[bytes]) -> Serve:
    """A proxy: does CONNECT, and passes on what comes from either side."""

    def serve(connection: socket.socket) -> None:
        asked.append(connection.recv(65536))
        port = int(asked[-1].split()[1].rpartition(b":")[2])
        with socket.create_connection(("127.0.0.1", port)) as target:
            connection.sendall(TUNNEL)
            threading.Thread(target=pass_on, args=(target, connection), daemon=True).start()
            pass_on(connection, target)

    def pass_on(one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while piece := one.recv(65536):
                other.sendall(piece)

    return serve


def client_of(port: int, scheme: str = "https", connect: float = 5.0, total: float = 10.0) -> Client:
    connection = Connection("acme", f"{scheme}://127.0.0.1:{port}/v2", 1, BearerKey("cal_test"))
    return Client(connection, LocalBudget(), timeouts=Timeouts(connect=connect, total=total))


def read(client: Client) -> Reply:
    with client:
        return client.call(USERS, {"take": 1})


@pytest.fixture(autouse=True)
def no_pauses() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3, cap=True):
        yield


@pytest.mark.usefixtures("_trusted")
def test_calls_over_tls_share_a_connection(server_tls: ssl.SSLContext) -> None:
    connections = 0

    def counted(connection: socket.socket) -> None:
        nonlocal connections
        connections += 1
        answers()(connection)

    with server(within(server_tls, counted)) as port, client_of(port) as client:
        assert [client.call(USERS, {"take": 1}).data for _ in range(3)] == [1, 1, 1]
    assert connections == 1


@pytest.mark.usefixtures("_trusted")
def test_a_large_answer_over_tls_is_read_whole(server_tls: ssl.SSLContext) -> None:
    body = b'{"status": "success", "data": "' + b"a" * 3_000_000 + b'"}'
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)

    with server(within(server_tls, answers(answer))) as port:
        assert len(read(client_of(port)).data) == 3_000_000


def test_nothing_is_sent_to_a_server_whose_certificate_is_not_trusted(server_tls: ssl.SSLContext) -> None:
    with (
        server(within(server_tls, answers())) as port,
        pytest.raises(CalcomUnavailable, match="nothing was sent") as caught,
    ):
        read(client_of(port))
    assert not caught.value.sent


def test_a_handshake_that_drips_in_takes_no_longer_than_connecting_may() -> None:
    with (
        server(drips(RECORD)) as port,
        pytest.raises(CalcomUnavailable, match=r"could not be reached \(ConnectTimeout\)"),
    ):
        read(client_of(port, connect=0.2))


def test_a_handshake_that_drips_in_ends_with_the_time_of_the_call() -> None:
    with server(drips(RECORD)) as port, pytest.raises(CalcomUnavailable, match="no answer within"):
        read(client_of(port, total=0.2))


@pytest.mark.usefixtures("_trusted")
def test_an_answer_that_drips_in_over_tls_ends_with_the_time_of_the_call(server_tls: ssl.SSLContext) -> None:
    with (
        server(within(server_tls, answers(HALF, drip=b" "))) as port,
        pytest.raises(CalcomUnavailable, match="no answer within"),
    ):
        read(client_of(port, total=0.5))


def test_a_request_that_is_not_taken_ends_with_the_time_of_the_call() -> None:
    over = threading.Event()

    def deaf(_connection: socket.socket) -> None:
        over.wait(10)

    with server(deaf) as port, client_of(port, "http", total=0.3) as client:
        with pytest.raises(CalcomUnavailable, match="no answer within"):
            client.call(
                "cal_organizations_users_controller_create_organization_user",
                {"email": "ann@example.com", "bio": "a" * 20_000_000},
            )
        over.set()


@pytest.mark.usefixtures("_trusted")
@pytest.mark.parametrize("encrypted", [False, True], ids=["http", "https"])
def test_the_environments_proxy_is_used(
    monkeypatch: pytest.MonkeyPatch, server_tls: ssl.SSLContext, encrypted: bool
) -> None:
    asked: list[bytes] = []
    proxy = within(server_tls, tunnel(asked)) if encrypted else tunnel(asked)
    with server(proxy) as door, server(within(server_tls, answers())) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http{'s' * encrypted}://ann:pass@127.0.0.1:{door}")

        assert read(client_of(port)).data == 1
    assert asked[0].startswith(b"CONNECT 127.0.0.1:%d HTTP/1.1" % port)
    assert b"Proxy-Authorization: Basic YW5uOnBhc3M=" in asked[0]


def test_a_proxy_is_asked_for_the_whole_address_where_nothing_is_encrypted(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bytes] = []

    def proxy(connection: socket.socket) -> None:
        asked.append(connection.recv(65536))
        connection.sendall(ANSWER)

    with server(proxy) as door:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{door}")
        read(client_of(9, "http"))
    assert asked[0].startswith(b"GET http://127.0.0.1:9/v2/organizations/1/users?take=1 HTTP/1.1")


def test_a_proxy_that_drips_ends_with_the_time_of_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    with server(drips(b"HTTP/1.1 200 O")) as door, server(answers()) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{door}")

        with pytest.raises(CalcomUnavailable, match="no answer within"):
            read(client_of(port, total=0.3))


@pytest.mark.usefixtures("_trusted")
def test_a_record_that_drips_in_through_an_encrypted_proxy_ends_with_the_time_of_the_call(
    monkeypatch: pytest.MonkeyPatch, server_tls: ssl.SSLContext
) -> None:
    with server(within(server_tls, tunnel([]))) as door, server(drips(RECORD)) as port:
        monkeypatch.setenv("HTTPS_PROXY", f"https://127.0.0.1:{door}")

        with pytest.raises(CalcomUnavailable, match="no answer within"):
            read(client_of(port, total=0.5))


def test_the_second_address_of_a_host_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    with server(answers()) as port:
        there = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))
        not_there = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", port, 0, 0))
        found = socket.getaddrinfo

        def both(host: str, *rest: int, **more: int) -> list[object]:
            return [not_there, there] if host == "cal.test" else list(found(host, *rest, **more))

        monkeypatch.setattr(socket, "getaddrinfo", both)
        connection = Connection("acme", f"http://cal.test:{port}/v2", 1, BearerKey("cal_test"))
        assert read(Client(connection, LocalBudget())).data == 1


def test_a_host_that_nobody_knows_was_never_reached() -> None:
    connection = Connection("acme", "http://nobody.invalid/v2", 1, BearerKey("cal_test"))
    with pytest.raises(CalcomUnavailable, match="nothing was sent"):
        read(Client(connection, LocalBudget()))


def test_an_answer_in_gzip_is_unpacked() -> None:
    body = gzip.compress(b'{"status": "success", "data": 1}')
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body)
    with server(answers(head + body)) as port:
        assert read(client_of(port, "http")).data == 1


def test_an_answer_that_unpacks_without_end_is_not_read() -> None:
    body = gzip.compress(b" " * (33 * 1024 * 1024))
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body)
    with server(answers(head + body)) as port, pytest.raises(CalcomUnavailable, match="32 MiB"):
        read(client_of(port, "http"))


@pytest.mark.parametrize("endless", [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", b""])
def test_an_answer_without_end_is_not_read_into_memory(endless: bytes) -> None:
    taken: list[int] = []

    def serve(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(endless)
        taken.append(0)
        piece = b"HTTP/1.1 103 Early Hints\r\n\r\n" * 40_000
        while taken[-1] < 400 * 1024 * 1024:
            connection.sendall(piece)
            taken[-1] += len(piece)

    with server(serve) as port, pytest.raises(CalcomUnavailable, match="answered more than 32 MiB"):
        read(client_of(port, "http", total=60))
    assert max(taken) < 100 * 1024 * 1024


def test_an_answer_that_takes_long_to_unpack_ends_with_the_time_of_the_call() -> None:
    outer = zlib.compressobj(1, zlib.DEFLATED, 31)
    begun = gzip.compress(b"")[:10]  # its head; what follows unpacks to nothing, on and on
    nothing = b"\x00\x00\x00\xff\xff" * 200_000
    packed = b"".join([outer.compress(begun), *(outer.compress(nothing) for _ in range(1_000)), outer.flush()])
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    with server(answers(head + packed)) as port:
        started = time.monotonic()
        with pytest.raises(CalcomUnavailable):
            read(client_of(port, "http", total=0.5))
    assert time.monotonic() - started < 1.8


def test_what_a_server_says_before_it_has_read_everything_counts() -> None:
    refusal = b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

    def refuses(connection: socket.socket) -> None:
        connection.recv(100)
        connection.sendall(refusal)
        connection.shutdown(socket.SHUT_WR)
        time.sleep(0.2)

    with (
        server(refuses) as port,
        client_of(port, "http") as client,
        pytest.raises(Exception, match="answered 413"),
    ):
        client.call(
            "cal_organizations_users_controller_create_organization_user",
            {"email": "ann@example.com", "bio": "a" * 200_000},
        )


BODY = b'{"status": "success", "data": 1}'


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n"
        + BODY[:8]
        + b"\r\n18\r\n"
        + BODY[8:]
        + b"\r\n0\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + ANSWER,
        b"HTTP/1.1 200\r\nContent-Length: 32\r\nConnection: close\r\n\r\n" + BODY,
        b"HTTP/1.1 200 Tr\xc3\xa8s bien\r\nServer: caf\xe9\r\nContent-Length: 32\r\n\r\n" + BODY,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 7\r\n\r\n20\r\n" + BODY + b"\r\n0\r\n\r\n",
    ],
    ids=["in chunks", "after it was announced", "with a good-bye", "in no ASCII", "of two lengths"],
)
def test_an_answer_is_read_however_it_comes(answer: bytes) -> None:
    with server(answers(answer)) as port, client_of(port, "http") as client:
        assert [client.call(USERS, {"take": 1}).data for _ in range(2)] == [1, 1]


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
def test_an_answer_of_no_said_length_ends_with_the_connection(version: bytes) -> None:
    def once(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/%s 200 OK\r\n\r\n%s" % (version, BODY))

    with server(once) as port, client_of(port, "http") as client:
        assert [client.call(USERS, {"take": 1}).data for _ in range(2)] == [1, 1]


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\r\n",
        b"HTTP/1.1",
        b"HTTP/1.1 two hundred\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + BODY,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n" + BODY,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20\r\n" + BODY[:9],
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n" + BODY,
        b"HTTP/1.1 200 OK\r\nA: " + b"b" * 70_000,
        b"HTTP/1.1 200 OK\r\nno header\r\nContent-Length: 32\r\n\r\n" + BODY,
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 32\r\n\r\n" + BODY,
    ],
)
def test_an_answer_that_is_none_may_mean_that_it_was_done(answer: bytes) -> None:
    def once(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(answer)

    with server(once) as port, pytest.raises(CalcomUnavailable, match="it may have been done or not") as caught:
        read(client_of(port, "http"))
    assert caught.value.sent


def test_a_connection_that_its_server_has_closed_is_not_used_again() -> None:
    closed = threading.Event()

    def once(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(ANSWER)
        connection.shutdown(socket.SHUT_RDWR)
        closed.set()

    with server(once) as port, client_of(port, "http") as client:
        for _ in range(2):
            assert client.call("cal_organizations_users_controller_delete_organization_user", {"userId": 1}).data == 1
            assert closed.wait(5)
            closed.clear()


def numbered(number: int) -> bytes:
    body = b'{"status": "success", "data": %d}' % number
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


class Talkative:
    """Numbers its answers, and sends one that nobody asked for with its first."""

    def __init__(self) -> None:
        self.answers = 0

    def next(self) -> list[bytes]:
        self.answers += 1
        return [numbered(self.answers), *([numbered(99)] if self.answers == 1 else [])]

    def plain(self, connection: socket.socket) -> None:
        while connection.recv(65536):
            connection.sendall(b"".join(self.next()))

    def within(self, tls: ssl.SSLContext) -> Serve:
        """Encrypted, each answer a record of its own, and all that belong together in one piece."""

        def serve(connection: socket.socket) -> None:
            came, goes = ssl.MemoryBIO(), ssl.MemoryBIO()
            inside = tls.wrap_bio(came, goes, server_side=True)
            shaken = False
            while piece := connection.recv(65536):
                came.write(piece)
                with suppress(ssl.SSLWantReadError):
                    if not shaken:
                        inside.do_handshake()
                        shaken = True
                    if inside.read(65536):
                        for answer in self.next():
                            inside.write(answer)
                if goes.pending:
                    connection.sendall(goes.read())

        return serve


def test_an_answer_that_nobody_asked_for_is_not_taken_for_the_next() -> None:
    with server(Talkative().plain) as port, client_of(port, "http") as client:
        assert [client.call(USERS, {"take": 1}).data for _ in range(3)] == [1, 2, 3]


@pytest.mark.usefixtures("_trusted")
def test_nor_is_one_that_came_in_the_same_piece_of_what_is_encrypted(server_tls: ssl.SSLContext) -> None:
    with server(Talkative().within(server_tls)) as port, client_of(port) as client:
        assert [client.call(USERS, {"take": 1}).data for _ in range(3)] == [1, 2, 3]


def test_a_body_where_there_is_none_costs_the_next_call_nothing() -> None:
    connections = 0

    def serve(connection: socket.socket) -> None:
        nonlocal connections
        connections += 1
        while connection.recv(65536):
            connection.sendall(b"HTTP/1.1 204 No Content\r\nContent-Length: 32\r\n\r\n" + BODY)

    with server(serve) as port, client_of(port, "http") as client:
        for _ in range(2):
            client.call("cal_organizations_users_controller_delete_organization_user", {"userId": 1})
    assert connections == 2
