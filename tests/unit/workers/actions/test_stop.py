from __future__ import annotations

from collections.abc import Callable

from workers.actions.kind import Call, Stop
from workers.actions.stop import StopStep


def test_the_run_ends_with_the_reason_in_one_line_without_addresses(call: Callable[..., Call]) -> None:
    reason = "no cover\nfor maya@acme.example " + "x" * 1000

    stopped = StopStep().perform(call({"stop": reason}), None)  # type: ignore[arg-type]

    assert stopped.reason.startswith("no cover for [e-mail] xxx")
    assert len(stopped.reason) == 300


def test_an_empty_reason_is_a_problem_at_load_and_told_otherwise_at_run_time(call: Callable[..., Call]) -> None:
    assert [problem.path for problem in StopStep().problems({"stop": ""})] == [("stop",)]
    assert StopStep().perform(call({"stop": ""}), None) == Stop("The rule stopped it.")  # type: ignore[arg-type]
