from __future__ import annotations

import os
from pathlib import Path

from tests.unit.workers.rules.fakes import KINDS
from workers.rules.load import LARGEST, files, read_folder


def written(folder: Path, **names: str) -> None:
    """Files with one rule each, by the rules' names; `__` in a file's name stands for a folder."""
    for file, name in names.items():
        path = folder / f"{file.replace('__', '/')}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"rules:\n  - name: {name}\n    on: [PING]\n    do: [{{stop: x}}]\n")


def told(folder: Path) -> list[str]:
    """The faults of a folder, with paths below it."""
    return [str(fault).removeprefix(f"{folder}/") for fault in read_folder(folder, KINDS)[1]]


def test_rules_are_read_from_all_files_of_a_folder_and_the_folders_in_it(tmp_path: Path) -> None:
    written(tmp_path, b="b", a="a", more__c="c")
    (tmp_path / "d.yml").write_text((tmp_path / "a.yaml").read_text().replace("name: a", "name: d"))
    (tmp_path / "notes.txt").write_text("no rules")

    found, faults = read_folder(tmp_path, KINDS)

    assert (sorted(found.rules), faults) == (["a", "b", "c", "d"], [])
    assert found.rules["c"].file == str(tmp_path / "more" / "c.yaml")


def test_no_folder_is_no_rules_and_a_file_in_its_place_is_a_fault(tmp_path: Path) -> None:
    found, faults = read_folder(tmp_path / "none", KINDS)
    assert (dict(found.rules), faults) == ({}, [])

    (tmp_path / "file").write_text("")
    assert told(tmp_path / "file")[0].endswith("this is no folder; rules are read from a folder of .yaml files")


def test_a_name_is_taken_once_in_a_folder(tmp_path: Path) -> None:
    written(tmp_path, a="a", b="a")

    assert told(tmp_path) == [f'b.yaml:2:1: there is a rule "a" already, in {tmp_path / "a.yaml"}']
    assert read_folder(tmp_path, KINDS)[0].rules["a"].file == str(tmp_path / "a.yaml")


def test_hidden_files_are_passed_over_and_links_lead_on_once(tmp_path: Path) -> None:
    """As a volume of a Kubernetes ConfigMap is laid out."""
    rules = tmp_path / "rules"
    (rules / "..2027").mkdir(parents=True)
    written(rules / "..2027", a="a")
    (rules / "..data").symlink_to("..2027")
    (rules / "a.yaml").symlink_to("..data/a.yaml")
    (rules / ".b.yaml").write_text("rules: broken")
    (rules / "again").symlink_to(rules)

    assert list(files(rules)) == [rules / "a.yaml"]
    assert told(rules) == []


def test_what_cannot_be_read_is_a_fault_and_the_others_are_there(tmp_path: Path) -> None:
    written(tmp_path, good="good")
    (tmp_path / "binary.yaml").write_bytes(b"rules:\n\xff\xfe")
    (tmp_path / "dangling.yaml").symlink_to("nowhere")
    (tmp_path / "huge.yaml").write_bytes(b"#" * (LARGEST + 1))
    os.mkfifo(tmp_path / "pipe.yaml")

    assert told(tmp_path) == [
        "binary.yaml:2:1: the file is no text in UTF-8",
        "dangling.yaml:1:1: this is no file that can be read",
        "huge.yaml:1:1: the file has over 1,000,000 bytes; make it several",
        "pipe.yaml:1:1: this is no file that can be read",
    ]
    assert list(read_folder(tmp_path, KINDS)[0].rules) == ["good"]
