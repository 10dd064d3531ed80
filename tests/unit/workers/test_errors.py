from __future__ import annotations

import inspect

import pytest

from workers import errors
from workers.errors import CalcomUnavailable, DaybookError, NotFound, RateLimited

TREE = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, DaybookError)]


@pytest.mark.parametrize("kind", TREE, ids=lambda kind: kind.__name__)
def test_every_error_is_a_whole_sentence_by_default(kind: type[DaybookError]) -> None:
    error = kind(after=1.0) if kind is RateLimited else kind()

    assert error.message[0].isupper() or error.message[0].islower()
    assert error.message.rstrip().endswith((".", ")."))
    assert "  " not in error.message


def test_kinds_are_stable_words_for_scripts() -> None:
    assert (NotFound().kind, CalcomUnavailable().kind) == ("not_found", "calcom_unavailable")
