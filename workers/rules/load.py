"""Rule files to rules, and all that is wrong with them at once: each fault with file, line and column."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from workers.rules.document import Document, Unreadable
from workers.rules.fault import Fault, shortened
from workers.rules.kinds import KindSpec
from workers.rules.reading import Reading
from workers.rules.rule import Rule
from workers.rules.ruleset import RuleSet

__all__ = ["Fault", "RuleSet", "read_folder", "read_text"]

#: bytes of one file
LARGEST = 1_000_000


def read_text(text: str, file: str, kinds: Mapping[str, KindSpec]) -> tuple[list[Rule], list[Fault]]:
    """The sound rules of a file's text, and all that is wrong with the others, in the order of the lines."""
    if len(text) > LARGEST:
        return [], [Fault(file, 1, 1, f"the file has over {LARGEST:,} characters; make it several")]
    try:
        reading = Reading(Document(text), file, kinds)
    except Unreadable as error:
        return [], [Fault(file, *error.place(text), shortened(error.message))]
    rules = reading.rules()
    return rules, in_order(reading.faults)


def read_folder(folder: Path, kinds: Mapping[str, KindSpec]) -> tuple[RuleSet, list[Fault]]:
    """The sound rules of all `.yaml` and `.yml` files of a folder and the folders in it, and what is wrong.

    Files and folders whose names begin with a dot are passed over. No folder is no rules.
    """
    rules: dict[str, Rule] = {}
    faults: list[Fault] = []
    if folder.exists() and not folder.is_dir():
        faults.append(Fault(str(folder), 1, 1, "this is no folder; rules are read from a folder of .yaml files"))
    for path in files(folder):
        text = _text(path)
        found, wrong = read_text(text, str(path), kinds) if isinstance(text, str) else ([], [text])
        faults += wrong
        for rule in found:
            first = rules.setdefault(rule.name, rule)
            if first is not rule:
                faults.append(Fault(rule.file, rule.line, 1, f'there is a rule "{rule.name}" already, in {first.file}'))
    return RuleSet(rules.values()), faults


def in_order(faults: Iterable[Fault]) -> list[Fault]:
    """Each fault once, from the first line to the last."""
    return sorted(dict.fromkeys(faults), key=lambda fault: (fault.line, fault.column))


def files(folder: Path) -> Iterator[Path]:
    """The rule files of a folder in the order of their names, each folder once whatever links lead to it."""
    yield from sorted(_found(folder, set()))


def _found(folder: Path, seen: set[Path]) -> Iterator[Path]:
    try:
        real = folder.resolve()
        inner = [] if real in seen else [path for path in folder.iterdir() if not path.name.startswith(".")]
    except (OSError, RuntimeError):
        return
    seen.add(real)
    for path in sorted(inner):
        if path.is_dir():
            yield from _found(path, seen)
        elif path.suffix in (".yaml", ".yml"):
            yield path


def _text(path: Path) -> str | Fault:
    try:
        if not path.is_file():
            return Fault(str(path), 1, 1, "this is no file that can be read")
        with path.open("rb") as file:
            body = file.read(LARGEST + 1)
    except OSError as error:
        return Fault(str(path), 1, 1, f"the file cannot be read: {error.strerror or type(error).__name__}")
    if len(body) > LARGEST:
        return Fault(str(path), 1, 1, f"the file has over {LARGEST:,} bytes; make it several")
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        return Fault(str(path), line, 1, "the file is no text in UTF-8")
