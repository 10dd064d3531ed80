"""How far somebody has followed the history, as a value: what is behind, and what is yet to come. It asks nothing."""

from __future__ import annotations

from dataclasses import dataclass

#: numbers below a new one that may still come: more than all worker processes together write at one time
WINDOW = 10_000


@dataclass(frozen=True, slots=True)
class Position:
    """Behind it lies every `seq` up to `highest`, but the `open` ones.

    `seq` is given when a row is inserted and seen by others when its transaction commits. On PostgreSQL a higher one
    can be seen first; those that it passed over are open until they are seen, or until nobody can write them any more.
    """

    highest: int
    open: frozenset[int] = frozenset()

    @property
    def lowest(self) -> int:
        """All that is not behind is above this."""
        return min(self.open, default=self.highest + 1) - 1

    def covers(self, seq: int) -> bool:
        """Whether `seq` is behind."""
        return seq <= self.highest and seq not in self.open

    def after(self, seq: int) -> Position:
        """The position once `seq` was seen, which was not behind."""
        if seq <= self.highest:
            return Position(self.highest, self.open - {seq})
        passed = range(max(self.highest + 1, seq - WINDOW), seq)
        return Position(seq, self.open.union(passed) if passed else self.open)

    def without(self, gone: frozenset[int]) -> Position:
        """The position once it is known that `gone` will never come."""
        return Position(self.highest, self.open - gone) if gone else self

    def on_the_way_to(self, goal: Position, seq: int) -> Position:
        """Where one is who follows from here to `goal` in the order of `seq`, and has come to this one."""
        still = {one for one in self.open if one > seq}
        highest = max(self.highest, seq)
        still.update(one for one in goal.open if one <= highest and not self.covers(one))
        return Position(highest, frozenset(still))
