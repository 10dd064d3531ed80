"""What Cal.com's replies look like, for readers, type checkers and schemas. Nothing is validated with these.

Cal.com's own description of its API gets several types wrong (a webhook's id is a UUID string, not a number;
`data` of the membership list is a list, not an object), and stand-ins made from it follow that. So every key
may be missing, more may be there, and a reply that differs is passed on as it is.
"""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict


class Attribute(TypedDict, total=False):
    """An attribute members of the organization can have. Its options are read with a tool of their own."""

    id: str
    teamId: int  # the organization's id
    type: str  # TEXT, NUMBER, SINGLE_SELECT, MULTI_SELECT
    name: str
    slug: str
    enabled: bool
    usersCanEditRelation: bool
    isWeightsEnabled: bool
    isLocked: bool
    createdAt: str
    updatedAt: str


class Option(TypedDict, total=False):
    """One value an attribute can take."""

    id: str
    attributeId: str
    value: str
    slug: str
    isGroup: bool
    contains: list[str]


class Assignment(TypedDict, total=False):
    """That a member has an option. `id` is the assignment's, `memberId` a membership's."""

    id: str
    memberId: int
    attributeOptionId: str
    weight: int | None
    createdAt: str
    updatedAt: str


class ManagedOrganization(TypedDict, total=False):
    """An organization that this one manages. `apiKey` comes once, in the answer to its creation."""

    id: int
    name: str
    slug: str
    metadata: dict[str, Any]  # missing when there is none
    apiKey: str


class Pagination(TypedDict, total=False):
    """How many there are. Only the list of managed organizations says so."""

    totalItems: int
    remainingItems: int
    returnedItems: int
    itemsPerPage: int
    currentPage: int
    totalPages: int
    hasNextPage: bool
    hasPreviousPage: bool


class WorkspacePlatform(TypedDict, total=False):
    """Google or Microsoft. The slug is an open word: google, office365, ..."""

    name: str
    slug: str


class DelegationCredential(TypedDict, total=False):
    """A workspace's credential. The key itself is never answered; it starts with enabled false."""

    id: str
    enabled: bool
    domain: str
    organizationId: int
    workspacePlatform: WorkspacePlatform
    createdAt: str
    updatedAt: str


class MembershipUser(TypedDict, total=False):
    """The person of a membership."""

    username: str | None
    email: str
    avatarUrl: str | None
    name: str | None
    bio: str | None
    metadata: dict[str, Any]


class MemberAttribute(TypedDict, total=False):
    """An attribute of a member. `type` (text, number, singleSelect, multiSelect) says which keys."""

    id: str
    name: str
    type: str
    option: str | float
    optionId: str
    options: list[dict[str, Any]]  # multiSelect: {optionId, option}


class Membership(TypedDict, total=False):
    """That a user belongs to the organization, and as what."""

    id: int
    userId: int
    teamId: int  # the organization's id
    accepted: bool
    role: str
    customRoleId: str | None
    disableImpersonation: bool
    user: MembershipUser
    attributes: list[MemberAttribute]
    createdAt: str
    updatedAt: str


class Profile(TypedDict, total=False):
    """The user as the organization knows it. May be an empty object."""

    id: int
    organizationId: int
    userId: int
    username: str


class User(TypedDict, total=False):
    """A user of the organization. The role is not here: it is the membership's."""

    id: int
    username: str | None
    name: str | None
    email: str
    emailVerified: str | None
    bio: str | None
    avatarUrl: str | None
    timeZone: str
    weekStart: str
    appTheme: str | None
    theme: str | None
    defaultScheduleId: int | None
    locale: str | None
    timeFormat: int | None
    hideBranding: bool
    brandColor: str | None
    darkBrandColor: str | None
    allowDynamicBooking: bool | None
    createdDate: str
    verified: bool | None
    invitedTo: int | None
    metadata: dict[str, Any]  # missing when there is none
    profile: Profile


class OutOfOffice(TypedDict, total=False):
    """An out-of-office entry: whole UTC days, from 00:00:00.000Z to 23:59:59.999Z."""

    id: int
    uuid: str
    userId: int
    toUserId: int | None
    start: str
    end: str
    notes: str | None
    reason: str


class Webhook(TypedDict, total=False):
    """A webhook of the organization. `secret` is answered in clear: keep it out of logs."""

    id: str
    teamId: int  # the organization's id
    subscriberUrl: str
    active: bool
    triggers: list[str]
    payloadTemplate: str | None
    secret: str | None
