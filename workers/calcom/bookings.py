"""The organization's bookings: a call beside the 37 tools, for `reconcile` alone. No rule and no model may make it.

Cal.com's newer version of this list is read by a cursor and has no times of change to begin at; this asks for the one
that does. Its pages are asked for in the order of change.
"""

from __future__ import annotations

from typing import Any

from workers.calcom.tool import ORG_ID, Param, Place, Tool, skip

#: rows asked for at a time
TAKE = 100
VERSION = "2024-08-13"

LIST = Tool(
    name="organizations_bookings",
    sentence="Get the organization's bookings",
    method="GET",
    path="/organizations/{orgId}/bookings",
    params=(
        ORG_ID,
        Param(
            name="afterUpdatedAt",
            type="string",
            place=Place.QUERY,
            description="Only bookings changed after this instant, as ISO 8601 text.",
        ),
        Param(
            name="sortUpdatedAt",
            type="string",
            place=Place.QUERY,
            description="Sort by when they were changed.",
            enum=("asc", "desc"),
        ),
        Param(
            name="take",
            type="number",
            place=Place.QUERY,
            description="Maximum number of items to return",
            minimum=1,
            maximum=TAKE,
        ),
        skip(),
    ),
    version=VERSION,
    data=list[dict[str, Any]],
)
