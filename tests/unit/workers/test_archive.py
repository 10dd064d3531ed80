from __future__ import annotations

import io
import tarfile
from pathlib import Path

import msgspec
import pytest

from workers import archive
from workers.archive import Manifest, Member, takes, unpack, written
from workers.errors import BadInput, Conflict

EMPTY = Manifest(archive.FORMAT, "1", "2026-11-25", "sqlite", "0008", {}, {})


@pytest.fixture
def staging(tmp_path: Path) -> Path:
    folder = tmp_path / "staging"
    folder.mkdir()
    return folder


def made(path: Path, files: dict[str, bytes], manifest: Manifest = EMPTY) -> Path:
    with written(path) as writer:
        for number, (name, content) in enumerate(files.items()):
            source = path.with_name(f"source-{number}")
            source.write_bytes(content)
            writer.add(name, source)
        writer.end(msgspec.structs.replace(manifest, members=dict(writer.members)))
    return path


def hostile(path: Path, members: list[tarfile.TarInfo], *, manifest: bytes | None = None) -> Path:
    with tarfile.open(path, "w:gz", format=tarfile.PAX_FORMAT) as tar:
        for member in members:
            tar.addfile(member, io.BytesIO(b"x" * member.size))
        if manifest is not None:
            told = tarfile.TarInfo(archive.MANIFEST)
            told.size = len(manifest)
            tar.addfile(told, io.BytesIO(manifest))
    return path


def member(name: str, size: int = 1, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    told = tarfile.TarInfo(name)
    told.size, told.type, told.linkname = size, kind, "/etc/passwd"
    return told


def test_what_was_written_comes_back(tmp_path: Path, staging: Path) -> None:
    files = {"daybook.db": b"abc" * 1000, "rules/a/b.yaml": b"", "spool/0-1.journal": b"\x00", "secret.key": b"k"}
    path = made(tmp_path / "backup", files)

    manifest = unpack(path, staging)

    assert {name: (staging / name).read_bytes() for name in manifest.members} == files
    assert path.stat().st_mode & 0o777 == 0o600


def test_nothing_is_overwritten_and_nothing_left_behind(tmp_path: Path) -> None:
    path = made(tmp_path / "backup", {})
    before = sorted(tmp_path.iterdir())

    with pytest.raises(Conflict), written(path) as writer:
        writer.end(EMPTY)
    with pytest.raises(ZeroDivisionError), written(tmp_path / "other"):
        raise ZeroDivisionError

    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    "name",
    ["../daybook.db", "/etc/passwd", "rules/../../x.yaml", "rules//x.yaml", "rules/.x.yaml", "spool/x/y.journal", "",
     "daybook.db/x", "tables/A.copy", "rules/x.py", "secret.key\n", "rules/" + "x" * 100 + ".yaml"],
)  # fmt: skip
def test_no_other_name_is_taken(tmp_path: Path, staging: Path, name: str) -> None:
    assert not takes(name)
    if name:
        with pytest.raises(BadInput, match="Nothing was changed"):
            unpack(hostile(tmp_path / "bad", [member(name)]), staging)
    assert list(staging.iterdir()) == []


@pytest.mark.parametrize(
    "kind",
    [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.GNUTYPE_SPARSE,
     tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME],
)  # fmt: skip
def test_nothing_but_plain_files_is_taken(tmp_path: Path, staging: Path, kind: bytes) -> None:
    with pytest.raises(BadInput):
        unpack(hostile(tmp_path / "bad", [member("daybook.db", 0, kind)]), staging)

    assert list(staging.iterdir()) == []


def test_what_was_changed_is_refused(tmp_path: Path, staging: Path) -> None:
    told = {"secret.key": Member(1, "0" * 64)}
    wrong = msgspec.json.encode(msgspec.structs.replace(EMPTY, members=told))

    with pytest.raises(BadInput, match="not what its manifest says"):
        unpack(hostile(tmp_path / "bad", [member("secret.key")], manifest=wrong), staging)


@pytest.mark.parametrize(
    "names", [("rules/a.yaml", "rules/a.yaml/b.yaml"), ("rules/a.yaml/b.yaml", "rules/a.yaml")]
)  # fmt: skip
def test_a_member_that_is_the_folder_of_another_is_refused(
    tmp_path: Path, staging: Path, names: tuple[str, str]
) -> None:
    with pytest.raises(BadInput, match="holds what no backup holds"):
        unpack(hostile(tmp_path / "bad", [member(name) for name in names]), staging)


def test_a_manifest_nested_without_end_is_refused(tmp_path: Path, staging: Path) -> None:
    deep = msgspec.json.encode(EMPTY)[:-1] + b',"more":' + b"[" * 100_000 + b"]" * 100_000 + b"}"

    with pytest.raises(BadInput, match="cannot be read"):
        unpack(hostile(tmp_path / "bad", [], manifest=deep), staging)


def test_what_was_cut_short_is_refused_wherever_it_was_cut(tmp_path: Path) -> None:
    whole = made(tmp_path / "backup", {"daybook.db": bytes(range(256)) * 40}).read_bytes()
    for number, length in enumerate(range(0, len(whole) - 30, 97)):
        folder, cut = tmp_path / f"to-{number}", tmp_path / f"cut-{number}"
        folder.mkdir()
        cut.write_bytes(whole[:length])
        with pytest.raises(BadInput):
            unpack(cut, folder)


@pytest.mark.parametrize("content", [b"", b"PK", b"\x1f\x8b", b"{}"])
def test_what_is_no_archive_is_refused(tmp_path: Path, staging: Path, content: bytes) -> None:
    (tmp_path / "bad").write_bytes(content)

    with pytest.raises(BadInput):
        unpack(tmp_path / "bad", staging)


def test_more_than_the_disk_takes_is_refused(tmp_path: Path, staging: Path) -> None:
    huge = member("daybook.db", 0)
    huge.size = 2**60
    with tarfile.open(tmp_path / "bad", "w:gz", format=tarfile.GNU_FORMAT) as tar:
        tar.fileobj.write(huge.tobuf(tarfile.GNU_FORMAT))

    with pytest.raises(BadInput, match="room"):
        unpack(tmp_path / "bad", staging)


def test_another_format_is_told(tmp_path: Path, staging: Path) -> None:
    path = made(tmp_path / "backup", {}, msgspec.structs.replace(EMPTY, format=99))

    with pytest.raises(BadInput, match="format 99"):
        unpack(path, staging)
