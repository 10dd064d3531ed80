from __future__ import annotations

from tests.contract.ledger.conftest import Office, refused
from tests.contract.ledger.conftest import office as office
from workers.store import rule_runs

RULES = """
rules:
  - name: one
    on: [BOOKING_CREATED]
    once_per: ${{ event.id }}
    do: [{make: thing}]
  - name: two
    on: [BOOKING_CREATED, BOOKING_CANCELLED]
    once_per: ${{ event.id }}
    do: [{stop: enough}]
"""


def test_the_newest_runs_of_a_rule_are_counted_up_to_a_number(office: Office) -> None:
    office.rules(RULES)
    for _ in range(3):
        office.comes(uid="A")
    office.work()
    office.comes(uid="A", trigger="BOOKING_CANCELLED", status="CANCELLED")
    with office.store.read() as sql:
        all_ = rule_runs.newest(sql, "two", most=10)
        some = rule_runs.newest(sql, "two", most=2)
        none = rule_runs.newest(sql, "three", most=10)
    assert (all_.number, dict(all_.states)) == (4, {"done": 3, "planned": 1})
    assert dict(all_.triggers) == {"BOOKING_CREATED": 3, "BOOKING_CANCELLED": 1}
    assert (some.number, dict(some.states), some.last) == (2, {"done": 1, "planned": 1}, all_.last)
    assert (none.number, none.last) == (0, None)


def test_the_newest_run_that_went_wrong_is_told_for_each_rule(office: Office) -> None:
    office.rules(RULES)
    office.world.script = [refused, refused]
    for _ in range(3):
        office.comes(uid="A")
    office.work()
    with office.store.read() as sql:
        found = rule_runs.troubles(sql)
        assert rule_runs.trouble(sql, "two") is None
    _, second = (run for run in office.runs() if run.state == "dead")
    assert {rule: (one.run_id, one.reason) for rule, one in found.items()} == {
        "one": (second.id, "step step1: it is not allowed")
    }


def test_runs_are_counted_by_state_up_to_a_number(office: Office) -> None:
    office.rules(RULES)
    for _ in range(4):
        office.comes(uid="A")
    with office.store.read() as sql:
        assert rule_runs.by_state(sql, most=5) == {
            "planned": 5, "running": 0, "failed": 0, "done": 0, "skipped": 0, "dead": 0,
        }  # fmt: skip
