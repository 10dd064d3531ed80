"""Runs and their actions in words: a table's rows, a few lines, what to look at where nobody knows. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ingest.action_told import compact as compact
from ingest.action_told import ended as ended
from ingest.action_told import what as what
from ingest.cli import telling
from ingest.cli.telling import short

#: the columns of a table of runs: on a terminal with room, on any, and in a pipe
_WIDE = ("local time", "rule", "state", "trigger", "reason", "id")
_NARROW = ("local time", "rule", "state", "reason", "id")
_PIPED = ("planned (UTC)", "rule", "act", "state", "trigger", "connection", "event", "id", "reason")
_ROOM = 110
#: columns that are copied from
WHOLE = ("local time", "planned (UTC)", "state", "event", "id")
#: characters of a reason in a table, and of JSON on a line
_LONGEST = 120
_LONGEST_JSON = 200
_STYLES = {"done": "green", "dead": "red", "unknown": "red", "skipped": "dim"}


def table(
    runs: Sequence[Mapping[str, Any]], width: int | None, now: datetime
) -> tuple[Sequence[str], list[list[str | None]]]:
    """Runs as a table's columns and rows, for a terminal of `width` columns; None is a pipe."""
    columns = _PIPED if width is None else _WIDE if width >= _ROOM else _NARROW
    ids = [run["id"] for run in runs]
    named = ids if width is None else telling.shortened(ids)
    return columns, [_row(run, columns, name, now) for run, name in zip(runs, named, strict=True)]


def _row(run: Mapping[str, Any], columns: Sequence[str], name: str, now: datetime) -> list[str | None]:
    cells = {
        **run,
        "local time": telling.local(run["created_at"], now),
        "planned (UTC)": telling.minute(run["created_at"]),
        "rule": run["rule"] if run["act"] == "do" or columns is _PIPED else f"{run['rule']} (undo)",
        "event": run["event_id"],
        "reason": short(run["reason"], _LONGEST),
        "id": name,
    }
    return [cells[column] for column in columns]


def brief(run: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """A run with its actions, as lines of a name, what is said under it, and its style."""
    reason = f": {run['reason']}" if run["reason"] else ""
    undo = " (undo)" if run["act"] == "undo" else ""
    lines = [("rule", f"{run['rule']}{undo}, {run['state']}{reason}", _STYLES.get(run["state"], "yellow"))]
    for action in run["actions"]:
        lines.append(("action", f"{action['step']}: {what(action)}, {ended(action)}", ""))
        if action["answer"] is not None:
            lines.append(("answer", short(compact(action["answer"]), _LONGEST_JSON) or "", "dim"))
    return lines


def sheet(run: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Every field of a run that says something, with its name. `run` is as `runs show --json` prints it."""
    event, version = run["event"], run["version"]
    about = ", ".join(filter(None, [event["trigger"], short(event["title"], 60)])) if event else "no longer there"
    which = "kept no more"
    if version is not None:
        which = (
            f"{version['digest'][:12]} of {version['file']}, {'the live one' if version['live'] else 'replaced since'}"
        )
    due = run["due_at"] if run["state"] != "planned" else None
    fields: list[tuple[str, str | None]] = [
        ("id", run["id"]),
        ("rule", run["rule"]),
        ("version", which),
        ("act", "undo: it takes back an earlier run" if run["act"] == "undo" else None),
        ("state", run["state"]),
        ("reason", run["reason"]),
        ("event", f"{run['event_id']} ({about})"),
        ("connection", run["connection"]),
        ("once per", run["key"]),
        ("in order of", run["entity"]),
        ("planned", f"{telling.when(run['created_at'])} UTC"),
        ("goes on", f"{telling.when(due)} UTC" if due else None),
        ("ended", f"{telling.when(run['ended_at'])} UTC" if run["ended_at"] else None),
    ]
    return [(name, value) for name, value in fields if value is not None]


def undecided(run: Mapping[str, Any], action: Mapping[str, Any], step_key: str) -> str:
    """What a person has to find out before a run with a step whose end nobody knows can go on, and how to say it."""
    look = {
        "tool": "Look at Cal.com whether it is there",
        "http": f"Look at the receiver whether it took the webhook-id {step_key}",
        "python": f"Look whether the function did its work for the key {step_key}",
    }.get(action["kind"], "Look whether it was done")
    return (
        f"nobody knows whether step {action['step']} of run {run['id']} ({run['rule']}) was done: "
        f"{action['reason'] or 'its answer was lost'}. It was: {what(action)}. {look} (`daybook runs show` has the "
        "whole request), then say --done, and the run goes on with the next step, or --not-done, and it is done again. "
        "Or say --look: Daybook asks once more, and does it only where it is certain that it is not there."
    )
