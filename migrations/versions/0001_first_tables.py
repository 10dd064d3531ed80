"""The first tables: connections, webhooks, receipts, events, and what they need.

Revision: 0001, after nothing.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from workers.store.tables import Instant

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.create_table(
        "bodies",
        sa.Column("receipt_id", sa.Uuid(), nullable=False),
        sa.Column("headers", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("receipt_id", name=op.f("pk_bodies")),
    )
    op.create_table(
        "bookings",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("lineage", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("uid", "connection", name=op.f("pk_bookings")),
    )
    op.create_index("ix_bookings_connection_lineage", "bookings", ["connection", "lineage"], unique=False)
    op.create_table(
        "connections",
        sa.Column("pcid", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("base_url", sa.Text(), nullable=False),
        sa.Column("org_id", sa.BigInteger(), nullable=False),
        sa.Column("credential", sa.Text(), nullable=False),
        sa.Column("per_minute", sa.Integer(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("pcid", name=op.f("pk_connections")),
    )
    op.create_table(
        "event_people",
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("email", "event_id", name=op.f("pk_event_people")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "events",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("delivery_id", sa.Uuid(), nullable=True),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("webhook", sa.Text(), nullable=False),
        sa.Column("webhook_version", sa.Text(), nullable=True),
        sa.Column("trigger", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("received_at", Instant(), nullable=False),
        sa.Column("occurred_at", Instant(), nullable=False),
        sa.Column("caused_by", sa.Text(), nullable=True),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=True),
        sa.Column("type", sa.Text(), nullable=True),
        sa.Column("starts_at", Instant(), nullable=True),
        sa.Column("ends_at", Instant(), nullable=True),
        sa.Column("booking_uid", sa.Text(), nullable=True),
        sa.Column("booking_id", sa.BigInteger(), nullable=True),
        sa.Column("previous_uid", sa.Text(), nullable=True),
        sa.Column("seat", sa.Text(), nullable=True),
        sa.Column("series", sa.Text(), nullable=True),
        sa.Column("event_type_id", sa.BigInteger(), nullable=True),
        sa.Column("event_type_slug", sa.Text(), nullable=True),
        sa.Column("organizer", DOCUMENT, nullable=True),
        sa.Column("hosts", DOCUMENT, nullable=False),
        sa.Column("attendees", DOCUMENT, nullable=False),
        sa.Column("notes", sa.Text(), nullable=True),
        sa.Column("words", sa.Text(), nullable=True),
        sa.Column("payload", DOCUMENT, nullable=True),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_events")),
        sa.UniqueConstraint("id", name=op.f("uq_events_id")),
    )
    op.create_index("ix_events_booking_uid_id", "events", ["booking_uid", "id"], unique=False)
    op.create_index("ix_events_connection_id", "events", ["connection", "id"], unique=False)
    op.create_index("ix_events_kind_id", "events", ["kind", "id"], unique=False)
    op.create_index(
        "ix_events_trigger_id", "events", ["trigger", "id", "kind", "connection", "received_at"], unique=False
    )
    op.create_table(
        "keys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("revoked_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_keys")),
        sa.UniqueConstraint("digest", name=op.f("uq_keys_digest")),
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_leases")),
    )
    op.create_table(
        "receipts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("webhook_id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("era", sa.BigInteger(), nullable=False),
        sa.Column("received_at", Instant(), nullable=False),
        sa.Column("bytes", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("secret_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("seen", sa.Integer(), nullable=False),
        sa.Column("last_seen_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receipts")),
        sa.UniqueConstraint("webhook_id", "sha256", "era", name=op.f("uq_receipts_webhook_id_sha256_era")),
    )
    op.create_index(
        "ix_receipts_unsettled",
        "receipts",
        ["state", "id"],
        unique=False,
        sqlite_where=sa.text("state <> 'persisted'"),
        postgresql_where=sa.text("state <> 'persisted'"),
    )
    op.create_index(
        "ix_receipts_unproved",
        "receipts",
        ["verdict", "id"],
        unique=False,
        sqlite_where=sa.text("verdict <> 'signed'"),
        postgresql_where=sa.text("verdict <> 'signed'"),
    )
    op.create_index("ix_receipts_webhook_id", "receipts", ["webhook_id", "id"], unique=False)
    op.create_table(
        "budgets",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("next_at", sa.Float(), nullable=False),
        sa.Column("halted_until", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["connection"], ["connections.pcid"], name=op.f("fk_budgets_connection"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("connection", name=op.f("pk_budgets")),
    )
    op.create_table(
        "webhooks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("token_digest", sa.LargeBinary(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("remote_id", sa.Text(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["connection"], ["connections.pcid"], name=op.f("fk_webhooks_connection")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhooks")),
        sa.UniqueConstraint("name", name=op.f("uq_webhooks_name")),
        sa.UniqueConstraint("token_digest", name=op.f("uq_webhooks_token_digest")),
    )
    op.create_table(
        "webhook_secrets",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("webhook_id", sa.Uuid(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["webhook_id"], ["webhooks.id"], name=op.f("fk_webhook_secrets_webhook_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_secrets")),
    )
    op.create_index(op.f("ix_webhook_secrets_webhook_id"), "webhook_secrets", ["webhook_id"], unique=False)
    if op.get_bind().dialect.name == "sqlite":
        _sqlite_search()
    else:
        _postgresql_bodies()
        _postgresql_search()


def _sqlite_search() -> None:
    """Full text by FTS5 over a column of `events` itself, kept in step by triggers. The column is folded already."""
    op.execute(
        "CREATE VIRTUAL TABLE events_text USING fts5("
        "words, content='events', content_rowid='seq', tokenize='unicode61 remove_diacritics 0')"
    )
    row = "INSERT INTO events_text (rowid, words) VALUES (new.seq, new.words);"
    gone = "INSERT INTO events_text (events_text, rowid, words) VALUES ('delete', old.seq, old.words);"
    op.execute(f"CREATE TRIGGER events_text_insert AFTER INSERT ON events BEGIN {row} END")
    op.execute(f"CREATE TRIGGER events_text_delete AFTER DELETE ON events BEGIN {gone} END")
    op.execute(f"CREATE TRIGGER events_text_update AFTER UPDATE OF words ON events BEGIN {gone} {row} END")


def _postgresql_bodies() -> None:
    """Bodies stay as they are and where they are: compressing each one costs a fifth of accepting it."""
    op.execute("ALTER TABLE bodies ALTER COLUMN body SET STORAGE EXTERNAL")
    op.execute("ALTER TABLE bodies SET (toast_tuple_target = 8160)")


def _postgresql_search() -> None:
    """Full text by an index on an expression: a stored column would double what it indexes."""
    op.execute("CREATE INDEX ix_events_text ON events USING gin (to_tsvector('simple', words))")


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TABLE events_text")
    for table in reversed(
        ["connections", "webhooks", "webhook_secrets", "receipts", "bodies", "bookings", "events", "event_people",
         "leases", "budgets", "keys"]
    ):  # fmt: skip
        op.drop_table(table)
