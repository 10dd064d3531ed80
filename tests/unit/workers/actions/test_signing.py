from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr
from standardwebhooks import Webhook, WebhookVerificationError

from workers.actions.signing import signed, signing_secret, signing_secrets
from workers.settings import Settings

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()
GIVEN = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def of(key: str) -> Settings:
    return Settings(secret_key=SecretStr(key))


def test_the_secret_is_derived_of_the_key_and_always_the_same() -> None:
    assert signing_secret(of(NEW)) == signing_secret(of(NEW)) != signing_secret(of(OLD))
    assert signing_secret(of(NEW)).startswith("whsec_")
    assert NEW not in signing_secret(of(NEW))


def test_the_data_directorys_key_will_do(tmp_path: Path) -> None:
    assert signing_secret(Settings(data_dir=tmp_path)) == signing_secret(Settings(data_dir=tmp_path))


def test_a_secret_that_is_set_is_the_secret() -> None:
    settings = Settings(secret_key=SecretStr(NEW), signing_secret=SecretStr(f"{GIVEN}, {signing_secret(of(OLD))}"))

    assert signing_secrets(settings) == (GIVEN, signing_secret(of(OLD)))


def test_while_a_key_is_replaced_receivers_with_either_secret_understand() -> None:
    headers = signed(signing_secrets(of(f"{NEW},{OLD}")), "run.do.step", datetime.now(UTC), '{"a":"ü"}')

    for secret in (signing_secret(of(NEW)), signing_secret(of(OLD))):
        assert Webhook(secret).verify('{"a":"ü"}'.encode(), headers) == {"a": "ü"}
    with pytest.raises(WebhookVerificationError):
        Webhook(GIVEN).verify(b'{"a":"u"}', headers)


def test_the_id_is_the_steps_key_and_of_one_that_no_header_can_hold_always_the_same_other() -> None:
    now = datetime(2026, 11, 23, 9, tzinfo=UTC)

    assert signed((GIVEN,), "k.do.s", now, "")["webhook-id"] == "k.do.s"
    assert signed((GIVEN,), "k.do.s", now, "")["webhook-timestamp"] == "1795424400"
    for key in ("ü", "a\nb", "", "x" * 1000, "\ud800"):
        name = signed((GIVEN,), key, now, "")["webhook-id"]
        assert name == signed((GIVEN,), key, now, "other")["webhook-id"]
        assert len(name) == 64
