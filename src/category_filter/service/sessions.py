"""Sessions, which may bind a push token: created when a user signs in, ended when they sign out."""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select
from sqlalchemy.exc import IntegrityError

from category_filter.service.database import execute
from category_filter.service.errors import ApiError, Code
from category_filter.service.tables import sessions

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine

__all__ = ["Sessions", "digest"]

_HASH = re.compile("[0-9a-fA-F]{32}")
_SECONDS_PER_DAY = 86_400


def digest(session_hash: object) -> bytes:
    """Return the digest of a session hash, which is what the database stores.

    >>> digest("0123456789abcdef0123456789ABCDEF").hex()[:16]
    '3eb1bd439947eb76'

    A session hash has 128 random bits, so the digest needs no salt.

    Raises:
        ApiError: If it is not a string of 32 hexadecimal digits.
    """
    if not isinstance(session_hash, str) or not _HASH.fullmatch(session_hash):
        raise ApiError(Code.WRONG_HASH, "expected 32 hexadecimal digits")
    return hashlib.sha256(session_hash.lower().encode()).digest()


class Sessions:
    """The sessions of a database.

    >>> from category_filter.service import connect
    >>> sessions = Sessions(connect("sqlite://"))
    >>> session_hash = sessions.create(days=30)
    >>> len(session_hash)
    32
    >>> sessions.end(session_hash), sessions.end(session_hash)
    (True, False)

    The database stores only digests of the session hashes, so a leaked copy does not grant access.

    Args:
        database: An engine from `connect`.
        on_end: A callback for each session that `end` ends. It gets the session's id.
    """

    def __init__(self, database: Engine, on_end: Callable[[int], object] = lambda _: None) -> None:
        self._database = database
        self._on_end = on_end

    def create(self, session_hash: str | None = None, *, days: float = 30) -> str:
        """Create a session and return its hash. Also delete all expired sessions.

        Args:
            session_hash: 32 hexadecimal digits that cannot be guessed; random by default.
            days: How long the session lasts.

        Raises:
            ApiError: If the hash is not a string of 32 hexadecimal digits.
            ValueError: If a session with this hash exists.
        """
        session_hash = secrets.token_hex(16) if session_hash is None else session_hash
        now = int(time.time())
        session = {"digest": digest(session_hash), "ends_at": now + int(days * _SECONDS_PER_DAY)}
        execute(self._database, delete(sessions).where(sessions.c.ends_at <= now))
        try:
            execute(self._database, insert(sessions), session)
        except IntegrityError:
            raise ValueError("a session with this hash already exists") from None
        return session_hash

    def end(self, session_hash: str) -> bool:
        """End a session and delete its push token. Return False if the session does not exist.

        Raises:
            ApiError: If the hash is not a string of 32 hexadecimal digits.
        """
        statement = delete(sessions).where(sessions.c.digest == digest(session_hash))
        rows = execute(self._database, statement.returning(sessions.c.id))
        for (session_id,) in rows:
            self._on_end(session_id)
        return bool(rows)

    def check(self, session_hash: str) -> None:
        """Raise an error unless the session exists and has not ended.

        Raises:
            ApiError: If the session does not exist or has ended, or the hash is not a string of 32
                hexadecimal digits.
        """
        live = select(sessions.c.id).where(
            sessions.c.digest == digest(session_hash), sessions.c.ends_at > int(time.time())
        )
        if not execute(self._database, live):
            raise ApiError(Code.SESSION_NOT_FOUND)
