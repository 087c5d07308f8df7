"""Create the tables of sessions, filters and push tokens."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_big_id = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "push_session",
        sa.Column("id", _big_id, primary_key=True),
        sa.Column("digest", sa.LargeBinary(32), nullable=False, unique=True),
        sa.Column("ends_at", sa.BigInteger, nullable=False, index=True),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "push_filter",
        sa.Column("id", _big_id, primary_key=True),
        sa.Column("filter", sa.Text, nullable=False, unique=True),
    )
    op.create_table(
        "push_token",
        sa.Column(
            "session_id",
            _big_id,
            sa.ForeignKey("push_session.id", ondelete="CASCADE"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("application", sa.Text, nullable=False),
        sa.Column("token", sa.Text, nullable=False),
        sa.Column("p256dh", sa.Text),
        sa.Column("auth", sa.Text),
        sa.Column("filter_id", _big_id, sa.ForeignKey("push_filter.id"), nullable=False),
        sa.Column("ends_at", sa.BigInteger, nullable=False),
        sa.Index("push_token_recipients", "filter_id", "ends_at"),
    )
