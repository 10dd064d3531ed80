"""How `daybook webhooks plan` and `apply` show a change: for people, or as one JSON object. It decides nothing."""

from __future__ import annotations

from collections.abc import Sequence

from ingest.cli import output
from ingest.registering import short
from workers.differences import Change
from workers.settings import Settings

_STYLES = {
    "unchanged": "green", "adopted": "green", "missing": "yellow", "edited": "yellow", "switched_off": "red",
    "extra": "magenta", "retired": "dim", "by_hand": "cyan",
}  # fmt: skip


def line(change: Change, word: str, *, as_json: bool) -> None:
    """One webhook: `word` says how it stands or what was done, and what differs is below it."""
    if as_json:
        output.json_line(
            {
                "name": change.name,
                "connection": change.connection,
                "change": change.kind.value,
                "remote_id": change.remote.id if change.remote else None,
                "fields": [
                    {"field": one.field, "there": one.there, "wanted": one.wanted} for one in change.differences
                ],
                "note": change.note or None,
            }
        )
        return
    name = change.name or (f"(Cal.com's {change.remote.id})" if change.remote else "(no name)")
    output.say(f"{word.replace('_', ' '):<14} {name} on {change.connection}", style=_STYLES[change.kind.value])
    for one in change.differences:
        output.say(f"{'':<14} {one.field}: {short(one.there)} -> {short(one.wanted)}")
    if change.note:
        output.say(f"{'':<14} {change.note}", style="dim")


def summary(settings: Settings, changes: Sequence[Change], *, complete: bool) -> None:
    """What to do next. `complete`: every connection could be looked at."""
    due = sum(change.changes for change in changes)
    extra = sum(change.kind.value in ("extra", "retired") for change in changes)
    if due:
        output.say(f"{due} to change: `daybook webhooks apply` does it.", style="bold")
    elif complete:
        output.say("Nothing to change.", style="green")
    if extra:
        output.say(f"{extra} that nobody wants: `daybook webhooks apply --prune` deletes them.", style="magenta")
    if settings.public_url is None and changes:
        output.say(f"Note: DAYBOOK_PUBLIC_URL is not set; Cal.com is told {settings.base_url}.", style="yellow")
