"""Several toolsets as one, for a client that starts its server itself and wants all in one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ingest.mcp.toolset import Offer, Page, Prompt, Target, Toolset, named
from workers.errors import NotFound
from workers.store.audit import Who


class Together:
    """`ingest.mcp.toolset.Toolset` of others, whose tools have names of their own."""

    name = "all"
    title = "Daybook"

    def __init__(self, toolsets: Sequence[Toolset]) -> None:
        self._toolsets = toolsets
        self.instructions = "\n\n".join(f"{each.title}: {each.instructions}" for each in toolsets)

    def offers(self) -> Sequence[Offer]:
        """Theirs, one after another."""
        return [offer for each in self._toolsets for offer in each.offers()]

    def target(self, name: str, arguments: Mapping[str, Any]) -> Target:
        """What the tool's own says."""
        return self._of(name).target(name, arguments)

    def call(self, who: Who, name: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """What the tool's own answers."""
        return self._of(name).call(who, name, arguments)

    def pages(self) -> Sequence[Page]:
        """Theirs."""
        return [page for each in self._toolsets for page in each.pages()]

    def page(self, uri: str) -> str:
        """One of theirs."""
        for each in self._toolsets:
            try:
                return each.page(uri)
            except NotFound as error:
                missing = error
        raise missing

    def prompts(self) -> Sequence[Prompt]:
        """Theirs."""
        return [prompt for each in self._toolsets for prompt in each.prompts()]

    def _of(self, name: str) -> Toolset:
        for each in self._toolsets:
            offers = each.offers()
            if any(offer.name == name for offer in offers):
                return each
        named(self.offers(), name)
        raise AssertionError(name)
