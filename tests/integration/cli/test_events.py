"""`daybook events` and `daybook bookings`."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from rich.console import Console

from tests.conftest import PATIENCE
from tests.contract.store.filled import START, Filled
from tests.integration.cli.command import Command
from workers.catalogue.mask import MASK
from workers.catalogue.triggers import TRIGGERS

MINUTE = timedelta(minutes=1)


def test_events_are_listed_newest_first_for_people(command: Command, filled: Filled) -> None:
    first, second = filled.event(title="First"), filled.event(at=START + MINUTE, uid="b", title="Second")
    done = command.run("events", "list")
    assert done.status == 0
    rows = done.out.splitlines()
    assert [row.split()[-1] for row in rows] == ["id", str(second), str(first)]
    assert rows[1].startswith(
        "2026-11-01 09:01  BOOKING_CREATED  Second  Ada Berg, Jon Doe  2026-11-20 10:00  ACCEPTED"
    )


def test_a_script_gets_one_event_a_line_with_its_whole_payload(command: Command, filled: Filled) -> None:
    ids = filled.events(3, oneTimePassword="hunter2")
    told = command.run("events", "list", "--json", "--limit", "2").lines()
    assert [event["id"] for event in told] == [str(ids[2]), str(ids[1])]
    assert told[0]["payload"]["oneTimePassword"] == "hunter2"
    assert told[0]["booking"]["uid"] == "uid-2"


@pytest.mark.parametrize(
    ("words", "number"),
    [
        (["--trigger", "ping"], 1),
        (["--trigger", "PING", "--trigger", "BOOKING_CREATED"], 3),
        (["--kind", "booking"], 2),
        (["--booking", "uid-1"], 1),
        (["--email", "JON@client.example"], 3),
        (["--since", "2026-11-01T09:01Z"], 2),
        (["--until", "2026-11-01"], 3),
        (["--since", "1s"], 0),
        (["--text", "intro ca"], 2),
        (["--connection", "acme"], 3),
        (["--connection", "eu"], 0),
    ],
)
def test_each_filter_narrows_the_list_the_export_and_the_statistics(
    command: Command, filled: Filled, words: list[str], number: int
) -> None:
    filled.events(2)
    filled.event(at=START + 2 * MINUTE, trigger="PING", title="Test", uid="other")
    assert len(command.run("events", "list", "--json", *words).lines()) == number
    assert len(command.run("events", "export", *words).lines()) == number
    assert command.run("events", "stats", "--json", *words).lines()[0]["events"] == number


@pytest.mark.parametrize(
    "words",
    [
        ["list", "--since", "noon"],
        ["list", "--email", ""],
        ["list", "--booking", " "],
        ["list", "--text", "a " * 40],
        ["list", *["--trigger", "PING"] * 51],
        ["show", "nonsense"],
        ["export", "--output", "no/such/folder/file"],
        ["stats", "--until", ""],
    ],
)
def test_what_is_wrong_is_refused_in_one_object(command: Command, words: list[str]) -> None:
    extra = [] if words[0] == "export" else ["--json"]
    done = command.run("events", *words, *extra)
    assert done.status == 1
    assert done.out == ""
    assert words[1].removeprefix("--") in done.err or done.kind() == "bad_input"


def test_an_option_of_the_wrong_kind_is_a_usage_error(command: Command) -> None:
    assert command.run("events", "list", "--limit", "0", "--json").kind() == "usage"
    assert command.run("events", "list", "--kind", "bookings", "--json").kind() == "usage"
    assert command.run("events", "list", "--triger", "PING", "--json").status == 2


def test_a_trigger_that_is_not_known_is_looked_for_and_doubted(command: Command, filled: Filled) -> None:
    filled.event(trigger="BOOKING_HELD")
    found = command.run("events", "list", "--trigger", "BOOKING_HELD", "--json")
    assert len(found.lines()) == 1
    assert "BOOKING_HELD is no trigger that Daybook knows" in found.err
    misspelt = command.run("events", "list", "--trigger", "BOOKING_CREATD")
    assert misspelt.out == "No events.\n"
    assert "did you mean BOOKING_CREATED?" in misspelt.err
    assert command.run("events", "list", "--trigger", "ping").err == ""


def test_an_empty_trigger_is_refused_with_those_there_are(command: Command) -> None:
    done = command.run("events", "list", "--trigger", "", "--json")
    assert done.kind() == "bad_input"
    assert "BOOKING_CREATED" in done.err


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Makes stdout look like a terminal of so many columns, in black and white."""

    def made(width: int) -> None:
        seen = Console(force_terminal=True, color_system=None, width=width, highlight=False)
        monkeypatch.setattr("ingest.cli.output.console", seen)

    return made


