"""The history's tools, asked on a store that deliveries come to and rules act in; every answer fits its schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

from ingest.mcp.history.toolset import TOOLS, History
from tests.contract.ledger.conftest import Office
from workers.settings import Settings
from workers.store.audit import Who
from workers.store.engine import Store
from workers.store.keys import Role
from workers.vault import Vault

#: one step, that makes a thing by the booking's uid
MAKES = """
rules:
  - name: makes
    description: Makes a thing for each booking.
    on: [BOOKING_CREATED]
    when: event.type == "intro-call"
    once_per: ${{ event.booking.uid }}
    do:
      - make: thing of ${{ event.booking.uid }}
"""


@dataclass
class Asked:
    """The toolset, and what it was made of."""

    history: History
    office: Office

    def __call__(self, tool: str, /, **arguments: Any) -> Any:
        """The tool's answer, which fits the schema that was promised and can be sent."""
        answer = self.history.call(Who("test", Role.OPERATOR, None), tool, arguments)
        conforms(tool, answer)
        return answer


def conforms(tool: str, answer: Mapping[str, Any]) -> None:
    schema = TOOLS[tool].offer.output_schema
    assert schema is not None
    sent = msgspec.json.decode(msgspec.json.encode(answer))
    Draft202012Validator(dict(schema), format_checker=Draft202012Validator.FORMAT_CHECKER).validate(sent)


@pytest.fixture
def asked(store: Store, vault: Vault, tmp_path: Path) -> Asked:
    folder = tmp_path / "rules"
    folder.mkdir()
    office = Office(store, vault, folder)
    history = History(Settings(data_dir=tmp_path, rules=folder), store, vault)
    history.desk.__dict__["kinds"] = office.kinds  # of steps that act in the office's world
    return Asked(history, office)
