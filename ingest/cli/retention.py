"""`daybook retention plan | run`: what is past its age, and forgetting it now instead of at the next time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ingest.cli import output, progress
from ingest.cli.filters import Json, Yes
from ingest.cli.stopping import until_ctrl_c
from ingest.cli.workspace import opened
from workers.errors import BadInput

if TYPE_CHECKING:  # SQLAlchemy takes half a second to load, and `--help` needs none
    from workers.retention import Plan

app = typer.Typer(help="How long what is kept, and forgetting what is past it.", no_args_is_help=True)


@app.command()
def plan(as_json: Json = False) -> None:
    """Show how long what is kept, and how much is past that now. Nothing is deleted."""
    from workers.forget import count
    from workers.retention import plan_of

    with opened() as workspace:
        ages = plan_of(workspace.settings)
        found = count(workspace.store, ages, datetime.now(UTC))
    if as_json:
        output.json_line({"keeps": _ages(ages), "past": found})
        return
    kept = _ages(ages)
    output.table(
        ("what", "is kept", "past"), [(name, age, found.get(name, "")) for name, age in kept.items()], empty=""
    )
    if past := {kind: number for kind, number in found.items() if number and kind not in kept}:
        output.say("Events that are past: " + ", ".join(f"{kind} {number:,}" for kind, number in past.items()) + ".")


@app.command()
def run(
    yes: Yes = False,
    budget: Annotated[float, typer.Option(min=1, metavar="SECONDS", help="End after so long.")] = 3600.0,
    as_json: Json = False,
) -> None:
    """Delete what is past, in small batches. Ctrl-C ends it in good order; the next time goes on."""
    from workers.forget import carry_out, count
    from workers.retention import plan_of

    with opened() as workspace:
        ages, now = plan_of(workspace.settings), datetime.now(UTC)
        number = sum(count(workspace.store, ages, now).values())
        _ask(number, yes=yes, as_json=as_json)
        with until_ctrl_c() as ended, progress.bar("forgetting", lambda: number) as tell:
            report = carry_out(workspace.store, ages, now, ended, budget=budget, tell=tell)
    if as_json:
        output.json_line(report.shape())
    else:
        gone = {table: deleted for table, deleted in sorted(report.deleted.items()) if deleted}
        said = ", ".join(f"{deleted:,} {table}" for table, deleted in gone.items()) or "nothing"
        output.say(f"Deleted: {said}.")
        if report.dropped:
            output.say(f"Months of bodies dropped whole: {len(report.dropped)}.")
        if kept := sum(report.kept.values()):
            output.say(f"Past, and kept for now because something still needs it: {kept:,}.")
        if not report.ended:
            output.note("It was not at its end; run it again to go on.")
    if ended.is_set():
        raise typer.Exit(130)


def _ask(number: int, *, yes: bool, as_json: bool) -> None:
    if yes or not number:
        return
    if as_json:
        raise BadInput(f"this would forget {number:,} things for good; say --yes, for with --json nothing is asked.")
    if not output.agreed(f"This will forget {number:,} events, bodies and entries for good. Go on?"):
        raise output.unchanged()


def _ages(ages: Plan) -> dict[str, Any]:
    from workers.retention import spelt

    shown = {name: spelt(getattr(ages, name)) for name in ("events", "bodies", "quarantined", "audit")}
    for name in ("bodies", "quarantined"):
        if getattr(ages, name) is None:
            shown[name] = "as events"
    return {**shown, **{f"events: {kind}": spelt(age) for kind, age in ages.kinds.items()}}
