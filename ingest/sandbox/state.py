"""The rows of the stand-in Cal.com, in memory. Rows and look-ups only: the rules are in the controllers.

Field names are Python's; each controller spells its own JSON.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import uuid4

#: who may do what, from least to most
ROLES = ("MEMBER", "ADMIN", "OWNER")


def new_uuid() -> str:
    """An id of the kind Cal.com gives to attributes, options, webhooks and credentials."""
    return str(uuid4())


@dataclass(slots=True)
class Profile:
    """What makes a user one of an organization's users; without it `/users/{id}` answers 403."""

    id: int
    organization_id: int
    username: str


@dataclass(slots=True)
class User:
    """A Cal.com account. `organization_id` is the primary organization, which a profile need not agree with."""

    id: int
    email: str
    username: str | None
    created_at: datetime
    name: str | None = None
    organization_id: int | None = None
    profile: Profile | None = None
    bio: str | None = None
    avatar_url: str | None = None
    time_zone: str = "Europe/London"
    week_start: str = "Sunday"
    app_theme: str | None = None
    theme: str | None = None
    default_schedule_id: int | None = None
    locale: str | None = None
    time_format: int = 12
    hide_branding: bool = False
    brand_color: str | None = None
    dark_brand_color: str | None = None
    metadata: dict[str, Any] | None = None


@dataclass(slots=True)
class Membership:
    """A user in a team; an organization is a team."""

    id: int
    team_id: int
    user_id: int
    created_at: datetime
    updated_at: datetime
    accepted: bool = False
    role: str = "MEMBER"
    disable_impersonation: bool = False


@dataclass(slots=True)
class Organization:
    """An organization; `manager_id` is the organization that manages it, if any."""

    id: int
    name: str
    slug: str
    metadata: dict[str, Any] | None = None
    manager_id: int | None = None
    is_platform: bool = False


@dataclass(slots=True)
class Key:
    """An API key: acts as its user until it expires."""

    user_id: int
    expires_at: datetime | None = None


@dataclass(slots=True)
class Attribute:
    """A field that an organization keeps about its members."""

    id: str
    team_id: int
    type: str
    name: str
    slug: str
    created_at: datetime
    updated_at: datetime
    enabled: bool = True


@dataclass(slots=True)
class Option:
    """A value that an attribute may have; slugs need not be unique."""

    id: str
    attribute_id: str
    value: str
    slug: str


@dataclass(slots=True)
class Assignment:
    """An option given to a member."""

    id: str
    member_id: int
    attribute_option_id: str
    created_at: datetime
    updated_at: datetime


@dataclass(slots=True)
class OutOfOffice:
    """An absence; `start` and `end` are the first and the last millisecond of whole UTC days."""

    id: int
    uuid: str
    user_id: int
    start: datetime
    end: datetime
    created_at: datetime
    updated_at: datetime
    to_user_id: int | None = None
    notes: str | None = None
    reason: str | None = None


@dataclass(slots=True)
class Webhook:
    """A subscription. `old_secret` is what queued jobs may still sign with after a rotation."""

    id: str
    team_id: int
    subscriber_url: str
    triggers: list[str]
    active: bool
    payload_template: str | None = None
    secret: str | None = None
    version: str = "2021-10-20"
    old_secret: str | None = None


@dataclass(slots=True)
class Booking:
    """A booking, as the last event of it left it. `said` is that event's payload."""

    uid: str
    organization_id: int
    status: str
    created_at: datetime
    updated_at: datetime
    said: dict[str, Any]
    rescheduled_from: str | None = None
    rescheduled_to: str | None = None


@dataclass(slots=True)
class DelegationCredential:
    """A credential by which a workspace lends its members' calendars."""

    id: str
    organization_id: int
    platform: str
    domain: str
    service_account_key: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    enabled: bool = False


@dataclass(slots=True)
class World:
    """All there is at this Cal.com, several organizations included."""

    users: dict[int, User] = field(default_factory=dict)
    memberships: dict[int, Membership] = field(default_factory=dict)
    organizations: dict[int, Organization] = field(default_factory=dict)
    keys: dict[str, Key] = field(default_factory=dict)
    attributes: dict[str, Attribute] = field(default_factory=dict)
    options: dict[str, Option] = field(default_factory=dict)
    assignments: dict[str, Assignment] = field(default_factory=dict)
    absences: dict[int, OutOfOffice] = field(default_factory=dict)
    webhooks: dict[str, Webhook] = field(default_factory=dict)
    credentials: dict[str, DelegationCredential] = field(default_factory=dict)
    bookings: dict[str, Booking] = field(default_factory=dict)
    #: the next number for any row whose id is an integer
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(100_001))

    def membership_of(self, user_id: int, team_id: int) -> Membership | None:
        """The user's membership of the team."""
        return next((m for m in self.memberships.values() if m.user_id == user_id and m.team_id == team_id), None)

    def users_of(self, organization_id: int) -> list[User]:
        """The users with a profile in the organization."""
        return [u for u in self.users.values() if u.profile and u.profile.organization_id == organization_id]

    def drop_membership(self, membership: Membership) -> None:
        """End a membership: its assignments go, and so does the user's profile in that organization."""
        self.memberships.pop(membership.id, None)
        self.assignments = {k: a for k, a in self.assignments.items() if a.member_id != membership.id}
        user = self.users.get(membership.user_id)
        if user and user.profile and user.profile.organization_id == membership.team_id:
            user.profile = None
            user.organization_id = None

    def drop_user(self, user: User) -> None:
        """Delete a whole account with all that hangs on it."""
        for membership in [m for m in self.memberships.values() if m.user_id == user.id]:
            self.drop_membership(membership)
        self.absences = {k: o for k, o in self.absences.items() if o.user_id != user.id}
        self.keys = {k: key for k, key in self.keys.items() if key.user_id != user.id}
        self.users.pop(user.id, None)

    def drop_organization(self, organization: Organization) -> None:
        """Delete an organization with its memberships, attributes, webhooks and credentials."""
        for membership in [m for m in self.memberships.values() if m.team_id == organization.id]:
            self.drop_membership(membership)
        for attribute in [a for a in self.attributes.values() if a.team_id == organization.id]:
            self.drop_attribute(attribute)
        self.webhooks = {k: w for k, w in self.webhooks.items() if w.team_id != organization.id}
        self.credentials = {k: c for k, c in self.credentials.items() if c.organization_id != organization.id}
        self.organizations.pop(organization.id, None)

    def drop_attribute(self, attribute: Attribute) -> None:
        """Delete an attribute, its options and their assignments."""
        for option in [o for o in self.options.values() if o.attribute_id == attribute.id]:
            self.drop_option(option)
        self.attributes.pop(attribute.id, None)

    def drop_option(self, option: Option) -> None:
        """Delete an option and its assignments."""
        self.options.pop(option.id, None)
        self.assignments = {k: a for k, a in self.assignments.items() if a.attribute_option_id != option.id}
