from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.signatures import sign
from tests.integration.ingest.conftest import SECRET, Door, OpenDoor
from workers.store import receipts, webhooks
from workers.store.receipts import State

PAYLOADS = Path(__file__).parents[2] / "payloads"
MANIFEST: list[dict[str, Any]] = json.loads((PAYLOADS / "manifest.json").read_text())


def dated(n: int = 0) -> bytes:
    return b'{"triggerEvent":"PING","createdAt":"2026-11-23T10:00:%02d.001Z","payload":{}}' % n


def test_every_recorded_delivery_is_kept_byte_for_byte_with_its_headers(open_door: OpenDoor) -> None:
    door = open_door()

    for case in MANIFEST:
        body = (PAYLOADS / case["body"]).read_bytes()
        answer = door.client.post("/in/tok", content=body, headers=case["headers"])
        assert (answer.status_code, answer.text) == (202, "")

    kept = door.receipts()
    assert [row.body for row in kept] == [(PAYLOADS / case["body"]).read_bytes() for case in MANIFEST]
    assert {(row.verdict, row.state, row.seen) for row in kept} == {("signed", "received", 1)}
    for case, row in zip(MANIFEST, kept, strict=True):
        assert case["headers"].items() <= dict(json.loads(row.headers)).items()


def test_a_delivery_that_comes_again_is_counted(open_door: OpenDoor) -> None:
    door = open_door()

    assert [door.post(dated()).status_code for _ in range(4)] == [202] * 4
    assert [row.seen for row in door.receipts()] == [4]


def test_a_forged_delivery_waits_in_quarantine_and_is_answered_401(open_door: OpenDoor) -> None:
    door = open_door()

    answer = door.post(dated(), secret="wrong")

    assert answer.status_code == 401
    assert "quarantine" in answer.text
    assert [(row.verdict, row.state, row.body) for row in door.receipts()] == [("mismatch", "quarantined", dated())]


@pytest.mark.parametrize("header", [None, "no-secret-provided", ""])
def test_an_unsigned_delivery_waits_in_quarantine(open_door: OpenDoor, header: str | None) -> None:
    door = open_door()
    headers = {} if header is None else {"x-cal-signature-256": header}

    answer = door.post(dated(), secret=None, **headers)

    assert answer.status_code == 401
    assert answer.text.startswith("The delivery has no signature (X-Cal-Signature-256): at Cal.com")
    assert [row.verdict for row in door.receipts()] == ["unsigned"]


def test_the_real_delivery_after_its_forged_twin_is_taken(open_door: OpenDoor) -> None:
    door = open_door()
    door.post(dated(), secret="wrong")

    assert door.post(dated()).status_code == 202
    assert [(row.verdict, row.state) for row in door.receipts()] == [("signed", "received")]


def test_an_unknown_token_is_404_and_nothing_is_kept(open_door: OpenDoor) -> None:
    door = open_door()

    assert door.post(dated(), token="nobody").status_code == 404
    assert door.receipts() == []


def test_an_address_pasted_with_a_slash_or_a_query_is_the_same(open_door: OpenDoor) -> None:
    door = open_door()

    assert door.post(dated(1), token="tok/").status_code == 202
    assert door.post(dated(2), token="tok?from=cal").status_code == 202


def test_a_webhook_registered_by_another_process_is_known_at_once(open_door: OpenDoor) -> None:
    door = open_door()
    now = datetime.now(UTC)
    with door.store.write() as connection:
        webhooks.add(connection, door.vault, name="b", pcid="acme", token="new", secret="s", origin="adopted", now=now)

    assert door.post(dated(), secret="s", token="new").status_code == 202


