"""The `daybook` command. One file a noun beside this one; here is only what joins them and how errors end."""

from __future__ import annotations

import os
import sys
from functools import cache
from importlib import metadata
from typing import Annotated

import typer
from typer.exceptions import TyperException

from ingest.cli import output
from workers.errors import BadInput, DaybookError

app = typer.Typer(
    name="daybook",
    help="The event processor a Cal.com organization runs for itself.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _tell_version(wanted: bool) -> None:
    if wanted:
        output.say(f"daybook {metadata.version('daybook')}")
        raise typer.Exit


@app.callback()
def _whole(
    config: Annotated[
        str | None, typer.Option(metavar="FILE", help="The daybook.yaml to use, before DAYBOOK_CONFIG.")
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    if config is not None:  # in the environment the processes that `up` starts find it too
        os.environ.pop("DAYBOOK_CONFIG_FILE", None)
        os.environ["DAYBOOK_CONFIG"] = config


@cache
def assemble() -> None:
    """Hang every noun under the command, once. They are imported here, not above: a test may want one of them alone."""
    from ingest.cli import (
        audit,
        backups,
        bookings,
        connections,
        deliveries,
        doctor,
        erase,
        events,
        keys,
        mcp,
        processes,
        reconcile,
        retention,
        rules,
        runs,
        tools,
        trigger,
        webhooks,
    )

    processes.add_to(app)
    doctor.add_to(app)
    for noun in (connections, webhooks, deliveries, events, bookings, rules, runs, tools, keys, audit, retention):
        app.add_typer(noun.app, name=noun.__name__.rpartition(".")[2])
    trigger.add_to(app)
    reconcile.add_to(app)
    erase.add_to(app)
    backups.add_to(app)
    mcp.add_to(app)


def main() -> None:
    """Run the command line. A known error is one sentence on stderr (one JSON object with --json), status 1."""
    os.umask(0o077)  # what is written here is people's data
    output.never_stumble()
    assemble()
    as_json = "--json" in sys.argv
    try:
        _refuse_bytes(sys.argv[1:])
        status = app(standalone_mode=False)
    except typer.Abort:
        sys.exit(130)
    except TyperException as error:
        said = error.format_message().rstrip(".")
        if not said:  # `daybook` alone has printed its help
            sys.exit(error.exit_code)
        said += "" if said.endswith("?") else "; `--help` shows what there is."
        output.error("usage", said, None, as_json=as_json)
        sys.exit(error.exit_code)
    except DaybookError as error:
        output.error(error.kind, error.message, getattr(error, "status", None), as_json=as_json)
        sys.exit(1)
    except BrokenPipeError:  # `daybook events list | head`
        sys.stderr.close()
        sys.exit(0)
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:  # a disk that is full, a folder that may not be written
        output.error("system", _of_system(error), None, as_json=as_json)
        sys.exit(1)
    except Exception as error:
        if os.environ.get("DAYBOOK_LOG_LEVEL") == "debug":
            raise
        said = f"an unexpected {type(error).__name__}, which is a bug; DAYBOOK_LOG_LEVEL=debug shows where."
        output.error("bug", said, None, as_json=as_json)
        sys.exit(1)
    sys.exit(status if isinstance(status, int) else 0)


def _refuse_bytes(words: list[str]) -> None:
    """An argument that is no text in this locale's encoding: neither a database nor Cal.com could take it."""
    for word in words:
        if not _is_text(word):
            shown = word.encode("utf-8", "backslashreplace").decode()
            raise BadInput(f"{shown[:60]!r} holds bytes that are no {sys.getfilesystemencoding()} text; write it anew.")


def _is_text(word: str) -> bool:
    try:
        word.encode()
    except UnicodeEncodeError:
        return False
    return True


def _of_system(error: OSError) -> str:
    said = error.strerror or type(error).__name__
    if error.filename is None:
        return f"{said}; see that what this reads from and prints to may be used, and that its disk has room."
    return (
        f"{error.filename}: {said}; see that this user may use it and that its disk has room. "
        "DAYBOOK_DATA_DIR says where Daybook's data is."
    )
