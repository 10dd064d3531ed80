"""Sealing secrets at rest: MultiFernet, each token bound to what it belongs to. It stores nothing itself."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import msgspec
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from workers.errors import Misconfigured
from workers.settings import Settings

KEY_FILE = "secret.key"


class Vault:
    """Seals text so that only a holder of the key opens it, and only in the context it was sealed for."""

    def __init__(self, keys: list[str], file: Path | None = None) -> None:
        """`file`: where the keys were read, which may have new ones while this process lives; it looks again then."""
        self._file = file
        self._read: tuple[int, int] | None = _stat(file)
        self._take(keys)

    def _take(self, keys: list[str]) -> None:
        self._newest = Fernet(keys[0])
        self._fernet = MultiFernet([self._newest, *(Fernet(key) for key in keys[1:])])

    def _look_again(self) -> bool:
        """Take the file's keys where it is another than before; whether it was."""
        if self._file is None or (now := _stat(self._file)) is None or now == self._read:
            return False
        try:
            self._take(_split(self._file.read_text("ascii")))
        except (OSError, ValueError):
            return False
        self._read = now
        return True

    def seal(self, context: str, text: str) -> str:
        """Encrypt `text` for `context` (such as `webhook:<id>`), so that a token moved to another row won't open."""
        self._look_again()
        return self._fernet.encrypt(msgspec.json.encode((context, text))).decode()

    def open(self, context: str, token: str) -> str:
        """Decrypt; `Misconfigured` when the key is not the one it was sealed with, or the context differs."""
        try:
            sealed_for, text = msgspec.json.decode(self._decrypted(token), type=tuple[str, str])
        except (InvalidToken, msgspec.DecodeError):
            raise Misconfigured(
                "DAYBOOK_SECRET_KEY is not the key that this database's secrets were sealed with; "
                f"restore the old key (or {KEY_FILE} of the data directory), or list it after the new one."
            ) from None
        if not secrets.compare_digest(sealed_for.encode(), context.encode()):
            raise Misconfigured("a sealed secret was moved to another row; restore the database from a backup.")
        return text

    def reseal(self, token: str) -> str:
        """The same secret under the newest key; `Misconfigured` where no key opens it."""
        try:
            return self._fernet.rotate(token.encode()).decode()
        except InvalidToken:
            raise Misconfigured("something was sealed with a key that is not here; list that key, too.") from None

    def is_newest(self, token: str) -> bool:
        """Whether it is sealed with the newest key."""
        try:
            self._newest.decrypt(token.encode())
        except InvalidToken:
            return False
        return True

    def _decrypted(self, token: str) -> bytes:
        try:
            return self._fernet.decrypt(token.encode())
        except InvalidToken:
            if not self._look_again():
                raise
            return self._fernet.decrypt(token.encode())


def open_vault(settings: Settings) -> Vault:
    """The vault of DAYBOOK_SECRET_KEY, else of the data directory's key, which is made at first start (mode 0600)."""
    return Vault(keys(settings), None if settings.secret_key is not None else settings.data_dir / KEY_FILE)


def add_key(settings: Settings) -> int:
    """Put a new key before those of the data directory's file, which open what they sealed; returns how many there are.

    Processes that run find it as soon as they seal something, or meet what it sealed.
    """
    held = [Fernet.generate_key().decode(), *keys(settings)]
    _write(settings.data_dir / KEY_FILE, held)
    return len(held)


def drop_old_keys(settings: Settings) -> int:
    """Leave only the newest key in that file; returns how many went. What they sealed opens no more."""
    held = keys(settings)
    _write(settings.data_dir / KEY_FILE, held[:1])
    return len(held) - 1


def keys(settings: Settings) -> list[str]:
    """The Fernet keys in force, the newest first. Raises Misconfigured where there is none and none can be made."""
    if settings.secret_key is not None:
        return [key.strip() for key in settings.secret_key.get_secret_value().split(",")]
    path = settings.data_dir / KEY_FILE
    try:
        held = _split(_read_or_make(path))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it holds no Fernet key"
        raise Misconfigured(f"{path} cannot be used: {reason}. Mend it, or set DAYBOOK_SECRET_KEY.") from None
    return held


def _split(text: str) -> list[str]:
    """The keys of a file, by lines or commas; ValueError where one is none."""
    held = text.replace(",", " ").split()
    for key in held or [""]:
        Fernet(key)
    return held


def _stat(file: Path | None) -> tuple[int, int] | None:
    """What is another where a file was replaced."""
    try:
        found = file.stat() if file is not None else None
    except OSError:
        return None
    return None if found is None else (found.st_ino, found.st_mtime_ns)


def _write(path: Path, held: list[str]) -> None:
    """Put another file in its place, mode 0600; a power cut leaves the one or the other."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write("\n".join(held))
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _read_or_make(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    if not path.exists():
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(Fernet.generate_key())
                file.flush()
                os.fsync(file.fileno())
            os.link(draft, path)  # fails where another process was first: then its key is the key
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text("ascii").strip()
