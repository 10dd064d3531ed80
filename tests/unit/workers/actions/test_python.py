from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

import pytest

from workers.actions.kind import Absent, Again, Call, Done, Lost, Refused, Unknowable
from workers.actions.python import PythonStep, TryAgain
from workers.errors import Misconfigured
from workers.rules.kinds import UNKNOWN
from workers.settings import Settings

Make = Callable[..., Call]


def total(values: dict[str, Any], event: dict[str, Any], key: str) -> Any:
    values["mine"] = event["payload"]["mine"] = True
    return {"key": key, "sum": sum(values["numbers"]), "at": datetime(2026, 11, 23, tzinfo=UTC), "pair": (1, 2)}


def later(values: dict[str, Any], event: dict[str, Any], key: str) -> Any:
    raise TryAgain("the ledger of ann@acme.example is closed", after=30)


def broken(values: dict[str, Any], event: dict[str, Any], key: str) -> Any:
    raise RuntimeError("half way, for ann@acme.example")


def leaving(values: dict[str, Any], event: dict[str, Any], key: str) -> Any:
    sys.exit(3)


def odd(values: dict[str, Any], event: dict[str, Any], key: str) -> Any:
    return object()


async def dreaming(values: dict[str, Any], event: dict[str, Any], key: str) -> Any: ...


def narrow(values: dict[str, Any]) -> Any: ...


@pytest.fixture
def step(monkeypatch: pytest.MonkeyPatch) -> PythonStep:
    module = ModuleType("billing")
    for function in (total, later, broken, leaving, odd, dreaming, narrow):
        setattr(module, function.__name__, function)
    monkeypatch.setitem(sys.modules, "billing", module)
    named = ("total", "later", "broken", "leaving", "odd")
    return PythonStep(Settings(python_steps={name: f"billing:{name}" for name in named}))


def test_it_is_called_with_values_event_and_key_and_gives_json(step: PythonStep, call: Make) -> None:
    asked = call({"python": "total", "with": {"numbers": [1, 2]}})

    done = step.perform(asked, None)  # type: ignore[arg-type]

    assert done == Done({"key": "k1", "sum": 3, "at": "2026-11-23T00:00:00Z", "pair": [1, 2]})
    assert asked.values == {"python": "total", "with": {"numbers": [1, 2]}}
    assert asked.event["payload"] == {"secret": "x"}


def test_try_again_is_tried_again_and_any_other_exception_leaves_the_end_unknown(step: PythonStep, call: Make) -> None:
    again, lost, left = (step.perform(call({"python": name}), None) for name in ("later", "broken", "leaving"))  # type: ignore[arg-type]

    assert again == Again("later: the ledger of [e-mail] is closed", 30)
    assert isinstance(lost, Lost)
    assert "broken raised RuntimeError at test_python.py:" in lost.reason
    assert "acme.example" not in lost.reason
    assert isinstance(left, Lost)


def test_what_is_no_json_is_refused(step: PythonStep, call: Make) -> None:
    assert step.perform(call({"python": "odd"}), None) == Refused(  # type: ignore[arg-type]
        "odd ran to its end, but returned object, which is no JSON."
    )


def test_a_call_that_did_not_return_is_made_again_only_where_that_does_no_harm(step: PythonStep, call: Make) -> None:
    assert isinstance(step.probe(call({"python": "total"}), None), Unknowable)  # type: ignore[arg-type]
    assert step.probe(call({"python": "total", "idempotent": True}), None) == Absent()  # type: ignore[arg-type]


def test_a_name_that_is_none_is_told_with_the_nearest_one(step: PythonStep, call: Make) -> None:
    [problem] = step.problems({"python": "totel", "with": {"numbers": UNKNOWN}})

    assert problem.path == ("python",)
    assert "did you mean total?" in problem.message
    assert step.perform(call({"python": "totel"}), None) == Refused(problem.message)  # type: ignore[arg-type]
    assert [p.path for p in step.problems({"python": UNKNOWN, "with": 5, "idempotent": 1})] == [
        ("python",),
        ("with",),
        ("idempotent",),
    ]
    assert not [*step.problems({"python": "total"})]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("no_such_package.x:run", "cannot be imported from no_such_package.x: ModuleNotFoundError"),
        ("billing:nothing", "has no function 'nothing'"),
        ("billing:__name__", "has no function '__name__'"),
        ("billing:dreaming", "not an async one"),
        ("billing:narrow", "must take three arguments"),
    ],
)
@pytest.mark.usefixtures("step")
def test_a_function_that_is_not_to_be_had_ends_the_start_with_its_name(path: str, reason: str) -> None:
    with pytest.raises(Misconfigured, match=f"DAYBOOK_PYTHON_STEPS: .*{reason}"):
        PythonStep(Settings(python_steps={"mine": path}))
