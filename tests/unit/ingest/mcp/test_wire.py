from __future__ import annotations

import json
import time

import pytest

from ingest.mcp import wire
from ingest.mcp.pace import TooManyRequests
from ingest.mcp.toolset import Blank, Offer, Prompt, named
from workers.errors import (
    AlreadyExists,
    BadArguments,
    CalcomUnavailable,
    DaybookError,
    Missing,
    NotFound,
    RateLimited,
)

OFFER = Offer(
    name="do",
    title="Do it",
    description="It does it.",
    input_schema={"type": "object"},
    reads=False,
    destructive=True,
    idempotent=False,
    open_world=True,
)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (BadArguments("take: wrong."), {"kind": "bad_arguments"}),
        (NotFound("no"), {"kind": "not_found"}),
        (Missing("gone", status=404, code="X", request_id="r"), {"status": 404, "code": "X", "sent": True}),
        (AlreadyExists("there", status=409), {"kind": "already_exists", "status": 409}),
        (RateLimited("wait", after=7.25), {"status": 429, "after": 7.3, "sent": False}),
        (RateLimited("wait", after=0.01), {"after": 0.1}),
        (TooManyRequests("wait", after=2.0), {"kind": "too_many_requests", "after": 2.0, "sent": False}),
        (CalcomUnavailable("cut"), {"status": None, "sent": True}),
        (CalcomUnavailable("not there", sent=False), {"status": None, "sent": False}),
    ],
)
def test_a_refusal_says_the_same_to_people_and_to_programs(error: DaybookError, told: dict[str, object]) -> None:
    result = wire.refusal(error)

    assert result.is_error
    assert result.content[0].text == error.message  # type: ignore[union-attr]
    found = result.structured_content["error"]
    assert (found["kind"], found["message"]) == (error.kind, error.message)
    assert {key: found[key] for key in told} == told


def test_what_daybook_refuses_has_no_status_and_no_code_of_cal_coms() -> None:
    assert wire.parts(TooManyRequests("wait", after=2.0)).keys() == {"kind", "message", "sent", "after"}


def test_an_answer_is_the_same_as_json_and_as_text() -> None:
    result = wire.answer({"data": [1, "ä", None]})

    assert not result.is_error
    assert json.loads(result.content[0].text) == result.structured_content == {"data": [1, "ä", None]}  # type: ignore[union-attr]


def test_a_tool_is_listed_with_its_hints() -> None:
    listed = wire.tools([OFFER]).model_dump(by_alias=True, exclude_none=True)["tools"]

    assert listed == [
        {
            "name": "do",
            "title": "Do it",
            "description": "It does it.",
            "inputSchema": {"type": "object"},
            "annotations": {
                "title": "Do it",
                "readOnlyHint": False,
                "destructiveHint": True,
                "idempotentHint": False,
                "openWorldHint": True,
            },
        }
    ]


def test_a_prompt_is_made_of_its_values() -> None:
    prompt = Prompt("why", "Why it was", [Blank("uid", "the booking")], lambda values: f"Why {values['uid']}?")

    assert wire.prompt(prompt).arguments[0].required  # type: ignore[index]
    assert wire.asked(prompt, {"uid": "abc"}).messages[0].content.text == "Why abc?"  # type: ignore[union-attr]


def test_a_name_that_is_none_tells_the_nearest() -> None:
    assert named([OFFER], "do") is OFFER
    with pytest.raises(NotFound, match="Did you mean do"):
        named([OFFER], "doo")
    with pytest.raises(NotFound, match="tools/list names all of them"):
        named([OFFER], "x" * 500)


def test_the_nearest_name_is_looked_for_in_a_moment_however_long_the_name() -> None:
    began = time.process_time()
    with pytest.raises(NotFound):
        named([OFFER], "do" * 4_000_000)
    assert time.process_time() - began < 0.5
