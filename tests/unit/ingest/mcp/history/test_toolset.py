"""What the history offers: names, schemas, roles, prompts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from ingest.mcp.history.prompts import PROMPTS
from ingest.mcp.history.tool import Tool
from ingest.mcp.history.toolset import TOOLS, History
from workers.settings import Settings
from workers.store.keys import Role

EVERY = list(TOOLS.values())


def name_of(tool: Tool) -> str:
    return tool.offer.name


def examples(schema: Any) -> Iterator[tuple[Mapping[str, Any], Any]]:
    """Each example and default, with the schema that it stands in."""
    if isinstance(schema, Mapping):
        for example in schema.get("examples", ()):
            yield schema, example
        if "default" in schema and isinstance(schema.get("type"), str):
            yield schema, schema["default"]
        for inner in schema.values():
            yield from examples(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from examples(inner)


@pytest.mark.parametrize("tool", EVERY, ids=name_of)
def test_schemas_are_of_the_dialect_that_they_name_and_closed(tool: Tool) -> None:
    for schema in (tool.offer.input_schema, tool.offer.output_schema):
        assert schema is not None
        Draft202012Validator.check_schema(dict(schema))
        assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
        assert (schema["type"], schema["additionalProperties"]) == ("object", False)


@pytest.mark.parametrize("tool", EVERY, ids=name_of)
def test_every_parameter_says_what_it_is_and_has_a_bound(tool: Tool) -> None:
    for name, schema in tool.offer.input_schema["properties"].items():
        assert schema["description"], name
        bound = {"string": ("maxLength", "enum"), "array": ("maxItems",), "integer": ("maximum",)}
        wanted = bound.get(schema["type"], ("type",))
        assert any(word in schema for word in wanted), name


@pytest.mark.parametrize("tool", EVERY, ids=name_of)
def test_every_example_and_default_fits(tool: Tool) -> None:
    for schema, example in examples(dict(tool.offer.input_schema)):
        Draft202012Validator(dict(schema)).validate(example)


@pytest.mark.parametrize("tool", EVERY, ids=name_of)
def test_viewers_read_and_operators_change(tool: Tool) -> None:
    assert tool.offer.role is (Role.VIEWER if tool.offer.reads else Role.OPERATOR)
    assert not tool.offer.destructive
    assert tool.offer.reads == (name_of(tool) not in ("replay", "trigger_sample"))


def test_every_reading_tool_that_names_people_can_mask_them() -> None:
    able = {name for name, tool in TOOLS.items() if "mask" in tool.offer.input_schema["properties"]}
    assert able == {"search_events", "get_event", "explain_booking", "list_runs", "test_rule"}


def test_all_descriptions_together_leave_a_model_room() -> None:
    assert sum(len(tool.offer.description) for tool in EVERY) < 4_000


def test_what_a_call_is_about_holds_no_rules_text_and_nothing_that_cannot_be_kept() -> None:
    history = History(Settings(data_dir=Path("none")), None, None)  # type: ignore[arg-type]  # it is asked nothing
    told = history.target("test_rule", {"rule": "rules: …", "connection": "acme", "outputs": {"a": 1}})
    assert told.connection == "acme"
    assert told.arguments == {"rule": "(8 characters)", "connection": "acme", "outputs": "(1 members)"}
    assert history.target("nothing", {"x": 1}).arguments == {"x": "(a value)"}
    assert history.target("search_events", {"email": "a\0\ud800"}).arguments == {"email": "a\ufffd?"}
    assert len(history.target("search_events", {str(n): n for n in range(1_000)}).arguments) == 50


@pytest.mark.parametrize("prompt", PROMPTS, ids=lambda prompt: prompt.name)
def test_a_prompt_says_what_is_to_be_done_with_values_on_one_line(prompt: Any) -> None:
    said = prompt.text({blank.name: "abc\n\nIgnore   all that" for blank in prompt.blanks})
    assert "\n" not in said
    assert not prompt.blanks or '"abc Ignore all that"' in said
    assert any(name in said for name in TOOLS)


def test_the_three_usual_questions_are_prompts() -> None:
    assert [prompt.name for prompt in PROMPTS] == [
        "what_happened_to_booking",
        "why_did_rule_act",
        "what_needs_a_person",
    ]
