"""What a server offers, as values: tools with their schemas and roles, and what carries them out. It knows no MCP."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Protocol

from workers.errors import NotFound
from workers.store.audit import Who
from workers.store.keys import Role

#: characters of a tool's name that are looked at
_NAME = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One tool as it is offered. Schemas are JSON Schema 2020-12, of objects."""

    name: str
    title: str
    description: str
    input_schema: Mapping[str, Any]
    output_schema: Mapping[str, Any] | None = None
    #: the least role that sees and calls it
    role: Role = Role.VIEWER
    #: nothing is changed by it
    reads: bool = True
    #: it takes something away for good
    destructive: bool = False
    #: a second call with the same arguments changes nothing more
    idempotent: bool = True
    #: it reaches beyond Daybook
    open_world: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """What a call is about, for the audit log: the connection, and the arguments without secrets."""

    connection: str | None
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """Something to be read by its URI."""

    uri: str
    name: str
    description: str
    media: str = "application/json"


@dataclass(frozen=True, slots=True)
class Blank:
    """A value that a prompt asks for."""

    name: str
    description: str
    required: bool = True


@dataclass(frozen=True, slots=True)
class Prompt:
    """A question that is often asked, ready to be put to a model; `text` makes it of the values."""

    name: str
    description: str
    blanks: Sequence[Blank]
    text: Callable[[Mapping[str, str]], str] = field(repr=False)


class Toolset(Protocol):
    """What one server is made of. Everything but the names may read SQL: it is called in a thread.

    `call`, `page` raise a DaybookError for whatever is wrong with what was asked.
    """

    #: the path it is served under, without the slash
    name: str
    title: str
    #: for the model: what it is for, and how to go about it
    instructions: str

    def offers(self) -> Sequence[Offer]:
        """Every tool, whatever the role."""
        ...

    def target(self, name: str, arguments: Mapping[str, Any]) -> Target:
        """What a call is about. Total: the arguments are whatever came."""
        ...

    def call(self, who: Who, name: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """The tool's answer, as JSON."""
        ...

    def pages(self) -> Sequence[Page]:
        """What can be read."""
        ...

    def page(self, uri: str) -> str:
        """The text of one of them."""
        ...

    def prompts(self) -> Sequence[Prompt]:
        """What is often asked."""
        ...


class ToolsOnly:
    """For a toolset with nothing to be read, and no prompts."""

    def pages(self) -> Sequence[Page]:
        """There are none."""
        return ()

    def page(self, uri: str) -> str:
        """There are none."""
        raise NotFound(f"There is no resource {uri[:200]!r} here.")

    def prompts(self) -> Sequence[Prompt]:
        """There are none."""
        return ()


def named(offers: Sequence[Offer], name: str) -> Offer:
    """The tool of exactly that name. Raises NotFound, which names the nearest one."""
    known = {offer.name: offer for offer in offers}
    if name in known:
        return known[name]
    near = get_close_matches(name[:_NAME], known, n=1)  # cut first: the search takes the square of it
    hint = f" Did you mean {near[0]}?" if near else ""
    raise NotFound(f"There is no tool {name[:_NAME]!r}.{hint} tools/list names all of them.")
