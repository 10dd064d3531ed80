"""A booking's story as plain text, for a ticket or a mail: the same as its page says, without rules that did nothing.

Pure: shapes in, text out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from ingest import beside, mentions
from ingest.action_told import compact, ended, what
from ingest.brevity import cut
from ingest.changed import Change
from ingest.standing import short, when
from ingest.story import Story

#: events that are told, the newest
MOST = 200
#: characters of a text, of JSON on a line; people, uids, runs of an event, actions of a run
_TEXT, _JSON, _MANY = 200, 400, 30
#: characters that move the cursor, end a line where none should, or turn the line they are pasted into
_CONTROL = dict.fromkeys(
    (*range(0x20), 0x7F, *range(0x80, 0xA0), *range(0x2028, 0x202F), *range(0x2066, 0x206A)), "\ufffd"
)


def text(
    story: Story, facts: Mapping[str, Any] | None, changes: Mapping[str, Sequence[Change]], *, now: datetime
) -> str:
    """The whole text. `facts` are `booking_facts.facts`, `changes` as `changed.along` gives them."""
    lines = [
        " ".join(story.sentences(now, apart=False)),
        *story.beside(),
        *beside.occurrences(story.told or {"series": None}),
        "",
    ]
    if facts is not None:
        lines += [f"{name:<12} {value}" for name, value in _facts(facts)]
        lines.append("")
    events = story.events[-MOST:]
    if len(events) < len(story.events):
        lines += [f"({len(story.events) - len(events)} earlier events are left out.)", ""]
    for one in sorted([*events, *story.aside], key=lambda each: str(each["id"])):
        lines += [*(_event(one, changes[one["id"]]) if "trigger" in one else _aside(one)), ""]
    return "\n".join(line.translate(_CONTROL).rstrip() for line in lines).rstrip() + "\n"


def _facts(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    length = f" ({facts['length']})" if facts["length"] else ""
    kind = facts["event_type"] or {}
    named = [kind.get("slug") or facts["type"], f"id {kind['id']}" if kind.get("id") is not None else None]
    found: list[tuple[str, str | None]] = [
        ("Status:", facts["status"]),
        ("When:", f"{facts['utc']} UTC{length}" if facts["utc"] else None),
        ("", f"{facts['there']} {facts['zone']}" if facts["there"] else None),
        ("Event type:", ", ".join(filter(None, named)) or None),
        ("Location:", facts["location"]),
        ("Organizer:", _person(facts["organizer"])),
        *(("Host:", _person(each)) for each in facts["hosts"][:_MANY]),
        *(("Attendee:", _person(each)) for each in facts["attendees"][:_MANY]),
    ]
    for one in facts["uids"][:_MANY]:
        took = f", in place of {one['previous']}" if one["previous"] else ""
        found.append(("Uid:", f"{one['uid']}{took}"))
    for name, value in found:
        if value:
            yield name, short(value, _TEXT) or ""


def _person(person: Mapping[str, Any] | None) -> str | None:
    if person is None:
        return None
    name, email = person["name"], person["email"]
    return f"{name} <{email}>" if name and email else name or email


def _event(event: Mapping[str, Any], changes: Sequence[Change]) -> Iterator[str]:
    status = f"  {event['status']}" if event["status"] else ""
    yield f"{when(event['received_at'])} UTC  {event['trigger'] or event['kind']}{status}"
    if beside.late({**event}):
        yield f"  happened {when(event['occurred_at'])} UTC"
    came = event["delivery"]
    if came is not None:
        seen = f", seen {came['seen']} times" if came["seen"] > 1 else ""
        yield f"  delivery {came['id']}, {came['verdict']}{seen}"
    yield f"  event {event['id']}"
    if event["caused_by"]:
        yield f"  caused by action {event['caused_by']} of our own"
    means = beside.means({**event})
    if means:
        yield f"  {means}"
    for change in changes[:_MANY]:
        yield f"  {cut(change.words(), _TEXT)}"
    for run in event["runs"][:_MANY]:
        yield from _run(run)


def _run(run: Mapping[str, Any]) -> Iterator[str]:
    reason = f": {short(run['reason'], _TEXT)}" if run["reason"] else ""
    undo = " (undo)" if run["act"] == "undo" else ""
    yield f"  rule {run['rule']}{undo}: run {run['id']}, {run['state']}{reason}"
    for action in run["actions"][:_MANY]:
        yield f"    {action['step']}: {what(action)}, {ended(action)}"
        yield f"      asked    {short(compact(action['request']), _JSON)}"
        if action["answer"] is not None:
            yield f"      answered {short(compact(action['answer']), _JSON)}"
        if action["caused"]:
            yield f"      caused event {action['caused']}"


def _aside(told: Mapping[str, Any]) -> Iterator[str]:
    yield f"{when(told['received_at'])} UTC  no event"
    yield f"  delivery {told['id']}, {told['verdict']}, {told['state']}"
    yield f"  {mentions.note(told)}"
