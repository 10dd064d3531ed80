"""What `daybook deliveries release | discard | replay` share: which deliveries, the question, doing it, what to say."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from ingest import forgotten
from ingest.cli import ids, output, progress
from ingest.cli.filters import Became, Json, Since, Until, Verdict, Webhook, Yes, of_deliveries
from ingest.cli.stopping import until_ctrl_c
from ingest.cli.workspace import Workspace, opened
from workers.errors import BadInput, Conflict, DaybookError, NotFound

if TYPE_CHECKING:  # SQLAlchemy takes half a second to load, and `--help` needs none
    from sqlalchemy import Row

    from workers.replay import Again, Verb
    from workers.store.deliveries import Filter
    from workers.store.engine import Store

Ids = Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Deliveries by id; else by the options.")]
Everything = Annotated[bool, typer.Option("--all", help="Every delivery is meant, where no other option chooses.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only count.")]
#: what a person types to let effects happen a second time
AGAIN = "again"
_DONE = {"release": "Released", "discard": "Discarded", "replay": "Replayed"}
_DOING = {"release": "releasing", "discard": "discarding", "replay": "replaying"}
#: deliveries moved in one transaction
_BATCH = 500
#: rules that a question names
_NAMED = 6


@dataclass(frozen=True, slots=True)
class Asked:
    """What `release`, `discard` and `replay` are asked for: deliveries by id, or those of the filter `chosen`."""

    ids: Sequence[str]
    chosen: Filter
    everything: bool
    yes: bool
    dry_run: bool
    as_json: bool


@dataclass(frozen=True, slots=True)
class How:
    """How a replay is done: so many a second (None: as fast as it goes), and whether effects may happen once more."""

    rate: float | None = None
    again: bool = False
    yes_again: bool = False


@dataclass(slots=True)
class _Progress:
    """How far it came."""

    moved: int = 0
    rung: bool = False
    last: UUID | None = None
    stopped: bool = False


def asked(
    ids: Ids = None,
    verdict: Verdict = None,
    webhook: Webhook = None,
    since: Since = None,
    until: Until = None,
    everything: Everything = False,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> Asked:
    """The options that the three share."""
    chosen = of_deliveries(None, None, verdict, webhook, since, until)
    return Asked(ids or (), chosen, everything, yes, dry_run, as_json)


def asked_by_event(
    ids: Ids = None,
    triggers: Became = None,
    verdict: Verdict = None,
    webhook: Webhook = None,
    since: Since = None,
    until: Until = None,
    everything: Everything = False,
    yes: Yes = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> Asked:
    """The same, and what is said of the events that deliveries became: for a verb that is about such."""
    chosen = of_deliveries(None, triggers, verdict, webhook, since, until)
    return Asked(ids or (), chosen, everything, yes, dry_run, as_json)


def act(verb: str, state: str, wish: Asked, how: How = How()) -> None:
    """Do `verb` to the deliveries named, or to those of the filter in `state` once that was counted and asked.

    Ctrl-C ends it in good order, with status 130, between two batches.
    """
    from workers import replay as verbs
    from workers.store.receipts import State

    _refuse_unclear(verb, wish)
    chosen = replace(wish.chosen, state=State(state))
    again = verbs.Again() if how.again else None
    done = again or {"release": verbs.release, "discard": verbs.discard, "replay": verbs.replay}[verb]
    with opened() as workspace:
        store = workspace.store
        named = _named(store, wish.ids)
        left_alone = [row for row in named if row.state != state]
        right = [row.id for row in named if row.state == state]
        _refuse_bodiless(store, right)
        number = len(right) if wish.ids else _count(store, chosen)
        effects = verbs.effects(store, _parts(right) if wish.ids else verbs.pages(store, chosen)) if again else {}
        far = _Progress()
        if not wish.dry_run:
            if not wish.ids:
                _ask(verb, number, wish)
            _ask_again(effects, wish, how)
            batches = _batches(store, done, right if wish.ids else chosen, how)
            far = _settle(workspace, verb, batches, number, how, wish)
        hint = _go_on(store, verb, far, wish)
    _say(verb, number, far, effects, again, wish)
    if far.stopped:
        if hint and not wish.as_json:
            output.note(hint)
        raise typer.Exit(130)
    if left_alone:
        first = left_alone[0]
        raise Conflict(
            f"{_deliveries(len(left_alone))} left alone: {first.id} is {first.state}, and `{verb}` is for {state} ones."
        )


def _refuse_bodiless(store: Store, named: Sequence[UUID]) -> None:
    from workers.store import deliveries

    with store.read() as sql:
        if deliveries.bodiless(sql, named):
            raise forgotten.nothing_to_replay()


def _refuse_unclear(verb: str, wish: Asked) -> None:
    from workers.store.deliveries import Filter

    chooses = wish.chosen != Filter() or wish.everything
    if wish.ids and chooses:
        raise BadInput("name deliveries by id or choose them by options, not both.")
    if not wish.ids and not chooses:
        by = f"{'--trigger, ' if verb == 'replay' else ''}--webhook, --verdict, --since or --until"
        raise BadInput(f"name deliveries by id, choose them by {by}, or say --all.")


def _ask(verb: str, number: int, wish: Asked) -> None:
    if wish.yes or not number:
        return
    if wish.as_json:
        raise BadInput(f"this would {verb} {_deliveries(number)}; say --yes, for with --json nothing is asked.")
    if not output.agreed(f"This will {verb} {_deliveries(number)}. Go on?"):
        raise output.unchanged()


def _ask_again(effects: Mapping[str, int], wish: Asked, how: How) -> None:
    """Asked for by itself, and in a word that nobody types by habit: --yes does not answer it."""
    if how.yes_again or not effects:
        return
    if wish.as_json:
        raise BadInput(
            f"what {_runs(effects)} did could happen a second time; say --yes-again, for with --json nothing is asked."
        )
    output.note(f"What {_runs(effects)} did may then happen a second time, outside too: {_by_rule(effects)}.", style="")
    if output.answer(f"Type `{AGAIN}` to let it happen") != AGAIN:
        raise output.unchanged()


def _batches(store: Store, done: Verb, which: Filter | list[UUID], how: How) -> Iterator[list[UUID]]:
    """What each batch moved; at a rate a batch is about a second's worth."""
    from workers import replay as verbs

    size = _BATCH if how.rate is None else max(1, min(_BATCH, int(how.rate)))
    if isinstance(which, list):
        return (done(store, some) for some in _parts(which, size))
    return verbs.each(store, done, which, size=size)


