from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.actions.destinations import Allowed

NOBODY = Allowed.of([])
INSIDE = [
    *("127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
    *("100.100.100.200", "198.18.0.1", "192.0.2.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
    *("::1", "::", "fe80::1", "fe80::1%eth0", "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe"),
    *("64:ff9b:1::1", "2002:7f00:1::", "2002:a00:1::", "2001::1"),
]
OUTSIDE = ["93.184.215.14", "1.1.1.1", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1"]


@pytest.mark.parametrize("address", INSIDE)
def test_what_is_not_the_public_internet_is_refused_in_every_spelling(address: str) -> None:
    objection = NOBODY.objection("hooks.example", address)

    assert objection == "hooks.example is not on the public internet, and DAYBOOK_HTTP_ALLOW does not name it"


@pytest.mark.parametrize("address", OUTSIDE)
def test_the_public_internet_may_be_sent_to(address: str) -> None:
    assert NOBODY.objection("hooks.example", address) is None


def test_a_network_or_address_that_is_allowed_is_so_in_every_spelling() -> None:
    allowed = Allowed.of(["10.1.0.0/16", "127.0.0.1", "[::1]"])

    for address in ("10.1.2.3", "::ffff:10.1.2.3", "127.0.0.1", "::1"):
        assert allowed.objection("n8n", address) is None
    for address in ("10.2.0.1", "127.0.0.2", "::2"):
        assert allowed.objection("n8n", address)


def test_a_host_that_is_allowed_may_lead_anywhere_and_no_other_host_may() -> None:
    allowed = Allowed.of(["N8N.internal."])

    assert allowed.objection("n8n.Internal", "10.0.0.1") is None
    assert allowed.objection("sub.n8n.internal", "10.0.0.1")


@pytest.mark.parametrize("host", ["localhost", "db.internal", "printer.local", "127.0.0.1", "::1", "169.254.169.254"])
def test_a_host_that_is_local_by_its_text_is_known_before_it_is_looked_up(host: str) -> None:
    assert "DAYBOOK_HTTP_ALLOW" in str(NOBODY.written(host))
    assert Allowed.of([host]).written(host) is None


def test_a_host_that_may_be_anywhere_is_not_judged_by_its_text() -> None:
    assert NOBODY.written("hooks.example") is None
    assert NOBODY.written("2130706433") is None
    assert Allowed.of(["127.0.0.0/8"]).written("localhost") is None


@given(st.text(), st.text())
def test_any_text_is_judged(host: str, address: str) -> None:
    assert NOBODY.objection(host, address)
    NOBODY.written(host)
