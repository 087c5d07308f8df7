"""Sessions, which may bind a push token: created when a user signs in, ended when they sign out."""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from category_filter.service.database import complete, execute, executor
from category_filter.service.errors import ApiError, Code
from category_filter.service.tables import sessions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy import ColumnElement, Engine

    from category_filter.service.database import Execute

__all__ = ["IS_LIVE", "Session", "Sessions", "check_session", "digest"]

_HASH = re.compile("[0-9a-fA-F]{32}")
_SECONDS_PER_DAY = 86_400

_PURGE_BATCH = 500
"""Sessions per transaction of a purge, so that it never keeps other writers waiting."""

_PAGE_SIZE = 1_000

IS_LIVE = (sessions.c.digest == bindparam("digest"), sessions.c.ends_at > bindparam("now"))
"""The condition that a session exists and has not ended."""

_SELECT_LIVE = select(sessions.c.id).where(*IS_LIVE)


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


async def check_session(execute: Execute, session_hash: str) -> None:
    """Raise an error unless the session exists and has not ended, as `Sessions.check` does."""
    if not await execute(_SELECT_LIVE, {"digest": digest(session_hash), "now": int(time.time())}):
        raise ApiError(Code.SESSION_NOT_FOUND)


@dataclass(frozen=True, slots=True)
class Session:
    """A session in the database. Its hash is not stored.

    Attributes:
        id: The id of the session.
        owner: The user it belongs to, if `create` was given one.
        ends_at: When it ends, in seconds since 1970.
    """

    id: int
    owner: str | None
    ends_at: int


class Sessions:
    """The sessions of a database.

    >>> from category_filter.service import connect
    >>> sessions = Sessions(connect("sqlite://"))
    >>> session_hash = sessions.create(owner="ann", days=30)
    >>> [session.owner for session in sessions.list(owner="ann")]
    ['ann']
    >>> sessions.end(session_hash), sessions.end(session_hash)
    (True, False)

    The database stores only digests of the session hashes, so a leaked copy does not grant access.

    Args:
        database: An engine from `connect`.
    """

    def __init__(self, database: Engine) -> None:
        self._database = database

    def create(
        self, session_hash: str | None = None, *, owner: str | None = None, days: float = 30
    ) -> str:
        """Create a session and return its hash.

        Args:
            session_hash: 32 hexadecimal digits that cannot be guessed; random by default.
            owner: Your id of the user who signed in. `PushTokens.recipients` can select by owner.
            days: How long the session lasts.

        Raises:
            ApiError: If the hash is not a string of 32 hexadecimal digits.
            ValueError: If a session with this hash exists.
        """
        session_hash = secrets.token_hex(16) if session_hash is None else session_hash
        now = int(time.time())
        session = {
            "digest": digest(session_hash),
            "ends_at": now + int(days * _SECONDS_PER_DAY),
            "owner": owner,
        }
        same_hash = delete(sessions).where(sessions.c.digest == session["digest"])
        execute(self._database, same_hash.where(sessions.c.ends_at <= now))  # expired
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
        return bool(execute(self._database, statement.returning(sessions.c.id)))

    def check(self, session_hash: str) -> None:
        """Raise an error unless the session exists and has not ended.

        Raises:
            ApiError: If the session does not exist or has ended, or the hash is not a string of 32
                hexadecimal digits.
        """
        complete(check_session(executor(self._database), session_hash))

    def list(self, *, owner: str | None = None) -> Iterator[Session]:
        """Iterate over the live sessions by id, of one owner if given."""
        conditions = [] if owner is None else [sessions.c.owner == owner]
        page = (
            select(sessions.c.id, sessions.c.owner, sessions.c.ends_at)
            .where(*conditions, sessions.c.ends_at > int(time.time()))
            .order_by(sessions.c.id)
            .limit(_PAGE_SIZE)
        )
        last_id = 0
        while rows := execute(self._database, page.where(sessions.c.id > last_id)):
            for row in rows:
                yield Session(*row)
            last_id = rows[-1].id

    def purge(self) -> int:
        """Delete sessions that expired at least a day ago, and return their number. Run it daily.

        A purge marks the expired sessions it finds, and deletes those that a purge marked at least
        a day before. A clock that is wrong once therefore deletes nothing: the next purge removes
        the marks of sessions that are live again. On PostgreSQL, the clock is the server's.
        """
        now = self._now()
        expired = sessions.c.ends_at <= now
        self._in_batches(~expired & sessions.c.purge_after.is_not(None), {"purge_after": None})
        self._in_batches(
            expired & sessions.c.purge_after.is_(None), {"purge_after": now + _SECONDS_PER_DAY}
        )
        return self._in_batches(expired & (sessions.c.purge_after <= now))

    def _in_batches(
        self, condition: ColumnElement[bool], values: Mapping[str, object] | None = None
    ) -> int:
        """Update the sessions that meet a condition, or delete them; return their number."""
        ids = select(sessions.c.id).where(condition).limit(_PURGE_BATCH)
        statement = delete(sessions) if values is None else update(sessions).values(values)
        batch = statement.where(sessions.c.id.in_(ids)).returning(sessions.c.id)
        count = 0
        while rows := execute(self._database, batch):
            count += len(rows)
        return count

    def _now(self) -> int:
        if self._database.dialect.name == "sqlite":
            return int(time.time())
        ((now,),) = execute(self._database, select(func.extract("epoch", func.now())))
        return int(now)