def _parts(which: list[UUID], size: int = _BATCH) -> Iterator[list[UUID]]:
    return (which[start : start + size] for start in range(0, len(which), size))


def _settle(
    workspace: Workspace, verb: str, batches: Iterator[list[UUID]], number: int, how: How, wish: Asked
) -> _Progress:
    """Go through the batches, each rung for as soon as it is committed, until Ctrl-C."""
    from workers import queue
    from workers import replay as verbs

    far = _Progress()
    broker = queue.open_broker(workspace.settings.broker) if verb != "discard" else None
    heard = broker is not None
    try:
        with until_ctrl_c() as ended, progress.bar(_DOING[verb], lambda: number) as tell:
            paced = batches if how.rate is None else verbs.paced(batches, how.rate, ended.wait)
            for moved in paced:
                far.moved += len(moved)
                far.last = min(moved, default=far.last)
                # One that is away is not asked again for each batch.
                heard = heard and broker is not None and verbs.ring(broker, moved)
                tell(far.moved)
                if ended.is_set():
                    break
            far.stopped = ended.is_set() and far.moved < number
    except DaybookError:
        if far.moved and not wish.as_json:
            output.note(f"{_DONE[verb]} {_deliveries(far.moved)} of {number:,} before this:")
        raise
    finally:
        if broker is not None:
            with contextlib.suppress(Exception):  # any broker, any way of being away
                broker.close()
    far.rung = heard and far.moved > 0
    return far


def _say(verb: str, number: int, far: _Progress, effects: Mapping[str, int], again: Again | None, wish: Asked) -> None:
    if wish.as_json:
        told: dict[str, Any] = {
            "verb": verb,
            "deliveries": number if wish.dry_run else far.moved,
            "dry_run": wish.dry_run,
            "rung": far.rung,
        }
        if again is not None:
            told |= {"runs_again": effects, "freed": again.freed}
        output.json_line({**told, "stopped": True} if far.stopped else told)
        return
    if wish.dry_run:
        output.say(f"Would {verb} {_deliveries(number)}.")
        if again is not None:
            said = f"may happen again: {_by_rule(effects)}" if effects else "is left to happen again"
            output.say(f"With --{AGAIN} what {_runs(effects)} did {said}.")
        return
    cut = f"Stopped: {_DONE[verb].lower()} {far.moved:,} of {_deliveries(number)}." if far.stopped else None
    output.say(cut or f"{_DONE[verb]} {_deliveries(far.moved)}.")
    if again is not None and again.freed:
        output.say(f"The rules may act on their events once more ({_runs(effects)}).")
    if far.moved and not (far.rung or verb == "discard"):
        output.note("The broker is away; a worker's sweep finds them when it is back.")


def _go_on(store: Store, verb: str, far: _Progress, wish: Asked) -> str | None:
    """How to go on with the rest of what Ctrl-C cut short."""
    from workers.store import deliveries
    from workers.store.events import spell

    if not far.stopped or far.last is None or wish.ids or verb != "replay":
        return None
    with store.read() as sql:
        row = deliveries.one(sql, far.last)
    until = spell(row.received_at + timedelta(milliseconds=1)) if row is not None else None
    return f"The same command with `--until {until}` goes on with the rest, which is as it was."


def _named(store: Store, written: Sequence[str]) -> Sequence[Row[Any]]:
    from workers.store import deliveries

    with store.read() as sql:
        wanted = dict.fromkeys(ids.meant(sql, each, "delivery") for each in written)
        rows = deliveries.some(sql, list(wanted))
    missing = wanted.keys() - {row.id for row in rows}
    if missing:
        raise no_such(", ".join(sorted(map(str, missing))))
    return rows


def _count(store: Store, wanted: Filter) -> int:
    from workers.store import deliveries

    with store.read() as sql:
        return deliveries.count(sql, wanted)


def no_such(ids: str) -> NotFound:
    """The error for an id that is no delivery's."""
    return NotFound(f"there is no delivery {ids}; `daybook deliveries list` shows those there are.")


def _deliveries(number: int) -> str:
    return f"{number:,} deliver{'y' if number == 1 else 'ies'}"


def _runs(effects: Mapping[str, int]) -> str:
    number = sum(effects.values())
    return f"{number:,} run{'' if number == 1 else 's'}" if number else "no run"


def _by_rule(effects: Mapping[str, int]) -> str:
    named = [f"{rule} {number:,}" for rule, number in effects.items()]
    more = f" and {len(named) - _NAMED} rules more" if len(named) > _NAMED else ""
    return ", ".join(named[:_NAMED]) + more
