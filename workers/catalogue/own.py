"""The triggers of events that no delivery brought: what Daybook finds out about Cal.com, and about itself. Facts only.

Those about Cal.com are named as Cal.com names its own. Where it has a trigger for what was missed (`BOOKING_CREATED`,
`OOO_CREATED`), that one is used, so that the same rules hear it; the kind `synthetic` says that it was found, not sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from workers.catalogue.triggers import TRIGGERS

#: what Daybook has to say of itself begins with this
PREFIX = "daybook."


@dataclass(frozen=True, slots=True)
class OwnTrigger:
    """One trigger of ours, with one line for people."""

    name: str
    about: str


#: what `daybook reconcile` finds, for which Cal.com sends nothing
FOUND: Mapping[str, OwnTrigger] = {
    one.name: one
    for one in (
        OwnTrigger("OOO_UPDATED", "An out-of-office entry was changed"),
        OwnTrigger("OOO_DELETED", "An out-of-office entry was taken away before its end"),
        OwnTrigger("MEMBER_ADDED", "Somebody became a member of the organization"),
        OwnTrigger("MEMBER_CHANGED", "A membership has another role or other attributes, or was accepted"),
        OwnTrigger("MEMBER_REMOVED", "A membership is gone"),
        OwnTrigger("USER_ADDED", "The organization has a user more"),
        OwnTrigger("USER_CHANGED", "A user has another name, e-mail address or time zone"),
        OwnTrigger("USER_REMOVED", "A user is gone from the organization"),
        OwnTrigger("ATTRIBUTE_ADDED", "The organization has an attribute more"),
        OwnTrigger("ATTRIBUTE_CHANGED", "An attribute was changed, or one of its options"),
        OwnTrigger("ATTRIBUTE_REMOVED", "An attribute is gone"),
        OwnTrigger("WEBHOOK_ADDED", "The organization has a webhook more"),
        OwnTrigger("WEBHOOK_CHANGED", "A webhook was changed"),
        OwnTrigger("WEBHOOK_REMOVED", "A webhook is gone"),
        OwnTrigger("BOOKING_HOST_CHANGED", "A booking has another host, and no event said so"),
    )
}

#: alerts; each tells that something began, lasts or ended by the event's `status`
ALERTS: Mapping[str, OwnTrigger] = {
    one.name: one
    for one in (
        OwnTrigger("daybook.quarantined", "Deliveries wait in quarantine"),
        OwnTrigger("daybook.run_dead", "Runs of a rule were given up, or stopped at a step whose end nobody knows"),
        OwnTrigger("daybook.drift", "What Cal.com has registered is not what daybook.yaml wants, or cannot be seen"),
        OwnTrigger("daybook.silent", "A trigger that came regularly, or should have come, does not come any more"),
        OwnTrigger("daybook.budget", "Cal.com makes a connection wait, or its calls are used up"),
        OwnTrigger("daybook.spooling", "Deliveries were kept in the journal on disk, or could not be brought into SQL"),
        OwnTrigger("daybook.lag", "Deliveries wait for long until they are events"),
    )
}

OWN: Mapping[str, OwnTrigger] = {**FOUND, **ALERTS}

#: every trigger that a rule may hear and a filter may name, with its line for people
ABOUT: Mapping[str, str] = {
    **{name: one.about for name, one in TRIGGERS.items()},
    **{name: one.about for name, one in OWN.items()},
}
