"""The OpenAPI document held against the API by Schemathesis: what it says may be sent is sent, and what it forbids too.

Streams have no end: their reader here has heard enough with the first message (`HangsUp`). Two of the checks are left
out: `ignored_auth` would ask over the network, and `test_api.py` asks every address of the table with every role;
`positive_data_acceptance` holds for all but what no schema can say, which `meant` puts right before it is sent.
"""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import ignored_auth
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from ingest.api.routes import ENDPOINTS
from ingest.live import ids
from tests.contract.ledger.conftest import Office
from tests.contract.ledger.doubt import TWO
from tests.contract.store.filled import START, body
from tests.integration.api.conftest import Asked
from tests.integration.api.test_api import named
from workers.store import keys
from workers.store.keys import Role
from workers.store.position import Position
from workers.vault import Vault

#: requests to each address that are right, and as many that are wrong
EXAMPLES = 3
#: the same ones each time: CI is not the place to meet a new one
SETTINGS = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=[*HealthCheck],
)


@pytest.fixture
def there(asked: Asked, vault: Vault, tmp_path: Path) -> dict[str, str]:
    """An id or a name that there is, by the noun that a path begins with."""
    folder = tmp_path / "rules"
    folder.mkdir()
    office = Office(asked.filled.store, vault, folder)
    office.rules(TWO)
    event = office.comes(uid="uid-0")
    office.comes(uid="uid-1")
    office.work()
    office.filled.keep(body(uid="held"), verdict="mismatch")
    with asked.filled.store.write() as connection:
        spare, _ = keys.create(connection, name="spare", role=Role.VIEWER, now=START)
    return {
        "events": str(event),
        "deliveries": str(event),
        "bookings": "uid-0",
        "runs": str(office.runs()[-1].id),
        "rules": "one",
        "keys": str(spare.id),
    }


def meant(case: Any, cursor: str) -> None:
    """Put right what is wrong though its schema is kept: a schema cannot say what is a cursor, or that of several
    parameters one must be given."""
    for name, right in (("cursor", cursor), ("last_event_id", ids.spell(Position(0))), ("name", "a new key")):
        if name in case.query:
            case.query[name] = right
    if "Last-Event-ID" in case.headers:
        case.headers["Last-Event-ID"] = ids.spell(Position(0))
    if case.path == "/deliveries/replay":
        case.query["all"] = True
    if (case.method, case.path) == ("POST", "/webhooks/drift"):
        case.query["connection"] = "acme"


def test_the_document_is_one_of_openapi_3_1(asked: Asked) -> None:
    document = asked.get("/openapi.json", role=None).json()
    assert [error.message for error in OPENAPI_31_VALIDATOR.iter_errors(document)] == []
    assert not OPENAPI_31_VALIDATOR.is_valid({**document, "paths": []})


def test_every_address_answers_as_the_document_says(asked: Asked, there: dict[str, str]) -> None:
    schema = schemathesis.openapi.from_dict(asked.get("/openapi.json", role=None).json())
    operations = {
        operation.label: operation
        for operation in (each.ok() for each in schema.get_all_operations() if isinstance(each, Ok))
    }
    assert sorted(operations) == sorted(map(named, ENDPOINTS))
    cursor = asked.get("/events", limit=1).json()["next"]
    answered: set[tuple[str, int]] = set()

    def ask(case: Any) -> None:
        if case.meta.generation.mode is GenerationMode.POSITIVE:
            meant(case, cursor)
        request = case.as_transport_kwargs(base_url="http://testserver/api/v1")
        answer = asked.client.request(
            request["method"],
            request["url"],
            params=request.get("params"),
            headers=dict(request["headers"]),
            content=request.get("data"),
        )
        answered.add((case.operation.label, answer.status_code))
        case.validate_response(answer, excluded_checks=[ignored_auth])

    for label, operation in operations.items():
        noun = label.split("/")[1]
        known = re.search(r"\{(\w+)\}", label)
        for mode in GenerationMode:
            fixed = {known[1]: there[noun]} if known and mode is GenerationMode.POSITIVE else None
            strategy = operation.as_strategy(mode, path_parameters=fixed, headers=asked.headers(Role.ADMIN))
            with contextlib.suppress(Unsatisfiable):  # nothing to be wrong with
                SETTINGS(given(strategy)(ask))()
    for endpoint in ENDPOINTS:  # what changes something may be refused: it was done already
        label = named(endpoint)
        assert (label, 200) in answered or (endpoint.method == "POST" and (label, 409) in answered), label
