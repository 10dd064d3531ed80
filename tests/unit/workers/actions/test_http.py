from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from workers.actions.http import HttpStep
from workers.actions.kind import Absent, Call, Refused, Unknowable
from workers.rules.kinds import UNKNOWN
from workers.settings import Settings

STEP = HttpStep(Settings(secret_key=SecretStr(Fernet.generate_key().decode()), http_allow=("n8n.internal",)))
SLACK = "https://hooks.slack.com/services/T000/B000/s3cr3t"


def problems(url: object = SLACK, **more: Any) -> list[tuple[str | int, ...]]:
    return [problem.path for problem in STEP.problems({"http": url, **more})]


@pytest.mark.parametrize(
    "url",
    [
        "hooks.example/x",
        "ftp://hooks.example/x",
        "https://",
        "https://user:pass@hooks.example/",
        "https://hooks.example:99999/",
        "https://[::1/",
        "https://hooks.example/a b",
        "https://hooks.example/\nx",
        "https://localhost/x",
        "http://127.0.0.1:5678/x",
        "http://[::ffff:10.0.0.1]/x",
        "http://metadata.google.internal/",
        "https://hooks.example/" + "x" * 5000,
        5,
        None,
    ],
)
def test_an_address_that_cannot_or_may_not_be_sent_to_is_a_problem_and_refused(
    url: object, call: Callable[..., Call]
) -> None:
    assert problems(url) == [("http",)]
    assert isinstance(STEP.perform(call({"http": url}), None), Refused)  # type: ignore[arg-type]


@pytest.mark.parametrize("url", [SLACK, "http://n8n.internal:5678/webhook/x", "https://bücher.example/", UNKNOWN])
def test_an_address_on_the_internet_or_allowed_or_not_known_yet_is_none(url: object) -> None:
    assert problems(url) == []


def test_every_key_is_checked_as_far_as_it_is_known() -> None:
    wrong = {
        "method": "GET",
        "timeout": "5h",
        "idempotent": "yes",
        "headers": {"X-A": 1, "Host": "x", "X B": "", "X": "ü"},
    }

    assert problems(**wrong) == [
        ("method",),
        ("timeout",),
        ("idempotent",),
        ("headers", "Host"),
        ("headers", "X B"),
        ("headers", "X"),
    ]
    assert problems(method=UNKNOWN, timeout="90s", idempotent=True, headers={"Authorization": UNKNOWN}) == []
    assert problems(headers=UNKNOWN) == [("headers",)]


@pytest.mark.parametrize("name", ["Webhook-Id", "webhook-signature", "Content-Length", "Connection", "TE"])
def test_what_daybook_sets_itself_cannot_be_set(name: str) -> None:
    assert problems(headers={name: "x"}) == [("headers", name)]


@pytest.mark.parametrize("value", ["two\nlines", "half \ud800", None, {"a": 1}, ["a"]])
def test_a_header_that_an_expression_made_of_what_no_header_holds_is_refused(
    call: Callable[..., Call], value: object
) -> None:
    refused = STEP.perform(call({"http": SLACK, "headers": {"x-a": value}}), None)  # type: ignore[arg-type]

    assert refused == Refused("It cannot be sent: must be one line of plain ASCII text.")


@pytest.mark.parametrize("body", ["x" * (1024 * 1024 + 1), "half \ud800", {"a": float("nan")}])
def test_a_body_that_cannot_be_sent_is_refused(call: Callable[..., Call], body: object) -> None:
    refused = STEP.perform(call({"http": SLACK, "body": body}), None)  # type: ignore[arg-type]

    assert isinstance(refused, Refused)
    assert refused.reason.startswith("It cannot be sent: the body")


def test_tokens_in_the_url_and_in_headers_are_not_shown() -> None:
    headers = {"Authorization": "Bearer s3cr3t", "X-Api-Key": "s3cr3t", "X-Room": "7"}
    url = "https://hooks.zapier.com/hooks/catch/12/s3cr3t/?token=s3cr3t"

    shown = STEP.shown({"http": url, "headers": headers, "body": {"text": "Hi", "password": "s3cr3t"}})

    assert shown == {
        "http": "https://hooks.zapier.com/hooks/…?…",
        "headers": {"Authorization": "(hidden)", "X-Api-Key": "(hidden)", "X-Room": "7"},
        "body": {"text": "Hi", "password": "(hidden)"},
    }
    assert STEP.shown({"http": "https://hooks.example/only"})["http"] == "https://hooks.example/only"
    assert STEP.shown({"http": "nonsense s3cr3t"})["http"] == "(hidden)"


def test_whether_it_arrived_is_known_to_nobody_unless_the_receiver_takes_each_id_once(
    call: Callable[..., Call],
) -> None:
    unknown = STEP.probe(call({"http": SLACK}), None)  # type: ignore[arg-type]

    assert isinstance(unknown, Unknowable)
    assert "hooks.slack.com" in unknown.reason
    assert "k1" in unknown.reason
    assert "s3cr3t" not in unknown.reason
    assert STEP.probe(call({"http": SLACK, "idempotent": True}), None) == Absent()  # type: ignore[arg-type]