@pytest.mark.parametrize("width", [80, 100, 120, 160])
def test_a_table_of_events_fits_its_terminal_and_tells_what_to_copy(
    command: Command, filled: Filled, terminal: Callable[[int], None], width: int
) -> None:
    mine = filled.event(uid="qkTrz5Jx8Rd3nLbWvYc2Pa", title="Intro call between Ada Berg and Jon Doe " * 300)
    terminal(width)
    rows = command.run("events", "list").out.splitlines()
    assert max(map(len, rows)) <= width
    assert len(rows) == 2
    _, row = rows
    assert "BOOKING_CREATED" in row
    assert "Jon Doe" in row
    uid, shortened = row.split()[-2:]
    assert uid == ("qkTrz5Jx…" if width == 80 else "qkTrz5Jx8Rd3nLbWvYc2Pa")
    assert command.run("events", "show", shortened, "--json").lines()[0]["id"] == str(mine)
    assert command.run("bookings", "show", uid, "--json").lines()[0]["uid"] == "qkTrz5Jx8Rd3nLbWvYc2Pa"


@pytest.mark.parametrize("width", [80, 120])
def test_a_table_of_deliveries_fits_its_terminal(
    command: Command, filled: Filled, terminal: Callable[[int], None], width: int
) -> None:
    mine = filled.keep(b"x", webhook="w" * 64, verdict="mismatch")
    terminal(width)
    rows = command.run("deliveries", "list").out.splitlines()
    assert max(map(len, rows)) <= width
    assert command.run("deliveries", "show", rows[1].split()[-1], "--json").lines()[0]["id"] == str(mine)


def test_a_beginning_that_several_have_is_answered_with_their_ids(command: Command, filled: Filled) -> None:
    ids = [str(filled.event(uid=f"uid-{index}")) for index in range(2)]
    done = command.run("events", "show", ids[0][:6], "--json")
    assert done.kind() == "bad_input"
    assert all(each in done.err for each in ids)
    assert command.run("events", "show", "ffffffff", "--json").kind() == "not_found"
    assert command.run("bookings", "show", "uid-", "--json").kind() == "bad_input"
    assert command.run("bookings", "show", "uid-1").status == 0
    assert "whole uid" in command.run("events", "list", "--booking", "uid-…", "--json").err


def test_a_long_title_does_not_widen_a_piped_table(command: Command, filled: Filled) -> None:
    filled.event(title="t" * 10_000, status="s" * 200)
    rows = command.run("events", "list").out.splitlines()
    assert max(map(len, rows)) < 300
    assert "t" * 59 + "…" in rows[1]


def test_names_in_statistics_stay_on_their_line(
    command: Command, filled: Filled, terminal: Callable[[int], None]
) -> None:
    longest = max(TRIGGERS, key=len)
    filled.event(trigger=longest)
    terminal(80)
    out = command.run("events", "stats").out
    assert longest in out
    assert max(map(len, out.splitlines())) <= 80


def test_one_event_is_shown_with_its_people_and_its_payload_masked(command: Command, filled: Filled) -> None:
    mine = filled.event(oneTimePassword="hunter2", additionalNotes="bring cake")
    shown = command.run("events", "show", str(mine))
    assert "Ada Berg <Ada@Acme.example>, Europe/Berlin" in shown.out
    assert "bring cake" in shown.out
    assert "hunter2" not in shown.out
    assert MASK in shown.out
    assert "hunter2" in command.run("events", "show", str(mine), "--unmasked").out
    assert command.run("events", "show", str(mine), "--json").lines()[0]["payload"]["oneTimePassword"] == "hunter2"


def test_an_event_that_is_not_there_is_named(command: Command) -> None:
    assert command.run("events", "show", str(UUID(int=1)), "--json").kind() == "not_found"


