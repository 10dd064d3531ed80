"""What a tool and a parameter are: values that describe one call of Cal.com's API. Not the calls themselves.

Each tool is described once, in its controller's file. The argument check, the request, both JSON Schemas, the
command line and the MCP server all read that one description.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, get_origin

from pydantic import TypeAdapter

from workers.calcom import formats
from workers.calcom.shapes import Pagination

#: Parameter types exactly as the tool list spells them.
SeedType = Literal["string", "number", "boolean", "object", "string[]", "number[]", "object[]", "any[]"]

#: Takes a value of the right JSON type, gives it back as it is sent; raises ValueError("<what is allowed>").
Form = Callable[[Any], Any]

#: Looks at checked arguments together; raises BadArguments that names the parameters.
Rule = Callable[[Mapping[str, Any]], None]

PythonTypes = tuple[type, ...]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
#: Cal.com's ids and counts are 32-bit integers in its database; a larger one is a 500 there.
INT32 = 2_147_483_647


class Place(StrEnum):
    """Where a parameter travels."""

    PATH = "path"
    QUERY = "query"
    BODY = "body"


@dataclass(frozen=True, slots=True, kw_only=True)
class Param:
    """One parameter. `name`, `type`, `required` and `description` are the tool list's own."""

    name: str
    type: SeedType
    place: Place
    description: str
    required: bool = False
    #: what the tool list leaves out: limits in words, traps, forms that are accepted
    note: str = ""
    enum: tuple[Any, ...] = ()
    minimum: int | None = None
    maximum: int | None = None
    min_length: int = 0
    #: may be sent as JSON null
    nullable: bool = False
    #: never shown: scrubbed from every message about a call
    secret: bool = False
    #: a list in the query is one comma-joined value instead of a repeated key
    comma: bool = False
    form: Form | None = None
    #: Python types taken beside the JSON type; `form` turns them into it
    accepts: PythonTypes = ()
    #: JSON Schema keywords that replace the plain ones
    keywords: Mapping[str, Any] | None = None
    #: Cal.com accepts it although the tool list does not have it
    beyond_seed: bool = False

    @property
    def item(self) -> str:
        """The type of the value, or of one item when the parameter is a list."""
        return self.type.removesuffix("[]")

    @property
    def many(self) -> bool:
        """Whether the value is a list."""
        return self.type.endswith("[]")

    def schema(self) -> dict[str, Any]:
        """The parameter's JSON Schema. Every number of these tools is a whole one."""
        item: dict[str, Any] = {"type": self.item}
        if self.item == "number":
            item |= {"multipleOf": 1}
        if self.nullable:
            item["type"] = [self.item, "null"]
        if self.enum:
            item["enum"] = [*self.enum, *([None] if self.nullable else [])]
        if self.minimum is not None:
            item["minimum"] = self.minimum
        if self.maximum is not None:
            item["maximum"] = self.maximum
        if self.min_length:
            item["minLength"] = self.min_length
        schema: dict[str, Any] = {"type": "array", "items": item} if self.many else item
        schema |= dict(self.keywords or {})
        schema["description"] = _with(self.note, self.description)
        return schema


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """One of the 37 operations. `name` and `sentence` are the tool list's own."""

    name: str
    sentence: str
    method: Literal["GET", "POST", "PATCH", "DELETE"]
    #: below the base URL, which ends in /v2
    path: str
    params: tuple[Param, ...]
    #: the shape of the reply's `data`: one of `shapes`, or a list of it
    data: Any
    note: str = ""
    #: the reply has `pagination` beside `data`
    counted: bool = False
    #: the least role in the organization (OWNER > ADMIN > MEMBER)
    min_role: Literal["ADMIN", "MEMBER"] = "ADMIN"
    #: the least platform plan; organizations that are not platform customers pass
    plan: Literal["ESSENTIALS", "SCALE"] = "ESSENTIALS"
    rules: tuple[Rule, ...] = ()
    #: a POST that may be sent again when all of these are given
    repeatable_with: frozenset[str] = frozenset()
    #: a PATCH that may not be sent again when one of these is given
    unrepeatable_with: frozenset[str] = frozenset()
    #: what Cal.com answers when the thing to delete is not there (any more)
    gone: frozenset[int] = frozenset()
    #: the `cal-api-version` it is asked with; "": whichever, as for every tool of the list
    version: str = ""

    @property
    def success(self) -> int:
        """The status of success: 201 for POST, else 200 (a DELETE answers 200 with the deleted object)."""
        return 201 if self.method == "POST" else 200

    @property
    def reads(self) -> bool:
        """Whether the call changes nothing."""
        return self.method == "GET"

    @property
    def destructive(self) -> bool:
        """Whether the call takes something away that no other tool brings back."""
        return self.method == "DELETE"

    @property
    def lists(self) -> bool:
        """Whether `data` is a list."""
        return get_origin(self.data) is list

    @property
    def paged(self) -> bool:
        """Whether the list comes in pages (`take`, `skip`)."""
        return any(param.name == "take" for param in self.params)

    def repeatable(self, arguments: Mapping[str, Any]) -> bool:
        """Whether sending exactly this call a second time has no second effect.

        Cal.com knows no idempotency key. Reads may be repeated, and changes that set values; DELETE too, if
        the one who repeats it understands `gone` as "done by the first". A POST makes a second thing or a
        conflict, except where `repeatable_with` says that it is an upsert.
        """
        if self.method == "POST":
            return bool(self.repeatable_with) and self.repeatable_with <= arguments.keys()
        return self.unrepeatable_with.isdisjoint(arguments)

    def param(self, name: str) -> Param | None:
        """The parameter of that name, or None."""
        return next((param for param in self.params if param.name == name), None)

    @property
    def description(self) -> str:
        """The sentence and the note, for people and models who choose a tool."""
        return _with(self.note, self.sentence)

    def input_schema(self, org_id: int | None = None) -> dict[str, Any]:
        """JSON Schema of the arguments. With `org_id` (the connection's) `orgId` may be left out."""
        properties = {param.name: param.schema() for param in self.params}
        required = [param.name for param in self.params if param.required]
        if org_id is not None:
            properties["orgId"]["default"] = org_id
            required.remove("orgId")
        return {
            "$schema": DIALECT,
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": False,
        }

    def output_schema(self) -> dict[str, Any]:
        """JSON Schema of a reply's JSON. It describes and never refuses: see `shapes`."""
        schemas = {"data": TypeAdapter(self.data).json_schema()}
        if self.counted:
            schemas["pagination"] = TypeAdapter(Pagination).json_schema()
        definitions: dict[str, Any] = {}
        for schema in schemas.values():
            definitions |= schema.pop("$defs", {})
        properties: dict[str, Any] = {"status": {"description": "Cal.com's word for it: success"}}
        properties |= {name: {"anyOf": [schema, {}]} for name, schema in schemas.items()}
        known = {"$schema": DIALECT, "type": "object", "properties": properties}
        return known | ({"$defs": definitions} if definitions else {})


