"""Errors as RFC 9457 problems."""

from __future__ import annotations

import json
from http import HTTPStatus

import jsonschema
import pytest
import structlog
from starlette.exceptions import HTTPException

from ingest.api import problems
from ingest.api.schemas import SCHEMAS


def everything() -> list[Exception]:
    """Each error that is known, some of the framework's, and a bug."""
    known: list[Exception] = [kind("what happened.") for kind in problems.KNOWN]
    framework = [HTTPException(int(status)) for status in HTTPStatus if status >= 400]
    return [*known, *framework, ZeroDivisionError("jon@client.example")]


@pytest.mark.parametrize("error", everything(), ids=lambda error: f"{type(error).__name__}-{error}")
def test_every_error_is_a_problem(error: Exception) -> None:
    with structlog.testing.capture_logs() as logs:
        answer = problems.answer(error)
    assert answer.media_type == answer.headers["content-type"] == "application/problem+json"
    told = json.loads(bytes(answer.body))
    jsonschema.validate(told, SCHEMAS["Problem"], cls=jsonschema.Draft202012Validator)
    assert told["status"] == answer.status_code
    assert told["type"].startswith("urn:daybook:problem:")
    assert bool(logs) == isinstance(error, ZeroDivisionError)
    assert "jon" not in json.dumps(told)


@pytest.mark.parametrize(
    ("status", "header"), [(401, "www-authenticate"), (503, "retry-after")], ids=["who asks", "when to come again"]
)
def test_a_problem_says_what_to_do_next_in_the_header_for_it(status: int, header: str) -> None:
    mine = [kind for kind, (each, _) in problems.KNOWN.items() if each == status]
    assert mine
    for kind in mine:
        assert header in problems.answer(kind("what happened.")).headers


def test_a_status_of_several_errors_has_one_title_for_all() -> None:
    assert list(problems.TITLES) == sorted({status for status, _ in problems.KNOWN.values()})
    assert problems.TITLES[503] == "The database did not answer / Too many listen"
