"""The sandbox as a process: it says when it is ready, cuts connections, and ends when told."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import httpx2
import pytest

from tests.conftest import PATIENCE, PLAIN


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "ingest.sandbox", "--port", "0", "--org-id", "7", "--api-key", "cal_k"]
    with subprocess.Popen(
        [*command, "--rate-limit", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as started:
        yield started
        if started.poll() is None:
            started.kill()


def address_of(process: subprocess.Popen[str]) -> str:
    """The base URL out of the line that says the sandbox is ready."""
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("sandbox ready: http://127.0.0.1:")
    assert line.endswith("/v2 (organization 7)\n")
    return line.split()[2]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_is_ready_when_it_says_so_and_ends_cleanly(process: subprocess.Popen[str], number: signal.Signals) -> None:
    base = address_of(process)
    answer = httpx2.get(f"{base}/me", headers={"Authorization": "Bearer cal_k"}, **PLAIN)

    process.send_signal(number)
    _, errors = process.communicate(timeout=PATIENCE)

    assert answer.json()["data"]["organizationId"] == 7
    assert "x-ratelimit-limit-default" not in answer.headers
    assert process.returncode == 0
    assert errors == ""


@pytest.mark.parametrize(
    ("kind", "done", "status"), [("cut", 1, 201), ("cut_before", 0, 200), ("hang", 0, 200)], ids=lambda value: value
)
def test_a_connection_is_cut_in_the_middle_of_the_answer_after_the_deed_or_before_it(
    process: subprocess.Popen[str], kind: str, done: int, status: int
) -> None:
    base = address_of(process)
    root = base.removesuffix("/v2")
    body = {"start": "2027-02-01T00:00:00Z", "end": "2027-02-03T00:00:00Z"}
    with httpx2.Client(headers={"Authorization": "Bearer cal_k"}, **PLAIN) as client:
        client.post(f"{root}/_sandbox/faults", json={"calls": [{"kind": kind, "method": "POST", "seconds": 0.05}]})

        # The kernel tells of the cut as an end or as a reset, as it comes.
        with pytest.raises((httpx2.RemoteProtocolError, httpx2.ReadError)):
            client.post(f"{base}/organizations/7/users/90212/ooo", json=body)

        entries = client.get(f"{base}/organizations/7/users/90212/ooo").json()["data"]
        calls = client.get(f"{root}/_sandbox/calls").json()["calls"]
        effects = client.get(f"{root}/_sandbox/effects").json()["count"]
    assert len(entries) == effects == done
    assert (calls[0]["status"], calls[0]["fault"]) == (status, kind)
    process.terminate()
    assert process.communicate(timeout=PATIENCE)[1] == ""


def test_a_port_that_is_taken_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run([sys.executable, "-m", "ingest.sandbox", "--port", port], capture_output=True, text=True)

    assert done.returncode == 1
    assert "choose another --port" in done.stderr
    assert "Traceback" not in done.stderr
