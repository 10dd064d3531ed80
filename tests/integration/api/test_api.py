"""What holds for every address of the API: roles, problems, headers, and that the document says what is so."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.api.endpoint import Endpoint
from ingest.api.routes import ENDPOINTS
from ingest.api.schemas import SCHEMAS
from tests.integration.api.conftest import Asked, conforms
from workers.errors import StoreUnavailable
from workers.store import history, keys
from workers.store.keys import Role

GUARDED = [each for each in ENDPOINTS if each.role is not None]


def named(endpoint: Endpoint) -> str:
    return f"{endpoint.method} {endpoint.path}"


def address(endpoint: Endpoint) -> str:
    return "/api/v1" + endpoint.path.replace("{id}", str(UUID(int=7))).replace("{uid}", "nobody").replace(
        "{name}", "none"
    )


def test_only_the_document_is_for_anyone() -> None:
    assert [named(each) for each in ENDPOINTS if each.role is None] == ["GET /openapi.json"]


def test_what_changes_something_or_shows_it_raw_takes_an_operator() -> None:
    for each in ENDPOINTS:
        if each.method != "GET" or each.path.endswith("/body"):
            assert each.role is not None, named(each)
            assert each.role.covers(Role.OPERATOR), named(each)


@pytest.mark.parametrize("endpoint", GUARDED, ids=named)
def test_every_address_asks_for_a_key_of_its_role(asked: Asked, endpoint: Endpoint) -> None:
    assert endpoint.role is not None
    wrong: tuple[dict[str, str], ...] = (
        {},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer daybook_wrong"},
        {"Authorization": "Basic YTpi"},
        {"Authorization": asked.keys[Role.ADMIN]},
    )
    for headers in wrong:
        answer = asked.client.request(endpoint.method, address(endpoint), headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.headers["content-type"] == "application/problem+json"
        conforms(answer.json(), "Problem")
    for role in Role:
        answer = asked.client.request(endpoint.method, address(endpoint), headers=asked.headers(role))
        if role.covers(endpoint.role):
            assert answer.status_code in (200, 400, 404)
        else:
            assert answer.status_code == 403
            conforms(answer.json(), "Problem")


def test_a_revoked_key_is_worthless_at_once(asked: Asked) -> None:
    assert asked.get("/events").status_code == 200
    with asked.filled.store.write() as connection:
        for key in keys.every(connection):
            keys.revoke(connection, key.id, now=key.created_at)
    assert asked.get("/events").status_code == 401


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=named)
def test_every_answer_says_that_it_is_no_page_and_not_to_be_kept(asked: Asked, endpoint: Endpoint) -> None:
    for headers in ({}, asked.headers(Role.ADMIN)):
        answer = asked.client.request(endpoint.method, address(endpoint), headers=headers)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "", 404),
        ("GET", "/", 404),
        ("DELETE", "/events", 405),
        ("POST", "/events/x", 405),
        ("OPTIONS", "/events", 405),
        ("OPTIONS", "/events/live", 405),
        ("HEAD", "/keys/x", 405),
        ("TRACE", "/openapi.json", 405),
        ("GET", "/no%0Athing", 404),
        ("GET", "/bookings/a%0Ab", 404),
    ],
)
def test_an_address_that_is_not_there_is_a_problem(asked: Asked, method: str, path: str, status: int) -> None:
    answer = asked.client.request(method, f"/api/v1{path}", headers=asked.headers(Role.ADMIN))
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    if method != "HEAD":
        conforms(answer.json(), "Problem")
    if status == 405:
        assert answer.headers["allow"]


@pytest.mark.parametrize("endpoint", [each for each in ENDPOINTS if each.method == "GET"], ids=named)
def test_a_head_is_answered_as_its_get_without_a_body(asked: Asked, endpoint: Endpoint) -> None:
    got, head = (
        asked.client.request(method, address(endpoint), headers=asked.headers(Role.ADMIN)) for method in ("GET", "HEAD")
    )
    assert (head.status_code, head.content) == (got.status_code, b"")
    assert head.headers["content-type"] == got.headers["content-type"]


def test_a_misspelt_parameter_is_refused_with_the_nearest_right_one(asked: Asked) -> None:
    answer = asked.get("/events", triggers="PING")
    assert answer.status_code == 400
    assert answer.json() == {
        "type": "urn:daybook:problem:bad_input",
        "title": "An argument is wrong",
        "status": 400,
        "detail": "there is no parameter 'triggers'; did you mean trigger?",
    }


def test_a_parameter_that_is_repeated_beyond_its_bound_is_refused_by_name(asked: Asked) -> None:
    for path in ("/bookings", "/events"):
        answer = asked.get(path, status=["ACCEPTED"] * (history.MOST_NAMES + 1))
        assert answer.json()["detail"].startswith(f"status may be given at most {history.MOST_NAMES} times")
    for path in ("/events", "/events/stats", "/events/export"):
        answer = asked.get(path, trigger=["PING"] * (history.MOST_NAMES + 1))
        assert answer.status_code == 400
        assert answer.json()["detail"].startswith(f"trigger may be given at most {history.MOST_NAMES} times")
    assert asked.get("/events", trigger=["PING"] * history.MOST_NAMES).status_code == 200
    operation = asked.get("/openapi.json", role=None).json()["paths"]["/events"]["get"]
    bounds = {each["name"]: each["schema"].get("maxItems") for each in operation["parameters"]}
    assert (bounds["trigger"], bounds["kind"], bounds["text"]) == (history.MOST_NAMES, history.MOST_NAMES, None)


def test_a_database_that_is_away_is_a_problem_503(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object, **__: object) -> None:
        raise StoreUnavailable("the database did not answer: gone.")

    asked.filled.event()
    for name, path in (("page", "/events"), ("page", "/events/export"), ("stats", "/events/stats")):
        monkeypatch.setattr(history, name, away)
        answer = asked.get(path)
        assert answer.status_code == 503
        assert answer.headers["retry-after"].isdigit()
        conforms(answer.json(), "Problem")


def test_a_bug_is_a_problem_500_that_tells_its_request_id_and_nothing_else(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("jon@client.example")

    monkeypatch.setattr(history, "page", broken)
    answer = asked.get("/events")
    assert answer.status_code == 500
    conforms(answer.json(), "Problem")
    UUID(answer.json()["request_id"])
    assert "jon" not in answer.text
    assert "Traceback" not in answer.text


VALUES = st.text(max_size=40) | st.sampled_from(
    ["true", "1", "2026-11-01", "30m", "PING", "booking", "\x00", "' OR 1=1", '"']
)
QUERIES = [each for each in ENDPOINTS if each.parameters and each.method == "GET"]


@settings(max_examples=120)
@given(data=st.data())
def test_no_query_is_an_internal_error(asked_on_each: Asked, data: st.DataObject) -> None:
    endpoint = data.draw(st.sampled_from(QUERIES))
    names = st.sampled_from([each.name for each in endpoint.parameters]) | st.text(max_size=8)
    query = urlencode(data.draw(st.lists(st.tuples(names, VALUES), max_size=4)))
    answer = asked_on_each.client.get(f"{address(endpoint)}?{query}", headers=asked_on_each.headers(Role.ADMIN))
    assert answer.status_code in (200, 400, 404), answer.text
    if answer.status_code != 200:
        conforms(answer.json(), "Problem")


@settings(max_examples=40)
@given(query=st.binary(max_size=60).map(lambda raw: "".join(f"%{byte:02x}" for byte in raw) + "&a=%ff&=&&"))
def test_no_bytes_in_a_query_are_an_internal_error(asked: Asked, query: str) -> None:
    assert asked.client.get(f"/api/v1/events?{query}", headers=asked.headers(Role.ADMIN)).status_code == 400


def test_the_document_describes_every_address(asked: Asked) -> None:
    document: dict[str, Any] = asked.get("/openapi.json", role=None).json()
    assert document["openapi"] == "3.1.0"
    described = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    assert described == {(each.method, each.path) for each in ENDPOINTS}
    operations = [operation for item in document["paths"].values() for operation in item.values()]
    assert len({operation["operationId"] for operation in operations}) == len(ENDPOINTS)
    for each in ENDPOINTS:
        operation = document["paths"][each.path][each.method.lower()]
        assert operation["security"] == ([{"key": [each.role.value]}] if each.role else [])
        declared = [(one["in"], one["name"]) for one in operation["parameters"]]
        assert [name for place, name in declared if place == "query"] == [one.name for one in each.parameters]
        assert [name for place, name in declared if place == "header"] == [one.name for one in each.headers]
        assert ("path", "id") in declared or "{id}" not in each.path
        assert list(operation["responses"]["200"]["content"]) == [each.media, *["text/csv"] * each.csv]


def test_every_schema_of_the_document_is_one_and_every_reference_leads_somewhere(asked: Asked) -> None:
    for schema in SCHEMAS.values():
        jsonschema.Draft202012Validator.check_schema(schema)

    def references(value: Any) -> list[str]:
        if isinstance(value, dict):
            mine = [value["$ref"]] if "$ref" in value else []
            return mine + [one for inner in value.values() for one in references(inner)]
        return [one for inner in value for one in references(inner)] if isinstance(value, list) else []

    found = set(references(asked.get("/openapi.json", role=None).json()))
    assert found == {f"#/components/schemas/{name}" for name in SCHEMAS}
