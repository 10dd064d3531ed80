"""Tests for workers.reach."""

from __future__ import annotations

import pytest

from workers.calcom.connection import BearerKey, ClientCredentials, Credential
from workers.errors import Misconfigured
from workers.reach import pack, unpack


@pytest.mark.parametrize("credential", [BearerKey("cal_live_1"), ClientCredentials("client", "its-secret")])
def test_a_credential_comes_out_as_it_went_in(credential: Credential) -> None:
    assert unpack("acme", pack(credential)) == credential


@pytest.mark.parametrize(
    "text", ["", "cal_live_1", "[]", '{"kind": "bearer"}', '{"kind": "oauth", "key": "k"}', '{"a": 1}']
)
def test_any_other_text_says_what_to_do(text: str) -> None:
    with pytest.raises(Misconfigured, match="connections add --replace"):
        unpack("acme", text)
