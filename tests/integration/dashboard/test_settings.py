"""The page of settings: what is in force and where it came from, without secrets."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from ingest.dashboard.settings import bare
from tests.integration.dashboard.conftest import Looked, looking, words
from workers.settings import Settings, load
from workers.store.engine import open_store
from workers.store.keys import Role
from workers.vault import Vault

SECRETS = ("adminadminadminadmin1", "hunter2", "d3cret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")


def test_each_setting_has_its_value_and_where_it_came_from_and_no_secret_is_shown(
    sqlite_database: str, vault: Vault, tmp_path: Path
) -> None:
    (tmp_path / "admin").write_text(SECRETS[0])
    (tmp_path / "daybook.yaml").write_text("mcp_per_minute: 7\n")
    environ = {
        "DAYBOOK_DATA_DIR": str(tmp_path / "data"),
        "DAYBOOK_ADMIN_KEY_FILE": str(tmp_path / "admin"),
        "DAYBOOK_DATABASE_URL": "postgresql://ada:hunter2@db.acme.internal/daybook?password=d3cret",
        "DAYBOOK_SIGNING_SECRET": SECRETS[3],
        "DAYBOOK_PORT": "9999",
    }
    settings = load(environ, cwd=tmp_path)
    with contextlib.closing(open_store(sqlite_database)) as store, looking(store, vault, settings) as looked:
        answer = looked.get("/settings", role=Role.ADMIN)
    said = words(answer)
    assert answer.status_code == 200
    assert not [secret for secret in SECRETS if secret in answer.text]
    for setting in Settings.model_fields:
        assert f"DAYBOOK_{setting.upper()}" in said
    assert "DAYBOOK_PORT 9999 DAYBOOK_PORT instead of 8787 " in said
    assert "DAYBOOK_ADMIN_KEY set DAYBOOK_ADMIN_KEY_FILE " in said
    assert f"DAYBOOK_MCP_PER_MINUTE 7 mcp_per_minute in {tmp_path / 'daybook.yaml'} instead of 120" in said
    assert "DAYBOOK_SECRET_KEY not set default " in said
    assert "://db.acme.internal/daybook?…" in said


def test_the_page_says_what_this_daybook_is_and_holds(looked_on_each: Looked) -> None:
    looked_on_each.filled.events(3)
    said = words(looked_on_each.get("/settings", role=Role.ADMIN))
    kind = "SQLite" if looked_on_each.filled.store.sqlite else "PostgreSQL"
    assert f"Database {kind}" in said
    assert "Tables revision 0" in said
    assert "deliveries 3 " in said


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("redis://:hunter2@cache:6379/0", "redis://cache:6379/0"),
        ("amqps://ada:hunter2@[::1]:5671/%2F", "amqps://[::1]:5671/%2F"),
        ("unix:///run/valkey.sock", "unix:///run/valkey.sock"),
        ("redis://cache/0?password=hunter2", "redis://cache/0?…"),
        ("http://[", "…"),
    ],
)
def test_a_url_is_shown_without_what_it_signs_in_with(url: str, said: str) -> None:
    assert bare(url) == said
