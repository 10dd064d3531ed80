"""What differs between the webhooks a team wants, those Daybook knows and those Cal.com has. Pure: values in and out.

All of it is about one connection at a time. Carrying it out is `register`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

from workers.addresses import is_hosted
from workers.desired import NEWER_TRIGGERS, Desired, Scope
from workers.store.webhooks import Webhook


class Kind(StrEnum):
    """How a webhook stands."""

    UNCHANGED = "unchanged"  #: it is there, as it is wanted
    MISSING = "missing"  #: it is wanted, and Cal.com does not have it
    EDITED = "edited"  #: it is there, otherwise than wanted
    SWITCHED_OFF = "switched_off"  #: it is there as wanted, but inactive: Cal.com does that after an answer of 410
    EXTRA = "extra"  #: Cal.com has it, it points here, and nobody wants it
    RETIRED = "retired"  #: neither wanted nor at Cal.com, and not yet forgotten here
    BY_HAND = "by_hand"  #: the tools cannot make or see it: it is made in Cal.com's pages and adopted
    ADOPTED = "adopted"  #: made in Cal.com's pages and taken over; daybook.yaml says nothing of it


@dataclass(frozen=True, slots=True)
class Remote:
    """A webhook as Cal.com tells it. None: not told."""

    id: str
    url: str
    active: bool
    triggers: tuple[str, ...]
    secret: str | None = field(repr=False)
    template: str | None
    version: str | None
    #: whether the reply has a secret at all, be it null
    tells_secret: bool = True

    @classmethod
    def read(cls, row: object) -> Remote | None:
        """From a row of a reply; None where it has no id or no URL to know it by."""
        if not isinstance(row, Mapping):
            return None
        known, url = row.get("id"), row.get("subscriberUrl")
        # Cal.com's own description calls the id a number, and stand-ins made from it send one; it is a text.
        if not isinstance(known, str | int) or isinstance(known, bool) or not isinstance(url, str):
            return None
        triggers = row.get("triggers")
        return cls(
            id=str(known),
            url=url,
            active=row.get("active") is not False,
            triggers=tuple(one for one in triggers if isinstance(one, str)) if isinstance(triggers, list) else (),
            secret=_text(row.get("secret")),
            template=_text(row.get("payloadTemplate")),
            version=_text(row.get("version")),
            tells_secret="secret" in row,
        )


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that is otherwise than wanted; both values are fit to be shown."""

    field: str
    there: Any
    wanted: Any


@dataclass(frozen=True, slots=True)
class Change:
    """How one webhook stands, and what of it differs. `note` is a sentence for a person, or empty."""

    kind: Kind
    name: str | None
    connection: str
    wanted: Desired | None = None
    known: Webhook | None = None
    remote: Remote | None = None
    differences: tuple[Difference, ...] = ()
    note: str = ""

    @property
    def changes(self) -> bool:
        """Whether `apply` has something to do at Cal.com, without being told to prune."""
        return self.kind in (Kind.MISSING, Kind.EDITED, Kind.SWITCHED_OFF)


def plan(
    pcid: str,
    desired: Sequence[Desired],
    known: Sequence[Webhook],
    remote: Sequence[Remote],
    *,
    used: Collection[UUID],
    base_url: str,
    api: str,
) -> list[Change]:
    """How each webhook of connection `pcid` stands: the wanted ones in their order, then the others.

    `used` are the ids of those that ever got a delivery. `base_url` is Daybook's public address, `api` the
    connection's base URL. All sequences are of this connection. A webhook that was pruned and stays known only because
    the history names it is not in the plan: there is nothing to do about it.
    """
    left = {one.id: one for one in remote}
    changes = []
    names = {webhook.name: webhook for webhook in known}
    for wanted in desired:
        webhook = names.pop(wanted.name, None)
        there = match(webhook, left.values()) if webhook else None
        if there:
            del left[there.id]
        changes.append(_wanted(pcid, wanted, webhook, there, base_url, api))
    for webhook in names.values():
        there = match(webhook, left.values())
        if there:
            del left[there.id]
        if there or webhook.origin == "adopted" or webhook.remote_id or webhook.id not in used:
            changes.append(_unwanted(pcid, webhook, there))
    ours = {webhook.token: webhook for webhook in known}
    for there in left.values():
        if (token := token_in(there.url)) in ours:
            note = f"A second webhook for the URL of {ours[token].name}: everything comes twice."
            changes.append(Change(Kind.EXTRA, None, pcid, remote=there, note=note))
        elif there.url.startswith(f"{base_url}/in/"):
            note = "It points here, but its URL is not one that this Daybook made: its deliveries are answered 404."
            changes.append(Change(Kind.EXTRA, None, pcid, remote=there, note=note))
    return changes


