"""The pages of runs: which there are, and one with all that its steps did; what an operator does where one came to a
stop. The verbs are `one_run`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection, Row

from ingest import one_run, run_filter
from ingest.api import cursors, parameters
from ingest.api.parameters import CURSOR, LIMIT, RUNS
from ingest.dashboard.look import pretty
from ingest.dashboard.page import Sent, Shown, Visit
from ingest.dashboard.rules import with_titles
from workers.errors import BadInput, NotFound
from workers.store import rule_runs, runs
from workers.store.keys import Role
from workers.store.ledger import Action
from workers.store.runs import RunState

#: runs of each state that are counted, and runs on a page
_COUNTED, _MOST = 1_000, 100
#: characters of JSON on a page, and at most of one request or answer
_ROOM, _LONGEST = 50_000, 6_000
#: the filters that a form has beside the state
_FIELDS = ("rule", "booking", "connection", "since", "until")


def every(visit: Visit) -> Shown:
    """One page, newest first."""
    told: dict[str, Any] = {
        "newest": (),
        "next": None,
        "problem": "",
        "asked": {name: visit.asked(name) for name in (*_FIELDS, "event")},
    }
    status = 200
    with visit.store.read() as sql:
        try:
            values = visit.read((*RUNS, CURSOR, LIMIT))
            limit = min(_MOST, values.get("limit", parameters.DEFAULT_LIMIT))
            rows = runs.page(sql, run_filter.of(sql, values), before=values.get("cursor"), limit=limit + 1)
            told["newest"] = with_titles(sql, rows[:limit])
            if len(rows) > limit:
                told["next"] = visit.address("/runs", cursor=cursors.spell(rows[limit - 1].id))
        except BadInput as error:
            told["problem"], status = error.message, 400
        counts = rule_runs.by_state(sql, most=_COUNTED + 1)
    state = visit.asked("state")
    told["tabs"] = [("all", visit.address("/runs", state=None, cursor=None), not state, None)] + [
        (each.value, visit.address("/runs", state=each.value, cursor=None), state == each.value, _counted(counts[each]))
        for each in RunState
    ]
    told["state"] = state
    told["first"] = visit.address("/runs", cursor=None) if visit.asked("cursor") else None
    told["filtered"] = any(told["asked"].values())
    return Shown("runs.html", "Runs", told, status)


def one(visit: Visit) -> Shown:
    """One run: what it was about, what each step was told and gave, and what can be done where it stopped."""
    with visit.store.read() as sql:
        row = _row(sql, visit)
        told = one_run.told(sql, row)
        stopped = one_run.unknown(sql, row) if row.state == RunState.DEAD else None
        other = runs.of_key(sql, row.rule, row.key, act="do" if row.act == "undo" else "undo")
    operator = visit.may(Role.OPERATOR)
    room = min(_LONGEST, _ROOM // max(1, 2 * len(told["actions"])))
    return Shown(
        "run.html",
        f"Run of {row.rule}",
        {
            "run": told,
            "steps": [_step(action, room) for action in told["actions"]],
            "said": _said(told, in_hand=row.holder is not None),
            "other": other,
            "stopped": stopped,
            "find_out": _find_out(stopped, row) if stopped is not None else "",
            "may_retry": operator and stopped is None and row.state in (RunState.DEAD, RunState.FAILED),
            "may_resolve": operator and stopped is not None,
            "may_cancel": operator and row.due_at is not None,
        },
    )


def retry(visit: Visit) -> Sent:
    """Again at once, from the step where it stopped; with `look`, once it is certain that the step was not done."""
    look = visit.given("look") == "true"
    said = "It is looked for once more, and done where it is not there." if look else "It is tried again now."
    return _retried(visit, done=None, look=look, said=said)


def resolve(visit: Visit) -> Sent:
    """A person says whether the step whose end is unknown was done, and the run goes on."""
    done = visit.given("done")
    if done not in ("true", "false"):
        raise BadInput("done must be true or false.")
    said = "The run goes on with the next step." if done == "true" else "The step is done again."
    return _retried(visit, done=done == "true", look=False, said=said)


def cancel(visit: Visit) -> Sent:
    """Nothing more of it is done."""
    return _changed(
        visit,
        lambda sql, row: one_run.cancel(sql, row, now=visit.now),
        "Nothing more of it is done; what it did stays done.",
    )


def _retried(visit: Visit, *, done: bool | None, look: bool, said: str) -> Sent:
    step = visit.given("step")

    def deed(sql: Connection, row: Row[Any]) -> None:
        if step:
            one_run.meant(sql, row, step)

        def undecided(action: Action) -> str:
            return f"nobody knows whether step {action.step} was done; its page asks what is to be said of it."

        leave = "its page has what can be done now."
        one_run.retry(sql, row, done=done, look=look, undecided=undecided, needless=leave, now=visit.now)

    return _changed(visit, deed, said)


def _changed(visit: Visit, deed: Callable[[Connection, Row[Any]], None], said: str) -> Sent:
    """Do it in one transaction, and ring for what may go on now."""
    with visit.store.write() as sql:
        row = _row(sql, visit)
        deed(sql, row)
    one_run.ring(visit.source.broker)
    return Sent(f"/runs/{row.id}", said)


def _row(sql: Connection, visit: Visit) -> Row[Any]:
    row = runs.one(sql, visit.id("run"))
    if row is None:
        raise NotFound("there is no run with this id.")
    return row


def _counted(number: int) -> str:
    return f"{number:,}" if number <= _COUNTED else f"{_COUNTED:,}+"


def _said(run: Mapping[str, Any], *, in_hand: bool) -> str:
    """How it stands, in a plain sentence."""
    reason = f": {run['reason'].removesuffix('.')}" if run["reason"] else ""
    done = sum(action["state"] == "done" for action in run["actions"])
    steps = f"{done} step{'' if done == 1 else 's'}"
    match RunState(run["state"]):
        case RunState.PLANNED:
            return "Nothing of it is begun yet; a worker takes it up when it is due, after earlier runs about the same."
        case RunState.RUNNING if in_hand:
            return "A worker is at it now."
        case RunState.RUNNING:
            return f"It waits and goes on by itself{reason}."
        case RunState.FAILED:
            return f"An attempt failed, and it is tried again by itself{reason}."
        case RunState.DONE if run["reason"]:
            return f"It is over, with {steps} done{reason}."
        case RunState.DONE:
            return f"All is done: {steps}."
        case RunState.SKIPPED if done:
            return f"It ended before its end, with {steps} done{reason}."
        case RunState.SKIPPED:
            return f"Nothing was done, and nothing is wrong{reason}."
        case RunState.DEAD:
            return f"It stopped, and a person has to look{reason}."


def _step(action: Mapping[str, Any], room: int) -> dict[str, Any]:
    """A step as its page shows it: what was called in short, then request and answer as text of bounded length."""
    named = action["request"].get(action["kind"])
    rest = {name: value for name, value in action["request"].items() if name != action["kind"]}
    return {
        **action,
        "named": named if isinstance(named, str) else "",
        "told": _text(rest if isinstance(named, str) else action["request"], room),
        "gave": _text(action["answer"], room) if action["answer"] is not None else "",
    }


def _text(value: Any, room: int) -> str:
    if value == {}:
        return ""
    text = pretty(value)
    return text if len(text) <= room else f"{text[:room]}\n… the whole is in the run as JSON"


def _find_out(action: Action, row: Row[Any]) -> str:
    """At what a person has to look before they can say how a step ended."""
    key = f"{row.id}.{row.act}.{action.step}"
    return {
        "tool": "Look at Cal.com whether what it was to do is there.",
        "http": f"Look at the receiver whether it took the call with webhook-id {key}.",
        "python": f"Look whether the function did its work for the key {key}.",
    }.get(action.kind, "Look whether it was done.")
