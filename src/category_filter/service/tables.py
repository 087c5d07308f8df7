"""The tables of the newest schema."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)

from category_filter.integrations.sqlalchemy import CategoryFilterType

__all__ = ["filters", "metadata", "push_tokens", "sessions"]

metadata = MetaData()
_BigId = BigInteger().with_variant(Integer, "sqlite")

sessions = Table(
    "push_session",
    metadata,
    Column("id", _BigId, primary_key=True),
    Column("digest", LargeBinary(32), nullable=False, unique=True),
    Column("ends_at", BigInteger, nullable=False, index=True),
    Column("owner", Text, index=True),
    Column("purge_after", BigInteger, index=True),
    sqlite_autoincrement=True,  # never reuse the id of an ended session
)
"""The sessions. Times are seconds since 1970; `purge` sets `purge_after`."""

filters = Table(
    "push_filter",
    metadata,
    Column("id", _BigId, primary_key=True),
    Column("filter", CategoryFilterType, nullable=False, unique=True),
)
"""The distinct filters, of which there are far fewer than tokens."""

push_tokens = Table(
    "push_token",
    metadata,
    Column(
        "session_id",
        _BigId,
        ForeignKey(sessions.c.id, ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("application", Text, nullable=False),
    Column("token", Text, nullable=False),
    Column("p256dh", Text),
    Column("auth", Text),
    # A digest of application and token, because a token may be too long for an index.
    Column("token_digest", LargeBinary(32), nullable=False, unique=True),
    Column("filter_id", _BigId, ForeignKey(filters.c.id), nullable=False),
    # Copied from the session, where they never change: finding recipients needs no join.
    Column("ends_at", BigInteger, nullable=False),
    Column("owner", Text, index=True),
    # A covering index: counting recipients reads nothing else.
    Index("push_token_recipients", "filter_id", "ends_at"),
)
"""The push tokens: at most one per session, and each in one session only."""
