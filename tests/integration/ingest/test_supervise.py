"""The parent over real processes: what it does with what they write."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ingest import supervise
from ingest.supervise import Child, ChildFailed, Supervisor
from tests.conftest import PATIENCE


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


async def until_it_ended() -> bool:
    """Never ready: `start` waits until the process has ended."""
    return False


async def test_every_line_of_a_process_is_heard_its_last_included_and_one_of_any_length(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(supervise, "_LAST_WORDS", PATIENCE)  # of nobody who holds its output open
    heard: list[str] = []
    code = "import sys; print('one', flush=True); sys.stderr.write('x' * 200_000 + '\\nt\\xe9n\\n'); sys.exit(3)"
    supervisor = Supervisor()

    with pytest.raises(ChildFailed, match="status 3"):
        await supervisor.start(Child("talker", python(code), ready=until_it_ended, heard=heard.append))
    await supervisor.stop()

    assert heard[0] == "one"
    assert heard[-1] == "tén"


async def test_where_there_is_a_file_for_it_nothing_is_heard(tmp_path: Path) -> None:
    heard: list[str] = []
    child = Child(
        "talker", python("print('one')"), ready=until_it_ended, log_to=tmp_path / "talker.log", heard=heard.append
    )
    supervisor = Supervisor()

    with pytest.raises(ChildFailed):
        await supervisor.start(child)
    await supervisor.stop()

    assert (tmp_path / "talker.log").read_text().startswith("one\n")
    assert heard == []
