"""`make chaos`: everything goes wrong while deliveries come and rules act, on each database and broker.

Exit status 1 where a delivery was lost, an effect is not there just once, or something is stuck or has grown.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

from tests.chaos.faults import DEEDS
from tests.chaos.flood import Outcome, Plan, flood
from tests.chaos.site import KINDS

_LOG = Path("chaos.log")
_SHOWN = 20


def main() -> int:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the dice; now, unless it is said")
    parser.add_argument("--only", choices=list(KINDS), action="append", help="on this alone; may be said again")
    parser.add_argument("--fault", choices=list(DEEDS), action="append", help="this alone; may be said again")
    parser.add_argument("--rate", type=float, default=Plan.rate, help="bookings a second")
    parser.add_argument("--outage", type=float, default=Plan.outage, help="seconds of what is gone for long")
    parser.add_argument("--short", type=float, default=Plan.short, help="seconds of everything else")
    given = parser.parse_args()
    wrong = 0
    for kind in given.only or KINDS:
        _say(f"{kind}, seed {given.seed}")
        plan = Plan(kind, given.seed, given.rate, given.outage, given.short, only=given.fault)
        outcome = flood(plan, lambda line: _say(f"  {line}"))
        _tell(outcome)
        if outcome.wrong:
            wrong += 1
            _LOG.write_text(outcome.log)
            _say(f"  WRONG, with seed {given.seed}; what the processes said is in {_LOG}:")
            for line in outcome.wrong[:_SHOWN]:
                _say(f"    {line}")
    return 1 if wrong else 0


def _tell(outcome: Outcome) -> None:
    _say(f"  done to it: {', '.join(outcome.done) or 'nothing'}")
    if outcome.left_out:
        _say(f"  NOT done, for this machine cannot: {', '.join(outcome.left_out)}")
    _say(f"  deliveries: {outcome.deliveries}, of which {outcome.accepted} were answered 2xx in the end")
    _say(f"  answers: {_listed(outcome.answers)}")
    _say(f"  calls of the API that went wrong: {_listed(outcome.calls)}")
    _say(f"  runs: {_listed(outcome.states)}; all settled {outcome.settled:.0f} s after the last delivery")
    for name, (size, files, size_now, files_now) in outcome.size.items():
        _say(f"  {name}: {size:.0f} MB, {files} files; in the end {size_now:.0f} MB, {files_now} files")
    if not outcome.wrong:
        _say("  nothing lost, every effect once, nothing stuck, nothing grown")
    _say(f"  {outcome.seconds:.0f} s")


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{number} {name}" for name, number in counts.most_common()) or "none"


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
