"""What was found, a line for each comparison, as a table for people and as JSON. It judges by the goals it is given."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal

from rich.table import Table


@dataclass(frozen=True, slots=True)
class Goal:
    """What was aimed for: of the ratio of ours to the other, or of our own value."""

    way: Literal[">=", "<="]
    value: float
    of: Literal["ratio", "ours"] = "ratio"

    def met(self, found: float) -> bool:
        """Whether `found` reaches it."""
        return found >= self.value if self.way == ">=" else found <= self.value

    def __str__(self) -> str:
        return f"{self.way} {self.value:g}" + ("x" if self.of == "ratio" else " of ours")


@dataclass(frozen=True, slots=True)
class Line:
    """One comparison. `ours` and `other` hold the value of each round; the medians are what is compared."""

    part: str
    measure: str
    unit: str
    ours: Sequence[float]
    against: str = ""
    other: Sequence[float] = ()
    goal: Goal | None = None
    #: a goal that no number here tells: its words, and whether it is met
    judged: tuple[str, bool] | None = None
    #: said beside the numbers, in a few words
    note: str = ""

    @property
    def value(self) -> float:
        """Our median."""
        return statistics.median(self.ours)

    @property
    def ratio(self) -> float | None:
        """Our median to the other's; None where there is no other."""
        return self.value / statistics.median(self.other) if self.other else None

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached; None where none was set."""
        if self.judged is not None:
            return self.judged[1]
        if self.goal is None:
            return None
        found = self.value if self.goal.of == "ours" else self.ratio
        return found is not None and self.goal.met(found)

    @property
    def aim(self) -> str:
        """The goal's words."""
        return self.judged[0] if self.judged is not None else str(self.goal or "")

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "part": self.part,
            "measure": self.measure,
            "unit": self.unit,
            "ours": self.value,
            "ours_rounds": list(self.ours),
            "against": self.against or None,
            "other": statistics.median(self.other) if self.other else None,
            "other_rounds": list(self.other),
            "ratio": self.ratio,
            "goal": self.aim or None,
            "met": self.met,
            "note": self.note or None,
        }


def tables(lines: Iterable[Line]) -> Iterator[Table]:
    """The lines as people read them, a table for each part."""
    for part, some in groupby(lines, key=lambda line: line.part):
        drawn = Table(title=part, title_justify="left", title_style="bold", expand=False)
        for name in ("measure", "Daybook", "other", "against", "ratio", "goal", "met", ""):
            right = name in ("Daybook", "other", "ratio", "goal")
            drawn.add_column(name, justify="right" if right else "left", no_wrap=name != "")
        for line in some:
            drawn.add_row(
                line.measure,
                f"{number(line.value)} {line.unit}",
                f"{number(statistics.median(line.other))} {line.unit}" if line.other else "",
                line.against,
                f"{line.ratio:.2f}" if line.ratio is not None else "",
                line.aim,
                {True: "[green]yes[/green]", False: "[red]no[/red]", None: ""}[line.met],
                line.note,
            )
        yield drawn


def number(value: float) -> str:
    """Three figures that mean something."""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
