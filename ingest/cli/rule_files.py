"""Rule files as commands take them: read, with every fault shown at its place in the text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from rich.text import Text

from ingest.cli import output
from workers.errors import BadInput, NotFound

if TYPE_CHECKING:  # CEL takes half a second to load, and `--help` needs none
    from workers.actions.kind import Kind
    from workers.rules.fault import Fault
    from workers.rules.rule import Rule
    from workers.settings import Settings

#: columns of a line of a file that are shown around a fault, where the terminal says no other number
_WIDTH = 100


@dataclass(slots=True)
class Read:
    """Rules that are sound, and what is wrong with the others."""

    rules: list[Rule] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


def read(paths: Sequence[Path], kinds: Mapping[str, Kind]) -> Read:
    """All rules of files and folders; a name that is taken twice is a fault. Raises NotFound for what is not there."""
    from workers.rules.fault import Fault
    from workers.rules.load import files, read_folder

    found = Read()
    taken: dict[str, Rule] = {}
    seen: set[Path] = set()
    for path in paths:
        if path.is_dir():
            rules, faults = read_folder(path, kinds)
            new = [rule for rule in rules.rules.values() if Path(rule.file).resolve() not in seen]
            seen |= {file.resolve() for file in files(path)}
        else:
            if path.resolve() in seen:
                continue
            new, faults = _file(path, kinds)
            seen.add(path.resolve())
        found.faults += faults
        for rule in new:
            first = taken.setdefault(rule.name, rule)
            if first is rule:
                found.rules.append(rule)
            else:
                message = f'there is a rule "{rule.name}" already, in {first.file}'
                found.faults.append(Fault(rule.file, rule.line, 1, message))
    found.faults = sorted(set(found.faults), key=lambda fault: (fault.file, fault.line, fault.column, fault.message))
    return found


def _file(path: Path, kinds: Mapping[str, Kind]) -> tuple[list[Rule], list[Fault]]:
    from workers.rules.load import LARGEST, read_text

    try:
        if not path.exists():
            raise NotFound(f"{path} is not there; name a rule file, or a folder of them.")
        with path.open("rb") as file:
            body = file.read(LARGEST * 4 + 1)  # a character has at most four bytes; too many are a fault below
        return read_text(body.decode("utf-8"), str(path), kinds)
    except UnicodeDecodeError:
        raise BadInput(f"{path} is no text in UTF-8; write it anew as YAML.") from None


def one(path: Path, name: str | None, settings: Settings) -> tuple[Rule, Mapping[str, Kind]]:
    """The rule that is meant of a file, and the kinds of steps; where the file has faults they are shown, and that is
    the end.
    """
    from workers.actions.registry import kinds

    step_kinds = kinds(settings)
    rules = sound(path, step_kinds).rules
    return chosen(rules, name, path), step_kinds


def sound(path: Path, kinds: Mapping[str, Kind]) -> Read:
    """The rules of a file or folder. Raises BadInput for one with faults, which are shown."""
    found = read([path], kinds)
    if found.faults:
        show(found.faults, stderr=True)
        raise BadInput(f"{path} has {_faults(len(found.faults))}; mend what is shown above.")
    if not found.rules:
        raise NotFound(f"{path} has no rules.")
    return found


def chosen(rules: Sequence[Rule], name: str | None, path: Path) -> Rule:
    """The rule of that name, or the only one."""
    names = ", ".join(rule.name for rule in rules)
    if name is None and len(rules) > 1:
        raise BadInput(f"{path} has several rules; say which one with --rule: {names}.")
    found = [rule for rule in rules if name is None or rule.name == name]
    if not found:
        raise NotFound(f"{path} has no rule {str(name)[:64]!r}; it has {names}.")
    return found[0]


def show(faults: Sequence[Fault], *, stderr: bool = False) -> None:
    """Each fault with its line of the file, and a caret below the place."""
    console = output.stderr if stderr else output.console
    lines: dict[str, list[str]] = {}
    for fault in faults:
        if fault.file not in lines:
            lines[fault.file] = _lines(Path(fault.file))
        console.print(Text(output.clean(str(fault)), style="bold"), soft_wrap=True)
        at = fault.line - 1
        if at < len(lines[fault.file]):
            for line, style in marked(lines[fault.file][at], fault.column, (output.width() or _WIDTH) - 2):
                console.print(Text(f"  {line}", style=style), soft_wrap=True)


def told(fault: Fault) -> dict[str, Any]:
    """A fault as it prints with --json."""
    return {"file": fault.file, "line": fault.line, "column": fault.column, "message": fault.message}


def marked(line: str, column: int, width: int) -> list[tuple[str, str]]:
    """A line and a caret below its column, both cut to a width around it; each with its style."""
    plain = output.clean(line)
    start = max(0, column - 1 - width // 2) if cell_len(plain) > width else 0
    shown = plain[start : start + width]
    if not shown.strip():
        return []
    before = shown[: column - 1 - start]
    return [(shown.rstrip(), ""), (" " * cell_len(before) + "^", "bold red")]


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text("utf-8") if path.is_file() else ""
    except (OSError, UnicodeDecodeError):
        return []
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _faults(number: int) -> str:
    return f"{number} fault{'' if number == 1 else 's'}"
