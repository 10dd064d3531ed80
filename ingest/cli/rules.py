"""`daybook rules check | list | switch | schema | secret | test | backtest`: rules before and while they are live."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ingest.cli import output, rule_files, rule_trials, telling
from ingest.cli.filters import Json
from ingest.cli.workspace import opened
from workers.errors import NotFound
from workers.settings import Settings, load

if TYPE_CHECKING:  # CEL and SQLAlchemy take a second to load, and `--help` needs none
    from collections.abc import Mapping

    from workers.actions.kind import Kind
    from workers.rules.fault import Fault

app = typer.Typer(help="Rules: what is to be done when something happens.", no_args_is_help=True)

_COLUMNS = ("rule", "on", "version", "state", "runs", "last (UTC)")
#: characters of a version
_VERSION = 8


@app.command()
def check(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[PATH]...", help="Rule files, or folders of them; else the folder of DAYBOOK_RULES."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say all that is wrong with rule files, each with file, line and column; status 1 where something is."""
    settings = load()
    found = rule_files.read(paths or [settings.rules], _kinds(settings)) if paths or settings.rules.exists() else None
    if found is None:
        raise NotFound(f"there is no folder {settings.rules}; make it, name it with DAYBOOK_RULES, or name files here.")
    if as_json:
        for fault in found.faults:
            output.json_line(rule_files.told(fault))
    else:
        rule_files.show(found.faults)
        number = len(found.rules)
        fine = f"{number} rule{'' if number == 1 else 's'} {'is' if number == 1 else 'are'} fine"
        wrong = f"; {len(found.faults)} to mend" if found.faults else ""
        output.say(f"{fine}{wrong}.", style="yellow" if found.faults else "green")
    if found.faults:
        raise typer.Exit(1)


@app.command(name="list")
def list_rules(as_json: Json = False) -> None:
    """List the rules that are live, with what became of their runs."""
    from ingest import kept_rules, live_rules
    from workers.rules.load import read_folder, read_text

    with opened() as workspace:
        settings = workspace.settings
        with workspace.store.read() as sql:
            live = live_rules.read(sql)
    kinds = _kinds(settings)
    folder, faults = read_folder(settings.rules, kinds)
    kept = kept_rules.kept([one.version for one in live], folder, faults)
    compiled = [read_text(one.version.source, one.version.file, kinds)[0] for one in live]
    shown = [
        _told(live_rules.shape(one, next(iter(rules), None)), kept.get(one.version.name))
        for one, rules in zip(live, compiled, strict=True)
    ]
    if as_json:
        for one in shown:
            output.json_line(one)
        return
    rows = [_row(one) for one in shown]
    output.table(_COLUMNS, rows, empty="No rules are live; a worker takes up those of DAYBOOK_RULES.")
    broken = {fault.file for fault in faults}
    digests = {one.version.name: one.version.digest for one in live}
    waiting = sorted(
        rule.name for rule in folder.rules.values() if rule.file not in broken and digests.get(rule.name) != rule.digest
    )
    for name, fault in kept.items():
        output.note(f"{name} is kept as it was when its file was read last: {fault}", style="yellow")
    if faults:
        output.note(f"{settings.rules} has faults: `daybook rules check` shows them.", style="yellow")
    if waiting:
        output.note(f"Not live as {settings.rules} has them: {', '.join(waiting)}; a worker that runs takes them up.")


def _told(shown: dict[str, Any], fault: Fault | None) -> dict[str, Any]:
    """A rule as it is shown, and why it is only kept, if it is."""
    if fault is None:
        return {**shown, "fault": None}
    from ingest import kept_rules

    return {**shown, "state": kept_rules.state(shown["state"], fault), "fault": rule_files.told(fault)}


def _row(one: Mapping[str, Any]) -> list[str | None]:
    undo = [f"undo: {', '.join(one['undo_on'])}"] if one["undo_on"] else []
    runs = ", ".join(f"{number:,} {state}" for state, number in sorted(one["runs"].items()))
    return [
        one["name"],
        "; ".join([", ".join(one["on"]), *undo]),
        one["version"][:_VERSION],
        _state(one),
        runs or "none yet",
        telling.minute(one["last_run"]),
    ]


def _state(one: Mapping[str, Any]) -> str:
    by_hand = one["switch"] is not None and one["switch"]["dry_run"] and not one["dry_run"]
    switched = f" (switched by {one['switch']['set_by']})" if by_hand else ""
    return f"{one['state']}{switched}{': its file is broken' if one['fault'] is not None else ''}"


class Switch(StrEnum):
    """How a switch stands."""

    ON = "on"
    OFF = "off"


@app.command()
def switch(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The rule.")],
    dry_run: Annotated[Switch, typer.Option("--dry-run", help="on: it does nothing but write down what it would do.")],
    as_json: Json = False,
) -> None:
    """Switch a rule to dry run without its file, or back to what that says; workers heed it from the next step on."""
    from ingest import live_rules, rule_switch
    from workers.store import switches

    on = dry_run is Switch.ON
    with opened() as workspace, workspace.store.write() as sql:
        rule_switch.put(sql, name, dry_run=on, by="the command line", now=datetime.now(UTC))
        now = switches.one(sql, name)
    if as_json:
        output.json_line({"name": name, "switch": live_rules.switch_shape(now)})
    elif on:
        output.say(f"Rule {name} does nothing from now on but write down what it would do.")
    else:
        output.say(f"Rule {name} does again what its file says.")


app.command(name="test")(rule_trials.with_event)
app.command(name="backtest")(rule_trials.over_history)


@app.command()
def schema() -> None:
    """Print the JSON Schema of a rule file, for editors; it knows the steps of DAYBOOK_PYTHON_STEPS too."""
    import json

    from workers.rules.schema import schema as of

    output.console.print(json.dumps(of(_kinds(load())), indent=2), soft_wrap=True, markup=False)


@app.command()
def secret(as_json: Json = False) -> None:
    """Print the secret by which a receiver checks what `http` steps send: Standard Webhooks, `whsec_…`."""
    from workers.actions.signing import signing_secret
    from workers.errors import Misconfigured
    from workers.vault import KEY_FILE

    settings = load()
    if settings.signing_secret is None and settings.secret_key is None and not (settings.data_dir / KEY_FILE).exists():
        raise Misconfigured(
            f"there is no key yet in {settings.data_dir}; `daybook up` makes it, or set DAYBOOK_SIGNING_SECRET."
        )
    found = signing_secret(settings)
    if as_json:
        output.json_line({"secret": found})
    else:
        output.say(found)


def _kinds(settings: Settings) -> Mapping[str, Kind]:
    from workers.actions.registry import kinds

    return kinds(settings)
