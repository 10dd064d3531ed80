"""`daybook` run in the test's own process: what `main` does with arguments, on a folder of its own."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

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
        status = 0
        try:
            cli.main()
        except SystemExit as ended:
            status = ended.code if isinstance(ended.code, int) else 1
        said = self._capture.readouterr()
        return Done(status, said.out, said.err)
