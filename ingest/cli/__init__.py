"""The `daybook` command. One file a noun beside this one; here is only what joins them and how errors end."""

from __future__ import annotations

import os
import sys
from functools import cache

import typer
from typer.exceptions import TyperException

from ingest.cli import output
from workers.errors import DaybookError

app = typer.Typer(
    name="daybook",
    help="The event processor a Cal.com organization runs for itself.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@cache
def assemble() -> None:
    """Hang every noun under the command, once. They are imported here, not above: a test may want one of them alone."""
    from ingest.cli import (
        bookings,
        connections,
        deliveries,
        doctor,
        events,
        keys,
        processes,
        tools,
        trigger,
        webhooks,
    )

    processes.add_to(app)
    doctor.add_to(app)
    for noun in (connections, webhooks, deliveries, events, bookings, tools, keys):
        app.add_typer(noun.app, name=noun.__name__.rpartition(".")[2])
    trigger.add_to(app)


def main() -> None:
    """Run the command line. A known error is one sentence on stderr (one JSON object with --json), status 1."""
    os.umask(0o077)  # what is written here is people's data
    assemble()
    try:
        status = app(standalone_mode=False)
    except typer.Abort:
        sys.exit(130)
    except TyperException as error:
        said = error.format_message().rstrip(".")
        if not said:  # `daybook` alone has printed its help
            sys.exit(error.exit_code)
        said += "" if said.endswith("?") else "; `--help` shows what there is."
        output.error("usage", said, None, as_json="--json" in sys.argv)
        sys.exit(error.exit_code)
    except DaybookError as error:
        output.error(error.kind, error.message, getattr(error, "status", None), as_json="--json" in sys.argv)
        sys.exit(1)
    except BrokenPipeError:  # `daybook events list | head`
        sys.stderr.close()
        sys.exit(0)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if os.environ.get("DAYBOOK_LOG_LEVEL") == "debug":
            raise
        said = f"an unexpected {type(error).__name__}, which is a bug; DAYBOOK_LOG_LEVEL=debug shows where."
        output.error("bug", said, None, as_json="--json" in sys.argv)
        sys.exit(1)
    sys.exit(status if isinstance(status, int) else 0)
