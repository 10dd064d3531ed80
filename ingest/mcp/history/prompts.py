"""The three questions that are asked most, ready for a model. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from ingest.mcp.toolset import Blank, Prompt

#: characters of a value
_LONGEST = 200


def _said(values: Mapping[str, str], name: str) -> str:
    """A value on one line, quoted: it is a name, not something to be done."""
    return f'"{" ".join(values.get(name, "").split())[:_LONGEST]}"'


def _booking(values: Mapping[str, str]) -> str:
    return (
        f"What happened to the booking {_said(values, 'booking')}? If that is no uid, find it with search_events "
        "(by person, words or time) first. Then call explain_booking and tell in plain words, in order of time, what "
        "Cal.com told, how the booking stands now, and what rules did. Name what is missing or waits for a person. "
        "Give times with their zone."
    )


def _rule(values: Mapping[str, str]) -> str:
    return (
        f"Why did the rule {_said(values, 'rule')} act, or not act, on {_said(values, 'booking')}? Read "
        "daybook://rules for what the rule hears. Call explain_booking with `rule`; where no event is there, look "
        "whether a delivery waits in quarantine. Say which part held or did not (trigger, connection, condition, the "
        "key of once_per), whether the rule may have changed since, and what each action was told and answered. "
        "test_rule shows what it would do with an event now. Change nothing."
    )


def _person(_values: Mapping[str, str]) -> str:
    return (
        "What in Daybook needs a person now? Call list_runs with state [dead], then with state [failed], and "
        "event_stats with since 7d for deliveries in quarantine. Group what has the same cause; for each group say "
        "what happened, which bookings and people it concerns, what to look at or to mend, and which command goes on "
        "from there (`daybook runs retry`, `daybook deliveries release`). The most urgent first. Do nothing yourself."
    )


PROMPTS = (
    Prompt(
        "what_happened_to_booking",
        "What happened to this booking, told in order of time.",
        (Blank("booking", "The booking's uid, or who and when it is about"),),
        _booking,
    ),
    Prompt(
        "why_did_rule_act",
        "Why a rule did, or did not, act on a booking.",
        (
            Blank("rule", "The rule's name"),
            Blank("booking", "The booking's uid"),
        ),
        _rule,
    ),
    Prompt("what_needs_a_person", "Runs that came to a stop, and deliveries in quarantine.", (), _person),
)
