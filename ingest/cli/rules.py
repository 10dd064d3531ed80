"""`daybook rules check | list | schema | secret | test | backtest`: rules before and while they are live."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ingest.cli import output, rule_files, rule_trials, telling
from ingest.cli.filters import Json
from ingest.cli.workspace import opened
from workers.errors import NotFound
from workers.settings import Settings, load

if TYPE_CHECKING:  # CEL and SQLAlchemy take a second to load, and `--help` needs none
    from collections.abc import Mapping, Sequence

    from workers.actions.kind import Kind
    from workers.rules.fault import Fault
    from workers.rules.load import RuleSet
    from workers.rules.rule import Rule
    from workers.store.outcomes import ByRule
    from workers.store.rules import Version

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
    from workers.rules.load import read_folder, read_text
    from workers.store import outcomes, rules

    with opened() as workspace:
        settings = workspace.settings
        with workspace.store.read() as sql:
            live, runs = rules.live(sql), outcomes.by_rule(sql)
    kinds = _kinds(settings)
    folder, faults = read_folder(settings.rules, kinds)
    kept = _kept(live, folder, faults)
    shown = [
        _live(one, read_text(one.source, one.file, kinds)[0], runs.get(one.name), kept.get(one.name)) for one in live
    ]
    if as_json:
        for one in shown:
            output.json_line(one)
    else:
        rows = [_row(one) for one in shown]
        output.table(_COLUMNS, rows, empty="No rules are live; a worker takes up those of DAYBOOK_RULES.")
    if as_json:
        return
    broken = {fault.file for fault in faults}
    digests = {version.name: version.digest for version in live}
    waiting = sorted(
        rule.name for rule in folder.rules.values() if rule.file not in broken and digests.get(rule.name) != rule.digest
    )
    for name, fault in kept.items():
        output.note(f"{name} is kept as it was when its file was read last: {fault}", style="yellow")
    if faults:
        output.note(f"{settings.rules} has faults: `daybook rules check` shows them.", style="yellow")
    if waiting:
        output.note(f"Not live as {settings.rules} has them: {', '.join(waiting)}; a worker that runs takes them up.")


def _kept(live: Sequence[Version], folder: RuleSet, faults: Sequence[Fault]) -> dict[str, Fault]:
    """The live rules that are only there because their file cannot be read anew, each with what is wrong first."""
    first: dict[Path, Fault] = {}
    for fault in faults:
        first.setdefault(Path(fault.file).resolve(), fault)  # a worker may have been told another way to the folder
    anew = {rule.name for rule in folder.rules.values() if Path(rule.file).resolve() not in first}
    found = {version.name: first.get(Path(version.file).resolve()) for version in live if version.name not in anew}
    return {name: fault for name, fault in found.items() if fault is not None}


def _live(version: Version, rules: list[Rule], runs: ByRule | None, fault: Fault | None) -> dict[str, Any]:
    from workers.store.events import spell

    rule = rules[0] if rules else None
    state = "dry run" if rule is not None and rule.dry_run else "live"
    if fault is not None:
        state = "kept" if state == "live" else f"kept {state}"
    return {
        "name": version.name,
        "description": rule.description if rule is not None else "",
        "on": sorted(rule.on) if rule is not None else [],
        "undo_on": sorted(rule.undo.on) if rule is not None and rule.undo is not None else [],
        "connection": rule.connection if rule is not None else None,
        "version": version.digest,
        "file": version.file,
        "state": state if rule is not None else "unreadable",
        "fault": rule_files.told(fault) if fault is not None else None,
        "runs": runs.states if runs is not None else {},
        "last_run": spell(runs.last) if runs is not None else None,
    }


def _row(one: Mapping[str, Any]) -> list[str | None]:
    undo = [f"undo: {', '.join(one['undo_on'])}"] if one["undo_on"] else []
    runs = ", ".join(f"{number:,} {state}" for state, number in sorted(one["runs"].items()))
    return [
        one["name"],
        "; ".join([", ".join(one["on"]), *undo]),
        one["version"][:_VERSION],
        one["state"] if one["fault"] is None else f"{one['state']}: its file is broken",
        runs or "none yet",
        telling.minute(one["last_run"]),
    ]


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
