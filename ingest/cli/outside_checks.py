"""The checks of what is outside: each connection at Cal.com, the public URL, the clock. Nothing is changed."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from ingest.cli.verdicts import Verdict, fail, ok, warn
from workers import addresses
from workers.errors import (
    CalcomError,
    CalcomUnavailable,
    DaybookError,
    Forbidden,
    NotFound,
    RateLimited,
    Unauthorized,
)
from workers.settings import Settings
from workers.store.connections import Connection, Kind
from workers.store.engine import Store
from workers.vault import Vault

_TIMEOUT = 10.0
#: seconds by which a clock may be off before times in the history mislead; webhooks carry no time in the signature
_SKEW = 5.0
_SKEW_FAIL = 300.0


def at_calcom(store: Store, vault: Vault, connection: Connection) -> Verdict:
    """One connection: is the key valid, the id an organization's, the role enough? Two calls, three if one is refused.

    Cal.com says 403 for a role too low as for an id that is no organization's; what a plain member may read tells
    the two apart.
    """
    from workers.calcom.attributes import PREFIX as ATTRIBUTES
    from workers.calcom.users import PREFIX as USERS
    from workers.calcom.webhooks import PREFIX as WEBHOOKS
    from workers.reach import reach

    check = f"connection {connection.pcid}"
    if connection.kind is Kind.MCP:
        return _at_server(check, store, vault, connection)
    try:
        with reach(store, vault, connection.pcid, max_wait=15.0) as client:
            try:
                client.call(f"{USERS}get_organizations_users", {"take": 1})
                client.call(f"{WEBHOOKS}get_all_organization_webhooks", {"take": 1})
            except Forbidden:
                client.call(f"{ATTRIBUTES}get_organization_attributes", {"take": 1})
                return fail(
                    check, "the key is valid, but its owner's role is too low to read users and webhooks",
                    f"Make its owner an admin of organization {connection.org_id}; Cal.com takes 5 minutes to see it.",
                )  # fmt: skip
    except DaybookError as error:
        return meaning(check, error, connection.org_id)
    return ok(check, f"the key is valid, {connection.org_id} is an organization, the role reads users and webhooks")


def _at_server(check: str, store: Store, vault: Vault, connection: Connection) -> Verdict:
    from workers.calcom.users import PREFIX as USERS
    from workers.calcom.webhooks import PREFIX as WEBHOOKS
    from workers.reach import reach

    try:
        with reach(store, vault, connection.pcid, max_wait=15.0) as client:
            client.call(f"{USERS}get_organizations_users", {"take": 1})
            client.call(f"{WEBHOOKS}get_all_organization_webhooks", {"take": 1})
    except DaybookError as error:
        return through(check, error)
    return ok(
        check, f"the MCP server takes the token, and reads users and webhooks of organization {connection.org_id}"
    )


def through(check: str, error: DaybookError) -> Verdict:
    """What an error on a plain reading call says about a connection of kind mcp. Pure.

    Its message tells who said no, the MCP server or Cal.com behind it.
    """
    match error:
        case Unauthorized() | Forbidden():
            remedy = (
                "If it is the token: `daybook connections add … --kind mcp --replace`. What the MCP server may do at "
                "Cal.com is mended there."
            )
        case RateLimited():
            detail = f"a rate limit is reached for {error.after:.0f} s"
            return warn(check, detail, "Look again then; --per-minute of the connection lowers its pace.")
        case NotFound():
            remedy = "See that --remote-pcid is what the MCP server calls the organization, and that it has the tools."
        case CalcomUnavailable():
            remedy = "See that the base URL and the token's file or command are right, and this machine may reach it."
        case CalcomError():
            remedy = (
                "See that the base URL is what comes before /cal-organizations, and the organization's id is right."
            )
        case _:
            remedy = "Mend that first."
    return fail(check, error.message, remedy)


def meaning(check: str, error: DaybookError, org_id: int) -> Verdict:
    """What an error on a plain reading call says about the connection. Pure."""
    match error:
        case Unauthorized():
            return fail(
                check, "Cal.com refuses the key (401)", "Make a new one: `daybook connections add … --replace`."
            )
        case Forbidden():
            detail = f"Cal.com answers 403 even to what a member may read: {org_id} is not an organization of the key's"
            return fail(check, detail, "See that it is the organization's id, and its plan has the API.")
        case RateLimited():
            detail = f"the rate limit is reached for {error.after:.0f} s"
            return warn(check, detail, "Look again then; --per-minute of the connection lowers its pace.")
        case CalcomUnavailable():
            return fail(check, error.message, "See that the base URL is right and that this machine may reach it.")
        case CalcomError():
            return fail(check, error.message, "See that the base URL ends in /v2 and the organization's id is right.")
    return fail(check, error.message, "Mend that first.")


def public_url(settings: Settings, connections: Sequence[Connection]) -> Iterator[Verdict]:
    """The address Cal.com posts to: set, allowed by each Cal.com, resolvable, answering, without redirect."""
    url = settings.base_url
    for connection in connections:
        if objection := addresses.objection(url, connection.base_url):
            yield fail(
                "public URL", f"{url}: Cal.com of connection {connection.pcid} refuses it, {objection}",
                "Set DAYBOOK_PUBLIC_URL to the https address by which the internet reaches Daybook.",
            )  # fmt: skip
            return
    if settings.public_url is None:
        yield warn(
            "public URL", f"DAYBOOK_PUBLIC_URL is not set; Cal.com is told {url}",
            "Set it, unless Cal.com runs on this machine.",
        )  # fmt: skip
    elif not url.startswith("https://"):
        yield warn("public URL", f"{url} is not https", "Put TLS before it: bodies and secrets travel in clear.")
    hosted = any(addresses.is_hosted(connection.base_url) for connection in connections)
    yield resolved(url, _addresses(url), hosted=hosted)
    yield from _answering(url)


def resolved(url: str, found: Sequence[str], *, hosted: bool) -> Verdict:
    """What the addresses of the public URL's host mean. Pure."""
    host = urlsplit(url).hostname or ""
    if not found:
        return fail("public name", f"{host} has no address here", "Make its DNS record, or mend DAYBOOK_PUBLIC_URL.")
    shown = ", ".join(found[:4])
    if hosted and all(addresses.private(address) for address in found):
        # It may be the inside view of a split DNS, so this alone proves nothing.
        return warn(
            "public name", f"{host} is {shown}: private", "See that it is public where the internet looks it up."
        )
    return ok("public name", f"{host} is {shown}")


