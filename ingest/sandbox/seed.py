"""The people a sandbox starts with: the fictitious company of the samples, so that ids in bodies exist here."""

from __future__ import annotations

from datetime import UTC, datetime

from ingest.sandbox.setup import Options
from ingest.sandbox.state import Key, Membership, Organization, Profile, User, World

_SINCE = datetime(2026, 1, 15, 10, tzinfo=UTC)
OWNER_ID, MAYA_ID, TOMAS_ID, SOFIA_ID, STRANGER_ID = 90210, 90211, 90212, 90213, 90290

_PEOPLE = (
    (OWNER_ID, "Ingrid Calder", "ingrid", "OWNER", "Europe/London"),
    (MAYA_ID, "Maya Okonkwo", "maya", "ADMIN", "Europe/London"),
    (TOMAS_ID, "Tomás Rivera", "tomas", "MEMBER", "Europe/Madrid"),
    (SOFIA_ID, "Sofia Lindqvist", "sofia", "MEMBER", "Europe/Stockholm"),
)
_SURNAMES = {"ingrid": "calder", "maya": "okonkwo", "tomas": "rivera", "sofia": "lindqvist"}


def seeded(options: Options) -> World:
    """One organization with an owner, an admin and two members, and one Cal.com user outside of it."""
    world = World()
    world.organizations[options.org_id] = Organization(
        options.org_id, "Harbourlight", "harbourlight", is_platform=options.platform
    )
    for user_id, name, short, role, time_zone in _PEOPLE:
        username = f"{short}-harbourlight"
        world.users[user_id] = User(
            id=user_id,
            email=f"{short}.{_SURNAMES[short]}@harbourlight.example",
            username=username,
            created_at=_SINCE,
            name=name,
            organization_id=options.org_id,
            profile=Profile(next(world.numbers), options.org_id, short),
            time_zone=time_zone,
            default_schedule_id=next(world.numbers),
        )
        membership = Membership(next(world.numbers), options.org_id, user_id, _SINCE, _SINCE, accepted=True, role=role)
        world.memberships[membership.id] = membership
    world.users[STRANGER_ID] = User(
        id=STRANGER_ID,
        email="noah.whitlock@example.net",
        username="noah-whitlock",
        created_at=_SINCE,
        name="Noah Whitlock",
    )
    world.keys[options.api_key] = Key(OWNER_ID)
    world.keys[options.member_key] = Key(TOMAS_ID)
    return world
