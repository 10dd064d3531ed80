"""What is told of an event, and of a gap, as bytes of a stream of server-sent events. It asks nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import Row
from sse_starlette import ServerSentEvent

from ingest.live import ids
from workers.catalogue.mask import mask
from workers.store.events import shape, spell
from workers.store.position import Position

#: milliseconds after which a client that lost the stream comes back
_RETRY = 2_000


def event(row: Row[Any], position: Position, payload: Mapping[str, Any] | None) -> bytes:
    """An event; `payload` None leaves it out."""
    told = shape(row)
    if payload is not None:
        told["payload"] = mask(dict(payload))
    return _message("event", told, position)


def gap(position: Position, since: Row[Any] | None) -> bytes:
    """What was missed is too much to be told here; `since` is the last event that is known to have been told."""
    return _message("gap", {"since": spell(since.received_at) if since is not None else None}, position)


def beginning(position: Position) -> bytes:
    """The first of a stream: it tells nothing but from where to go on, should the stream end before an event came."""
    return ServerSentEvent(id=ids.spell(position), retry=_RETRY, sep="\n").encode()


def pulse(position: Position) -> bytes:
    """Says that the stream lives; its id is nearer than that of an event long ago."""
    return ServerSentEvent(comment="nothing new", id=ids.spell(position), sep="\n").encode()


def _message(name: str, told: dict[str, Any], position: Position) -> bytes:
    data = msgspec.json.encode(told).decode()
    return ServerSentEvent(data, event=name, id=ids.spell(position), sep="\n").encode()
