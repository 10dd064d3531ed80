"""`daybook` run in the test's own process: what `main` does with arguments, on a folder of its own."""

from __future__ import annotations

import json
import logging
import os
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import structlog
import typer.main

from ingest import cli


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended and what it said."""

    status: int
    out: str
    err: str

    def lines(self) -> list[Any]:
        """stdout as one JSON value a line."""
        return [json.loads(line) for line in self.out.splitlines()]

    def kind(self) -> str:
        """The kind of the one JSON error on stderr."""
        assert self.status != 0
        return str(json.loads(self.err)["error"]["kind"])


#: the commands as Click knows them, which Typer would make anew for each run of one
_commands = cache(typer.main.get_command)


def main() -> int:
    """Run what `sys.argv` says, and leave this process's umask and logging as they are; the exit status."""
    root, umask = logging.getLogger(), os.umask(0o022)
    handlers, level = root.handlers[:], root.level
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(typer.main, "get_command", _commands)
            cli.main()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 1
    finally:
        root.handlers[:], root.level = handlers, level
        os.umask(umask)
        structlog.reset_defaults()
    return 0


class Command:
    """Runs `daybook` with the given words. Settings come from the environment that the fixture made."""

    def __init__(self, patch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[str], folder: Path, url: str) -> None:
        self._patch = patch
        self._capture = capture
        self.folder = folder
        patch.chdir(folder)
        patch.setenv("DAYBOOK_DATA_DIR", str(folder / "data"))
        patch.setenv("DAYBOOK_DATABASE_URL", url)
        patch.setenv("COLUMNS", "80")

    def run(self, *words: str) -> Done:
        """Run it; never raises for what a command may refuse."""
        self._patch.setattr(sys, "argv", ["daybook", *words])
        self._capture.readouterr()  # what the test itself logged
        status = main()
        said = self._capture.readouterr()
        return Done(status, said.out, said.err)
