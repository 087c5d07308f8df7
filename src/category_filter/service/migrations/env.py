"""The environment of Alembic: use the connection of the upgrade."""

from alembic import context

from category_filter.service.tables import metadata

# A separate version table, because the host application may use Alembic in the same database.
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table="push_schema",
)
with context.begin_transaction():
    context.run_migrations()
