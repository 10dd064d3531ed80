from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from workers.rules.document import Document, Node

STYLES: dict[str, dict[str, Any]] = {
    "plain": {"default_style": None},
    "single": {"default_style": "'"},
    "double": {"default_style": '"'},
    "literal": {"default_style": "|"},
    "folded": {"default_style": ">"},
}
SIGNS = st.sampled_from("abc ${}'\"\\:#-é𝒳") | st.sampled_from("\n \t")


def only(text: str) -> tuple[Document, Node]:
    """A document of one key, and the value of it."""
    document = Document(text)
    assert document.root is not None
    assert document.root.mapping is not None
    return document, document.root.mapping["key"]


@pytest.mark.parametrize("style", STYLES)
@given(words=st.lists(st.text(SIGNS, min_size=1, max_size=12), min_size=1, max_size=8), width=st.integers(5, 30))
def test_every_character_of_a_value_is_found_where_it_is_written(style: str, words: list[str], width: int) -> None:
    value = " ".join(words)
    text = yaml.safe_dump({"key": value}, width=width, allow_unicode=True, **STYLES[style])
    document, node = only(text)

    for offset, sign in enumerate(node.value):
        at = document.character(node, offset)
        if not sign.isspace() and not (node.style == '"' and text[at] == "\\"):
            assert text[at] == sign


@pytest.mark.parametrize(
    ("written", "offset", "found"),
    [
        ("a b", 2, "b"),
        ("'it''s x'", 5, "x"),
        (r'"\u00e9\x41\n\\x"', 4, "x"),
        ('"a \\\n    b"', 2, "b"),
        ("a\n  b\n\n\n  c", 5, "c"),
        ("|\n  a\n    b\n", 4, "b"),
        (">2\n    a\n  b\n", 4, "b"),
        ("|+\n\n\n  a\n\n", 2, "a"),
        ("|-\r\n  a\r\n  b", 2, "b"),
        ("&x !!str 12", 1, "2"),
    ],
)
def test_a_character_is_found_behind_escapes_folds_and_indentation(written: str, offset: int, found: str) -> None:
    text = f"key: {written}"
    document, node = only(text)

    assert node.value[offset] == found
    assert text[document.character(node, offset)] == found


def test_places_are_counted_from_one_in_characters() -> None:
    document, node = only("# é\r\nkey: é𝒳 x\n")

    assert document.place(document.character(node, 3)) == (2, 9)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("on", "on"),
        ("yes", "yes"),
        ("no", "no"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("null", None),
        ("12", 12),
        ("-3", -3),
        ("0x1f", 31),
        ("0o17", 15),
        ("017", 17),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("1e999", "1e999"),
        (".inf", ".inf"),
        ("2027-01-01", "2027-01-01"),
        ("'12'", "12"),
        ("!!str 12", "12"),
        ("! 12", "12"),
        ("=", "="),
    ],
)
def test_plain_scalars_are_what_yaml_1_2_takes_them_for(written: str, value: object) -> None:
    found = only(f"key: {written}")[1].plain()

    assert (found, type(found)) == (value, type(value))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs", "Cc"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("abc", min_size=1), inner),
)


@given(JSON)
def test_json_is_read_as_it_is(value: object) -> None:
    assert only("key: " + json.dumps(value, ensure_ascii=False))[1].plain() == value
