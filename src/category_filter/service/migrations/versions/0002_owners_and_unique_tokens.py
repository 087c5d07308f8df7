"""Owners of sessions, marks for purging, and one session per push token."""

import hashlib
from typing import TYPE_CHECKING, cast

import sqlalchemy as sa
from alembic import op

if TYPE_CHECKING:
    import sqlite3

revision = "0002"
down_revision = "0001"

_SHARED_TOKENS = """
    DELETE FROM push_token WHERE EXISTS (
        SELECT 1 FROM push_token AS newer
        WHERE newer.token_digest = push_token.token_digest
        AND newer.session_id > push_token.session_id
    )
"""


def upgrade() -> None:
    """Add the columns. If several sessions share a token, the newest session keeps it."""
    op.add_column("push_session", sa.Column("owner", sa.Text))
    op.add_column("push_session", sa.Column("purge_after", sa.BigInteger))
    op.create_index("ix_push_session_owner", "push_session", ["owner"])
    op.create_index("ix_push_session_purge_after", "push_session", ["purge_after"])
    op.add_column("push_token", sa.Column("owner", sa.Text))
    op.add_column("push_token", sa.Column("token_digest", sa.LargeBinary(32)))
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        sqlite = cast("sqlite3.Connection", connection.connection.driver_connection)
        sqlite.create_function("token_digest", 2, _token_digest, deterministic=True)
        op.execute("UPDATE push_token SET token_digest = token_digest(application, token)")
    else:
        op.execute(
            "UPDATE push_token"
            " SET token_digest = sha256(convert_to(application || chr(10) || token, 'UTF8'))"
        )
    op.create_index("push_token_shared", "push_token", ["token_digest"])
    op.execute(_SHARED_TOKENS)
    op.drop_index("push_token_shared", "push_token")
    with op.batch_alter_table("push_token") as table:  # SQLite copies the table
        table.alter_column("token_digest", nullable=False)
        table.create_unique_constraint("push_token_token_digest_key", ["token_digest"])
    op.create_index("ix_push_token_owner", "push_token", ["owner"])


def _token_digest(application: str, token: str) -> bytes:
    return hashlib.sha256(f"{application}\n{token}".encode()).digest()
