"""What an event is about in words: its title, type and notes. Only what Cal.com said, never its secrets."""

from __future__ import annotations

from typing import Any

from workers.catalogue.event import Kind
from workers.catalogue.fields import PROSE, label, mapping
from workers.catalogue.mask import mask_text
from workers.catalogue.people import answer

_NOTES = (
    "additionalNotes",
    "description",
    "notes",
    "message",
    "cancellationReason",
    "rejectionReason",
    "reassignReason",
)
#: Cal.com's code says `firstAssignmentReason` where its documentation says `routingReason`.
_REPORT_NOTES = ("additionalNotes", "firstAssignmentReason", "routingReason")


def subject(payload: dict[str, Any]) -> dict[str, Any]:
    """The object that has the title, the status and the times; most often the payload itself."""
    return mapping(payload.get("booking")) or mapping(payload.get("oooEntry")) or payload


def title(payload: dict[str, Any], about: dict[str, Any]) -> str | None:
    """The event's own title; where Cal.com gives none, the name of the form, event type, domain or person.

    It and the notes are searched, exported and shown to everyone, so what `mask` hides of them in the payload is not in
    them.
    """
    found = _title(payload, about)
    return mask_text(found)[:PROSE] if found is not None else None


def _title(payload: dict[str, Any], about: dict[str, Any]) -> str | None:
    for value in (
        about.get("title"),
        about.get("eventTitle"),
        payload.get("eventTypeTitle"),
        payload.get("formName"),
    ):
        found = label(value, PROSE)
        if found is not None:
            return found
    if "oooEntry" in payload:
        user = mapping(about.get("user"))
        name = label(user.get("name")) or label(user.get("email"))
        return f"Out of office: {name}" if name else "Out of office"
    return (
        label(mapping(payload.get("delegationCredential")).get("domain"))
        or label(mapping(payload.get("error")).get("type"))
        or label(payload.get("message"), PROSE)
    )


def type_of(payload: dict[str, Any], about: dict[str, Any], kind: Kind) -> str | None:
    """What sort of thing it is, as Cal.com writes it.

    Bookings: the event type's slug. Out of office: the reason (`ooo_reasons_vacation`). Forms: the form's
    id, which outlives a new name (the name is the title). Delegation: the error's type or code. Recordings:
    None, for their `type` repeats the title.
    """
    match kind:
        case Kind.RECORDING:
            return None
        case Kind.OOO:
            reason = about.get("reason")
            return label(reason) or label(mapping(reason).get("reason"))
        case Kind.FORM:
            return label(payload.get("formId"))
        case Kind.DELEGATION:
            error = mapping(payload.get("error"))
            return label(error.get("type")) or label(error.get("code"))
        case _:
            return label(payload.get("type")) or label(mapping(about.get("eventType")).get("slug"))


def notes(payload: dict[str, Any], about: dict[str, Any]) -> str | None:
    """Notes, messages and reasons, one a line, each once, cut at 10,000 characters.

    Named keys only: links, passwords and tokens lie in others, and a form's answers stay in the payload.
    """
    values = [about.get(key) for key in _NOTES]
    report = payload.get("report")
    if type(report) is dict:
        values.extend(report.get(key) for key in _REPORT_NOTES)
    error = payload.get("error")
    if type(error) is dict:
        values.append(error.get("message"))
    responses = payload.get("responses")
    if type(responses) is dict and "formId" not in payload:
        values.append(answer(responses, "notes"))
        values.append(answer(responses, "rescheduleReason"))
    lines = dict.fromkeys(line for value in values if (line := label(value, PROSE)) is not None)
    return mask_text("\n".join(lines))[:PROSE] or None
