"""The steps of a booking's timeline as its page shows them: the newest that fit, each with all that is known of it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
from markupsafe import escape

from ingest import beside, booking_facts, changed, mentions
from ingest.action_told import what
from ingest.api import cursors
from ingest.brevity import cut, fit
from ingest.dashboard.look import meaning
from ingest.hearing import NOW, Hearing
from ingest.source import Source
from ingest.story import Story, bodies
from workers.rules import allowance
from workers.store import ledger, rules
from workers.store.ledger import Caused
from workers.store.rules import Version

#: steps of a page, and bytes that they may have as HTML
_MOST, _ROOM = 25, 56_000
#: bytes of one step beyond which it is told with less: without requests, answers and reasons part by part
_LARGE = 24_000
#: bytes of HTML around what a step, a run, an action says
_MARKUP, _AROUND_RUN, _AROUND_ACTION = 1_100, 450, 650
#: runs of a step; actions of a run; bytes of what an action was told and of what it gave
_RUNS, _ACTIONS, _JSON = 12, 12, 600
#: rules that are named in one step; characters of a reason, and of a text that changed
_RULES, _REASON, _TEXT = 20, 240, 160
#: seconds in which rules are looked at for one page, and what their loops and long texts may take of a processor
_PATIENCE, _DEAR = 0.2, 1.0
#: states of runs, the first one there is gives a step its colour
_LOUD = ("dead", "failed", "running", "planned", "done")


@dataclass(frozen=True, slots=True)
class Leaf:
    """A page of a timeline, in the order of arrival. `place`: the newest place of the booking that is known."""

    steps: list[dict[str, Any]]
    earlier: int
    #: leads to the steps before; None: there is none
    cursor: str | None
    later: int
    place: str | None
    #: what to know of how rules were looked at; None: there was none to look at
    note: str | None


def leaf(source: Source, story: Story, before: UUID | None) -> Leaf:
    """The newest steps that fit, of those that came before the one with that id."""
    chosen = sorted([*story.events, *story.aside], key=_id)
    shown = [one for one in chosen if before is None or UUID(_id(one)) < before]
    newest = shown[::-1][:_MOST]
    events = [one for one in newest if "trigger" in one]
    with source.store.read() as sql:
        live = rules.live(sql)
        # the newest that tells of the whole booking knows where it is, whichever page this is
        last = [event for event in story.events[-1:] if event not in events]
        held = bodies(sql, [*last, *events])
        causes = {event["id"]: _cause(sql, event) for event in events if event["caused_by"]}
    places = {event_id: booking_facts.location(payload) for event_id, payload in held.items()}
    changes = changed.along([{**event, "location": places.get(event["id"])} for event in story.events])
    thinking = _Thinking(source, live, held) if live and events else None
    steps: list[dict[str, Any]] = []
    room = _ROOM
    for one in newest:
        if "trigger" in one:
            step = _step(one, changes[one["id"]], causes.get(one["id"]), thinking)
        else:
            step = {"aside": True, "delivery": one, "note": mentions.note(one), "color": "wait", "id": one["id"]}
        room -= _weight(step)
        if steps and room < 0:
            break
        steps.append(step)
    known = [places[event["id"]] for event in [*last, *events] if places.get(event["id"])]
    return Leaf(
        steps[::-1],
        earlier=len(shown) - len(steps),
        cursor=cursors.spell(UUID(_id(steps[-1]))) if len(shown) > len(steps) else None,
        later=len(chosen) - len(shown),
        place=cut(known[0], 400) if known else None,
        note=thinking.note if thinking is not None else None,
    )


def _step(
    event: Mapping[str, Any],
    changes: Sequence[changed.Change],
    cause: Caused | None,
    thinking: _Thinking | None,
) -> dict[str, Any]:
    """One event. Where it says too much, it says less of each of its parts."""
    caused = event["runs"]
    step = {
        "aside": False,
        **{name: event[name] for name in ("id", "kind", "received_at", "occurred_at", "start", "delivery")},
        "trigger": cut(event["trigger"], _TEXT),
        "status": cut(event["status"], 60),
        "late": beside.late({**event}),
        "uid": event["booking"]["uid"],
        "means": beside.means({**event}),
        "changes": [_change(change) for change in changes[:_RULES]],
        "changes_left_out": max(0, len(changes) - _RULES),
        "cause": {"run": str(cause.run_id), "rule": cause.rule} if cause is not None else None,
        "echo": event["caused_by"] is not None,
        "color": _color(event),
        "runs": [_run(run, room=_JSON) for run in caused[:_RUNS]],
        "runs_left_out": max(0, len(caused) - _RUNS),
        "rules": thinking.about(event) if thinking is not None else None,
        "look": cursors.spell(UUID(int=UUID(event["id"]).int + 1)),
    }
    if _weight(step) > _LARGE:
        step["runs"] = [_run(run, room=None) for run in caused[:_RUNS]]
        for line in (step["rules"] or {"lines": []})["lines"]:
            line["parts"] = []
    return step


def _color(event: Mapping[str, Any]) -> str:
    """What became of it, so that what needs a person stands out."""
    states = {run["state"] for run in event["runs"]}
    loud = next((state for state in _LOUD if state in states), None)
    return meaning(loud or event["status"])


def _change(change: changed.Change) -> dict[str, Any]:
    return {
        "what": change.what,
        "label": change.label,
        "was": cut(change.was, _TEXT),
        "now": cut(change.now, _TEXT),
    }


def _run(run: Mapping[str, Any], *, room: int | None) -> dict[str, Any]:
    """A run with its actions; `room`: bytes of each request and answer, None: neither."""
    most = _ACTIONS if room is not None else _ACTIONS // 2
    return {
        **{name: run[name] for name in ("id", "rule", "act", "state", "due_at", "ended_at")},
        "reason": cut(run["reason"], _REASON),
        "actions": [_action(action, room=room) for action in run["actions"][:most]],
        "left_out": max(0, len(run["actions"]) - most),
    }


def _action(action: Mapping[str, Any], *, room: int | None) -> dict[str, Any]:
    return {
        **{name: action[name] for name in ("step", "state", "attempts", "caused", "ended_at")},
        "what": what(action),
        "reason": cut(action["reason"], _REASON),
        "request": fit(action["request"], room) if room is not None else None,
        "answer": fit(action["answer"], room) if room is not None else None,
    }


def _cause(sql: Any, event: Mapping[str, Any]) -> Caused | None:
    """The action of ours that caused an event."""
    try:
        return ledger.caused_by(sql, UUID(event["caused_by"]))
    except ValueError:
        return None


def _id(one: Mapping[str, Any]) -> str:
    return str(one["id"])


def _weight(step: Mapping[str, Any]) -> int:
    """About the bytes that it has as HTML."""
    runs = step.get("runs", [])
    around = _AROUND_RUN * len(runs) + _AROUND_ACTION * sum(len(run["actions"]) for run in runs)
    return len(escape(msgspec.json.encode(step).decode()).encode()) + _MARKUP + around


class _Thinking:
    """What the live rules make of events, as long as there is time: whoever waits for a page sees it soon."""

    def __init__(self, source: Source, live: Sequence[Version], held: Mapping[str, Any]) -> None:
        self._held = held
        self._hearing = Hearing(source.rules, live)
        self.note = self._hearing.note or NOW
        self._until = time.monotonic() + _PATIENCE
        self._dear = _DEAR

    def about(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """`{"lines": [as `Hearing.lines`, …], "left_out", "counts": {outcome: number}}` of one event; `lines` is None
        where there was no time for it, or its body is too large."""
        if event["id"] not in self._held or time.monotonic() > self._until:
            return {"lines": None}
        whole = {name: value for name, value in event.items() if name not in ("previous_uid", "delivery", "runs")}
        with allowance.for_dear(self._dear):
            began = time.thread_time()
            found = self._hearing.lines({**whole, "payload": self._held[event["id"]]}, event["runs"])
            self._dear -= time.thread_time() - began
        return {
            "lines": [*map(_line, found[:_RULES])],
            "left_out": max(0, len(found) - _RULES),
            "counts": Counter(line["outcome"] for line in found),
        }


def _line(line: Mapping[str, Any]) -> dict[str, Any]:
    parts = [{**part, "why": cut(part["why"], _REASON)} for part in line["parts"]]
    return {**line, "because": cut(line["because"], _REASON), "parts": parts}