def test_a_secret_added_by_another_process_is_known_at_once_and_the_old_one_lives_on(open_door: OpenDoor) -> None:
    door = open_door()
    assert door.post(dated(1)).status_code == 202
    now = datetime.now(UTC)
    with door.store.write() as connection:
        new = webhooks.add_secret(connection, door.vault, door.webhook_id, "s2", now=now)
        webhooks.expire_secrets(connection, door.webhook_id, keep=new, at=now + timedelta(days=7))

    assert door.post(dated(2), secret="s2").status_code == 202
    assert door.post(dated(3)).status_code == 202
    assert len({row.secret_id for row in door.receipts()}) == 2


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"])
def test_another_method_is_405_and_says_which_is_right(open_door: OpenDoor, method: str) -> None:
    answer = open_door().client.request(method, "/in/tok")

    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def test_a_body_over_the_limit_is_413_whether_announced_or_streamed(open_door: OpenDoor) -> None:
    door = open_door(MAX_BODY_BYTES="2048")

    def stream() -> Iterator[bytes]:
        yield from [b"x" * 1000] * 4

    assert door.post(b"x" * 2049).status_code == 413
    assert door.client.post("/in/tok", content=stream()).status_code == 413
    assert door.post(b"x" * 2048).status_code == 202


def test_headers_that_would_fill_the_disk_are_431(open_door: OpenDoor) -> None:
    door = open_door()

    assert door.post(dated(), **{"x-junk": "j" * 40_000}).status_code == 431
    assert door.receipts() == []


def test_the_quarantine_is_bounded_by_count_bytes_and_rate(open_door: OpenDoor) -> None:
    door = open_door(QUARANTINE_COUNT="3", QUARANTINE_BYTES="1000")

    assert door.post(b"y" * 1001, secret="wrong").status_code == 401
    assert {door.post(dated(n), secret="wrong").status_code for n in range(9)} == {401}
    assert len(door.receipts()) == 3


def test_a_flood_of_forgeries_keeps_little_and_harms_no_real_delivery(open_door: OpenDoor) -> None:
    door = open_door(QUARANTINE_PER_MINUTE="5")

    statuses = {door.post(b"forged %d" % n, secret="wrong").status_code for n in range(60)}

    assert statuses == {401}
    assert len(door.receipts()) <= 10  # the minute may change on the way
    assert door.post(dated()).status_code == 202


def test_a_released_delivery_goes_its_way(open_door: OpenDoor) -> None:
    door = open_door()
    door.post(dated(), secret="wrong")
    (held,) = door.receipts()

    with door.store.write() as connection:
        receipts.move(connection, [held.id], source=[State.QUARANTINED], target=State.RECEIVED)
        assert [one.body for one in receipts.arrived(connection, [held.id])] == [dated()]


@settings(max_examples=60)
@given(
    body=st.binary(max_size=600),
    token=st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=40),
    signature=st.binary(max_size=80).map(lambda raw: raw.hex()) | st.just("no-secret-provided") | st.text(max_size=70),
)
def test_any_body_token_and_header_get_a_clear_status(any_door: Door, body: bytes, token: str, signature: str) -> None:
    header = {b"x-cal-signature-256": signature.encode("utf-8", "replace").replace(b"\r", b"").replace(b"\n", b"")}
    for path in ("tok", token):
        answer = any_door.client.post("/in/" + _quoted(path), content=body, headers=header)
        assert answer.status_code in (401, 404, 405)
        assert "Traceback" not in answer.text


@pytest.fixture
def any_door(open_door: OpenDoor) -> Door:
    return open_door()


def _quoted(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode())


def test_the_answer_to_a_signed_delivery_is_202_even_while_the_broker_is_away(open_door: OpenDoor) -> None:
    door = open_door()  # its broker's socket does not exist

    assert door.post(dated()).status_code == 202
    assert door.client.get("/health/ready").json()["broker"] == "away"


def test_signatures_are_made_over_the_raw_bytes(open_door: OpenDoor) -> None:
    door = open_door()
    spaced = b'{ "triggerEvent" : "PING" ,\n"createdAt":"x" }'

    header = {"x-cal-signature-256": sign(json.dumps(json.loads(spaced)).encode(), SECRET.encode()).decode()}
    assert door.client.post("/in/tok", content=spaced, headers=header).status_code == 401
    assert door.post(spaced).status_code == 202
