"""A database's URL, before anything is connected to."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from workers.errors import Misconfigured
from workers.store.engine import open_store

MESSAGE = "DAYBOOK_DATABASE_URL cannot be read; write sqlite:///path"
SIGNS = st.text(st.sampled_from("u:p@h.[]#?=&/59"), max_size=24)


@given(st.sampled_from(["sqlite:///", "postgresql+psycopg://"]), SIGNS)
@example("postgresql+psycopg://", "u:hunter2@h:port/name")
@example("postgresql+psycopg://", "u:hunter2@[::1/name")
@example("postgresql+psycopg://", "u:hunter2@h:99999/name")
@example("postgresql+psycopg://", "u:hunter2@h..x/name")
@example("postgresql+psycopg://", "u:hunter2@h/name?host=a:1&host=b:z")
@example("sqlite://", "hunter2")
@example("sqlite:///", "hunter2?timeout=long")
def test_any_text_opens_or_is_named_and_not_repeated(scheme: str, rest: str) -> None:
    said = MESSAGE
    try:
        open_store(scheme + rest).close()
    except Misconfigured as error:
        said = error.message

    assert said.startswith(MESSAGE)
    assert "hunter2" not in said


@pytest.mark.parametrize(
    "rest", ["u:hunter2@h:port/name", "u:p@[::1/name", "u:p@h:99999/name", "u:p@h..x/name", "u:p@[h/name"]
)
def test_a_wrong_host_or_port_is_said_at_once(rest: str) -> None:
    with pytest.raises(Misconfigured):
        open_store(f"postgresql+psycopg://{rest}")


def test_a_password_may_hold_signs_that_urls_give_a_meaning() -> None:
    store = open_store("postgresql+psycopg://u:p#w[@h/name")

    assert store.engine.url.password == "p#w["
    store.close()
