"""Sessions, which the host creates when somebody signs in, and ends."""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select
from sqlalchemy.exc import IntegrityError

from category_filter.service.database import execute, sessions
from category_filter.service.errors import ApiError, Code

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine

__all__ = ["Sessions", "digest"]

_HASH = re.compile("[0-9a-fA-F]{32}")
_DAY = 86_400
"""In seconds."""


def digest(hash: object) -> bytes:  # noqa: A002 - the API's word
    """What the database knows of a session's hash.

    >>> digest("0123456789abcdef0123456789ABCDEF").hex()[:16]
    '3eb1bd439947eb76'

    The hash is random, and long enough that nobody can go through all: it needs no salt.

    Raises:
        ApiError: It is not 32 hexadecimal digits.
    """
    if not isinstance(hash, str) or not _HASH.fullmatch(hash):
        raise ApiError(Code.WRONG_HASH, "it is not 32 hexadecimal digits")
    return hashlib.sha256(hash.lower().encode()).digest()


class Sessions:
    """The sessions of a database: who may bind a push token.

    >>> from category_filter.service import connect
    >>> sessions = Sessions(connect("sqlite://"))
    >>> hash = sessions.create(days=30)
    >>> len(hash)
    32
    >>> sessions.end(hash), sessions.end(hash)
    (True, False)

    The database keeps no hash, but a digest of it, so that a copy of the database lets nobody in.

    Args:
        database: What `connect` gave.
        ended: What is to know of each session that `end` ends, by the database's number of it.
    """

    def __init__(self, database: Engine, ended: Callable[[int], object] = lambda _: None) -> None:
        self._database = database
        self._ended = ended

    def create(self, hash: str | None = None, *, days: float = 30) -> str:  # noqa: A002 - the API's word
        """A new session's hash.

        On this occasion the sessions that have ended are removed.

        Args:
            hash: 32 hexadecimal digits that nobody can guess; random ones, if none are given.
            days: How long the session lasts.

        Raises:
            ApiError: The hash is none.
            ValueError: There is such a session already.
        """
        hash = secrets.token_hex(16) if hash is None else hash  # noqa: A001 - likewise
        now = int(time.time())
        session = {"digest": digest(hash), "ends_at": now + int(days * _DAY)}
        execute(self._database, delete(sessions).where(sessions.c.ends_at <= now))
        try:
            execute(self._database, insert(sessions), session)
        except IntegrityError:
            raise ValueError("there is a session with this hash already") from None
        return hash

    def end(self, hash: str) -> bool:  # noqa: A002 - likewise
        """End a session and remove its push token; False if there is none to end.

        Raises:
            ApiError: The hash is none.
        """
        ended = delete(sessions).where(sessions.c.digest == digest(hash)).returning(sessions.c.id)
        rows = execute(self._database, ended)
        for (session_id,) in rows:
            self._ended(session_id)
        return bool(rows)

    def check(self, hash: str) -> None:  # noqa: A002 - likewise
        """See that there is a session, and that it has not ended.

        Raises:
            ApiError: There is none, or the hash is none.
        """
        live = select(sessions.c.id).where(
            sessions.c.digest == digest(hash), sessions.c.ends_at > int(time.time())
        )
        if not execute(self._database, live):
            raise ApiError(Code.SESSION_NOT_FOUND)
