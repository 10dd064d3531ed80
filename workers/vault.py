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

    def __init__(self, keys: list[str]) -> None:
        self._fernet = MultiFernet([Fernet(key) for key in keys])

    def seal(self, context: str, text: str) -> str:
        """Encrypt `text` for `context` (such as `webhook:<id>`), so that a token moved to another row won't open."""
        return self._fernet.encrypt(msgspec.json.encode((context, text))).decode()

    def open(self, context: str, token: str) -> str:
        """Decrypt; `Misconfigured` when the key is not the one it was sealed with, or the context differs."""
        try:
            sealed_for, text = msgspec.json.decode(self._fernet.decrypt(token.encode()), type=tuple[str, str])
        except (InvalidToken, msgspec.DecodeError):
            raise Misconfigured(
                "DAYBOOK_SECRET_KEY is not the key that this database's secrets were sealed with; "
                f"restore the old key (or {KEY_FILE} of the data directory), or list it after the new one."
            ) from None
        if not secrets.compare_digest(sealed_for.encode(), context.encode()):
            raise Misconfigured("a sealed secret was moved to another row; restore the database from a backup.")
        return text

    def reseal(self, token: str) -> str:
        """The same secret under the newest key."""
        return self._fernet.rotate(token.encode()).decode()


def open_vault(settings: Settings) -> Vault:
    """The vault of DAYBOOK_SECRET_KEY, else of the data directory's key, which is made at first start (mode 0600)."""
    return Vault(keys(settings))


def keys(settings: Settings) -> list[str]:
    """The Fernet keys in force, the newest first. Raises Misconfigured where there is none and none can be made."""
    if settings.secret_key is not None:
        return [key.strip() for key in settings.secret_key.get_secret_value().split(",")]
    path = settings.data_dir / KEY_FILE
    try:
        key = _read_or_make(path)
        Fernet(key)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it holds no Fernet key"
        raise Misconfigured(f"{path} cannot be used: {reason}. Mend it, or set DAYBOOK_SECRET_KEY.") from None
    return [key]


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
