"""What a provider's token says somebody is, whatever is in it."""

from __future__ import annotations

from typing import Any

import pytest

from ingest.dashboard.oidc import name_of, role_of
from workers.store.keys import Role

ROLES = {"it": "admin", "support": "operator", "staff": "viewer"}


@pytest.mark.parametrize(
    ("claim", "role"),
    [
        ("staff", Role.VIEWER),
        (["staff", "it"], Role.ADMIN),
        (["support", "nobody", 7, None, {"it": "admin"}], Role.OPERATOR),
        ([], None),
        (None, None),
        ({"it": True}, None),
        ("it,staff", None),
    ],
)
def test_the_highest_role_of_a_claims_values_is_had(claim: Any, role: Role | None) -> None:
    assert role_of(claim, ROLES) is role


def test_a_star_is_everybody_and_takes_no_higher_role_away() -> None:
    assert role_of(None, {"*": "viewer"}) is Role.VIEWER
    assert role_of(["it"], {**ROLES, "*": "viewer"}) is Role.ADMIN


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"email": "ada@acme.com", "sub": "1"}, "ada@acme.com"),
        ({"email": "ada@acme.com", "email_verified": True}, "ada@acme.com"),
        ({"email": "ceo@acme.com", "email_verified": False, "sub": "1"}, "1"),
        ({"email": "ceo@acme.com", "email_verified": "false", "preferred_username": "eve"}, "eve"),
        ({"email": ["a"], "preferred_username": "\n", "sub": 7}, None),
        ({"sub": "x" * 1_000}, "x" * 100),
    ],
)
def test_somebody_is_called_by_an_address_that_was_proved_else_by_their_name_there(
    claims: dict[str, Any], name: str | None
) -> None:
    assert name_of(claims) == name