def test_nothing_from_outside_commands_the_terminal(command: Command, filled: Filled) -> None:
    mine = filled.event(title="\x1b[2Jgone\x07 \u202eevil", uid="a", additionalNotes="[red]not markup[/red]")
    for words in (["events", "list"], ["events", "show", str(mine)], ["bookings", "show", "a"]):
        out = command.run(*words).out
        assert "gone" in out
        assert not {"\x1b", "\x07", "\u202e"} & set(out)
    assert "[red]not markup[/red]" in command.run("events", "show", str(mine)).out


def test_statistics_are_bars_for_people(command: Command, filled: Filled) -> None:
    filled.events(3)
    filled.event(at=START + timedelta(days=40), trigger="PING", uid="b")
    out = command.run("events", "stats").out
    assert "4 events, 4 deliveries." in out
    bar = {line.split()[0]: line.count("█") for line in out.splitlines() if "█" in line}
    assert bar["BOOKING_CREATED"] == 40
    assert 10 < bar["PING"] < 16
    assert bar["2026-11-01"] == 40


def test_a_long_time_is_counted_by_month(command: Command, filled: Filled) -> None:
    for index in range(33):
        filled.event(at=START + timedelta(days=index), uid=f"u{index}")
    out = command.run("events", "stats").out
    assert "Events by month (UTC)" in out
    assert "2026-12" in out
    assert "2026-11-01" not in out


def test_an_export_for_spreadsheets_has_no_formula(command: Command, filled: Filled) -> None:
    filled.event(
        title='=HYPERLINK("http://evil")',
        attendees=[{"name": "+Jon", "email": "jon@client.example"}, {"name": "Zoe", "email": "zoe@client.example"}],
    )
    rows = list(csv.DictReader(io.StringIO(command.run("events", "export", "--format", "csv").out)))
    assert len(rows) == 1
    assert rows[0]["title"] == '\'=HYPERLINK("http://evil")'
    assert rows[0]["attendee_names"] == "'+Jon; Zoe"
    assert rows[0]["attendee_emails"] == "jon@client.example; zoe@client.example"
    assert rows[0]["organizer_email"] == "Ada@Acme.example"
    assert rows[0]["booking_uid"] == "uid-0"


def test_an_export_hides_secrets_where_asked(command: Command, filled: Filled) -> None:
    filled.event(oneTimePassword="hunter2")
    assert "hunter2" in command.run("events", "export").out
    assert "hunter2" not in command.run("events", "export", "--masked").out


def test_an_export_goes_to_stdout_where_a_dash_says_so(command: Command, filled: Filled) -> None:
    filled.events(2)
    assert len(command.run("events", "export", "--output", "-").lines()) == 2
    assert not (command.folder / "-").exists()


@pytest.mark.parametrize(("target", "said"), [("/", "is a folder"), (".", "is a folder"), ("", "is empty")])
def test_an_export_to_what_is_no_file_is_refused(command: Command, filled: Filled, target: str, said: str) -> None:
    done = command.run("events", "export", "--output", target)
    assert done.status == 1
    assert said in done.err


def test_an_exported_file_is_its_owners_only_and_a_link_to_it_stays_a_link(command: Command, filled: Filled) -> None:
    filled.events(2)
    real, link = command.folder / "real.ndjson", command.folder / "link.ndjson"
    real.touch(mode=0o666)
    link.symlink_to(real)
    assert command.run("events", "export", "--output", str(link)).status == 0
    assert link.is_symlink()
    assert len(real.read_text().splitlines()) == 2
    assert stat.S_IMODE(real.stat().st_mode) == 0o600


def test_an_export_is_written_into_a_pipe_and_does_not_replace_it(command: Command, filled: Filled) -> None:
    filled.events(2)
    pipe = command.folder / "pipe"
    os.mkfifo(pipe)
    with Process(command, "events", "export", "--output", str(pipe)) as export:
        assert len(pipe.read_text().splitlines()) == 2
        assert export.process.wait(timeout=PATIENCE) == 0
    assert pipe.is_fifo()


@pytest.mark.parametrize(
    ("options", "number"),
    [
        (("--host", "ADA@acme.example"), 2),
        (("--host", "jon@client.example"), 0),
        (("--event-type", "8", "--event-type", "intro-call"), 2),
        (("--status", "accepted", "--verdict", "signed"), 2),
        (("--rule", "tell"), 0),
    ],
)
def test_events_are_found_by_who_hosts_what_kind_of_call_and_how_it_stands(
    command: Command, filled: Filled, options: tuple[str, ...], number: int
) -> None:
    filled.events(2)
    assert len(command.run("events", "list", "--json", *options).out.splitlines()) == number


