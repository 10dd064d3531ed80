"""Checks by JSON Schema what is known of a value before any event: what expressions will give fits everywhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator, validators

from workers.rules.kinds import UNKNOWN, Problem


def problems(schema: Mapping[str, Any], value: Any) -> Iterator[Problem]:
    """What is wrong with a value in which `UNKNOWN` stands for what nobody knows yet."""
    for error in _Validator(schema).iter_errors(value):
        yield Problem(tuple(error.absolute_path), error.message)


def _lenient(check: Any) -> Any:
    def checked(validator: Any, rule: Any, value: Any, schema: Any) -> Any:
        return () if value is UNKNOWN else check(validator, rule, value, schema) or ()

    return checked


_CHECKS = dict(Draft202012Validator.VALIDATORS)
#: of several forms more than one may fit what is not known yet
_CHECKS["oneOf"] = _CHECKS["anyOf"]
_extend: Any = validators.extend
_Validator: Any = _extend(Draft202012Validator, {word: _lenient(check) for word, check in _CHECKS.items()})
