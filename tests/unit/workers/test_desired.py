"""Tests for workers.desired."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from workers.calcom.webhooks import TRIGGERS
from workers.desired import NEWER_TRIGGERS, Desired, Scope, parse
from workers.errors import Misconfigured


def read(text: str) -> tuple[Desired, ...]:
    return parse(yaml.safe_load(text), "daybook.yaml")


def test_an_entry_with_nothing_but_its_name_and_connection_wants_everything() -> None:
    assert read("[{name: org, connection: acme}]") == (Desired(name="org", connection="acme"),)
    assert read("[{name: org, connection: acme}]")[0].triggers == TRIGGERS


def test_every_key_is_taken() -> None:
    (found,) = read(
        """
        - name: team-sales
          connection: acme
          triggers: [AFTER_HOSTS_CAL_VIDEO_NO_SHOW, BOOKING_CREATED]
          version: "2026-07-27"
          scope: team
          active: false
          time: 10
          time_unit: HOUR
        """
    )

    assert found == Desired(
        name="team-sales",
        connection="acme",
        triggers=("BOOKING_CREATED", "AFTER_HOSTS_CAL_VIDEO_NO_SHOW"),
        everything=False,
        version="2026-07-27",
        scope=Scope.TEAM,
        active=False,
        time=10,
        time_unit="HOUR",
    )
    assert found.waits


def test_a_version_that_yaml_takes_for_a_date_is_a_version() -> None:
    (found,) = read("[{name: org, connection: acme, version: 2026-07-27}]")

    assert found.version == "2026-07-27"


def test_the_order_of_triggers_and_repeats_do_not_matter() -> None:
    one = read("[{name: a, connection: c, triggers: [BOOKING_PAID, BOOKING_CREATED, BOOKING_PAID]}]")
    other = read("[{name: a, connection: c, triggers: [BOOKING_CREATED, BOOKING_PAID]}]")

    assert one == other


def test_no_section_wants_nothing() -> None:
    assert parse(None, "daybook.yaml") == ()
    assert parse([], "daybook.yaml") == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{name: org}", "webhooks must be a list"),
        ("[org]", "webhooks[0] must be a mapping"),
        ("[{connection: acme}]", "webhooks[0].name must be"),
        ("[{name: 'a b', connection: acme}]", "webhooks[0].name must be"),
        ("[{name: org}]", "(org).connection must be a connection's PCID"),
        ("[{name: org, connection: acme, trigger: all}]", "unknown key 'trigger'; did you mean triggers?"),
        ("[{name: org, connection: acme, triggers: []}]", "a list of triggers that is not empty"),
        ("[{name: org, connection: acme, triggers: everything}]", "must be `all` or a list"),
        ("[{name: org, connection: acme, triggers: [BOOKING_CREATD]}]", "did you mean BOOKING_CREATED?"),
        ("[{name: org, connection: acme, triggers: [booking_paid]}]", "did you mean BOOKING_PAID?"),
        ("[{name: org, connection: acme, triggers: [PING]}]", "it may be BOOKING_CREATED"),
        ("[{name: org, connection: acme, version: '2027'}]", "it may be 2021-10-20, 2026-07-27"),
        ("[{name: org, connection: acme, scope: organisation}]", "did you mean organization?"),
        ("[{name: org, connection: acme, active: 'yes'}]", "active must be true or false"),
        ("[{name: org, connection: acme, time: 0}]", "time must be a whole number"),
        ("[{name: org, connection: acme, time: true}]", "time must be a whole number"),
        ("[{name: org, connection: acme, time_unit: minutes}]", "did you mean MINUTE?"),
        ("[{name: a, connection: c}, {name: a, connection: d}]", "two webhooks are named a"),
    ],
)
def test_a_wrong_file_is_told_where_and_what_is_allowed(text: str, said: str) -> None:
    with pytest.raises(Misconfigured) as caught:
        read(text)

    assert caught.value.message.startswith("daybook.yaml: ")
    assert said in caught.value.message


def test_the_newer_triggers_are_triggers() -> None:
    assert set(TRIGGERS) > NEWER_TRIGGERS
    assert len(set(TRIGGERS) - NEWER_TRIGGERS) == 21


SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates() | st.datetimes() | st.binary()
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(SCALARS, inner, max_size=3))
ENTRIES = st.dictionaries(
    st.sampled_from(["name", "connection", "triggers", "version", "scope", "active", "time", "time_unit"]) | SCALARS,
    VALUES | st.sampled_from(["org", "acme", "all", "team", "DAY"]),
)


@given(VALUES | st.lists(ENTRIES, max_size=3))
def test_any_yaml_gives_webhooks_or_a_clear_error(section: Any) -> None:
    told = None
    found: tuple[Desired, ...] = ()
    try:
        found = parse(section, "daybook.yaml")
    except Misconfigured as error:
        told = error.message

    assert told is None or told.startswith("daybook.yaml: ")
    assert all(isinstance(webhook, Desired) for webhook in found)
