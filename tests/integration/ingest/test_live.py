"""The live feed on each database: what listeners hear, what they hear who come back, and when it ends."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
import structlog
from starlette.types import Message

from ingest.live import feed as feed_module
from ingest.live import ids, stream
from ingest.live.feed import Crowded, Feed
from ingest.live.listener import Wanted
from ingest.live.stream import Allowed
from ingest.session import SignInNeeded
from tests.conftest import PATIENCE
from tests.contract.store.filled import Filled, bare
from workers.catalogue.mask import MASK
from workers.errors import StoreUnavailable
from workers.persist import persist
from workers.store import history, tables
from workers.store.engine import Store, open_store
from workers.store.history import Filter
from workers.store.position import Position
from workers.vault import Vault

ALL = Wanted(Filter())


@dataclass(frozen=True)
class Told:
    """One message."""

    name: str
    id: str
    data: Any


class Client:
    """Reads a stream's bytes as a browser does."""

    def __init__(self) -> None:
        self.told: list[Told] = []
        self.last_id = ""
        self.pulses = 0
        self.ended = asyncio.Event()
        self._gone = asyncio.Event()
        self._reads = asyncio.Event()
        self._reads.set()
        self._rest = b""

    async def receive(self) -> Message:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        await self._reads.wait()
        *blocks, self._rest = (self._rest + message.get("body", b"")).split(b"\n\n")
        for block in blocks:
            fields = dict(line.split(": ", 1) for line in block.decode().splitlines())
            self.last_id = fields["id"]
            self.pulses += "" in fields
            if "event" in fields:
                self.told.append(Told(fields["event"], fields["id"], json.loads(fields["data"])))

    def hang_up(self) -> None:
        self._gone.set()

    def stop_reading(self) -> None:
        self._reads.clear()

    def read_on(self) -> None:
        self._reads.set()

    @property
    def ids(self) -> list[str]:
        """The events it was told of."""
        return [one.data["id"] for one in self.told]

    async def hears(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not condition():  # noqa: ASYNC110 - it is said in no one place
                await asyncio.sleep(0.005)


class Room:
    """A feed, and clients that listen to it."""

    def __init__(self, store: Store, **bounds: int) -> None:
        self.feed = Feed(store, **bounds)
        self._tasks: list[asyncio.Task[None]] = []
        self._clients: list[Client] = []

    async def client(self, wanted: Wanted = ALL, *, last: str | None = None, allowed: Allowed | None = None) -> Client:
        """One that listens; `last` is the id that it comes back with."""
        client = Client()
        position = ids.read(last) if last else None
        response = await stream.stream(self.feed, wanted, position, allowed or _everyone)

        async def listen() -> None:
            try:
                await response({"type": "http", "method": "GET"}, client.receive, client.send)
            finally:
                client.ended.set()

        self._clients.append(client)
        self._tasks.append(asyncio.create_task(listen()))
        await client.hears(lambda: client.last_id or client.ended.is_set())
        return client

    async def close(self) -> None:
        for client in self._clients:
            client.hang_up()
            client.read_on()
        await asyncio.gather(*self._tasks)
        await self.feed.close()


async def _everyone() -> None:
    return


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "_PACE", 0.01)


@pytest.fixture
def filled(store: Store, vault: Vault) -> Filled:
    """A store that deliveries come to."""
    return Filled(store, vault)


@pytest.fixture
async def room(store: Store) -> AsyncIterator[Room]:
    """A feed of that store."""
    made = Room(store)
    yield made
    await made.close()


def texts(made: list[UUID]) -> list[str]:
    return [str(one) for one in made]


async def test_a_listener_hears_what_is_written_from_now_on_once_and_in_order(filled: Filled, room: Room) -> None:
    filled.events(2)
    client = await room.client()
    written = texts([filled.event(uid=f"new-{index}") for index in range(3)])
    await client.hears(lambda: len(client.told) >= 3)
    assert client.ids == written
    assert {one.name for one in client.told} == {"event"}
    assert "payload" not in client.told[0].data


