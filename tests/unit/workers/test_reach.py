"""Tests for workers.reach."""

from __future__ import annotations

import pytest

from workers.calcom.connection import BearerKey, ClientCredentials, Credential, McpToken
from workers.errors import Misconfigured
from workers.reach import pack, unpack


@pytest.mark.parametrize(
    "credential",
    [
        BearerKey("cal_live_1"),
        ClientCredentials("client", "its-secret"),
        McpToken("theirs", "tok_1"),
        McpToken("theirs", file="/run/token"),
        McpToken("theirs", command=("vault", "read", "a b")),
    ],
)
def test_a_credential_comes_out_as_it_went_in(credential: Credential) -> None:
    assert unpack("acme", pack(credential)) == credential


@pytest.mark.parametrize(
    "text",
    [
        "",
        "cal_live_1",
        "[]",
        '{"kind": "bearer"}',
        '{"kind": "bearer", "key": ["k"]}',
        '{"kind": "bearer", "key": ""}',
        '{"kind": ["bearer"], "key": "k"}',
        '{"kind": "oauth", "key": "k"}',
        '{"kind": "mcp", "pcid": "acme"}',
        '{"kind": "mcp", "pcid": "acme", "command": "vault read"}',
        '{"a": 1}',
    ],
)
def test_any_other_text_says_what_to_do(text: str) -> None:
    with pytest.raises(Misconfigured, match="connections add --replace"):
        unpack("acme", text)
