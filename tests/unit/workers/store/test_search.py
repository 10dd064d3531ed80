"""How text is folded for search."""

from __future__ import annotations

from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.store.search import MAX_TEXT, fold, text_of, words


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("Ada O'Neil", "ada o'neil"),
        ("Łukasz Müller-Straße", "lukasz muller-strasse"),
        ("Søren Ærøskøbing", "soren aeroskobing"),
        ("İPEK YILDIZ ıpek", "ipek yildiz ipek"),
        ("Nguyễn Thị Hồng", "nguyen thi hong"),
        ("Þórður Œuvre Đorđe", "thordur oeuvre dorde"),
        ("ΕΛΈΝΗ Παπαδόπουλος", "ελενη παπαδοπουλοσ"),
        ("Алексей", "алексеи"),
        ("が 한글 हिन्दी", "が 한글 हिन्दी"),  # what is no accent stays
    ],
)
def test_letter_case_and_accents_are_folded(written: str, folded: str) -> None:
    assert fold(written) == folded


@given(text=st.text())
def test_text_is_the_same_however_its_accents_are_spelt(text: str) -> None:
    assert fold(normalize("NFC", text)) == fold(normalize("NFD", text)) == fold(text)


@given(text=st.text(alphabet=st.characters(max_codepoint=127)))
def test_text_without_accents_takes_the_short_way_to_the_same(text: str) -> None:
    assert fold(text) == fold(text + "é")[:-1]


def test_what_is_typed_is_folded_as_what_is_stored() -> None:
    assert words("MÜLLER  straße -") == ["muller", "strasse"]


def test_an_event_is_found_by_all_its_texts_up_to_a_bound() -> None:
    assert text_of(["Intro call", None, "", "Ada Bérg", "bring\ncake"]) == "intro call ada berg bring\ncake"
    assert text_of([None, ""]) is None
    assert len(text_of(["ß" * MAX_TEXT]) or "") == MAX_TEXT
