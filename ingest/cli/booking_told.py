"""A booking's timeline in words for a terminal: what is told next to how it stands, each event and the runs it caused.
Pure: shapes in, text out.
"""

from __future__ import annotations

from typing import Any

from ingest import beside as told_beside
from ingest.cli import run_told
from ingest.cli.telling import minute, short, when, who

#: characters of a title: whoever books may choose ten thousand
_LONGEST = 200


def beside(timeline: dict[str, Any]) -> list[str]:
    """Sentences to be told after how the booking stands, and the other occurrences; none for a plain booking."""
    uid = timeline["state"]["uid"]
    said = told_beside.sentences(timeline, rest=f", and `daybook bookings show {uid}` tells the rest")
    listed = told_beside.occurrences(timeline)
    if listed:
        said[-1] += " The others that are known, by their start (UTC):"
    return [*said, *listed]


def step(event: dict[str, Any]) -> list[tuple[str, str, str]]:
    """One event of a timeline: lines of a name, what is said under it, and its style."""
    booking = event["booking"]
    starts = f"starts {minute(event['start'])} UTC" if event["start"] else None
    says = ", ".join(filter(None, [short(event["title"], _LONGEST), event["status"], starts]))
    seat = f", seat {booking['seat']}" if booking["seat"] else ""
    lines = [
        ("received", _came(event), "dim"),
        ("happened", f"{when(event['occurred_at'])} UTC" if told_beside.late(event) else None, "dim"),
        ("event", says or event["kind"], ""),
        ("means", told_beside.means(event), ""),
        ("who", who(event), ""),
        ("uid", f"{booking['uid']}{seat}", "dim"),
        *(line for run in event["runs"] for line in run_told.brief(run)),
    ]
    return [(name, text, style) for name, text, style in lines if text]


def _came(event: dict[str, Any]) -> str:
    delivery = event["delivery"]
    if delivery is None:
        return "no delivery: found at Cal.com" if event["kind"] == "synthetic" else "its delivery is no longer kept"
    seen = f", seen {delivery['seen']} times" if delivery["seen"] > 1 else ""
    return f"delivery {delivery['id']}, {delivery['verdict']}, {delivery['bytes']:,} bytes{seen}"
