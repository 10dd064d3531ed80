"""The tables, as SQLAlchemy sees them. `migrations/` makes them; a test holds the two equal.

The tables that every delivery touches (receipts, bodies, events, event_people) have no foreign keys: each would cost
a look-up a row, and their rows are written together, in one transaction, by one statement's author.
Text has no length here: a value too long would be an error, and an error loses a delivery. The catalogue cuts instead.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator, TypeEngine


class Instant(TypeDecorator[datetime]):
    """An aware UTC datetime: `timestamptz` on PostgreSQL, sortable ISO text with milliseconds on SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(String(24))
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None or dialect.name != "sqlite":
            return value
        return self.spell(value)

    @staticmethod
    def spell(value: datetime) -> str:
        """An instant as SQLite's text, in UTC: its order as text is its order in time."""
        return value.astimezone(UTC).isoformat(timespec="milliseconds")[:23] + "Z"

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if isinstance(value, str):
            return datetime.fromisoformat(value)
        return value.astimezone(UTC) if isinstance(value, datetime) else None


Document = JSON().with_variant(JSONB(), "postgresql")

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

#: Cal.com organizations that Daybook may act for
connections = Table(
    "connections",
    metadata,
    Column("pcid", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("base_url", Text, nullable=False),
    Column("org_id", BigInteger, nullable=False),
    Column("credential", Text, nullable=False),  # sealed
    Column("per_minute", Integer, nullable=False),  # the budget of calls; 0: none
    Column("created_at", Instant, nullable=False),
)

#: subscriptions, each with its own URL token
webhooks = Table(
    "webhooks",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("connection", Text, ForeignKey("connections.pcid"), nullable=False),
    Column("token_digest", LargeBinary, nullable=False, unique=True),  # sha256: what a delivery is looked up by
    Column("token", Text, nullable=False),  # sealed: what the URL is made of
    Column("origin", Text, nullable=False),  # applied | adopted
    Column("remote_id", Text),  # Cal.com's id of it, once known
    Column("created_at", Instant, nullable=False),
)

#: a webhook has one secret, and beside it each that was replaced, until its end
webhook_secrets = Table(
    "webhook_secrets",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("webhook_id", Uuid, ForeignKey("webhooks.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("secret", Text, nullable=False),  # sealed
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant),  # null: live until replaced
)

#: the committed row of a delivery; ids are UUIDv7, so that their order is the order of arrival
receipts = Table(
    "receipts",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("webhook_id", Uuid, nullable=False),
    Column("sha256", LargeBinary, nullable=False),
    Column("era", BigInteger, nullable=False),  # 0 for a dated body, else when it came, in Unix milliseconds
    Column("received_at", Instant, nullable=False),
    Column("bytes", Integer, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("secret_id", Uuid),
    Column("state", Text, nullable=False),
    Column("seen", Integer, nullable=False),
    Column("last_seen_at", Instant, nullable=False),
    UniqueConstraint("webhook_id", "sha256", "era"),
    Index("ix_receipts_webhook_id", "webhook_id", "id"),
    # SQLite uses these two only for a statement that says the same condition: `UNSETTLED` and `UNPROVED` below.
    Index(
        "ix_receipts_unsettled",
        "state",
        "id",
        sqlite_where=text("state <> 'persisted'"),
        postgresql_where=text("state <> 'persisted'"),
    ),
    Index(
        "ix_receipts_unproved",
        "verdict",
        "id",
        sqlite_where=text("verdict <> 'signed'"),
        postgresql_where=text("verdict <> 'signed'"),
    ),
)

#: to be said beside `state = …`, whichever state but `persisted`
UNSETTLED = text("receipts.state <> 'persisted'")
#: to be said beside `verdict = …`, whichever verdict but `signed`
UNPROVED = text("receipts.verdict <> 'signed'")

#: what came, byte for byte; apart from `receipts` so that a change of state does not rewrite a body. On PostgreSQL it
#: has a partition a month, by the time in its id (see `months.py`); `receipts` and `events` have none, for what is
#: unique in them has no time in it, and PostgreSQL keeps unique over partitions only what has
bodies = Table(
    "bodies",
    metadata,
    Column("receipt_id", Uuid, primary_key=True),
    Column("headers", LargeBinary, nullable=False),  # JSON: [[name, value], …], latin-1
    Column("body", LargeBinary, nullable=False),
)

#: which uids a reschedule strings together; a booking that was never rescheduled is its own lineage and not here
bookings = Table(
    "bookings",
    metadata,
    Column("connection", Text, nullable=False),
    Column("uid", Text, nullable=False),
    Column("lineage", Text, nullable=False),  # the earliest uid known of the chain
    PrimaryKeyConstraint("uid", "connection"),  # in this order: who asks knows the uid
    Index("ix_bookings_connection_lineage", "connection", "lineage"),
)

#: the history. An event that came by a delivery has that delivery's id: one receipt is one event, by primary key
events = Table(
    "events",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("id", Uuid, nullable=False, unique=True),
    Column("delivery_id", Uuid),  # null for a synthetic event
    Column("connection", Text, nullable=False),
    Column("webhook", Text, nullable=False),
    Column("webhook_version", Text),
    Column("trigger", Text),
    Column("kind", Text, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("occurred_at", Instant, nullable=False),
    Column("caused_by", Text),
    Column("title", Text),
    Column("status", Text),
    Column("type", Text),
    Column("starts_at", Instant),
    Column("ends_at", Instant),
    Column("booking_uid", Text),
    Column("booking_id", BigInteger),
    Column("previous_uid", Text),
    Column("seat", Text),
    Column("series", Text),
    Column("event_type_id", BigInteger),
    Column("event_type_slug", Text),
    Column("organizer", Document),
    Column("hosts", Document, nullable=False),
    Column("attendees", Document, nullable=False),
    Column("notes", Text),
    Column("words", Text),  # title, names of all people and notes, folded: what search looks at
    Column("payload", Document),  # null: it is read from the delivery's body
    # The last three are along for the statistics, which then never read the rows themselves.
    Index("ix_events_trigger_id", "trigger", "id", "kind", "connection", "received_at"),
    Index("ix_events_kind_id", "kind", "id"),
    Index("ix_events_connection_id", "connection", "id"),
    Index("ix_events_booking_uid_id", "booking_uid", "id"),
    # What nearly every event has leads nowhere sooner than the events themselves: that status is left out, and `type`
    # where it says what the slug does. SQLite uses these for a statement that says so: `UNUSUAL`, `OTHER_TYPE` below.
    # The trigger is along for who asks for a status that events of that trigger do not have.
    Index(
        "ix_events_status_id",
        "status",
        "id",
        "trigger",
        sqlite_where=text("status <> 'ACCEPTED'"),
        postgresql_where=text("status <> 'ACCEPTED'"),
    ),
    Index(
        "ix_events_event_type_id_id",
        "event_type_id",
        "id",
        sqlite_where=text("event_type_id IS NOT NULL"),
        postgresql_where=text("event_type_id IS NOT NULL"),
    ),
    Index(
        "ix_events_event_type_slug_id",
        "event_type_slug",
        "id",
        sqlite_where=text("event_type_slug IS NOT NULL"),
        postgresql_where=text("event_type_slug IS NOT NULL"),
    ),
    Index(
        "ix_events_type_id",
        "type",
        "id",
        sqlite_where=text("type IS DISTINCT FROM event_type_slug"),
        postgresql_where=text("type IS DISTINCT FROM event_type_slug"),
    ),
)

#: to be said beside `status = …`, whichever status but `ACCEPTED`
UNUSUAL = text("events.status <> 'ACCEPTED'")
#: to be said beside `type = …` where the slug is asked for too
OTHER_TYPE = text("events.type IS DISTINCT FROM events.event_type_slug")

#: who is in an event, by lower-case e-mail
event_people = Table(
    "event_people",
    metadata,
    Column("email", Text, primary_key=True),
    Column("event_id", Uuid, primary_key=True),
    Column("host", Boolean, nullable=False),  # whether as organizer or host, whatever else they are in it
    sqlite_with_rowid=False,  # it is little but its key
)

#: every version of a rule that was ever live; a run says which it was
rule_versions = Table(
    "rule_versions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("source", Text, nullable=False),  # the rule's YAML, a file of its own
    Column("file", Text, nullable=False),
    Column("live", Boolean, nullable=False),
    Column("created_at", Instant, nullable=False),
    UniqueConstraint("name", "digest"),
)

#: one rule meeting one event
runs = Table(
    "runs",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("rule", Text, nullable=False),
    Column("version_id", Uuid, nullable=False),
    Column("act", Text, nullable=False),  # do | undo
    Column("event_id", Uuid, nullable=False),
    Column("connection", Text, nullable=False),
    Column("trigger", Text, nullable=False),
    Column("entity", Text, nullable=False),  # what is acted on one run at a time, in the order things happened
    Column("once", Text, unique=True),  # one run for each, for ever; null: freed, so that there may be another
    Column("key", Text, nullable=False),  # what `once_per` gave
    Column("depth", Integer, nullable=False),  # runs before it, each of whose actions caused the next one's event
    Column("state", Text, nullable=False),
    Column("reason", Text),
    Column("step", Integer, nullable=False),  # the place of the step that comes next, from 0
    Column("attempt", Integer, nullable=False),  # attempts of that step that failed
    Column("happened_at", Instant, nullable=False),  # when the event says
    Column("due_at", Instant),  # null: it is over
    Column("holds", Boolean, nullable=False),  # whether later runs of the entity wait for it
    Column("holder", Text),  # the lease: who has it in hand, until when on the database's clock
    Column("held_until", Float),
    Column("created_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Index(
        "ix_runs_due", "due_at", sqlite_where=text("due_at IS NOT NULL"), postgresql_where=text("due_at IS NOT NULL")
    ),
    # Which runs of an entity are waited for, in their order; and which are in hand.
    Index(
        "ix_runs_entity",
        "entity",
        "happened_at",
        "id",
        sqlite_where=text("holds = 1"),
        postgresql_where=text("holds"),
    ),
    Index(
        "ix_runs_held", "entity", sqlite_where=text("holder IS NOT NULL"), postgresql_where=text("holder IS NOT NULL")
    ),
    Index("ix_runs_event_id", "event_id"),
    Index("ix_runs_state_id", "state", "id"),
    Index("ix_runs_rule_id", "rule", "id"),
    Index("ix_runs_rule_event_id", "rule", "event_id"),
)

#: what `once` was of runs that are forgotten, by SHA-256: their effect stays done once
spent_keys = Table(
    "spent_keys",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("at", Instant, nullable=False),  # when it was forgotten
    sqlite_with_rowid=False,  # it is little but its key
)

#: the ledger: one row for each step of a run that was begun
actions = Table(
    "actions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("run_id", Uuid, nullable=False),
    Column("step", Text, nullable=False),
    Column("place", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("request", Document, nullable=False),  # as people may see it
    Column("answer", Document),
    Column("reason", Text),
    Column("ours", Boolean, nullable=False),  # false: it was done, but by somebody else before us
    Column("effect", Text),  # by which an event that it causes is known again
    Column("echo_id", Uuid),  # that event
    Column("begun_at", Instant, nullable=False),
    Column("ended_at", Instant),
    UniqueConstraint("run_id", "step"),
    Index(
        "ix_actions_effect",
        "effect",
        sqlite_where=text("effect IS NOT NULL"),
        postgresql_where=text("effect IS NOT NULL"),
    ),
    Index("ix_actions_state_id", "state", "id"),
)

#: who leads what, until when
leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("expires_at", Float, nullable=False),  # the database's clock, Unix seconds
)

#: what is done by the clock, and when it was last: who does it has the lease "job:" and its name
jobs = Table(
    "jobs",
    metadata,
    Column("name", Text, primary_key=True),
    Column("begun_at", Float, nullable=False),  # the database's clock, Unix seconds
    Column("ended_at", Float),  # null: it is being done, or was cut off
    Column("outcome", Text),  # for people: what came of it, or why it failed
    Column("failed", Boolean, nullable=False),
)

#: what is told of and not over yet, so that it is told of once
alerts = Table(
    "alerts",
    metadata,
    Column("trigger", Text, nullable=False),
    Column("about", Text, nullable=False),  # a connection, a rule, a trigger; "": it is about no one of them
    Column("count", Integer, nullable=False),  # when it was told of last
    Column("since", Instant, nullable=False),
    Column("told_at", Instant, nullable=False),
    Column("connection", Text, nullable=False),  # "": it is about none
    Column("away_since", Instant),  # null: it is there
    PrimaryKeyConstraint("trigger", "about"),
)

#: what the journal on each web process's disk holds, as it says itself
spools = Table(
    "spools",
    metadata,
    Column("place", Text, primary_key=True),  # machine and folder
    Column("bytes", BigInteger, nullable=False),
    Column("aside", Integer, nullable=False),  # files that were set aside
    Column("drained", Integer, nullable=False),  # deliveries that came from it into SQL lately
    Column("drained_at", Instant),
    Column("at", Instant, nullable=False),
)

#: the call budget of a connection, one row each, shared by all processes
budgets = Table(
    "budgets",
    metadata,
    Column("connection", Text, ForeignKey("connections.pcid", ondelete="CASCADE"), primary_key=True),
    Column("next_at", Float, nullable=False),  # Unix seconds
    Column("halted_until", Float, nullable=False),
)

#: who may ask and command, by the hash of a random key
keys = Table(
    "keys",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("created_at", Instant, nullable=False),
    Column("revoked_at", Instant),
)

#: who asked for what that changes something or calls Cal.com, and what came of it
audit = Table(
    "audit",
    metadata,
    Column("id", Uuid, primary_key=True),  # in the order of time
    Column("at", Instant, nullable=False),
    Column("key_id", Uuid),  # null: no key of the table, as the one in the settings
    Column("name", Text, nullable=False),  # the key's, for people
    Column("role", Text, nullable=False),
    Column("door", Text, nullable=False),  # by which it came: mcp, …
    Column("what", Text, nullable=False),
    Column("connection", Text),
    Column("arguments", Document),  # without secrets
    Column("outcome", Text, nullable=False),
    Column("detail", Text),
    Column("ended_at", Instant),
    Index("ix_audit_name_id", "name", "id"),
    Index("ix_audit_what_id", "what", "id"),
    Index("ix_audit_connection_id", "connection", "id"),
)

#: how often each key has asked, by one number
key_rates = Table(
    "key_rates",
    metadata,
    Column("key", Text, primary_key=True),  # its id, or the name of one that has none
    Column("next_at", Float, nullable=False),  # Unix seconds
)

#: who is signed in on the pages, by the hash of a random cookie
sessions = Table(
    "sessions",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("name", Text, nullable=False),  # for people: the key's, or the address that an OIDC provider told
    Column("role", Text, nullable=False),
    Column("key_digest", LargeBinary),  # the key's that it lives and dies with; null: an OIDC provider's
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
)

#: links that sign in once in the name of a key, by the hash of what is random in them
sign_in_links = Table(
    "sign_in_links",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("key_digest", LargeBinary, nullable=False),
    Column("expires_at", Instant, nullable=False),
)

#: how many deliveries were answered in which time, by minute; all web processes add to the same rows
accept_times = Table(
    "accept_times",
    metadata,
    Column("minute", BigInteger, nullable=False),  # Unix time in minutes
    Column("bucket", Integer, nullable=False),  # its place in `workers.histogram`
    Column("number", Integer, nullable=False),
    PrimaryKeyConstraint("minute", "bucket"),
    sqlite_with_rowid=False,  # it is little more than its key
)

#: the last look at what Cal.com has registered, against what daybook.yaml wants
drift = Table(
    "drift",
    metadata,
    Column("connection", Text, ForeignKey("connections.pcid", ondelete="CASCADE"), primary_key=True),
    Column("at", Instant, nullable=False),
    Column("differences", Document, nullable=False),  # without secrets and URL tokens
    Column("problem", Text),  # why nothing could be seen; null: it could
)

#: the last look at each list of what Cal.com has, by which the next finds what changed
looks = Table(
    "looks",
    metadata,
    Column("connection", Text, ForeignKey("connections.pcid", ondelete="CASCADE"), nullable=False),
    Column("part", Text, nullable=False),  # which list
    Column("source", Text, nullable=False),  # whose list: of which organization, where
    Column("since", Instant),  # when its first picture was taken
    Column("at", Instant),  # when its last was
    Column("cursor", Instant),  # up to which time of change bookings were read
    Column("problem", Text),  # why it could not be read at the last try
    PrimaryKeyConstraint("connection", "part"),
)

#: the rows of those lists as they were, without secrets and URL tokens
pictures = Table(
    "pictures",
    metadata,
    Column("connection", Text, ForeignKey("connections.pcid", ondelete="CASCADE"), nullable=False),
    Column("part", Text, nullable=False),
    Column("key", Text, nullable=False),  # its id at Cal.com
    Column("document", Document),  # null: it was not there
    Column("waits_since", Instant),  # when a change was seen first that is not told yet
    PrimaryKeyConstraint("connection", "part", "key"),
)

#: rules that somebody switched to dry run, or back, without their files
rule_switches = Table(
    "rule_switches",
    metadata,
    Column("rule", Text, primary_key=True),
    Column("dry_run", Boolean, nullable=False),  # false: as the file says
    Column("set_by", Text, nullable=False),  # for people
    Column("set_at", Instant, nullable=False),
)

#: back-tests that somebody looks at; who carries one out has the lease "backtest" in the name of its id
backtests = Table(
    "backtests",
    metadata,
    Column("id", Uuid, primary_key=True),  # in the order of time
    Column("rule", Text, nullable=False),
    Column("asked_by", Text, nullable=False),  # for people
    Column("source", Text, nullable=False),  # the rule as it was tried
    Column("edited", Boolean, nullable=False),  # whether that is another text than the live one
    Column("since", Instant),
    Column("until", Instant),
    Column("state", Text, nullable=False),
    Column("looked", Integer, nullable=False),  # events so far
    Column("total", Integer),  # null: not counted yet
    Column("stopping", Boolean, nullable=False),  # a person wants it to end
    Column("reason", Text),
    Column("result", Document),
    Column("started_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Index("ix_backtests_rule_id", "rule", "id"),
)

__all__ = [
    "OTHER_TYPE",
    "UNPROVED",
    "UNSETTLED",
    "UNUSUAL",
    "Instant",
    "accept_times",
    "actions",
    "alerts",
    "audit",
    "backtests",
    "bodies",
    "bookings",
    "budgets",
    "connections",
    "drift",
    "event_people",
    "events",
    "jobs",
    "key_rates",
    "keys",
    "leases",
    "looks",
    "metadata",
    "pictures",
    "receipts",
    "rule_switches",
    "rule_versions",
    "runs",
    "sessions",
    "sign_in_links",
    "spent_keys",
    "spools",
    "webhook_secrets",
    "webhooks",
]