def answered(url: str, status: int, location: str | None) -> Verdict:
    """What the answer to GET /health/live says. Pure."""
    if 300 <= status < 400:
        return fail(
            "public answer", f"{url} redirects ({status}) to {location or 'somewhere else'}",
            "Name the last address in DAYBOOK_PUBLIC_URL: Cal.com follows no redirect and drops the event.",
        )  # fmt: skip
    if status == 200:
        return ok("public answer", f"{url} answers, without redirect")
    return fail(
        "public answer", f"{url} answers {status}",
        "See that the proxy passes everything below it to Daybook, which answers 200 there.",
    )  # fmt: skip


def clock(who: str, date: str | None, before: datetime, after: datetime) -> Verdict:
    """How far this clock is from the one in a `Date` header, asked between `before` and `after`. Pure."""
    try:
        theirs = parsedate_to_datetime(date or "")
    except (ValueError, TypeError, IndexError, OverflowError):
        return warn("clock", f"{who} tells no time", "Compare this machine's clock with another one.")
    theirs = theirs if theirs.tzinfo else theirs.replace(tzinfo=UTC)
    # the header has whole seconds: its moment is anywhere in the second that follows
    ahead, behind = (before - theirs).total_seconds() - 1, (theirs - after).total_seconds()
    off = max(ahead, behind, 0.0)
    detail = f"{off:.0f} s {'ahead of' if ahead > behind else 'behind'} {who}" if off else f"agrees with {who}"
    if off > _SKEW_FAIL:
        return fail("clock", detail, "Set it (NTP): the history's times and the end of old secrets are wrong.")
    if off > _SKEW:
        return warn("clock", detail, "Set it (NTP): the history's times are off.")
    return ok("clock", detail)


def clock_against(base_url: str) -> Verdict:
    """The clock against the `Date` of whoever answers at a connection's base URL; any status will do."""
    import httpx2

    host = urlsplit(base_url).hostname or base_url
    before = datetime.now(UTC)
    try:
        answer = httpx2.get(base_url, timeout=_TIMEOUT, follow_redirects=False)
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        return warn("clock", f"{host} did not answer ({type(error).__name__})", "Compare the clock with another one.")
    return clock(host, answer.headers.get("date"), before, datetime.now(UTC))


def _answering(url: str) -> Iterator[Verdict]:
    import httpx2

    live = f"{url}/health/live"
    try:
        answer = httpx2.get(live, timeout=_TIMEOUT, follow_redirects=False)
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        yield fail(
            "public answer", f"{live} does not answer from here ({type(error).__name__})",
            "Start Daybook (`daybook up`), and see that DNS, firewall, proxy and certificate let Cal.com in.",
        )  # fmt: skip
        return
    yield answered(live, answer.status_code, answer.headers.get("location"))


def _addresses(url: str) -> list[str]:
    parts = urlsplit(url)
    try:
        found = socket.getaddrinfo(parts.hostname, parts.port or 443, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return list(dict.fromkeys(str(one[4][0]) for one in found))