async def test_each_hears_what_it_wants(filled: Filled, room: Room) -> None:
    pings = await room.client(Wanted(Filter(triggers=("PING",))))
    words = await room.client(Wanted(Filter(text="dentist"), payload=True))
    both = [await room.client() for _ in range(2)]
    ping = filled.event(uid="a", trigger="PING")
    mine = filled.event(uid="b", title="Dentist", videoCallData={"password": "s3cret"})
    await both[1].hears(lambda: all(len(one.told) == 2 for one in both))
    await words.hears(lambda: words.told)
    assert pings.ids == [str(ping)]
    assert words.ids == [str(mine)]
    assert words.told[0].data["payload"]["videoCallData"]["password"] == MASK
    assert both[0].told == both[1].told


async def test_one_who_comes_back_hears_what_it_missed_and_nothing_twice(filled: Filled, room: Room) -> None:
    client = await room.client()
    first = filled.event(uid="a")
    await client.hears(lambda: client.told)
    client.hang_up()
    await client.ended.wait()
    missed = [filled.event(uid=f"missed-{index}") for index in range(3)]
    again = await room.client(last=client.last_id)
    later = filled.event(uid="later")
    await again.hears(lambda: len(again.told) >= 4)
    assert client.ids + again.ids == texts([first, *missed, later])
    half = await room.client(last=again.told[1].id)
    await half.hears(lambda: len(half.told) >= 2)
    assert half.ids == texts([missed[2], later])


async def test_one_who_left_before_it_was_told_anything_misses_nothing(filled: Filled, room: Room) -> None:
    client = await room.client(Wanted(Filter(triggers=("PING",))))
    client.hang_up()
    await client.ended.wait()
    ping = filled.event(uid="a", trigger="PING")
    filled.event(uid="b")
    again = await room.client(Wanted(Filter(triggers=("PING",)), payload=True), last=client.last_id)
    await again.hears(lambda: again.told)
    assert again.ids == [str(ping)]
    assert again.told[0].data["payload"]


async def test_what_was_missed_comes_in_pages(filled: Filled, room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "_EVENTS", 2)
    client = await room.client()
    written = texts(filled.events(5))
    again = await room.client(last=client.last_id)
    await client.hears(lambda: len(client.told) >= 5)
    await again.hears(lambda: len(again.told) >= 5)
    assert client.ids == again.ids == written


async def test_one_who_missed_too_much_is_told_since_when(store: Store, vault: Vault) -> None:
    filled, room = Filled(store, vault), Room(store, furthest=3)
    with contextlib.closing(store):
        client = await room.client()
        filled.events(1)
        await client.hears(lambda: client.told)
        filled.events(6)
        again = await room.client(last=client.last_id)
        later = filled.event(uid="later")
        await again.hears(lambda: len(again.told) >= 2)
        assert [one.name for one in again.told] == ["gap", "event"]
        assert again.told[0].data == {"since": client.told[0].data["received_at"]}
        assert again.told[1].data["id"] == str(later)
        more = await room.client(last=again.told[0].id)
        await more.hears(lambda: more.told)
        assert more.ids == [str(later)]
        await room.close()


async def test_an_id_from_ahead_of_the_history_is_a_gap(filled: Filled, room: Room) -> None:
    client = await room.client(last=ids.spell(Position(10**17)))
    await client.hears(lambda: client.told)
    assert (client.told[0].name, client.told[0].data) == ("gap", {"since": None})
    mine = filled.event()
    await client.hears(lambda: len(client.told) == 2)
    assert client.told[1].data["id"] == str(mine)


async def test_an_event_that_is_committed_late_is_told_once_to_all(postgres_database: str, vault: Vault) -> None:
    # On PostgreSQL only: SQLite writes one transaction at a time.
    with contextlib.closing(open_store(postgres_database, pool_size=6)) as store:
        filled, room, elsewhere = Filled(store, vault), Room(store), Room(store)
        slow, fast = filled.keep(b'{"triggerEvent": "PING"}'), filled.keep(b'{"triggerEvent": "PING", "payload": {}}')
        stays, leaves = await room.client(), await room.client()
        with store.write() as connection:
            connection.execute(tables.events.insert().values(bare(slow)))
            persist(store, [fast])
            await leaves.hears(lambda: leaves.told and stays.told)
            leaves.hang_up()
            there, here = await elsewhere.client(last=leaves.last_id), await room.client(last=leaves.last_id)
        again = [there, here, await elsewhere.client(last=leaves.last_id)]
        for one in again:
            await one.hears(lambda one=one: one.told)  # type: ignore[misc]
        await stays.hears(lambda: len(stays.told) >= 2)
        last = filled.event()
        for one in [stays, *again]:
            await one.hears(lambda one=one: str(last) in one.ids)  # type: ignore[misc]
        assert stays.ids == texts([fast, slow, last])
        assert [one.ids for one in again] == [texts([slow, last])] * 3
        await room.close()
        await elsewhere.close()


