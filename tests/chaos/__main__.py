"""`make chaos`: storms at length, on SQLite and on PostgreSQL. Exit status 1 where an effect is not there just once."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

from tests.chaos.storm import EACH, Outcome, Plan, storm

_LOG = Path("chaos.log")
_SHOWN = 20


def main() -> int:
    """Run the storms that are asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--runs", type=int, default=1000, help="runs of rules on each database")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the dice; now, unless it is said")
    parser.add_argument("--only", choices=["sqlite", "postgresql"], help="one database only")
    given = parser.parse_args()
    wrong = 0
    for name in ["sqlite", "postgresql"] if given.only is None else [given.only]:
        bookings = max(1, -(-given.runs // EACH))
        _say(f"{name}: {bookings} bookings, seed {given.seed}")
        plan = Plan(bookings, given.seed, over=bookings / 10, patience=240, postgresql=name == "postgresql")
        outcome = storm(plan, lambda line: _say(f"  {line}"))
        _tell(outcome)
        if outcome.wrong:
            wrong += 1
            _LOG.write_text(outcome.log)
            _say(f"  Wrong, with seed {given.seed}; what the processes said is in {_LOG}:")
            for line in outcome.wrong[:_SHOWN]:
                _say(f"    {line}")
    return 1 if wrong else 0


def _tell(outcome: Outcome) -> None:
    faults = Counter(call["fault"] for call in outcome.calls if call["fault"])
    states: Counter[str] = Counter()
    for name, number in outcome.states.items():
        states[name.rpartition(" ")[2]] += number
    _say(f"  done to it: {_listed(outcome.done_to_it)}")
    _say(f"  calls of the API that went wrong, of {len(outcome.calls)}: {_listed(faults)}")
    _say(f"  runs: {_listed(states)}; {'every effect once' if not outcome.wrong else 'NOT every effect once'}")
    _say(f"  {outcome.seconds:.0f} s")


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{number} {name}" for name, number in counts.most_common()) or "nothing"


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
