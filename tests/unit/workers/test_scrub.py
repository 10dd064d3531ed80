from __future__ import annotations

import json
from typing import Any

import pytest

from workers.errors import BadInput
from workers.scrub import ERASED, Person, parsed

JON = "jon@client.example"


@pytest.fixture
def jon() -> Person:
    return Person("Jon@Client.example")


@pytest.mark.parametrize(
    "spelt",
    ["jon@client.example", "JON@CLIENT.EXAMPLE", "jon+sales@client.example", "jon%40client.example",
     "jon&#64;client.example", r"jon\u0040client.example", "jon%2Bsales%40client.example"],
)  # fmt: skip
def test_an_address_is_found_however_it_is_written(jon: Person, spelt: str) -> None:
    assert jon.text(f"Write to <{spelt}>, please") == f"Write to <{jon.mark}>, please"
    assert jon.text(f"?email={spelt}&x=1") == f"?email={jon.mark}&x=1"
    assert jon.text(f"at {spelt}.") == f"at {jon.mark}."


@pytest.mark.parametrize("other", ["bigjon@client.example", "jon@client.example.org", "a.jon@client.example", "jon"])
def test_an_address_of_somebody_else_stays(jon: Person, other: str) -> None:
    assert jon.text(f"to {other} now") == f"to {other} now"


def test_a_tagged_address_is_itself_alone() -> None:
    tagged = Person("jon+a@client.example")

    assert tagged.text("jon%2Ba@client.example jon@client.example") == f"{tagged.mark} jon@client.example"


@pytest.mark.parametrize("wrong", ["", "jon", "@x", "a@", "a b@c", "a@b@c", "a@b,c@d"])
def test_what_is_no_address_is_refused(wrong: str) -> None:
    with pytest.raises(BadInput):
        Person(wrong)


def test_what_stands_beside_the_address_goes_and_the_others_stay(jon: Person) -> None:
    ada = {"name": "Ada Berg", "email": "ada@acme.example"}
    document = {
        "title": "Intro between Ada Berg and Jon Doe",
        "attendees": [{"name": "Jon Doe", "email": JON, "phoneNumber": "+49 1", "timeZone": "Europe/Paris"}, ada],
        "responses": {
            "name": {"label": "Your name", "value": {"firstName": "Jon", "lastName": "Doe"}},
            "email": {"label": "E-mail", "value": JON},
            "location": {"label": "Where", "value": {"value": "phone", "optionValue": "+49 1"}},
            "notes": {"label": "Notes", "value": "I am jon doe, call me"},
        },
    }
    jon.learn(document)
    assert "Jon Doe" in jon.names

    found = jon.value(document, jon.names)

    assert found["title"] == f"Intro between Ada Berg and {ERASED}"
    assert found["attendees"] == [
        {"name": ERASED, "email": jon.mark, "phoneNumber": ERASED, "timeZone": "Europe/Paris"}, ada
    ]  # fmt: skip
    assert found["responses"]["name"] == {"label": "Your name", "value": {"firstName": ERASED, "lastName": ERASED}}
    assert found["responses"]["location"]["value"]["optionValue"] == ERASED
    assert found["responses"]["notes"]["value"] == f"I am {ERASED}, call me"
    assert jon.value(found, jon.names) == found


def test_a_name_changes_neither_another_address_nor_what_an_event_is(jon: Person) -> None:
    jon.names = {"jon", "PING"}

    assert jon.value({"triggerEvent": "PING", "to": "jon@other.example"}, jon.names) == {
        "triggerEvent": "PING", "to": "jon@other.example",
    }  # fmt: skip


def test_a_body_that_does_not_name_the_person_stays_byte_for_byte(jon: Person) -> None:
    body = b'{ "a" :\t1.0 }'

    assert jon.body(body) is body


@pytest.mark.parametrize(
    "body",
    [b"", b"\xff\xfe jon@client.example \x00", b"[" * 5000 + b'"jon@client.example"', b'{"a": NaN, "b": "\\ud800"}',
     b"[" * 300 + b'"jon@client.example"' + b"]" * 300, b"email=jon%40client.example&name=Jon"],
)  # fmt: skip
def test_any_body_is_scrubbed(jon: Person, body: bytes) -> None:
    scrubbed = jon.body(body, {"Jon Doe"})

    assert b"client.example" not in scrubbed
    assert jon.body(scrubbed, {"Jon Doe"}) == scrubbed


def test_escaped_json_is_read_before_it_is_looked_at(jon: Person) -> None:
    body = b'{"email": "jon\\u0040client.example"}'

    assert jon.likely(body)
    assert jon.is_in(parsed(body))
    scrubbed: dict[str, Any] = json.loads(jon.body(body))
    assert scrubbed == {"email": jon.mark}


def test_a_body_of_nothing_but_tags_is_read_to_its_end(jon: Person) -> None:
    body = "%2bjon+" * 60_000

    assert jon.text(f"{body} {JON}") == f"{body} {jon.mark}"


def test_one_document_tells_only_a_few_names(jon: Person) -> None:
    document = [{"email": JON, "name": f"Jon {number} of many"} for number in range(8_000)]

    jon.learn(document)
    scrubbed = json.loads(jon.body(json.dumps(document).encode(), jon.names))

    assert 0 < len(jon.names) <= 20
    assert all(one == {"email": jon.mark, "name": ERASED} for one in scrubbed)
