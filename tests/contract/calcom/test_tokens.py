"""Tokens that change: what files hold and commands print, for real."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from workers.calcom import tokens
from workers.calcom.connection import BearerKey, McpToken
from workers.calcom.tokens import CommandTokens, FileTokens, source_of
from workers.errors import CalcomUnavailable

#: prints a token with the number of the run in it, and keeps the count in a file
COUNTING = """
import pathlib, sys
file = pathlib.Path(sys.argv[1])
number = len(file.read_text()) + 1 if file.exists() else 1
file.write_text("x" * number)
print(f" tok_{number} ")
"""


def counting(folder: Path) -> tuple[str, ...]:
    """A command that prints tok_1, then tok_2, and so on."""
    return (sys.executable, "-c", COUNTING, str(folder / "runs"))


def python(script: str) -> tuple[str, ...]:
    return (sys.executable, "-c", script)


def test_a_token_that_is_given_has_no_source() -> None:
    assert source_of(BearerKey("cal_1")) is None
    assert source_of(McpToken("acme", "tok_1")) is None


def test_a_file_is_read_anew_every_time(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("tok_1\n")
    source = source_of(McpToken("acme", file=str(file)))
    assert isinstance(source, FileTokens)

    assert source.current(1) == "tok_1"
    assert source.instead_of("tok_1", 1) is None
    file.write_text("tok_2")

    assert source.current(1) == "tok_2"
    assert source.instead_of("tok_1", 1) == "tok_2"


@pytest.mark.parametrize("held", [None, b"", b" \n", b"tok 1", b"tok_\xff", b"x" * 100_000, b"a: tok_1\nb: 2"])
def test_a_file_without_a_token_is_named_and_what_it_holds_is_not(tmp_path: Path, held: bytes | None) -> None:
    file = tmp_path / "held"
    if held is not None:
        file.write_bytes(held)

    with pytest.raises(CalcomUnavailable, match=r"held.*nothing was sent") as caught:
        FileTokens(file).current(1)

    assert not caught.value.sent
    assert "tok" not in caught.value.message.replace("token", "")


def test_a_command_is_run_once_until_it_is_old_or_what_it_printed_is_refused(tmp_path: Path) -> None:
    now = 0.0
    source = CommandTokens(counting(tmp_path), clock=lambda: now)

    assert [source.current(30), source.current(30)] == ["tok_1", "tok_1"]
    assert source.instead_of("tok_1", 30) == "tok_2"
    assert source.instead_of("tok_1", 30) == "tok_2"
    assert source.current(30) == "tok_2"
    now = tokens.FRESH
    assert source.current(30) == "tok_3"


def test_a_command_that_prints_the_refused_one_again_has_no_other(tmp_path: Path) -> None:
    source = CommandTokens(python("print('tok_1')"))

    assert source.current(30) == "tok_1"
    assert source.instead_of("tok_1", 30) is None


def test_threads_that_are_refused_together_run_it_once(tmp_path: Path) -> None:
    source = CommandTokens(counting(tmp_path))
    refused = source.current(30)

    with ThreadPoolExecutor(8) as threads:
        found = [*threads.map(lambda _: source.instead_of(refused, 30), range(8))]

    assert found == ["tok_2"] * 8


def test_all_clients_of_a_process_share_what_a_command_printed(tmp_path: Path) -> None:
    credential = McpToken("acme", command=counting(tmp_path))

    sources = [source_of(credential), source_of(McpToken("other", command=credential.command))]

    assert [source.current(30) for source in sources if source] == ["tok_1", "tok_1"]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("/no/such/program", "hush"), "program cannot be run: No such file"),
        (("\x00",), "cannot be run"),
        (python("import sys; print('hush'); print('hush', file=sys.stderr); sys.exit(3)"), "ended with status 3"),
        (python("pass"), "printed no token"),
        (python("print('hush hush')"), "printed no token"),
        (python("import sys; sys.stdout.buffer.write(bytes([255]))"), "printed no token"),
    ],
)
def test_a_command_without_a_token_says_why_and_shows_nothing(command: tuple[str, ...], said: str) -> None:
    with pytest.raises(CalcomUnavailable, match=said) as caught:
        CommandTokens(command).current(30)

    assert not caught.value.sent
    assert "hush" not in caught.value.message


def test_a_command_that_hangs_is_ended_with_what_it_started() -> None:
    began = time.monotonic()

    with pytest.raises(CalcomUnavailable, match="took longer than"):
        CommandTokens(("/bin/sh", "-c", "sleep 60 & sleep 60")).current(0.5)

    assert time.monotonic() - began < 30


def test_a_command_is_not_given_to_a_shell(tmp_path: Path) -> None:
    source = CommandTokens((sys.executable, "-c", "import sys; print(len(sys.argv[1]))", "$HOME; exit 1"))

    assert source.current(30) == str(len("$HOME; exit 1"))
