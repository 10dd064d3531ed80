"""A whole database copied into an empty one, of either kind, and proved equal before it counts. Starts no process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, Table
from sqlalchemy.exc import DBAPIError

from workers.errors import Conflict, Misconfigured
from workers.store import copying
from workers.store.canonical import Digest
from workers.store.engine import ROW_REFUSED, Store, reason
from workers.store.migrate import migrate, newest, revision


@dataclass(frozen=True, slots=True)
class Copied:
    """What of one table is in both databases: its rows, and the digest that both gave."""

    table: str
    rows: int
    digest: str


def copy_over(source: Store, target: Store, tell: Callable[[int], None] = lambda done: None) -> list[Copied]:
    """Copy every table of `source` into `target`, whose tables are brought up to date first.

    `tell` hears how many rows were written and read back, of `rows_in(source)`. It is one transaction: where this
    raises, the target is as empty as before. Raises `Misconfigured` for a source that is not this version's, and
    `Conflict` where something runs on it, where the target is not empty, or where both do not say the same afterwards.
    """
    _refuse_other_version(source)
    migrate(target)
    with source.read() as reading:
        copying.one_moment(reading)
        copying.take_time(reading)
        _refuse_running(reading)
        with target.write() as writing:
            copying.take_time(writing)
            _refuse_filled(writing)
            before = copying.counts(reading)
            copied: list[Copied] = []
            done = 0
            for table in copying.TABLES:
                found, done = _copy(reading, writing, table, done, tell)
                if found.rows != before[table.name]:
                    raise _unequal(table.name)
                copied.append(Copied(table.name, found.rows, found.hex()))
            _refuse_changed(source, before)
    return copied


def rows_in(source: Store) -> int:
    """What `copy_over` will have told at its end: each row twice, for it is written and read back."""
    with source.read() as reading:
        copying.take_time(reading)
        return 2 * sum(copying.counts(reading).values())


def _copy(
    reading: Connection, writing: Connection, table: Table, done: int, tell: Callable[[int], None]
) -> tuple[Digest, int]:
    sent = Digest()
    for page in copying.pages(reading, table):
        for row in page:
            sent.add(row)
        try:
            copying.insert(writing, table, page)
        except DBAPIError as error:
            if not isinstance(error, ROW_REFUSED):
                raise
            raise Conflict(
                f"the target refuses a row of {table.name}: {reason(error)}; nothing of the copy was kept."
            ) from error
        done += len(page)
        tell(done)
    copying.settle(writing, table)
    began = done
    for there in copying.digest(writing, table):
        done = began + there.rows
        tell(done)
    if there != sent:
        raise _unequal(table.name)
    return there, done


def _unequal(table: str) -> Conflict:
    return Conflict(
        f"{table} is not the same in both databases after it was copied, so nothing of the copy was kept; "
        "see with `daybook doctor` that the source is sound and that nothing else writes to the target, and try again."
    )


def _refuse_other_version(source: Store) -> None:
    found = revision(source)
    if found != newest():
        at = f"at revision {found}, and this Daybook's at {newest()}" if found else "not there yet"
        raise Misconfigured(f"the source's tables are {at}; run `daybook migrate` on it first.")


def _refuse_running(reading: Connection) -> None:
    seconds = copying.worker_for(reading)
    if seconds is not None:
        raise Conflict(
            "a worker process runs on the source, or ran until just now; stop every process of it. Of one that was "
            f"killed, its lease ends in {seconds:.0f} s."
        )


def _refuse_filled(writing: Connection) -> None:
    filled = [name for name, rows in copying.counts(writing).items() if rows]
    if filled:
        raise Conflict(
            f"the target is not empty: there are rows in {', '.join(filled)}. Copy into a database of its own, which "
            "no process was started on yet; on PostgreSQL: `CREATE DATABASE daybook`."
        )


def _refuse_changed(source: Store, before: dict[str, int]) -> None:
    with source.read() as again:
        copying.take_time(again)
        changed = [name for name, rows in copying.counts(again).items() if rows != before[name]]
    if changed:
        raise Conflict(
            f"something still writes to the source ({', '.join(changed)}), so nothing of the copy was kept; stop every "
            "process of it and try again."
        )
