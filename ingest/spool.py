"""The journal on local disk for deliveries that come while SQL is away. It is no queue: it is drained, then gone.

A process appends to segments of its own, each under an exclusive lock for as long as it is written, so that
processes share a folder without knowing of each other. Whoever can lock a segment that is closed, or whose writer
is dead, may drain it. A record is `length, crc32, payload`, and the payload's first byte is the version of the rest.
A segment whose end a power cut tore is drained up to there, reported, and set aside as `.torn`; one with a record of
a version that only another Daybook knows, as `.unknown`.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import threading
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BufferedRandom
from pathlib import Path

import msgspec
import structlog
from uuid_utils.compat import uuid7

from workers.store.receipts import Receipt

log = structlog.get_logger(__name__)

_HEAD = struct.Struct("<II")
#: of a record's payload: raised when `Receipt` changes so that what is on disk no longer reads as it
_VERSION = 1
_SEGMENT_BYTES = 32 * 1024 * 1024
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Receipt)
BATCH = 128
#: pieces of one segment that cannot be read and are told of one by one
_TOLD = 20
#: what is not drained, and why
_ASIDE = frozenset({".refused", ".torn", ".unknown"})


class SpoolFull(Exception):
    """The spool has reached its limit, or its disk is full: what did not fit is not kept."""


class Spool:
    """Segments in `folder`, `limit` bytes at the most over all processes. Thread-safe."""

    def __init__(self, folder: Path, limit: int) -> None:
        self.folder = folder
        self.limit = limit
        self._lock = threading.Lock()
        self._segment: BufferedRandom | None = None
        self._path: Path | None = None
        self._counted = (0.0, 0)  # when (monotonic seconds) and how many bytes

    def append(self, batch: Sequence[Receipt]) -> None:
        """Write `batch` and fsync it. After `SpoolFull` nothing of it is in the spool."""
        records = b"".join(map(_record, batch))
        with self._lock:
            held = self._held()
            if held + len(records) > self.limit:
                raise SpoolFull(f"the spool holds {held} bytes; DAYBOOK_SPOOL_BYTES is {self.limit}")
            try:
                segment = self._open()
                end = segment.seek(0, os.SEEK_END)
            except OSError as error:
                raise SpoolFull(f"the spool cannot be opened: {error.strerror}") from error
            try:
                segment.write(records)
                segment.flush()
                os.fsync(segment.fileno())
            except OSError as error:
                self._undo(segment, end)
                raise SpoolFull(f"the spool cannot be written: {error.strerror}") from error
            self._counted = (self._counted[0], held + len(records))
            if end + len(records) >= _SEGMENT_BYTES:
                self._close()

    def set_aside(self, receipt: Receipt) -> None:
        """Keep a receipt that SQL refuses, in a file of its own; renamed to `.journal` it is drained again."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with (self.folder / f"{receipt.id}.refused").open("wb") as file:
                file.write(_record(receipt))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise SpoolFull(f"the spool cannot be written: {error.strerror}") from error

    def drain(self, take: Callable[[list[Receipt]], object]) -> int:
        """Hand every record to `take`, oldest segment first, in batches; returns how many. What `take` raises stops it.

        A segment goes only when all of it was taken, so a drain that was cut short hands some records over twice:
        `take` must not mind (a receipt that is already in SQL is counted, not repeated).
        """
        with self._lock:
            self._close()
        drained = 0
        for path in self._segments():
            with contextlib.suppress(FileNotFoundError), path.open("r+b") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue  # another process writes or drains it
                if os.fstat(file.fileno()).st_nlink == 0:
                    continue  # another process drained it while this one opened it
                segment = _read(file, path.name)
                for start in range(0, len(segment.records), BATCH):
                    take(segment.records[start : start + BATCH])
                    drained += len(segment.records[start : start + BATCH])
                if segment.unread is not None:
                    path.rename(path.with_suffix(segment.unread))  # for a person to look at
                else:
                    path.unlink()
        return drained

    def rewrite(self, change: Callable[[Receipt], Receipt], blot: Callable[[bytes], bytes]) -> int:
        """Put `change` of each record in its place, in segments and in what was set aside.

        `blot` is for what cannot be read as records. Returns how many files were left: another process has them.
        """
        with self._lock:
            self._close()
        left = 0
        for path in sorted(path for path in self.folder.glob("*.*") if path.suffix in _ASIDE | {".journal"}):
            with contextlib.suppress(FileNotFoundError), path.open("r+b") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    left += 1
                    continue
                if os.fstat(file.fileno()).st_nlink == 0:
                    continue  # it was drained while it was opened
                segment = _read(file, path.name, tell=False)
                after = [change(record) for record in segment.records]
                blotted = blot(segment.rest)
                if (after, blotted) != (segment.records, segment.rest):
                    self._replace(path, b"".join(map(_record, after)) + blotted)
        return left

    def _replace(self, path: Path, content: bytes) -> None:
        """Put another file in a file's place; a power cut leaves the one or the other."""
        draft = path.with_suffix(".draft")
        with draft.open("wb") as file:
            draft.chmod(0o600)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        self._name(draft, path)

    def _name(self, draft: Path, path: Path) -> None:
        """Give a draft its name, for good: without the fsync a power cut may forget it."""
        draft.rename(path)
        directory = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def bytes(self) -> int:
        """How much the spool holds now, of all processes."""
        total = 0
        for path in self._segments():
            with contextlib.suppress(FileNotFoundError):
                total += path.stat().st_size
        return total

    def aside(self) -> int:
        """How many files were set aside for a person to look at."""
        return sum(path.suffix in _ASIDE for path in self.folder.glob("*.*"))

    def _held(self) -> int:
        """As `bytes`, looked up at most once a second: an outage leaves many segments."""
        at, total = self._counted
        if time.monotonic() - at > 1:
            total = self.bytes()
            self._counted = (time.monotonic(), total)
        return total

    def close(self) -> None:
        """Let go of the segment being written; what it holds stays for the next process."""
        with self._lock:
            self._close()

    def _segments(self) -> list[Path]:
        return sorted(path for path in self.folder.glob("*.journal") if path.is_file())

    def _open(self) -> BufferedRandom:
        if self._segment is None:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            path = self.folder / f"{uuid7()}.journal"
            draft = path.with_suffix(".draft")
            segment = draft.open("x+b")
            draft.chmod(0o600)
            fcntl.flock(segment, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._name(draft, path)  # only a locked file has a name that a drain looks for
            self._segment, self._path = segment, path
        return self._segment

    def _undo(self, segment: BufferedRandom, end: int) -> None:
        """Cut a half-written batch off; a segment that won't be cut is left as it is, its torn end skipped later."""
        try:
            os.ftruncate(segment.fileno(), end)
            if end == 0 and self._path is not None:
                self._path.unlink()  # a full disk must not fill with empty files
        finally:
            self._segment = self._path = None
            with contextlib.suppress(OSError):  # closing flushes what could not be written
                segment.close()

    def _close(self) -> None:
        if self._segment is not None:
            self._segment.close()
            self._segment = None


def _record(receipt: Receipt) -> bytes:
    payload = bytes([_VERSION]) + _ENCODER.encode(receipt)
    return _HEAD.pack(len(payload), zlib.crc32(payload)) + payload


@dataclass(frozen=True, slots=True)
class _Segment:
    """What is in a segment: its records, the pieces that cannot be read, and the suffix that says why not."""

    records: list[Receipt]
    rest: bytes
    unread: str | None


def _read(file: BufferedRandom, name: str, *, tell: bool = True) -> _Segment:
    """Read a segment. Of a record that went bad on the disk its length is believed as long as something follows that
    may be one; what is torn at its end has nothing after it."""
    content = memoryview(file.read())
    found: list[Receipt] = []
    rest: list[memoryview] = []
    unread, offset = None, 0
    while offset < len(content):
        length, payload, checksum = _next(content, offset)
        if payload is None:  # nothing after it has a beginning that is known
            unread, end = ".torn", len(content)
            rest.append(content[offset:])
        elif zlib.crc32(payload) == checksum and payload[0] != _VERSION:
            if tell:
                log.error("spool.unknown_version", segment=name, offset=offset, version=payload[0], known=_VERSION)
            return _Segment(found, b"".join([*rest, content[offset:]]), ".unknown")
        else:
            end = offset + _HEAD.size + length
            receipt = _receipt(payload, checksum)
            if receipt is not None:
                found.append(receipt)
                offset = end
                continue
            unread = ".torn"
            rest.append(content[offset:end])
        if tell and len(rest) <= _TOLD:
            log.error("spool.torn", segment=name, offset=offset, unread_bytes=end - offset)
        offset = end
    return _Segment(found, b"".join(rest), unread)


def _next(content: memoryview, offset: int) -> tuple[int, memoryview | None, int]:
    """The length, payload and checksum that stand there; no payload where they cannot be those of a record."""
    if offset + _HEAD.size > len(content):
        return 0, None, 0
    length, checksum = _HEAD.unpack_from(content, offset)
    payload = content[offset + _HEAD.size : offset + _HEAD.size + length]
    return length, payload if length and len(payload) == length else None, checksum


def _receipt(payload: memoryview, checksum: int) -> Receipt | None:
    if zlib.crc32(payload) != checksum:
        return None
    try:
        return _DECODER.decode(payload[1:])
    except (ValueError, msgspec.DecodeError):
        return None
