from __future__ import annotations

import pytest

from ingest.valkey import matter

STAMP = "12593:M 24 Nov 2026 02:01:42.140 # "


@pytest.mark.parametrize(
    "line",
    [
        f"{STAMP}WARNING Memory overcommit must be enabled! Without it, a background save may fail.",
        "12593:signal-handler (1795485706) Received SIGTERM scheduling shutdown...",
        f"{STAMP}Valkey is now ready to exit, bye bye...",
        STAMP.rstrip(),
        "",
    ],
)
def test_what_valkey_says_at_every_start_and_stop_is_routine(line: str) -> None:
    assert matter(line) == ""


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (f"{STAMP}Error writing to the AOF file: No space left", "Error writing to the AOF file: No space left"),
        ("*** FATAL CONFIG FILE ERROR (Valkey 9.1.2) ***", "*** FATAL CONFIG FILE ERROR (Valkey 9.1.2) ***"),
        (">>> 'appendfsync \"sometimes\"'", ">>> 'appendfsync \"sometimes\"'"),
        (f"{STAMP}=== VALKEY BUG REPORT START ===", "=== VALKEY BUG REPORT START ==="),
    ],
)
def test_its_warnings_and_errors_are_handed_on_without_its_own_stamp(line: str, words: str) -> None:
    assert matter(line) == words
