"""What the timetable does about webhooks that are not as daybook.yaml wants them, on each database."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import pytest

from tests.contract.registration.fake import FakeCalcom, failing
from workers import drift
from workers.desired import Desired
from workers.differences import Kind
from workers.enrol import LIST, UPDATE
from workers.errors import CalcomUnavailable
from workers.register import Registry, apply
from workers.store import drifts
from workers.timetable import Over

ORG = Desired(name="org", connection="acme")
REPAIRABLE = (Kind.SWITCHED_OFF, Kind.MISSING, Kind.EDITED)


def tend(registry: Registry, *repairs: Kind, goes_on: Callable[[], None] = lambda: None) -> str:
    return drift.tend(registry, [ORG], repairs, goes_on)


def left(registry: Registry) -> list[str]:
    """How those that are not as wanted stand, as it was kept."""
    with registry.store.read() as sql:
        return [str(one["kind"]) for look in drifts.every(sql) for one in look.differences]


def switched_off(calcom: FakeCalcom) -> None:
    calcom.only()["active"] = False


def edited(calcom: FakeCalcom) -> None:
    calcom.only()["triggers"] = ["BOOKING_CREATED"]


def without_secret(calcom: FakeCalcom) -> None:
    calcom.only()["secret"] = None


def gone(calcom: FakeCalcom) -> None:
    calcom.rows.clear()


HARMED: list[tuple[Callable[[FakeCalcom], Any], Kind]] = [
    (switched_off, Kind.SWITCHED_OFF),
    (edited, Kind.EDITED),
    (without_secret, Kind.EDITED),
    (gone, Kind.MISSING),
]


@pytest.mark.parametrize(("harm", "stands"), HARMED, ids=lambda one: getattr(one, "__name__", str(one)))
def test_what_may_be_mended_is_mended(
    registry: Registry, calcom: FakeCalcom, harm: Callable[[FakeCalcom], Any], stands: Kind
) -> None:
    apply(registry, [ORG])
    harm(calcom)

    said = tend(registry, stands)

    assert said == "1 webhooks looked at, 1 mended, 0 otherwise than wanted."
    assert left(registry) == []
    row = calcom.only()
    assert row["active"]
    assert row["secret"] == registry.known()[0].secrets[0].key


@pytest.mark.parametrize(("harm", "stands"), HARMED, ids=lambda one: getattr(one, "__name__", str(one)))
def test_what_may_not_be_mended_is_left_as_it_is_and_kept_for_an_alert(
    registry: Registry, calcom: FakeCalcom, harm: Callable[[FakeCalcom], Any], stands: Kind
) -> None:
    apply(registry, [ORG])
    harm(calcom)
    calcom.calls.clear()

    allowed: Collection[Kind] = set(REPAIRABLE) - {stands}
    said = tend(registry, *allowed)

    assert calcom.changes() == []
    assert left(registry) == [stands.value]
    assert said == "1 webhooks looked at, 0 mended, 1 otherwise than wanted."


def test_where_all_is_as_wanted_cal_com_is_asked_once_and_changed_never(registry: Registry, calcom: FakeCalcom) -> None:
    apply(registry, [ORG])
    calcom.calls.clear()

    tend(registry, *REPAIRABLE)

    assert calcom.calls == [LIST]


def test_what_could_not_be_mended_is_kept(registry: Registry, calcom: FakeCalcom) -> None:
    apply(registry, [ORG])
    switched_off(calcom)
    calcom.before = failing(UPDATE, CalcomUnavailable("Cal.com does not answer."))

    said = tend(registry, Kind.SWITCHED_OFF)

    assert "0 mended, 1 otherwise than wanted" in said
    assert left(registry) == ["switched_off"]


def test_a_look_that_fails_is_kept_with_its_reason(registry: Registry, calcom: FakeCalcom) -> None:
    calcom.before = failing(LIST, CalcomUnavailable("Cal.com does not answer."))

    assert tend(registry, *REPAIRABLE).endswith("1 connections could not be looked at.")

    with registry.store.read() as sql:
        (look,) = drifts.every(sql)
    assert look.problem == "Cal.com does not answer."


def test_nothing_is_mended_by_a_process_that_is_to_stop(registry: Registry, calcom: FakeCalcom) -> None:
    apply(registry, [ORG])
    switched_off(calcom)
    calcom.calls.clear()

    def stops() -> None:
        raise Over("the process was stopped")

    with pytest.raises(Over):
        tend(registry, *REPAIRABLE, goes_on=stops)

    assert calcom.changes() == []
