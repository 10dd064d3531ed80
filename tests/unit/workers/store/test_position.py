"""How far somebody has followed the history, where numbers are seen out of order."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from workers.store.position import WINDOW, Position


def test_a_number_that_was_passed_over_stays_open_until_it_is_seen() -> None:
    position = Position(5).after(8)
    assert position == Position(8, frozenset({6, 7}))
    assert not position.covers(6)
    assert position.covers(5)
    assert position.lowest == 5
    assert position.after(6) == Position(8, frozenset({7}))
    assert position.after(6).after(7) == Position(8)


def test_what_will_never_come_is_behind() -> None:
    assert Position(8, frozenset({6, 7})).without(frozenset({6})) == Position(8, frozenset({7}))


def test_no_more_numbers_are_open_than_can_be_on_their_way() -> None:
    position = Position(5).after(10**9)
    assert position.highest == 10**9
    assert len(position.open) == WINDOW


def told(client: Position, goal: Position, written: list[int]) -> list[tuple[int, Position]]:
    """What one who comes back at `client` is told to reach `goal`."""
    mine = sorted(seq for seq in written if not client.covers(seq) and goal.covers(seq))
    return [(seq, client.on_the_way_to(goal, seq)) for seq in mine]


@given(number=st.integers(1, 40), seed=st.integers(0, 2**32))
def test_one_who_comes_back_again_and_again_is_told_each_event_once(number: int, seed: int) -> None:
    chance = random.Random(seed)
    coming = list(range(1, number + 1))
    coming.sort(key=lambda seq: seq + chance.uniform(0, 6))  # commits come nearly in order
    visible: list[int] = []
    processes = [Position(0), Position(0)]
    client, listens_to = Position(0), None
    heard: list[int] = []
    while coming or not client.covers(number) or client.open:
        visible, coming = visible + coming[: (step := chance.randint(0, 3))], coming[step:]
        which = chance.randrange(2)
        new = sorted(seq for seq in visible if not processes[which].covers(seq))
        for seq in new[: chance.randint(1, 5)]:
            processes[which] = processes[which].after(seq)
            if listens_to == which:
                heard.append(seq)
                client = processes[which]
        if chance.random() < 0.3:  # it loses its stream, and comes back to either process
            listens_to = chance.randrange(2)
            for seq in sorted(seq for seq in visible if not processes[listens_to].covers(seq)):
                processes[listens_to] = processes[listens_to].after(seq)
            for seq, at in told(client, processes[listens_to], visible)[: chance.randint(0, 9)]:
                heard.append(seq)
                client = at
            if any(not client.covers(seq) for seq in visible):
                listens_to = None  # lost again before it was told all it had missed
            else:
                client = processes[listens_to]
    assert sorted(heard) == list(range(1, number + 1))