@pytest.mark.parametrize(
    "options", [("--verdict", "good"), ("--host", " "), ("--event-type", ""), ("--status", ""), ("--rule", "")]
)
def test_an_option_that_says_nothing_is_named(command: Command, options: tuple[str, str]) -> None:
    refused = command.run("events", "list", *options)
    assert refused.status == 1
    assert options[0] in refused.err


def test_an_exported_file_is_whole_or_not_there(
    command: Command, filled: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled.events(3)
    target = command.folder / "out" / "events.ndjson"
    target.parent.mkdir()
    done = command.run("events", "export", "--output", str(target))
    assert done.out == ""
    assert "3 events" in done.err
    assert len(target.read_text().splitlines()) == 3

    def broken(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("ingest.exported.event", broken)
    assert command.run("events", "export", "--output", str(target), "--format", "csv").status == 130
    assert [file.name for file in target.parent.iterdir()] == ["events.ndjson"]
    assert len(target.read_text().splitlines()) == 3


def test_a_booking_is_told_from_received_to_event(command: Command, filled: Filled) -> None:
    filled.event(uid="a")
    filled.event(at=START + MINUTE, uid="b", rescheduleUid="a", trigger="BOOKING_RESCHEDULED")
    filled.event(at=START + 2 * MINUTE, uid="b", trigger="BOOKING_CANCELLED", status="CANCELLED")
    out = command.run("bookings", "show", "a").out.splitlines()
    assert out[0] == (
        "Intro call with Ada Berg, Jon Doe is cancelled; it was to begin at 2026-11-20 10:00 UTC. "
        "It was rescheduled once. 3 events, the last received at 2026-11-01 09:02:00 UTC."
    )
    assert [line.split()[-1] for line in out if line.startswith("●")] == [
        "BOOKING_CREATED",
        "BOOKING_RESCHEDULED",
        "BOOKING_CANCELLED",
    ]
    assert sum("signed" in line for line in out) == 3
    told = command.run("bookings", "show", "b", "--json").lines()
    assert len(told) == 1
    assert (told[0]["uid"], told[0]["lineage"], told[0]["uids"], len(told[0]["events"])) == ("b", "a", ["a", "b"], 3)
    assert command.run("bookings", "show", "zzz", "--json").kind() == "not_found"


class Process:
    """`daybook` as a process of its own, as a person or a script runs it."""

    def __init__(self, command: Command, *words: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "ingest", *words],
            cwd=command.folder,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def line(self) -> dict[str, object]:
        assert self.process.stdout is not None
        told: dict[str, object] = json.loads(self.process.stdout.readline())
        return told

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


def test_a_tail_shows_the_last_ones_then_each_new_one_and_ends_after_so_many(command: Command, filled: Filled) -> None:
    ids = filled.events(3)
    with Process(command, "events", "tail", "--json", "-n", "2", "--stop-after", "2") as tail:
        assert [tail.line()["id"] for _ in range(2)] == [str(ids[1]), str(ids[2])]
        late = [filled.event(at=START - index * MINUTE, uid=f"late-{index}") for index in range(2)]
        assert [tail.line()["id"] for _ in range(2)] == [str(one) for one in late]
        out, err = tail.process.communicate(timeout=PATIENCE)
        assert (tail.process.returncode, out, err) == (0, b"", b"")


def test_a_tail_ends_cleanly_at_ctrl_c(command: Command, filled: Filled) -> None:
    mine = filled.event()
    with Process(command, "events", "tail", "--json") as tail:
        assert tail.line()["id"] == str(mine)
        tail.process.send_signal(signal.SIGINT)
        out, err = tail.process.communicate(timeout=PATIENCE)
        assert (tail.process.returncode, out, err) == (0, b"", b"")


def test_a_tail_for_people_is_a_line_an_event(command: Command, filled: Filled) -> None:
    filled.event(title="Weekly\nsync")
    with Process(command, "events", "tail") as tail:
        assert tail.process.stdout is not None
        line = tail.process.stdout.readline().decode()
    assert line.split() == [
        "2026-11-01", "09:00:00Z", "BOOKING_CREATED", "Weekly", "sync", "Ada", "Berg,", "Jon", "Doe", "starts",
        "2026-11-20", "10:00Z", "ACCEPTED",
    ]  # fmt: skip
