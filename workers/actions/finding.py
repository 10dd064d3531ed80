"""How probes find a thing at Cal.com: by the tool that reads it, in a list, by what Cal.com itself knows it by."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from workers.actions.kind import Caller
from workers.calcom import memberships, ooo, options, organizations, users, webhooks
from workers.errors import CalcomUnavailable, Forbidden, Missing

Args: TypeAlias = Mapping[str, Any]
Row: TypeAlias = dict[str, Any]

OOO_LIST = f"{ooo.PREFIX}get_organization_user_ooo"
USERS = f"{users.PREFIX}get_organizations_users"
OPTIONS = f"{options.PREFIX}get_organization_attribute_options"
WEBHOOKS = f"{webhooks.PREFIX}get_all_organization_webhooks"


@dataclass(frozen=True, slots=True)
class Look:
    """Reading, for probes. Raises CalcomErrors and what else a call raises.

    An answer of another shape is none: what it seems to lack may be there.
    """

    caller: Caller

    def rows(self, tool: str, arguments: Args) -> list[Row]:
        """Every row of a list, all pages."""
        data = self.caller.call(tool, arguments).data
        if not isinstance(data, list) or not all(isinstance(row, dict) for row in data):
            raise CalcomUnavailable(f"{tool}: the answer is no list of things; it tells nothing.")
        return data

    def one(self, tool: str, arguments: Args) -> Row | None:
        """One thing; None where Cal.com says that it has none (404, or an attribute that is null)."""
        try:
            data = self.caller.call(tool, arguments).data
        except Missing:
            return None
        if not isinstance(data, dict):
            raise CalcomUnavailable(f"{tool}: the answer is no thing; it tells nothing.")
        return data


#: gives the thing, None where there is none; raises what a call raises
Find: TypeAlias = Callable[[Look, Args], Row | None]


def read(tool: str, *names: str) -> Find:
    """With the tool that reads one."""
    return lambda look, given: look.one(tool, {name: given[name] for name in names})


def listed(tool: str, by: str, *names: str, **more: Any) -> Find:
    """In a list, by the argument that is its id."""

    def find(look: Look, given: Args) -> Row | None:
        rows = look.rows(tool, {**{name: given[name] for name in names}, **more})
        return next((row for row in rows if row.get("id") == given[by]), None)

    return find


def confirmed(ask: Find, then: Find) -> Find:
    """With `ask`; where that is forbidden, which Cal.com says of what is not there as well, in the list `then`."""

    def find(look: Look, given: Args) -> Row | None:
        try:
            return ask(look, given)
        except Forbidden:
            return then(look, given)

    return find


def entry_of_equal_days(look: Look, given: Args) -> Row | None:
    """Cal.com makes whole days of what it is given, and calls an entry with equal days the same."""
    wanted = [day(given[name]) for name in ("start", "end")]
    rows = look.rows(OOO_LIST, {"userId": given["userId"], "sortStart": "asc"})
    return next((row for row in rows if [day(row.get(name)) for name in ("start", "end")] == wanted), None)


def member(look: Look, given: Args) -> Row | None:
    """The user's membership. The list is not ordered, so that one of a long list may be missed."""
    rows = look.rows(f"{memberships.PREFIX}get_all_memberships", {})
    return next((row for row in rows if row.get("userId") == given["userId"]), None)


def user_by_email(look: Look, given: Args) -> Row | None:
    """Cal.com lower-cases addresses."""
    wanted = given["email"].casefold()
    rows = look.rows(USERS, {"emails": [given["email"]]})
    return next((row for row in rows if str(row.get("email")).casefold() == wanted), None)


def user_there(look: Look, given: Args) -> Row | None:
    """A list of all is not ordered and may miss one; the user's absences are read only of who is there."""
    return {"id": given["userId"], "ooo": look.rows(OOO_LIST, {"userId": given["userId"], "take": 1})}


def by_slug(tool: str, *names: str) -> Find:
    """In a list, by the slug that is given."""

    def find(look: Look, given: Args) -> Row | None:
        rows = look.rows(tool, {name: given[name] for name in names})
        return _sluggish(rows, given["slug"], "value" if "value" in given else "name", given)

    return find


def managed_by_slug(look: Look, given: Args) -> Row | None:
    """By the slug that is given, or that Cal.com makes of the name."""
    slug = given.get("slug") or given["name"]
    filtered = {"slug": given["slug"]} if given.get("slug") else {}
    return _sluggish(look.rows(f"{organizations.PREFIX}get_organizations", filtered), slug, "name", given)


def _sluggish(rows: Iterable[Row], slug: str, name: str, given: Args) -> Row | None:
    """The row of that slug, of several the one that has the name too: options may be there twice."""
    found = [row for row in rows if squeezed(row.get("slug")) == squeezed(slug)]
    return next((row for row in found if row.get(name) == given.get(name)), found[0] if found else None)


def squeezed(text: object) -> str:
    """Letters and digits alone, without accents and case: whatever a slug was made of, and however, is equal."""
    plain = unicodedata.normalize("NFKD", str(text or "")).casefold()
    return "".join(char for char in plain if char.isalnum())


def webhook_of_url(look: Look, given: Args) -> Row | None:
    """Cal.com goes by the exact text of the URL."""
    rows = look.rows(WEBHOOKS, {})
    return next((row for row in rows if row.get("subscriberUrl") == given["subscriberUrl"]), None)


def options_of(membership: Row, attribute_id: str | None) -> Iterable[tuple[Any, Any]]:
    """Id and value of each option the member has, of one attribute or (None) of all."""
    held = membership.get("attributes")
    for attribute in held if isinstance(held, list) else []:
        if not isinstance(attribute, dict) or attribute_id not in (None, attribute.get("id")):
            continue
        several = attribute.get("options")
        for option in several if isinstance(several, list) else [attribute]:
            if isinstance(option, dict):
                yield option.get("optionId"), option.get("option")


def day(value: object) -> str:
    """The day of an instant as Cal.com writes it, `2026-02-02`; "" of anything else."""
    return value[:10] if isinstance(value, str) else ""
