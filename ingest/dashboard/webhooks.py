"""The pages of webhooks: how each stands here and at Cal.com, and what an admin does about it.

What registering does is `workers.register`'s. Neither a secret nor a URL's token is on any of them, but for the two
that are for that: a URL when it is asked for, a new secret that a person has to paste at Cal.com.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from ingest import registering
from ingest.dashboard.page import Sent, Shown, Visit
from workers.errors import BadInput, Conflict, DaybookError, NotFound
from workers.store import drifts, webhooks
from workers.store.drifts import Look
from workers.store.keys import Role
from workers.store.webhooks import Standing, Webhook

if TYPE_CHECKING:  # Cal.com's client takes a while to load, and the web process starts without it
    from workers.differences import Change
    from workers.register import Failure, Registry

#: seconds to wait for the event that a sample becomes
_WAIT = 5.0
_OVERLAPS = (("7d", "7 days"), ("1d", "a day"), ("1h", "an hour"), ("0s", "no time: it ends at once"))
#: how a webhook stands at Cal.com, in words
_WORDS = {"switched_off": "switched off", "by_hand": "to be made by hand", "unseen": "not seen"}


def every(visit: Visit) -> Shown:
    """All of them, by name, and the last look at each connection."""
    with visit.store.read() as sql:
        found = webhooks.standing(sql, now=visit.now)
        looks = drifts.every(sql)
    names = {one.name for one in found}
    told = {
        "webhooks": [{"one": one, "drift": _drift(one, looks)} for one in found],
        "looks": [
            {"look": look, "others": [_said(each) for each in look.differences if each["webhook"] not in names]}
            for look in looks
        ],
        "admin": visit.may(Role.ADMIN),
    }
    return Shown("webhooks.html", "Webhooks", told)


def one(visit: Visit) -> Shown:
    """One webhook, and what can be done about it."""
    return _shown(visit)


def url(visit: Visit) -> Shown:
    """Its whole URL, with which anyone can post."""
    webhook = _opened(visit)
    told = {
        "lead": f"Where Cal.com posts what {webhook.name} subscribes to.",
        "what": "The URL",
        "text": webhook.url(visit.source.settings.base_url),
        "hint": "Whoever knows it can post to it; what they cannot sign ends in quarantine. That you looked is logged.",
        "back": (f"/webhooks/{quote(webhook.name)}", "To the webhook"),
    }
    return Shown("once.html", "The URL of a webhook", told)


def plan(visit: Visit) -> Shown:
    """Ask Cal.com what `apply` would change. Nothing is changed there; what was seen is kept."""
    changes, failures = _looked(visit)
    return _planned(visit, changes, failures)


def apply(visit: Visit) -> Shown:
    """Make Cal.com's webhooks what daybook.yaml says, if they still stand as the plan said."""
    from workers import register

    prune, resend = visit.given("prune") == "yes", visit.given("resend") == "yes"
    if visit.given("sure") != "yes":
        raise BadInput("nothing was changed: tick that Cal.com is to be changed so.")
    desired = registering.wanted(visit.source.settings, must=prune)
    registry = _registry(visit)
    changes, failures = register.survey(registry, desired or ())
    if _seal(changes) != visit.given("seen"):
        changed = Conflict(
            "Nothing was changed: things are not as they were when you looked. This is how they are now."
        )
        return _planned(visit, changes, failures, changed)
    done: list[Change] = []
    _, failures = register.apply(registry, desired or (), prune=prune, resend=resend, told=done.append)
    if done:
        _looked(visit)  # so that the last look is not that of before
    told = {
        "done": [{**_change(change), "word": registering.done(change)} for change in done],
        "failures": failures,
    }
    return Shown("webhooks-applied.html", "Applied", told, error=failures[0].error if failures else None)


def rotate(visit: Visit) -> Shown | Sent:
    """A new secret; the one it replaces proves deliveries for a while."""
    from workers.rotate import rotate as rotated_by

    name = _opened(visit).name
    try:
        overlap = registering.duration(visit.given("overlap") or _OVERLAPS[0][0])
        rotated = rotated_by(_registry(visit), name, overlap=overlap, secret=visit.given("secret") or None)
    except DaybookError as error:
        return _shown(visit, error)
    ends = max((one.expires_at for one in rotated.webhook.secrets[1:] if one.expires_at is not None), default=None)
    until = _until(ends, visit.now)
    back = f"/webhooks/{quote(name)}"
    if rotated.secret is None:
        return Sent(back, f"Cal.com signs {name} with a new secret now. {until}")
    told = {
        "lead": f"Paste this secret in Cal.com's pages, where {name} is made; the tools do not reach it.",
        "what": "The secret",
        "text": rotated.secret,
        "hint": f"{until} The new one is shown this once.",
        "back": (back, "To the webhook"),
    }
    return Shown("once.html", "A new secret", told)


