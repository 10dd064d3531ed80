"""What is said where a raw body is past retention: by commands, pages and API in one way. It looks up nothing."""

from __future__ import annotations

from workers.errors import Conflict, NotFound

#: the end of a sentence, or one by itself
SENTENCE = "the raw body and headers are past retention and were forgotten"


def nothing_to_read() -> NotFound:
    """The error for who asks for such a body."""
    return NotFound(f"{SENTENCE}; what its event says is still in the history.")


def nothing_to_replay() -> Conflict:
    """The error for who wants to send such a delivery through the pipeline again."""
    return Conflict(f"{SENTENCE}: there is nothing left to read anew. Its event stays as it is.")
