from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.signatures import Outcome, Secret, sign, verify

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
BODY = b'{"triggerEvent":"PING"}'
PAYLOADS = Path(__file__).parents[2] / "payloads"
MANIFEST: list[dict[str, Any]] = json.loads((PAYLOADS / "manifest.json").read_text())


def a_secret(key: bytes = b"whsec_new", expires_at: datetime | None = None) -> Secret:
    return Secret(uuid4(), key, expires_at)


@pytest.mark.parametrize("case", MANIFEST, ids=[case["name"] for case in MANIFEST])
def test_it_accepts_what_cal_com_itself_signed(case: dict[str, Any]) -> None:
    secret = a_secret(case["secret"].encode())
    body = (PAYLOADS / case["body"]).read_bytes()

    verdict = verify(body, case["headers"]["x-cal-signature-256"].encode(), [secret], NOW)

    assert (verdict.outcome, verdict.secret_id) == (Outcome.SIGNED, secret.id)


def test_it_says_which_of_two_live_secrets_signed() -> None:
    old, new = a_secret(b"old", NOW + timedelta(days=7)), a_secret(b"new")

    assert verify(BODY, sign(BODY, b"old"), [new, old], NOW).secret_id == old.id
    assert verify(BODY, sign(BODY, b"new"), [new, old], NOW).secret_id == new.id


def test_it_refuses_a_body_signed_with_the_old_secret_after_the_grace_period() -> None:
    old = a_secret(b"old", NOW)

    assert verify(BODY, sign(BODY, b"old"), [a_secret(b"new"), old], NOW).outcome is Outcome.MISMATCH
    assert verify(BODY, sign(BODY, b"old"), [old], NOW - timedelta(seconds=1)).outcome is Outcome.SIGNED


@pytest.mark.parametrize("header", [None, b"", b"  ", b"no-secret-provided"])
def test_it_calls_a_delivery_without_a_signature_unsigned(header: bytes | None) -> None:
    assert verify(BODY, header, [a_secret()], NOW).outcome is Outcome.UNSIGNED


@pytest.mark.parametrize(
    "header",
    [
        b"sha256=" + sign(BODY, b"whsec_new"),
        sign(BODY, b"whsec_new").upper(),
        sign(BODY, b"whsec_new")[:-1],
        sign(BODY, b"whsec_new") + b"0",
        sign(BODY, b"whsec_new") + b"," + sign(BODY, b"whsec_new"),
        sign(BODY + b" ", b"whsec_new"),
        "ß".encode() * 32,
        b"\xff" * 64,
        b"z" * 64,
        b"0" * 100_000,
    ],
)
def test_it_refuses_every_other_spelling(header: bytes) -> None:
    assert verify(BODY, header, [a_secret()], NOW).outcome is Outcome.MISMATCH


def test_it_proves_nothing_without_a_secret() -> None:
    assert verify(BODY, sign(BODY, b""), [], NOW).outcome is Outcome.MISMATCH


@given(st.binary(max_size=200), st.none() | st.binary(max_size=200), st.lists(st.binary(max_size=80), max_size=3))
def test_it_gives_a_verdict_on_any_bytes(body: bytes, header: bytes | None, keys: list[bytes]) -> None:
    verdict = verify(body, header, [a_secret(key) for key in keys], NOW)

    assert (verdict.outcome is Outcome.SIGNED) == isinstance(verdict.secret_id, UUID)


@given(st.binary(max_size=500), st.binary(max_size=100), st.integers(min_value=0))
def test_one_changed_byte_is_a_mismatch(body: bytes, key: bytes, where: int) -> None:
    changed = bytearray(body or b"x")
    changed[where % len(changed)] ^= 1

    assert verify(bytes(changed), sign(body, key), [a_secret(key)], NOW).outcome is Outcome.MISMATCH


def test_it_is_hmac_sha256_in_lower_case_hex() -> None:
    assert sign(BODY, b"k").decode() == hmac.new(b"k", BODY, hashlib.sha256).hexdigest()


def test_a_secret_does_not_show_its_key() -> None:
    assert "whsec" not in repr(a_secret())
