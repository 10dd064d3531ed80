"""The OpenAPI 3.1 document, made of the table of endpoints. It describes; it routes nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ingest.api import problems
from ingest.api.endpoint import Endpoint
from ingest.api.parameters import Parameter
from ingest.api.schemas import SCHEMAS, ref
from workers.store.history import MOST_NAMES

_IN_PATH = re.compile(r"\{(\w+)\}")
_OF_PATH = {
    "id": {"type": "string", "format": "uuid"},
    "name": {"type": "string"},
    "uid": {"type": "string", "description": "Cal.com's uid of the booking"},
}


def document(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """The whole document."""
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Daybook",
            "version": "1",
            "description": "The event history of a Cal.com organization, and what people do with runs and keys.",
        },
        "servers": [{"url": "/api/v1"}],
        "paths": paths,
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "a key of `daybook keys create`"}
            },
        },
    }


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    content: dict[str, Any] = {endpoint.media: {"schema": _answer(endpoint)}}
    if endpoint.csv:
        content["text/csv"] = {"schema": {"type": "string"}}
    statuses: dict[str, Any] = {"200": {"description": endpoint.summary, "content": content}}
    for status, title in problems.TITLES.items():
        if _may_answer(endpoint, status):
            problem = {problems.MEDIA_TYPE: {"schema": ref("Problem")}}
            statuses[str(status)] = {"description": title, "content": problem}
    parameters = [
        *(_parameter(each, "query") for each in endpoint.parameters),
        *(_parameter(each, "header") for each in endpoint.headers),
    ]
    said: dict[str, Any] = {
        "operationId": _name(endpoint),
        "summary": endpoint.summary,
        "parameters": [*map(_path_parameter, _IN_PATH.findall(endpoint.path)), *parameters],
        "responses": statuses,
        "security": [],
    }
    if endpoint.role is not None:
        said["description"] = f"Takes a key with role {endpoint.role.value} or higher."
        said["security"] = [{"key": [endpoint.role.value]}]
    return said


def _may_answer(endpoint: Endpoint, status: int) -> bool:
    if endpoint.role is None:
        return status == 400
    if status == 404:
        return "{" in endpoint.path
    if status == 409:
        return endpoint.method == "POST"
    return True


def _answer(endpoint: Endpoint) -> dict[str, Any]:
    if endpoint.messages:
        return {"type": "string", "x-messages": {name: ref(schema) for name, schema in endpoint.messages.items()}}
    if endpoint.answer is not None:
        return ref(endpoint.answer)
    return {"type": "object"} if endpoint.media == "application/json" else {}


def _parameter(parameter: Parameter, place: str) -> dict[str, Any]:
    schema = parameter.schema
    if parameter.many:
        schema = {"type": "array", "items": schema, "maxItems": MOST_NAMES}
    said: dict[str, Any] = {"name": parameter.name, "in": place, "description": parameter.about, "schema": schema}
    if parameter.required:
        said["required"] = True
    return {**said, "style": "form", "explode": True} if parameter.many else said


def _path_parameter(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": _OF_PATH[name]}


def _name(endpoint: Endpoint) -> str:
    words = re.findall(r"\w+", endpoint.path.removesuffix(".json"))
    return "_".join([endpoint.method.lower(), *("by_" + word if word in _OF_PATH else word for word in words)])
