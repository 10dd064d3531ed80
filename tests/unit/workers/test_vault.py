from __future__ import annotations

import pytest
from cryptography.fernet import Fernet

from workers.errors import Misconfigured
from workers.vault import Vault


def key() -> str:
    return Fernet.generate_key().decode()


def test_what_is_sealed_opens_in_its_own_context_only() -> None:
    vault = Vault([key()])
    token = vault.seal("secret:1", "whsec_ß")

    assert vault.open("secret:1", token) == "whsec_ß"
    assert "whsec" not in token
    with pytest.raises(Misconfigured, match="another row"):
        vault.open("secret:2", token)


def test_another_key_says_which_setting_is_wrong() -> None:
    token = Vault([key()]).seal("a", "b")

    with pytest.raises(Misconfigured, match="DAYBOOK_SECRET_KEY is not the key"):
        Vault([key()]).open("a", token)


def test_a_new_first_key_still_opens_what_the_old_one_sealed_and_can_reseal_it() -> None:
    old, new = key(), key()
    token = Vault([old]).seal("a", "b")
    resealed = Vault([new, old]).reseal(token)

    assert Vault([new, old]).open("a", token) == "b"
    assert Vault([new]).open("a", resealed) == "b"


@pytest.mark.parametrize("token", ["", "garbage", "gAAAAA", "ü"])
def test_a_broken_token_is_a_clear_error(token: str) -> None:
    with pytest.raises(Misconfigured):
        Vault([key()]).open("a", token)
