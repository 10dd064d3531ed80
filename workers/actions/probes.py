"""How the effect of each writing tool is looked for before the tool is called again: a table, one row a tool.

A probe reads and changes nothing. Lists are read to their end. It is told what is there, never what was sent: a
thing counts as made when it has the identity that Cal.com itself goes by (equal days, e-mail address, slug, URL,
user) and every given value that an answer shows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from workers.actions import calling
from workers.actions.finding import (
    OOO_LIST,
    OPTIONS,
    USERS,
    WEBHOOKS,
    Args,
    Find,
    Look,
    Row,
    by_slug,
    confirmed,
    day,
    entry_of_equal_days,
    listed,
    managed_by_slug,
    member,
    options_of,
    read,
    squeezed,
    user_by_email,
    user_there,
    webhook_of_url,
)
from workers.actions.kind import Absent, Again, Caller, Done, Unknowable
from workers.calcom import attributes, delegation, memberships, ooo, options, organizations, users, webhooks
from workers.calcom.arguments import check
from workers.calcom.tool import Place, Tool
from workers.errors import (
    BadArguments,
    CalcomUnavailable,
    DaybookError,
    RateLimited,
    StoreUnavailable,
)

Found: TypeAlias = Done | Absent | Unknowable
Probe: TypeAlias = Callable[[Tool, Look, Args], Found]


def look(tool: Tool, arguments: Args, caller: Caller) -> Found | Again:
    """Whether the call was made and did what it was to do. `arguments` as the step gives them.

    Absent too for what may be called again without a second effect. Again: Cal.com cannot say now. Unknowable: no
    tool can tell, or the connection may not read it. Raises StoreUnavailable.
    """
    try:
        return PROBES[tool.name](tool, Look(caller), check(tool, arguments, caller.connection.org_id))
    except BadArguments:
        return Absent()  # such a call never leaves
    except RateLimited as error:
        return Again(error.message, error.after, counts=False)
    except CalcomUnavailable as error:
        return Again(error.message)
    except StoreUnavailable:
        raise
    except DaybookError as error:
        return Unknowable(f"Whether it was done cannot be looked up. {error.message}")


# Kinds of probes


def made(find: Find, **left_out: Any) -> Probe:
    """The thing is there, with the values given; those in `left_out` are what Cal.com takes where none is given."""

    def probe(tool: Tool, look: Look, given: Args) -> Found:
        row = find(look, given)
        if row is None:
            return Absent()
        if differing := _differing(tool, {**left_out, **given}, row):
            return Absent(f"One is there{_id(row)}, but its {', '.join(differing)} differ from what the step gives.")
        return Done(calling.output(tool, row), found=True)

    return probe


def changed(find: Find) -> Probe:
    """The thing has every value given. Where an answer does not show them all, setting them again does no harm."""

    def probe(tool: Tool, look: Look, given: Args) -> Found:
        row = find(look, given)
        if row is None or _differing(tool, given, row, hidden=True):
            return Absent()
        return Done(calling.output(tool, row), found=True)

    return probe


def gone(find: Find) -> Probe:
    """The thing is not there any more. No field of the output is there then."""

    def probe(_: Tool, look: Look, given: Args) -> Found:
        return Done({}, found=True) if find(look, given) is None else Absent()

    return probe


def repeatable(_: Tool, __: Look, ___: Args) -> Found:
    """It sets values that nothing can read back; setting them again does no harm."""
    return Absent()


def unknowable(reason: str) -> Probe:
    """No tool can tell."""
    return lambda _, __, ___: Unknowable(reason)


# Probes of their own


def _attribute_with_options(tool: Tool, look: Look, given: Args) -> Found:
    """Cal.com makes the attribute first and its options one by one: a failure in between leaves it without some."""
    found = made(by_slug(f"{attributes.PREFIX}get_organization_attributes"))(tool, look, given)
    if not isinstance(found, Done) or not given["options"]:
        return found
    attribute_id = found.output.get("id")
    values = [row.get("value") for row in look.rows(OPTIONS, {"attributeId": attribute_id})]
    if lacking := [option["value"] for option in given["options"] if option["value"] not in values]:
        return Unknowable(
            f"The attribute is there (id {attribute_id}), but without {len(lacking)} of its options; add them "
            f"with {options.PREFIX}create_organization_attribute_option, or delete it and retry."
        )
    return found


def _assigned(tool: Tool, look: Look, given: Args) -> Found:
    """What members have is in the list of memberships alone."""
    row = member(look, given)
    if row is None or not isinstance(row.get("attributes"), list):
        if "value" in given:
            return Unknowable("The list of memberships does not tell what the user has; look at the user's page.")
        return Absent()  # the same option a second time is refused
    for option_id, value in options_of(row, given["attributeId"]):
        if option_id == given.get("attributeOptionId") or ("value" in given and _same_value(value, given["value"])):
            return Done({"memberId": row.get("id"), "attributeOptionId": option_id}, found=True)
    return Absent()


def _assignment(look: Look, given: Args) -> Row | None:
    """Where the list does not tell, it counts as there: taking it away again is answered by a plain 404."""
    row = member(look, given)
    if row is not None and isinstance(row.get("attributes"), list):
        ids = [option_id for option_id, _ in options_of(row, None)]
        if given["attributeOptionId"] not in ids:
            return None
    return {"id": given["attributeOptionId"]}


def _same_value(there: object, given: str) -> bool:
    """A NUMBER is sent as text and answered as a number."""
    if isinstance(there, int | float) and not isinstance(there, bool):
        try:
            return float(given) == there
        except ValueError:
            return False
    return there == given


# Comparing


def _differing(tool: Tool, given: Args, row: Row, *, hidden: bool = False) -> list[str]:
    """Names of the values that are not as given; with `hidden` also of those that the row does not show."""
    names = [param.name for param in tool.params if param.place is Place.BODY and param.name in given]
    row = {"metadata": {}, **row}  # absent when it is empty
    return [name for name in names if not (_same(name, given[name], row) if name in row else not hidden)]


def _same(name: str, given: Any, row: Row) -> bool:
    there = row[name]
    if name in ("start", "end"):
        return day(given) == day(there)
    if name == "triggers" and isinstance(there, list):
        return sorted(map(str, given)) == sorted(map(str, there))
    if name == "username":  # the organization may know the user by another than Cal.com
        profile = row.get("profile")
        inside = profile.get("username") if isinstance(profile, dict) else None
        return str(given).casefold() in (str(there).casefold(), str(inside).casefold())
    if name in ("email", "timeZone"):
        return str(given).casefold() == str(there).casefold()
    if name == "avatarUrl":  # a picture that was sent is answered as an address
        return str(given).startswith("data:") or given == there
    if name == "slug":
        return squeezed(given) == squeezed(there)
    return bool(given == there) or (not given and not there and not isinstance(given, bool | int))


def _id(row: Row) -> str:
    return f" (id {row['id']})" if isinstance(row.get("id"), str | int) else ""


_ENTRY = listed(OOO_LIST, "oooId", "userId", sortStart="asc")
_MEMBERSHIP = read(f"{memberships.PREFIX}get_org_membership", "membershipId")
_USER = listed(USERS, "userId")
_ATTRIBUTE = read(f"{attributes.PREFIX}get_organization_attribute", "attributeId")
_OPTION = listed(OPTIONS, "optionId", "attributeId")
_WEBHOOK = confirmed(
    read(f"{webhooks.PREFIX}get_organization_webhook", "webhookId"),
    listed(WEBHOOKS, "webhookId"),
)
_MANAGED = confirmed(
    read(f"{organizations.PREFIX}get_organization", "managedOrganizationId"),
    listed(f"{organizations.PREFIX}get_organizations", "managedOrganizationId"),
)

PROBES: Mapping[str, Probe] = {
    f"{ooo.PREFIX}create_organization_user_ooo": made(entry_of_equal_days),
    f"{ooo.PREFIX}update_organization_user_ooo": changed(_ENTRY),
    f"{ooo.PREFIX}delete_organization_user_ooo": gone(_ENTRY),
    f"{memberships.PREFIX}create_membership": made(member, accepted=False, disableImpersonation=False),
    f"{memberships.PREFIX}update_membership": changed(_MEMBERSHIP),
    f"{memberships.PREFIX}delete_membership": gone(_MEMBERSHIP),
    f"{users.PREFIX}create_organization_user": made(user_by_email),
    f"{users.PREFIX}update_organization_user": changed(_USER),
    f"{users.PREFIX}delete_organization_user": gone(confirmed(user_there, _USER)),
    f"{attributes.PREFIX}create_organization_attribute": _attribute_with_options,
    f"{attributes.PREFIX}update_organization_attribute": changed(_ATTRIBUTE),
    f"{attributes.PREFIX}delete_organization_attribute": gone(_ATTRIBUTE),
    f"{options.PREFIX}create_organization_attribute_option": made(by_slug(OPTIONS, "attributeId")),
    f"{options.PREFIX}update_organization_attribute_option": changed(_OPTION),
    f"{options.PREFIX}delete_organization_attribute_option": gone(_OPTION),
    f"{options.PREFIX}assign_organization_attribute_option_to_user": _assigned,
    f"{options.PREFIX}unassign_organization_attribute_option_from_user": gone(_assignment),
    f"{webhooks.PREFIX}create_organization_webhook": made(webhook_of_url),
    f"{webhooks.PREFIX}update_org_webhook": changed(_WEBHOOK),
    f"{webhooks.PREFIX}delete_webhook": gone(_WEBHOOK),
    f"{organizations.PREFIX}create_organization": made(managed_by_slug),
    f"{organizations.PREFIX}update_organization": changed(_MANAGED),
    f"{organizations.PREFIX}delete_organization": gone(_MANAGED),
    f"{delegation.PREFIX}create_delegation_credential": unknowable(
        "No tool of Cal.com lists delegation credentials; look at the organization's settings there."
    ),
    f"{delegation.PREFIX}update_delegation_credential": repeatable,
}