def match(webhook: Webhook, remote: Iterable[Remote]) -> Remote | None:
    """Cal.com's webhook for ours: the one with its id, else one with its URL token, an active one first."""
    candidates = sorted(remote, key=lambda one: (one.id != webhook.remote_id, not one.active))
    for one in candidates:
        if (webhook.remote_id is not None and one.id == webhook.remote_id) or token_in(one.url) == webhook.token:
            return one
    return None


def token_in(url: str) -> str:
    """The token at the end of a webhook's URL; empty where it has none."""
    head, _, token = url.rpartition("/in/")
    return token if head else ""


def masked(url: str) -> str:
    """A webhook's URL without its token, which is half of what a forger needs."""
    head, _, token = url.rpartition("/in/")
    return f"{head}/in/…{token[-4:]}" if head else url


def _wanted(
    pcid: str, wanted: Desired, webhook: Webhook | None, there: Remote | None, base_url: str, api: str
) -> Change:
    def change(kind: Kind, differences: Sequence[Difference] = (), note: str = "") -> Change:
        return Change(kind, wanted.name, pcid, wanted, webhook, there, tuple(differences), note)

    if wanted.scope is not Scope.ORGANIZATION:
        adopted = webhook is not None and webhook.origin == "adopted"
        note = f"The tools reach webhooks of scope organization only; make one of scope {wanted.scope} in Cal.com's "
        note += f"pages and take it over with `daybook webhooks adopt {wanted.name} --connection {pcid} --secret …`."
        return change(Kind.ADOPTED if adopted else Kind.BY_HAND, note="" if adopted else note)
    if webhook is None:
        return change(Kind.MISSING)
    if there is None and webhook.origin == "adopted":
        note = "It was adopted, and the tools do not see it: paste its URL in Cal.com's pages, or give scope."
        return change(Kind.BY_HAND, note=note)
    if there is None:
        return change(
            Kind.MISSING, note="It was registered before; Cal.com has it no more." if webhook.remote_id else ""
        )
    found = differences(wanted, webhook, there, base_url, api)
    if not found:
        return change(Kind.UNCHANGED, note=_held_back(wanted, there))
    off = [one.field for one in found] == ["active"] and wanted.active
    return change(Kind.SWITCHED_OFF if off else Kind.EDITED, found)


def differences(wanted: Desired, webhook: Webhook, there: Remote, base_url: str, api: str) -> list[Difference]:
    """What Cal.com tells of a webhook and what is wanted, where the two are not the same.

    Cal.com does not tell `version`, `time` and `timeUnit`; a deployment that tells a version is believed.
    """
    found = []
    url = webhook.url(base_url)
    if there.url != url:
        found.append(Difference("url", masked(there.url), masked(url)))
    if there.active != wanted.active:
        found.append(Difference("active", there.active, wanted.active))
    missing = set(wanted.triggers) - set(there.triggers)
    beyond = set(there.triggers) - set(wanted.triggers)
    # `all` means all that this Cal.com has, and one that a company runs itself may not have the newest.
    enough = wanted.everything and not is_hosted(api) and missing <= NEWER_TRIGGERS
    if (missing and not enough) or (beyond and not wanted.everything):
        found.append(Difference("triggers", list(there.triggers), list(wanted.triggers)))
    if there.tells_secret and webhook.secrets and there.secret != webhook.secrets[0].key:
        found.append(Difference("secret", "another one" if there.secret else "none", "the one kept here"))
    if there.template:
        found.append(Difference("payloadTemplate", "a template", "none"))
    if there.version is not None and there.version != wanted.version:
        found.append(Difference("version", there.version, wanted.version))
    return found


def _held_back(wanted: Desired, there: Remote) -> str:
    held_back = sorted(set(wanted.triggers) - set(there.triggers))
    if not held_back:
        return ""
    return f"Not registered, as only a newer Cal.com has them: {', '.join(held_back)} (`apply --resend` tries again)."


def _unwanted(pcid: str, webhook: Webhook, there: Remote | None) -> Change:
    if webhook.origin == "adopted":
        note = "" if there is None or there.active else "Cal.com has switched it off."
        return Change(Kind.ADOPTED, webhook.name, pcid, known=webhook, remote=there, note=note)
    if there is None:
        return Change(Kind.RETIRED, webhook.name, pcid, known=webhook, note="Cal.com does not have it.")
    note = "daybook.yaml does not name it."
    return Change(Kind.EXTRA, webhook.name, pcid, known=webhook, remote=there, note=note)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
