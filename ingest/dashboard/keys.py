"""The page of keys: who may ask, command and sign in. A key, and a link that signs in, are shown once, where made."""

from __future__ import annotations

from ingest.dashboard.page import Sent, Shown, Visit
from workers.errors import BadInput, Conflict, NotFound
from workers.store import keys
from workers.store.keys import Role


def every(visit: Visit) -> Shown:
    """All of them, oldest first, revoked ones too."""
    return _shown(visit)


def create(visit: Visit) -> Shown:
    """A new one, on the page that answers: a redirect would need a place to keep it."""
    name, role = visit.given("name"), visit.given("key_role")
    try:
        if role not in list(Role):
            raise BadInput(f"the role of a key must be one of {', '.join(Role)}.")
        with visit.store.write() as sql:
            made, text = keys.issue(sql, name=name, role=Role(role), now=visit.now)
    except (BadInput, Conflict) as error:
        return _shown(visit, error)
    told = {
        "lead": f"The key {made.name} with role {made.role} is made.",
        "what": "The key",
        "text": text,
        "hint": "It is kept as a hash only, so this is the one time it is shown.",
        "back": ("/keys", "To the keys"),
    }
    return Shown("once.html", "A new key", told)


def link(visit: Visit) -> Shown:
    """A link that signs in once in the name of a key."""
    from ingest import links  # it reaches for what starts processes; nobody else here does

    key_id = visit.id("live key")
    with visit.store.write() as sql:
        digest = keys.digest_of(sql, key_id)
        if digest is None:
            raise NotFound("there is no live key with this id.")
        name = next(key.name for key in keys.every(sql) if key.id == key_id)
        url = links.make(sql, visit.source.settings, digest, now=visit.now)
    told = {
        "lead": f"Whoever opens this link signs in as {name}.",
        "what": "The link",
        "text": url,
        "hint": "It works once, within an hour, and is shown this once.",
        "back": ("/keys", "To the keys"),
    }
    return Shown("once.html", "A link to sign in", told)


def revoke(visit: Visit) -> Sent:
    """Worthless from now on, with every session in its name."""
    key_id = visit.id("live key")
    with visit.store.write() as sql:
        if not keys.revoke(sql, key_id, now=visit.now):
            raise NotFound("there is no live key with this id.")
        name = next(key.name for key in keys.every(sql) if key.id == key_id)
    return Sent("/keys", f"The key {name} is worthless now, and who signed in with it is signed out.")


def _shown(visit: Visit, error: BadInput | Conflict | None = None) -> Shown:
    with visit.store.read() as sql:
        found = keys.every(sql)
    told = {
        "keys": sorted(found, key=lambda key: key.revoked_at is not None),
        "roles": list(Role),
        "mine": visit.identity.key_id,
        "problem": error.message if error is not None else "",
        "name": visit.given("name")[: keys.LONGEST_NAME],
        "role": visit.given("key_role"),
    }
    return Shown("keys.html", "Keys", told, error=error)
