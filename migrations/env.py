"""Alembic's way in. It runs on the connection that `workers.store.migrate` holds, in its transaction and lock."""

from alembic import context

from workers.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite alters a table by making it anew
)
context.run_migrations()
