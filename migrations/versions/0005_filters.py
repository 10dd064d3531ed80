"""What leads to events of a status, an event type, a host or a rule.

Revision: 0005, after 0004.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

DOCUMENT = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
#: events whose hosts are marked by one statement
PAGE = 1_000

#: name, columns, of which events
INDEXES = (
    ("ix_events_status_id", ["status", "id", "trigger"], "status <> 'ACCEPTED'"),
    ("ix_events_event_type_id_id", ["event_type_id", "id"], "event_type_id IS NOT NULL"),
    ("ix_events_event_type_slug_id", ["event_type_slug", "id"], "event_type_slug IS NOT NULL"),
    ("ix_events_type_id", ["type", "id"], "type IS DISTINCT FROM event_type_slug"),
)


def upgrade() -> None:
    for name, columns, condition in INDEXES:
        of = sa.text(condition)
        op.create_index(name, "events", columns, sqlite_where=of, postgresql_where=of)
    op.create_index("ix_runs_rule_event_id", "runs", ["rule", "event_id"])
    if op.get_bind().dialect.name == "sqlite":
        _made_anew("host BOOLEAN NOT NULL, ", "email, event_id, false")
    else:
        op.add_column("event_people", sa.Column("host", sa.Boolean(), nullable=False, server_default=sa.false()))
        op.alter_column("event_people", "host", server_default=None)
    _mark_hosts()


def _made_anew(column: str, values: str) -> None:
    """SQLite adds no column that must have a value, unless with a default for ever."""
    op.execute("ALTER TABLE event_people RENAME TO event_people_before")
    op.execute(
        f"CREATE TABLE event_people (email TEXT NOT NULL, event_id CHAR(32) NOT NULL, {column}"
        "CONSTRAINT pk_event_people PRIMARY KEY (email, event_id)) WITHOUT ROWID"
    )
    op.execute(f"INSERT INTO event_people SELECT {values} FROM event_people_before")  # noqa: S608 - our own words
    op.execute("DROP TABLE event_people_before")


def _mark_hosts() -> None:
    """Of the people of each event there is, say who is its organizer or a host.

    Not in SQL: addresses were made lower case by Python, and each database has its own idea of that.
    """
    events = sa.table(
        "events", sa.column("id", sa.Uuid()), *(sa.column(name, DOCUMENT) for name in ("organizer", "hosts"))
    )
    people = sa.table(
        "event_people", sa.column("email"), sa.column("event_id", sa.Uuid()), sa.column("host", sa.Boolean())
    )
    mine = sa.and_(people.c.email == sa.bindparam("address"), people.c.event_id == sa.bindparam("event"))
    mark = people.update().where(mine).values(host=sa.true())
    page = sa.select(events).order_by(events.c.id).limit(PAGE)
    rows = op.get_bind().execute(page).all()
    while rows:
        named = [
            {"address": person["email"].lower(), "event": row.id}
            for row in rows
            for person in (row.organizer, *row.hosts)
            if person and person["email"]
        ]
        if named:
            op.get_bind().execute(mark, named)
        rows = op.get_bind().execute(page.where(events.c.id > rows[-1].id)).all()


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _made_anew("", "email, event_id")
    else:
        op.drop_column("event_people", "host")
    op.drop_index("ix_runs_rule_event_id", "runs")
    for name, *_ in INDEXES:
        op.drop_index(name, "events")
