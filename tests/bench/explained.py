"""How a database finds what it is asked for: the steps that its planner names for the statements somebody runs."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import Connection, event

from workers.store.engine import Store


def steps(store: Store, ask: Callable[[Connection], object]) -> list[str]:
    """The planner's lines for each statement that `ask` runs on the connection it is given, in their order."""
    found: list[str] = []
    with store.read() as connection:
        with _listening(connection) as statements:
            ask(connection)
        explain = "EXPLAIN QUERY PLAN " if store.sqlite else "EXPLAIN "
        for statement, parameters in statements:
            found += [str(row[-1]).strip() for row in connection.exec_driver_sql(explain + statement, parameters)]
    return found


def reads_all(store: Store, table: str, found: list[str]) -> bool:
    """Whether one of these steps reads the whole of a table, by no index."""
    if store.sqlite:
        return any(re.match(rf"SCAN {table}\b(?!.*USING)", step) for step in found)
    return any(re.search(rf"Seq Scan on {table}\b", step) for step in found)


@contextlib.contextmanager
def _listening(connection: Connection) -> Iterator[list[tuple[str, Any]]]:
    """The statements that are run on `connection` during the block, as the driver got them."""
    heard: list[tuple[str, Any]] = []

    def hear(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        heard.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", hear)
    try:
        yield heard
    finally:
        event.remove(connection, "before_cursor_execute", hear)
