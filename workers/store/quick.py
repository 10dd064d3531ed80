"""Statements that every step of every run needs, made and spelt once and then run on the driver. No statement is here.

SQLAlchemy's way from a statement to the driver costs several times what a look-up by key does. What it knows of types
is used all the same: values go in and come out as they do elsewhere.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Dialect, Select
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import UpdateBase
from sqlalchemy.types import TypeEngine

from workers.store.driver import ERRORS, translated

_Convert = Callable[[Any], Any] | None


@dataclass(frozen=True, slots=True)
class _Spelt:
    """A statement as one database takes it."""

    text: str
    #: each parameter in the driver's order: its name, whether it is given, else what it always is, how the driver
    #: takes it
    parameters: tuple[tuple[str, bool, Any, _Convert], ...]
    names: tuple[str, ...]
    #: whether the driver wants them in a row instead of by name
    positional: bool
    #: how what comes back is read, column by column
    converts: tuple[tuple[int, Callable[[Any], Any]], ...]

    def values(self, given: Mapping[str, Any]) -> Any:
        """The parameters as the driver takes them."""
        values = [
            (given[name] if asked else fixed) if convert is None else convert(given[name] if asked else fixed)
            for name, asked, fixed, convert in self.parameters
        ]
        return values if self.positional else dict(zip(self.names, values, strict=True))


class Quick:
    """`quick(connection, name=value, …)` gives the rows, each a named tuple; `answers` are a statement's RETURNING.

    Parameters are the statement's `bindparam`s; KeyError where one is left out. Raises what SQLAlchemy raises.
    """

    def __init__(self, statement: Select[Any] | UpdateBase, *answers: ColumnElement[Any]) -> None:
        self._statement = statement
        self._answers = tuple(statement.selected_columns) if isinstance(statement, Select) else answers
        self._row = _row([column.key or "" for column in self._answers])
        self._spelt: dict[str, _Spelt] = {}

    def __call__(self, connection: Connection, /, **given: Any) -> list[Any]:
        return self.many(connection, [given])[0]

    def many(self, connection: Connection, given: Sequence[Mapping[str, Any]]) -> list[list[Any]]:
        """The same for each set of parameters, one after another: PostgreSQL is asked them all in one trip."""
        if not given:
            return []
        dialect = connection.dialect
        spelt = self._spelt.get(dialect.name) or self._spelt.setdefault(dialect.name, self._spell(dialect))
        values = [spelt.values(each) for each in given]
        driver: Any = connection.connection
        try:
            cursor = driver.cursor()
            try:
                if len(values) > 1 and not spelt.positional:
                    cursor.executemany(spelt.text, values, returning=bool(self._answers))
                    found = [cursor.fetchall() for _ in cursor.results()] if self._answers else [[]] * len(values)
                else:
                    found = [self._fetched(cursor, spelt.text, each) for each in values]
            finally:
                cursor.close()
        except ERRORS as error:
            raise translated(connection, spelt.text, error) from error
        return [[self._read(row, spelt.converts) for row in rows] for rows in found]

    def _fetched(self, cursor: Any, text: str, values: Any) -> list[Any]:
        cursor.execute(text, values)
        return cursor.fetchall() if self._answers else []

    def one(self, connection: Connection, /, **given: Any) -> Any:
        """The first row; None where there is none."""
        rows = self(connection, **given)
        return rows[0] if rows else None

    def _read(self, row: Sequence[Any], converts: tuple[tuple[int, Callable[[Any], Any]], ...]) -> Any:
        values = list(row)
        for place, convert in converts:
            values[place] = convert(values[place])
        return self._row(*values)

    def _spell(self, dialect: Dialect) -> _Spelt:
        compiled = self._statement.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
        assert isinstance(compiled, SQLCompiler)
        binds = {name: bind for bind, name in compiled.bind_names.items()}
        order = compiled.positiontup or list(binds)
        return _Spelt(
            text=str(compiled),
            parameters=tuple(
                (name, binds[name].required, binds[name].effective_value, _bound(binds[name].type, dialect))
                for name in order
            ),
            names=tuple(order),
            positional=compiled.positiontup is not None,
            converts=tuple(
                (place, convert)
                for place, column in enumerate(self._answers)
                if (convert := column.type.dialect_impl(dialect).result_processor(dialect, None)) is not None
            ),
        )


def _row(names: Sequence[str]) -> Any:
    return namedtuple("Row", names)


def _bound(kind: TypeEngine[Any], dialect: Dialect) -> _Convert:
    return kind.dialect_impl(dialect).bind_processor(dialect)


@dataclass(frozen=True, slots=True)
class Entry:
    """A change to be made."""

    statement: Quick
    values: Mapping[str, Any]
    #: the run that it is about; those of a rank are made in the order of their runs
    of: UUID
    #: whether it has to find a row
    finds: bool = True
    #: it is made after those of a lower one
    rank: int = 0


def enter(connection: Connection, entries: Sequence[Entry]) -> bool:
    """Make changes in the order of their ranks, those by one statement together and in the order of their runs: of two
    transactions that change the same rows neither has what the other waits for. False where one did not find its row:
    then what else was changed is to be taken back."""
    by_statement: dict[Quick, list[Entry]] = {}
    for entry in sorted(entries, key=lambda entry: (entry.rank, entry.of)):
        by_statement.setdefault(entry.statement, []).append(entry)
    for statement, some in by_statement.items():
        found = statement.many(connection, [entry.values for entry in some])
        if any(entry.finds and not rows for entry, rows in zip(some, found, strict=True)):
            return False
    return True
