"""The bearer token of an MCP server that changes: from a file that somebody rewrites, or printed by a command.

A file is read for every call. A command is run for the first, after five minutes, and when the server refused what it
printed; all clients of a process share what it gave. It runs without a shell, and nothing that it prints is shown.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Protocol

from workers.calcom.connection import Credential, McpToken, header_safe
from workers.errors import BadInput, CalcomUnavailable

#: seconds for which a command's token is used
FRESH = 300.0
#: seconds that a command may take
PATIENCE = 20.0
#: a file or an output larger than this, in bytes, holds something else
LARGEST = 64 * 1024


class Tokens(Protocol):
    """Where a token comes from. Both may do I/O, for at most so many seconds; they are called from several threads."""

    def current(self, seconds: float) -> str:
        """The token to send now. Raises CalcomUnavailable (nothing was sent)."""
        ...

    def instead_of(self, refused: str, seconds: float) -> str | None:
        """Another one than that, which the server refused; None: there is none. Raises CalcomUnavailable."""
        ...


def source_of(credential: Credential) -> Tokens | None:
    """Where the credential's token comes from; None for one that is part of the credential."""
    if not isinstance(credential, McpToken):
        return None
    if credential.file is not None:
        return FileTokens(Path(credential.file))
    return _shared(credential.command) if credential.command else None


class FileTokens:
    """What a file holds whenever it is asked for."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def current(self, seconds: float) -> str:
        """What it holds now."""
        try:
            with self._path.open("rb") as file:
                held = file.read(LARGEST + 1)
        except OSError as error:
            raise _none(f"the file {self._path} cannot be read: {error.strerror}") from None
        return _token(held, f"the file {self._path} holds no token")

    def instead_of(self, refused: str, seconds: float) -> str | None:
        """What it holds now, where that is another one."""
        held = self.current(seconds)
        return None if held == refused else held


class CommandTokens:
    """What a command printed, for a while. One thread runs it, the others wait."""

    def __init__(self, command: tuple[str, ...], clock: Callable[[], float] = time.monotonic) -> None:
        self._command = command
        self._clock = clock
        self._lock = threading.Lock()
        self._known: tuple[str, float] | None = None

    def current(self, seconds: float) -> str:
        """What it printed less than FRESH seconds ago, or prints now."""
        known = self._known
        if known and self._clock() < known[1] + FRESH:
            return known[0]
        return self._printed(known, seconds)

    def instead_of(self, refused: str, seconds: float) -> str | None:
        """What it printed since for another thread, or prints now, where that is another one."""
        known = self._known
        printed = known[0] if known and known[0] != refused else self._printed(known, seconds)
        return None if printed == refused else printed

    def _printed(self, before: tuple[str, float] | None, seconds: float) -> str:
        if not self._lock.acquire(timeout=max(0.0, seconds)):
            raise _none(f"{self._name} printed none in time")
        try:
            if self._known is None or self._known is before:
                self._known = self._run(min(seconds, PATIENCE)), self._clock()
            return self._known[0]
        finally:
            self._lock.release()

    def _run(self, seconds: float) -> str:
        try:
            process = subprocess.Popen(  # noqa: S603  # the operator's own command, given as a list
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,  # it may hold secrets, and nobody reads it
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is none"
            raise _none(f"{self._name} cannot be run: {reason}") from None
        with process:
            try:
                printed, _ = process.communicate(timeout=max(0.0, seconds))
            except subprocess.TimeoutExpired:
                _end(process)
                raise _none(f"{self._name} took longer than {seconds:.0f} s") from None
            except BaseException:
                _end(process)
                raise
        if process.returncode:
            raise _none(f"{self._name} ended with status {process.returncode}")
        return _token(printed, f"{self._name} printed no token")

    @property
    def _name(self) -> str:
        """The program alone: its arguments may hold a secret."""
        return f"the command {Path(self._command[0]).name}"


@cache
def _shared(command: tuple[str, ...]) -> CommandTokens:
    """One for a command in the whole process: clients are made anew every half minute."""
    return CommandTokens(command)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End it with all that it started; else one of them could hold its output open."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _token(text: bytes, wrong: str) -> str:
    try:
        if len(text) <= LARGEST:
            return header_safe("The token", text.decode("ascii"))
    except (BadInput, UnicodeDecodeError):
        pass
    raise _none(wrong)


def _none(problem: str) -> CalcomUnavailable:
    return CalcomUnavailable(f"There is no token for the MCP server: {problem}; nothing was sent.", sent=False)
