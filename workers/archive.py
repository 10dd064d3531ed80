"""A backup as one file: a gzipped tar of known members and, last, a manifest with the SHA-256 of each. It knows no SQL.

What is read may come from anybody. Nothing of it is ever unpacked by its own name: a member has one of the names that
backups have, is a plain file, and goes to a staging folder; too much for the disk is an error, and so is any digest
that is not the manifest's.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import re
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import msgspec

from workers.errors import BadInput, Conflict

MANIFEST = "manifest.json"
#: of the format: raised when an older Daybook could not read it
FORMAT = 1
#: names of members, and the most bytes that one may have; None: what the disk has room for
_NAMES: tuple[tuple[re.Pattern[str], int | None], ...] = (
    (re.compile(r"daybook\.db"), None),
    (re.compile(r"tables/[a-z][a-z0-9_]{0,62}\.copy"), None),
    (re.compile(r"spool/[0-9a-f-]{1,64}\.(journal|refused|torn|unknown)"), None),
    (re.compile(r"secret\.key"), 64 * 1024),
    (re.compile(r"daybook\.yaml"), 4 * 1024**2),
    (re.compile(r"rules/(?:[A-Za-z0-9_][\w. -]*/){0,8}[A-Za-z0-9_][\w. -]*\.ya?ml", re.ASCII), 4 * 1024**2),
)
#: characters of a name that a plain header of tar has room for
_LONGEST = 100
_MOST_MEMBERS = 100_000
_MOST_MANIFEST = 32 * 1024**2
#: bytes left free on the disk
_RESERVE = 64 * 1024**2
_CHUNK = 1024 * 1024


class Member(msgspec.Struct, frozen=True):
    """One file of a backup."""

    bytes: int
    sha256: str


class Table(msgspec.Struct, frozen=True):
    """One table: how many rows, and the columns in the order of its dump (none where the database is one file)."""

    rows: int
    columns: list[str] = []


class Manifest(msgspec.Struct, frozen=True):
    """What a backup says of itself. `database` is `sqlite` or `postgresql`, `revision` that of the migrations."""

    format: int
    version: str
    made_at: str
    database: str
    revision: str
    tables: dict[str, Table]
    members: dict[str, Member]


class Writer:
    """Adds members to a new archive. Made by `written`."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self.members: dict[str, Member] = {}

    def add(self, name: str, path: Path) -> None:
        """Add a file as far as it is long now: one that is appended to meanwhile is cut there."""
        with path.open("rb") as file:
            self._add(name, file, os.fstat(file.fileno()).st_size)

    def end(self, manifest: Manifest) -> None:
        """Add the manifest, which ends it."""
        content = msgspec.json.encode(manifest)
        self._add(MANIFEST, io.BytesIO(content), len(content))

    def _add(self, name: str, file: IO[bytes], size: int) -> None:
        told = tarfile.TarInfo(name)
        told.size, told.mode = size, 0o600
        reading = _Hashing(file)
        self._tar.addfile(told, reading)
        self.members[name] = Member(size, reading.sha256.hexdigest())


class _Plain(tarfile.TarInfo):
    """A plain file, and nothing else: what other headers say is read into memory whole, whatever its length."""

    def _proc_member(self, tar: tarfile.TarFile) -> tarfile.TarInfo:
        if self.type not in (tarfile.REGTYPE, tarfile.AREGTYPE):
            raise tarfile.TarError
        found: tarfile.TarInfo = super()._proc_member(tar)  # type: ignore[misc]
        return found


class _Hashing(io.RawIOBase):
    """A file that is hashed as it is read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.sha256 = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        content = self._file.read(size)
        self.sha256.update(content)
        return content


def takes(name: str) -> bool:
    """Whether a member may have this name."""
    return len(name) <= _LONGEST and any(pattern.fullmatch(name) for pattern, _ in _NAMES)


@contextmanager
def written(path: Path) -> Iterator[Writer]:
    """A new archive at `path`, mode 0600, there only once it is whole and on the disk. `Conflict` where one is."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            with (
                gzip.GzipFile(fileobj=file, mode="wb", compresslevel=1, filename="", mtime=0) as packed,
                tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as tar,
            ):
                yield Writer(tar)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)  # fails where there is one already
        except FileExistsError:
            raise Conflict(f"{path} is there already; a backup overwrites nothing.") from None
    finally:
        draft.unlink(missing_ok=True)


def unpack(path: Path, staging: Path) -> Manifest:
    """Check all of an archive while it is laid into `staging`, member by member; its manifest.

    `BadInput` where it is no backup, is cut short or was changed: then nothing of it may be used.
    """
    found: dict[str, Member] = {}
    manifest: Manifest | None = None
    try:
        with tarfile.open(path, "r|gz", tarinfo=_Plain) as tar:
            for told in tar:
                if manifest is not None or not told.isreg() or len(found) >= _MOST_MEMBERS or told.name in found:
                    raise _broken(path, "it holds what no backup holds")
                content = tar.extractfile(told)
                assert content is not None, "it is a plain file"
                if told.name == MANIFEST:
                    if told.size > _MOST_MANIFEST:
                        raise _broken(path, "its manifest is too long")
                    manifest = msgspec.json.decode(content.read(), type=Manifest)
                else:
                    found[told.name] = _lay(path, told, content, staging)
    except (
        FileExistsError,
        NotADirectoryError,
    ):  # one member's name is the folder of another, or differs by case alone
        raise _broken(path, "it holds what no backup holds") from None
    except (
        tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error, msgspec.DecodeError, UnicodeDecodeError,
        RecursionError,
    ) as error:  # fmt: skip
        raise _broken(path, f"it cannot be read ({type(error).__name__})") from None
    if manifest is None:
        raise _broken(path, "it has no manifest, so it was cut short")
    if manifest.format != FORMAT:
        raise BadInput(f"{path} has format {manifest.format}, and this Daybook reads {FORMAT}; use the other one.")
    if found != manifest.members:
        raise _broken(path, "what it holds is not what its manifest says")
    return manifest


def _lay(path: Path, told: tarfile.TarInfo, content: IO[bytes], staging: Path) -> Member:
    most = next((most for pattern, most in _NAMES if pattern.fullmatch(told.name)), 0)
    if not takes(told.name) or (most is not None and told.size > most):
        raise _broken(path, "it holds what no backup holds")
    if told.size > shutil.disk_usage(staging).free - _RESERVE:
        raise BadInput(f"{path} holds more than {staging} has room for; free some.")
    target = staging / told.name
    target.parent.mkdir(parents=True, exist_ok=True)
    sha256 = hashlib.sha256()
    with target.open("xb") as file:
        while chunk := content.read(_CHUNK):
            sha256.update(chunk)
            file.write(chunk)
    return Member(told.size, sha256.hexdigest())


def _broken(path: Path, why: str) -> BadInput:
    return BadInput(f"{path} is no backup that can be used: {why}. Nothing was changed.")
