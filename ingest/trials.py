"""What would come of a rule and an event, in a sentence or two, for people and models. Pure: a shape in, text out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def verdict(told: Mapping[str, Any]) -> str:
    """What would come of it, in a sentence or two."""
    if told["skipped"] is not None:
        return f"It would be skipped: {told['skipped']}."
    if not told["matches"]:
        return "It does not match; nothing would be done."
    taken, before = told["takes_back"], told["before"]
    said = f"It matches; the key is {told['once']}."
    if told["act"] == "undo":
        said = f"It matches as an undo; the key is {told['once']}."
        said += f" It would take back run {taken['run_id']}, which is {taken['state']}." if taken else ""
    if before is not None:
        said += f" Run {before['run_id']}, which is {before['state']}, had this key: nothing more would be done."
    elif told["dry_run"]:
        said += " It is a dry run: this would be written down, and not done."
    else:
        said += " This would be done:"
    return said
