"""How Alembic reaches the database: by the connection that upgrades it."""

from alembic import context

from category_filter.service.database import metadata

# A table of its own for the version: the host may keep its own schema in the same database.
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table="push_schema",
)
with context.begin_transaction():
    context.run_migrations()
