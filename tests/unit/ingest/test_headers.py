"""Which headers of a delivery are shown."""

from __future__ import annotations

from ingest.headers import shown
from workers.catalogue.mask import MASK


def test_what_lets_its_bearer_in_is_hidden_and_the_rest_is_shown_in_order() -> None:
    headers = [
        ("Content-Type", "application/json"),
        ("Authorization", "Basic abc"),
        ("x-cal-signature-256", "00ff"),
        ("X-Api-Key", "k"),
        ("cookie", "session=1"),
        ("x-odd", "1"),
        ("x-odd", "2"),
    ]
    assert shown(headers) == [
        ("Content-Type", "application/json"),
        ("Authorization", MASK),
        ("x-cal-signature-256", "00ff"),
        ("X-Api-Key", MASK),
        ("cookie", MASK),
        ("x-odd", "1"),
        ("x-odd", "2"),
    ]