def test(visit: Visit) -> Shown:
    """Send a signed sample to ourselves, as Cal.com would, and see what becomes of it."""
    from ingest import sending
    from ingest.machine import local_url
    from ingest.samples import sample

    webhook = _opened(visit)
    trigger, version = visit.given("trigger") or "PING", visit.given("version") or "2021-10-20"
    try:
        sending.known(trigger)
        body = sample(trigger, now=visit.now, version=version)
        address = webhook.url(local_url(visit.source.settings))
        target = sending.Target(address, webhook.secrets[0].key, webhook.id, webhook.name)
        status = sending.post(target, body, version, remedy="see in its log why this web process does not answer.")
    except DaybookError as error:
        return _shown(visit, error)
    fate = sending.fate(visit.store, target, body, _WAIT) if status < 400 else None
    told = {
        "name": webhook.name,
        "trigger": trigger,
        "status": status,
        "meaning": sending.MEANINGS.get(status, ""),
        "fate": fate,
    }
    return Shown("webhook-tested.html", f"A test of {webhook.name}", told)


def _registry(visit: Visit) -> Registry:
    return registering.registry(visit.source.settings, visit.store, visit.source.vault, soon=True)


def _looked(visit: Visit) -> tuple[list[Change], list[Failure]]:
    """How every webhook stands; kept as the last look, where daybook.yaml says what is wanted."""
    from workers import drift
    from workers.register import survey

    desired = registering.wanted(visit.source.settings)
    registry = _registry(visit)
    return survey(registry, ()) if desired is None else drift.look(registry, desired)


def _opened(visit: Visit) -> Webhook:
    with visit.store.read() as sql:
        webhook = webhooks.by_name(sql, visit.source.vault, visit.path["name"])
    if webhook is None:
        raise _no_such()
    return webhook


def _shown(visit: Visit, error: DaybookError | None = None) -> Shown:
    from ingest.samples import TRIGGERS_WITH_SAMPLES

    with visit.store.read() as sql:
        found = next((one for one in webhooks.standing(sql, now=visit.now) if one.name == visit.path["name"]), None)
        looks = drifts.every(sql)
    if found is None:
        raise _no_such()
    told = {
        "one": found,
        "drift": _drift(found, looks),
        "admin": visit.may(Role.ADMIN),
        "overlaps": _OVERLAPS,
        "triggers": TRIGGERS_WITH_SAMPLES,
        "versions": ("2021-10-20", "2026-07-27"),
        "problem": error.message if error is not None else "",
    }
    return Shown("webhook.html", f"Webhook {found.name}", told, error=error)


def _no_such() -> NotFound:
    return NotFound("there is no webhook by this name.")


def _drift(one: Standing, looks: Sequence[Look]) -> dict[str, Any]:
    """How a webhook stood at the last look at its connection."""
    look = next((each for each in looks if each.connection == one.connection), None)
    if look is None or look.at is None:
        return {"at": None, "word": None, "problem": None, "fields": [], "note": None}
    if look.problem is not None:
        return {"at": look.at, "word": "not seen", "problem": look.problem, "fields": [], "note": None}
    found = next((each for each in look.differences if each["webhook"] == one.name), None)
    if found is None:
        word = None if one.state == "retired" else "as wanted"
        return {"at": look.at, "word": word, "problem": None, "fields": [], "note": None}
    return {**_said(found), "at": look.at, "problem": None}


def _said(seen: Mapping[str, Any]) -> dict[str, Any]:
    fields = [{**each, "there": registering.short(each["there"]), "wanted": registering.short(each["wanted"])}
              for each in seen["fields"]]  # fmt: skip
    return {**seen, "word": _WORDS.get(seen["kind"], seen["kind"]), "fields": fields}


def _planned(
    visit: Visit, changes: Sequence[Change], failures: Sequence[Failure], changed: Conflict | None = None
) -> Shown:
    """A plan. `changed`: why nothing was done about the one before."""
    settings = visit.source.settings
    error = changed or (failures[0].error if failures else None)
    told = {
        "changes": [_change(change) for change in changes],
        "failures": failures,
        "due": sum(change.changes for change in changes),
        "extra": sum(change.kind.value in ("extra", "retired") for change in changes),
        "seen": _seal(changes),
        "wants": registering.wanted(settings) is not None,
        "config": str(settings.config_path),
        "told": settings.base_url,
        "public": settings.public_url is not None,
        "problem": changed.message if changed is not None else "",
    }
    return Shown("webhooks-plan.html", "What would change at Cal.com", told, error=error)


def _change(change: Change) -> dict[str, Any]:
    from workers import drift

    wanted = change.wanted
    return {
        **_said(drift.shape(change)),
        "connection": change.connection,
        "here": change.known is not None,
        "makes": f"{len(wanted.triggers)} triggers, version {wanted.version}"
        if wanted is not None and change.remote is None
        else None,
    }


def _seal(changes: Sequence[Change]) -> str:
    """What tells one plan from another."""
    return sha256(msgspec.json.encode([_change(change) for change in changes])).hexdigest()


def _until(ends: datetime | None, now: datetime) -> str:
    if ends is None or ends <= now:
        return "The old one proves nothing any more."
    return f"The old one proves deliveries until {ends:%Y-%m-%d %H:%M} UTC."
