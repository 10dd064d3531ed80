"""The mark that a demo leaves in its data directory, and what is not done beside it. The demo itself is `demo`'s."""

from __future__ import annotations

from workers.errors import Conflict
from workers.settings import Settings

_NAME = "demo"


def leave(settings: Settings) -> None:
    """Say that a demo ran here."""
    (settings.data_dir / _NAME).touch()


def there(settings: Settings) -> bool:
    """Whether one ran here."""
    return (settings.data_dir / _NAME).exists()


def refuse(settings: Settings) -> None:
    """Raises Conflict where a connection would be added beside the demo's.

    That one leads to a Cal.com that is gone: beside it `plan` and `doctor` would fail for ever.
    """
    folder = settings.data_dir
    if there(settings) and settings.database_url is None:
        raise Conflict(
            f"{folder} holds the data of `daybook demo`; remove it with `rm -r {folder}`, or set DAYBOOK_DATA_DIR."
        )
