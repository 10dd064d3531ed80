"""Full text over the title, names and notes of events, as a person types it. The indexes are made in migration 0001.

Words are ANDed, and the last one may be the beginning of a word. Nothing typed is an operator: words go to the
database quoted, so that no text is a syntax error. Letter case and accents are folded here, in what is stored as in
what is typed: each database has its own idea of them, PostgreSQL one that depends on its locale and its extensions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from unicodedata import normalize
from uuid import UUID

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Text,
    TextClause,
    bindparam,
    column,
    false,
    select,
    table,
    text,
)

from workers.errors import BadInput
from workers.store.tables import events

TEXT = Text()
Condition = ColumnElement[bool] | TextClause
#: words in one search, and characters in a word: PostgreSQL refuses lexemes over 2 KB, SQLite trees over 256 deep
MAX_WORDS = 32
MAX_WORD = 200
#: characters of an event's own text: PostgreSQL refuses to index more than a megabyte
MAX_TEXT = 100_000
#: matches from which on words are common
_COMMON = 2_000
#: times as many events as are asked about, among which they are near each other
_NEAR = 20
#: letters that a stroke or a joint keeps in one piece
_PLAINER = {"æ": "ae", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "ł": "l", "ø": "o", "œ": "oe", "þ": "th", "ŧ": "t"}
#: those, and accents once they are apart from their letters
_FOLDED = re.compile("[\u0300-\u036f" + "".join(_PLAINER) + "]")

_FTS = table("events_text", column("rowid"))
#: exactly the expression of the index `ix_events_text`, or PostgreSQL does not use it
_VECTOR = "to_tsvector('simple', events.words)"


def text_of(parts: Iterable[str | None]) -> str | None:
    """What an event is found by: its title, names and notes as one folded text; None where it has none."""
    return fold(" ".join(filter(None, parts)))[:MAX_TEXT] or None


def fold(text: str) -> str:
    """`text` without letter case and accents: `Łukasz Müller-Straße` is `lukasz muller-strasse`."""
    if text.isascii():
        return text.lower()
    apart = normalize("NFD", text).casefold()
    return normalize("NFC", _FOLDED.sub(lambda found: _PLAINER.get(found[0], ""), apart))


def words(typed: str) -> list[str]:
    """The words to look for, folded: what stands between blanks and has a letter or digit. `BadInput` for too many or
    long."""
    found = [word for word in fold(plain(typed)).split() if any(char.isalnum() for char in word)]
    if len(found) > MAX_WORDS:
        raise BadInput(f"text may have at most {MAX_WORDS} words; it has {len(found)}.")
    if any(len(word) > MAX_WORD for word in found):
        raise BadInput(f"a word in text may have at most {MAX_WORD} characters.")
    return found


def plain(value: str) -> str:
    """`value` as a database takes it: no NUL, no half of a surrogate pair. Neither is in any stored text."""
    return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def sqlite_query(found: list[str]) -> str:
    """FTS5's query: quoted strings side by side are ANDed."""
    return " ".join('"' + word.replace('"', '""') + '"' for word in found) + " *"


def postgresql_query(found: list[str]) -> str:
    """`to_tsquery`'s text."""
    quoted = ("'" + word.replace("\\", "\\\\").replace("'", "''") + "'" for word in found)
    return " & ".join(quoted) + ":*"


def matching(connection: Connection, typed: str, *, after: int = 0) -> tuple[Condition, bool]:
    """The condition that an event (one whose `seq` is above `after`) has these words; no words, no event. And whether
    it names each event, because they are few.

    Neither database can be trusted to know how common a word is, so that is asked first: of a rare one all matches
    are named, and sorting them is nothing; of a common one the events are walked in the order wanted, until enough
    of them match.
    """
    found = words(typed)
    if not found:
        return false(), True
    match, seq = _sqlite(found) if connection.dialect.name == "sqlite" else _postgresql(found)
    probe = select(seq).where(match, seq > after)
    seqs = list(connection.execute(probe.limit(_COMMON)).scalars())
    if len(seqs) < _COMMON:
        return events.c.seq.in_(seqs), True
    if connection.dialect.name != "sqlite":
        return match, False
    # `+ 0` keeps the walk: SQLite makes the list of matches once, and looks into it for each event it comes by.
    return (events.c.seq + 0).in_(probe), False


def having(connection: Connection, typed: str, ids: Sequence[UUID]) -> set[UUID]:
    """Which of these events have the words; the index of all events' words is asked about no others."""
    found = words(typed)
    if not found or not ids:
        return set()
    if connection.dialect.name != "sqlite":
        # Apart, so that PostgreSQL does not think of the index, which would list all there are with a common word.
        named = select(events.c.id, events.c.words).where(events.c.id.in_(ids)).cte("named").prefix_with("MATERIALIZED")
        query = text("to_tsvector('simple', named.words) @@ to_tsquery('simple', :words)")
        match: Condition = query.bindparams(words=postgresql_query(found))
        return set(connection.execute(select(named.c.id).where(match)).scalars())
    rows = connection.execute(select(events.c.seq, events.c.id).where(events.c.id.in_(ids)))
    seqs = {row.seq: row.id for row in rows}
    if not seqs:
        return set()
    match, seq = _sqlite(found)
    # Events that came one after another are a stretch of the index. Others are picked from a longer one, by `+ 0`: for
    # each that it looked up SQLite would list anew all that have a word with the last one's letters.
    stretch = select(seq).where(match, seq.between(min(seqs), max(seqs)))
    if max(seqs) - min(seqs) >= _NEAR * len(seqs):
        stretch = stretch.where((seq + 0).in_(list(seqs)))
    return {seqs[one] for one in connection.execute(stretch).scalars() if one in seqs}


def _sqlite(found: list[str]) -> tuple[Condition, ColumnElement[int]]:
    query: BindParameter[str] = bindparam("words", sqlite_query(found), unique=True)
    return text("events_text MATCH :words").bindparams(query), _FTS.c.rowid


def _postgresql(found: list[str]) -> tuple[Condition, ColumnElement[int]]:
    query: BindParameter[str] = bindparam("words", postgresql_query(found), unique=True)
    return text(f"{_VECTOR} @@ to_tsquery('simple', :words)").bindparams(query), events.c.seq
