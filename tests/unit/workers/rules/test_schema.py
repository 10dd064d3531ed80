from __future__ import annotations

import pytest
from jsonschema import Draft202012Validator

from tests.unit.workers.rules.fakes import KINDS, faults
from tests.unit.workers.rules.test_load import WHOLE, doing, within
from workers.rules.document import Document
from workers.rules.schema import schema

VALIDATOR = Draft202012Validator(schema(KINDS))


def fits(text: str) -> bool:
    root = Document(text).root
    assert root is not None
    return VALIDATOR.is_valid(root.plain())


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(VALIDATOR.schema)


@pytest.mark.parametrize(
    "text",
    [
        WHOLE,
        "rules: []",
        within("when", "true"),
        doing("stop: x").replace("[PING]", "daybook.run_dead"),
        doing(
            "{http: '${{ event.title }}', method: '${{ event.title }}', headers: {a: '${{ event.title }}'}, body: [1]}"
        ),
        doing("{stop: x, retry: {attempts: 1, first: 1.5h}}"),
    ],
)
def test_what_is_right_fits_the_schema(text: str) -> None:
    assert faults(text) == []
    assert fits(text)


@pytest.mark.parametrize(
    "text",
    [
        "rules: x",
        within("wen", "true"),
        within("dry_run", "yes"),
        within("once_per", "event.id"),
        within("connection", "12"),
        doing("stop: x").replace("PING", "PONG"),
        doing("stop: x").replace("name: a", "name: A"),
        doing("toll: x"),
        doing("{stop: x, wait: 1h}"),
        doing("{tool: x, wiht: {}}"),
        doing("http: 3"),
        doing("{http: x, method: GET}"),
        doing("{http: x, headers: {a: 1}}"),
        doing("{stop: x, id: A}"),
        doing("{stop: x, on_error: contine}"),
        doing("{stop: x, retry: {attempts: 0}}"),
        doing("{stop: x, retry: {first: 10}}"),
    ],
)
def test_what_is_wrong_without_a_look_into_expressions_does_not_fit_it(text: str) -> None:
    assert faults(text) != []
    assert not fits(text)
