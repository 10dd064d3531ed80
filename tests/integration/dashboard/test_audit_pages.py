"""The pages of the audit log: found by what is asked, a page at a time, arguments folded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.integration.dashboard.conftest import Looked, words
from workers.store import audit
from workers.store.audit import Outcome, Who
from workers.store.keys import Role

NOW = datetime.now(UTC)


def entry(
    looked: Looked,
    *,
    name: str = "ada",
    what: str = "POST /keys",
    door: str = "api",
    connection: str | None = None,
    outcome: Outcome = Outcome.DONE,
    ago: timedelta = timedelta(0),
    **arguments: Any,
) -> UUID:
    """An entry as a door writes it."""
    at = NOW - ago
    with looked.filled.store.write() as sql:
        made = audit.begin(
            sql, Who(name, Role.ADMIN, None), door=door, what=what, connection=connection, arguments=arguments, now=at
        )
        audit.end(sql, made, outcome, detail=None, now=at)
    return made


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, {"ada", "bob", "cy"}),
        ({"key": "ada"}, {"ada"}),
        ({"key": "nobody"}, set()),
        ({"what": "POST /runs"}, {"bob"}),
        ({"connection": "acme"}, {"cy"}),
        ({"outcome": "refused"}, {"bob"}),
        ({"door": "mcp"}, {"cy"}),
        ({"door": "mcp", "outcome": "refused"}, set()),
        ({"since": "1h"}, {"ada", "cy"}),
        ({"key": " ", "since": ""}, {"ada", "bob", "cy"}),
    ],
)
def test_entries_are_found_by_each_filter(looked_on_each: Looked, asked: dict[str, str], found: set[str]) -> None:
    entry(looked_on_each, name="ada", ago=timedelta(minutes=5))
    entry(looked_on_each, name="bob", what="POST /runs", outcome=Outcome.REFUSED, ago=timedelta(hours=2))
    entry(looked_on_each, name="cy", door="mcp", connection="acme")
    answer = looked_on_each.get("/audit", role=Role.ADMIN, **asked)
    assert answer.status_code == 200
    assert {name for name in ("ada", "bob", "cy") if f"<bdi>{name}</bdi>" in answer.text} == found


def test_a_page_ends_with_a_link_to_the_next_that_keeps_the_filter(looked: Looked) -> None:
    for number in range(51):
        entry(looked, what=f"POST /{number}")
    entry(looked, name="bob")
    first = looked.get("/audit", role=Role.ADMIN, key="ada")
    assert first.text.count("<tr>") == 51  # and the head
    assert "POST /50" in words(first)
    older = first.text.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
    assert "key=ada" in older
    second = looked.get(older, role=Role.ADMIN)
    assert second.text.count("<tr>") == 2
    assert "POST /0" in words(second)
    assert "Newest" in words(second)


@pytest.mark.parametrize("asked", [{"cursor": "x"}, {"since": "one day"}, {"outcome": "x"}, {"key": "x" * 1001}])
def test_a_filter_that_is_garbage_is_said_above_an_empty_list(looked: Looked, asked: dict[str, str]) -> None:
    entry(looked)
    answer = looked.get("/audit", role=Role.ADMIN, **asked)
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    assert "<td" not in answer.text


@pytest.mark.parametrize("asked", [{"key": "\0"}, {"what": "\0"}, {"door": "'\"><script>"}, {"connection": "\0"}])
def test_nothing_that_is_asked_for_breaks_the_page(looked_on_each: Looked, asked: dict[str, str]) -> None:
    entry(looked_on_each)
    answer = looked_on_each.get("/audit", role=Role.ADMIN, **asked)
    assert answer.status_code == 200
    assert "No entry is like this" in words(answer)
    assert "<script>" not in answer.text


def test_long_arguments_are_cut_in_the_list_and_whole_on_their_own_page(looked: Looked) -> None:
    made = entry(looked, ids=[f"<i>{number:04}" for number in range(500)])
    listed, alone = looked.get("/audit", role=Role.ADMIN), looked.get(f"/audit/{made}", role=Role.ADMIN)
    assert "&lt;i&gt;0499" not in listed.text
    assert f'href="/audit/{made}"' in listed.text
    assert "&lt;i&gt;0499" in alone.text
    assert "<i>" not in listed.text + alone.text


def test_an_entry_that_is_not_there_is_not_found(looked: Looked) -> None:
    for id_ in (str(UUID(int=7)), "none"):
        assert looked.get(f"/audit/{id_}", role=Role.ADMIN).status_code == 404


def test_what_a_page_changes_and_what_it_refuses_is_in_the_log(looked: Looked) -> None:
    looked.post("/keys", role=Role.ADMIN, name="new", key_role="viewer")
    looked.post("/keys", role=Role.OPERATOR, name="mine", key_role="admin")
    answer = looked.get("/audit", role=Role.ADMIN, door="dashboard", what="POST /keys")
    assert answer.text.count("<tr>") == 3
    assert "done" in words(answer)
    assert "refused" in words(answer)
