from __future__ import annotations

import inspect
from typing import Any

import pytest

from workers.actions.kind import Kind
from workers.actions.registry import kinds
from workers.errors import Misconfigured
from workers.settings import Settings

EVERY = kinds(Settings())


def test_every_kind_is_found_under_the_key_that_makes_a_step_one_of_it() -> None:
    assert {"tool", "lookup", "http", "python", "wait", "stop"} <= EVERY.keys()
    for name, kind in EVERY.items():
        assert kind.name == name
        assert kind.keys[name].required


def test_only_what_changes_something_outside_is_written_down_before_it_is_sent() -> None:
    assert {name for name, kind in EVERY.items() if kind.changes} == {"tool", "http", "python"}


@pytest.mark.parametrize("kind", EVERY.values(), ids=EVERY.keys())
def test_values_that_are_no_mappings_or_missing_are_problems_and_no_crash(kind: Kind) -> None:
    odd: list[Any] = [None, 5, "x", [], {}, {"with": []}]
    for value in odd:
        values = dict.fromkeys(kind.keys, value)
        assert all(problem.message for problem in kind.problems(values))
        assert kind.output(values) is not None
        assert kind.shown(values).keys() == values.keys()
    list(kind.problems({}))


def test_a_function_that_is_not_to_be_had_ends_the_start() -> None:
    with pytest.raises(Misconfigured, match="DAYBOOK_PYTHON_STEPS"):
        kinds(Settings(python_steps={"bill": "no_such_package:run"}))


def test_the_registry_fits_one_screen() -> None:
    assert len(inspect.getsource(inspect.getmodule(kinds) or kinds).splitlines()) < 40
