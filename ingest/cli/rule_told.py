"""What a rule would do, in words for people: a rehearsal with one event, a tally of many. It asks nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ingest.cli import output, pictures, run_told
from ingest.cli.telling import minute, short
from ingest.trials import verdict

#: characters of an event's title
_LONGEST = 60
#: kinds of steps for which it matters whom they act for
_OF_A_CONNECTION = ("tool", "lookup", "history")


def rehearsal(told: Mapping[str, Any], event: Mapping[str, Any]) -> None:
    """What `rules test` shows. `told` is as it prints with --json."""
    title = short(event["title"], _LONGEST)
    output.say(f"{told['rule']} and {told['trigger'] or 'an event without a trigger'}{f', {title}' if title else ''}")
    for part in told["parts"]:
        mark, style = ("holds", "green") if part["holds"] else ("does not hold", "yellow")
        output.say(f"  {part['part']} {mark}: {part['why']}", style=style)
    output.say(verdict(told), style="bold green" if told["acts"] else "bold yellow")
    if not told["matches"]:
        return
    for number, step in enumerate(told["steps"], 1):
        output.say("")
        _step(number, step)


def _step(number: int, step: Mapping[str, Any]) -> None:
    request = step["request"]
    named = run_told.what(step)
    left_out = {False: " (left out)", None: " (perhaps)"}.get(step["runs"], "")
    output.say(f"{number}. {step['id']}: {named}{left_out}", style="dim" if step["runs"] is False else "bold")
    if step["runs"] is False:
        output.say(f"   {step['why']}", style="dim")
        return
    if step["why"]:
        output.say(f"   {step['why']}", style="yellow")
    lines = [("for", step["connection"])] if step["connection"] and step["kind"] in _OF_A_CONNECTION else []
    for key, value in request.items():
        if key != step["kind"]:
            lines += _values(key, value)
    lines += [("wrong", problem) for problem in step["problems"]]
    pictures.sheet([(f"   {name}", text) for name, text in lines])


def _values(key: str, value: Any) -> Iterator[tuple[str, str]]:
    """A step's value, the members of a mapping each on its line."""
    if isinstance(value, Mapping) and value:
        for name, inner in value.items():
            yield f"{key}.{name}", run_told.compact(inner)
    else:
        yield key, run_told.compact(value)


def tally(told: Mapping[str, Any]) -> None:
    """What `rules backtest` shows of a rule. `told` is as it prints with --json."""
    output.say(f"{told['rule']}: {_summary(told)}", style="bold")
    for call in told["calls"]:
        perhaps = f", perhaps {call['perhaps']:,} more" if call["perhaps"] else ""
        output.say(f"  {call['calls']:,} × {call['kind']} {call['name']}{perhaps}")
    for budget in told["budget"]:
        output.say(f"  {_budget(budget)}")
    _reasons("Skipped", told["skipped"])
    _reasons("Steps that would fail", told["problems"])
    _events("For example", told["matches"]["examples"])
    if told["difference"] is None:
        output.say("There is no live rule of this name to compare with.", style="dim")
    else:
        _difference(told)


def _summary(told: Mapping[str, Any]) -> str:
    number = told["matches"]["number"]
    said = f"{number:,} of {_many(told['looked_at'], 'event')} match, {_many(told['runs'], 'run')}"
    said += f" and {told['undos']:,} undone" if told["undos"] else ""
    said += f"; {told['nothing_to_undo']:,} find nothing to undo" if told["nothing_to_undo"] else ""
    return f"{said}."


def _budget(budget: Mapping[str, Any]) -> str:
    calls = budget["calls"] + budget["perhaps"]
    upto = "up to " if budget["perhaps"] else ""
    said = f"{upto}{_many(calls, 'call')} of Cal.com's API for {budget['connection']}"
    if budget["per_minute"] is None:
        return f"{said}, which is no connection here"
    if not budget["per_minute"]:
        return f"{said}, which has no rate of its own"
    minutes = f"{upto}{budget['minutes']:,} minutes" if budget["minutes"] >= 1 else "less than a minute"
    return f"{said}: {minutes} of its budget of {budget['per_minute']} a minute"


def _many(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def _reasons(title: str, counts: Mapping[str, int]) -> None:
    if counts:
        output.say(f"{title}:", style="yellow")
    for reason, number in counts.items():
        output.say(f"  {number:,} × {reason}")


def _events(title: str, events: Sequence[Mapping[str, Any]]) -> None:
    if events:
        output.say(f"{title}:")
    for event in events:
        about = short(event["title"], _LONGEST) or "no title"
        output.say(f"  {minute(event['received_at'])}  {event['id']}  {about}")


def _difference(told: Mapping[str, Any]) -> None:
    new, live = told["difference"]["only_new"], told["difference"]["only_live"]
    same = told["version"] == told["live_version"]
    if not new["number"] and not live["number"]:
        output.say(f"It matches what the live rule matches{', which it is' if same else ''}.", style="dim")
        return
    more = _many(new["number"], "event")
    output.say(f"Against the live rule: {more} more, {live['number']:,} fewer.", style="yellow")
    _events("Only this one matches", new["examples"])
    _events("Only the live one matches", live["examples"])
