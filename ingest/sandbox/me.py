"""`GET /v2/me`, of which only what leads from a key to its organization is kept."""

from __future__ import annotations

from ingest.sandbox.state import User, World


def view(user: User, world: World) -> dict[str, object]:
    """The caller, and the primary organization."""
    organization = world.organizations.get(user.organization_id) if user.organization_id else None
    shown: dict[str, object] = {
        "id": user.id,
        "username": user.username,
        "email": user.email,
        "name": user.name,
        "timeFormat": user.time_format,
        "defaultScheduleId": user.default_schedule_id,
        "weekStart": user.week_start,
        "timeZone": user.time_zone,
        "organizationId": user.organization_id,
    }
    if organization:
        shown["organization"] = {"id": organization.id, "isPlatform": organization.is_platform}
    return shown