async def test_while_sql_is_away_a_stream_stays_and_then_goes_on(
    filled: Filled, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await room.client()
    tried = 0

    @contextlib.contextmanager
    def away(_store: Store) -> Iterator[Any]:
        nonlocal tried
        tried += 1
        raise StoreUnavailable("gone")
        yield  # type: ignore[unreachable]

    with structlog.testing.capture_logs() as logs, monkeypatch.context() as patch:
        patch.setattr(Store, "read", away)
        await client.hears(lambda: tried >= 3)
        with pytest.raises(StoreUnavailable):
            await room.client()
    assert [one["event"] for one in logs] == ["live.store_away"]
    mine = filled.event()
    await client.hears(lambda: client.told)
    assert client.ids == [str(mine)]


async def test_one_who_may_no_longer_listen_hears_no_more(
    filled: Filled, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "_PULSE", 0.01)
    answers: list[Exception | None] = [None, StoreUnavailable("gone"), None, SignInNeeded()]

    async def allowed() -> None:
        if (answer := answers.pop(0)) is not None:
            raise answer

    client = await room.client(allowed=allowed)
    async with asyncio.timeout(PATIENCE):
        await client.ended.wait()
    assert answers == []
    assert client.pulses >= 3
    filled.event()
    other = await room.client(last=client.last_id)
    await other.hears(lambda: other.told)
    assert client.told == []


async def test_one_who_does_not_read_is_left_and_can_come_back(
    filled: Filled, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.live.listener._MESSAGES", 2)
    reads, slow = await room.client(), await room.client()
    slow.stop_reading()
    written = []
    for index in range(5):
        written.append(str(filled.event(uid=f"uid-{index}")))
        await reads.hears(lambda: reads.ids == written)
    slow.read_on()
    async with asyncio.timeout(PATIENCE):
        await slow.ended.wait()
    assert slow.ids == written[:1]
    again = await room.client(last=slow.last_id)
    await again.hears(lambda: len(again.told) >= 4)
    assert slow.ids + again.ids == written


async def test_only_so_many_may_listen_and_who_leaves_makes_room(store: Store) -> None:
    room = Room(store, most=2)
    clients = [await room.client() for _ in range(2)]
    with pytest.raises(Crowded):
        await room.client()
    clients[0].hang_up()
    await clients[0].ended.wait()
    await room.client()
    head = Client()
    clients[1].hang_up()
    await clients[1].ended.wait()
    answer = await stream.stream(room.feed, ALL, None, _everyone)
    await answer({"type": "http", "method": "HEAD"}, head.receive, head.send)
    assert head.last_id == ""
    await room.client()
    await room.close()


async def test_sql_is_asked_once_for_all_who_listen_and_not_at_all_while_nobody_does(
    filled: Filled, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients = [await room.client() for _ in range(20)]
    asked: list[list[int]] = []
    by_seq = history.by_seq

    def counted(connection: Any, seqs: Any) -> Any:
        asked.append(list(seqs))
        return by_seq(connection, seqs)

    monkeypatch.setattr(history, "by_seq", counted)
    filled.event()
    for client in clients:
        await client.hears(lambda client=client: client.told)  # type: ignore[misc]
    assert [seqs for seqs in asked if seqs] == [[1]]
    for client in clients:
        client.hang_up()
        await client.ended.wait()
    assert room.feed._looking is not None
    async with asyncio.timeout(PATIENCE):
        await room.feed._looking
    asked.clear()
    filled.event(uid="unheard")
    await asyncio.sleep(0.05)
    assert asked == []