def _with(note: str, text: str) -> str:
    """The tool list's own words, and after them what they leave out."""
    return f"{text.removesuffix('.')}. {note}" if note else text


def path_id(name: str, description: str, kind: Literal["number", "string"] = "number") -> Param:
    """An id in the path: a whole number, or a UUID string."""
    if kind == "number":
        return Param(
            name=name,
            type="number",
            place=Place.PATH,
            description=description,
            required=True,
            minimum=0,
            maximum=INT32,
        )
    return Param(
        name=name,
        type="string",
        place=Place.PATH,
        description=description,
        required=True,
        min_length=1,
        form=formats.path_id,
    )


ORG_ID = path_id("orgId", "Org Id")
USER_ID = path_id("userId", "User Id")


def take(description: str = "Maximum number of items to return", maximum: int = 250) -> Param:
    """How many rows to answer."""
    return Param(
        name="take",
        type="number",
        place=Place.QUERY,
        description=description,
        minimum=1,
        maximum=maximum,
        note=f"1 to {maximum}. Without take and skip all pages are read.",
    )


def skip(description: str = "Number of items to skip") -> Param:
    """How many rows to pass over."""
    return Param(
        name="skip",
        type="number",
        place=Place.QUERY,
        description=description,
        minimum=0,
        maximum=INT32,
        note="Cal.com orders these lists by nothing: pages may overlap.",
    )
