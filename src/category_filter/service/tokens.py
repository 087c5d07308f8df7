"""Push tokens: bind them to sessions, delete them, and find the recipients of a category."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from category_filter.service.bindings import BrowserBinding
from category_filter.service.database import execute, snapshot
from category_filter.service.errors import ApiError, Code
from category_filter.service.sessions import Sessions, digest
from category_filter.service.tables import filters, push_tokens, sessions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from enum import Enum
    from typing import Any

    from sqlalchemy import ColumnElement, Connection, Engine

    from category_filter.service.bindings import DeviceBinding

__all__ = ["RECIPIENT_COLUMNS", "PushTokens", "Recipient", "Recipients"]

_FETCH_SIZE = 1_000
"""Rows to fetch at a time."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """Where to send a notification. Its `repr()` contains no secrets, so you can log it.

    Attributes:
        session_id: The id of the session in the database.
        application: The application that the token belongs to.
        token: The push token. For `w3c_pushapi`, the endpoint URL of the push subscription.
        p256dh: The public key of the push subscription; None except for `w3c_pushapi`.
        auth: The authentication secret of the push subscription; None except for `w3c_pushapi`.
        ends_at: When the session ends, in seconds since 1970.
    """

    session_id: int
    application: str
    token: str = field(repr=False)
    p256dh: str | None = field(repr=False)
    auth: str | None = field(repr=False)
    ends_at: int


RECIPIENT_COLUMNS = [push_tokens.c[each.name] for each in fields(Recipient)]
"""The columns of a `Recipient`, in the order of its fields."""


class PushTokens:
    """The push tokens of a database, at most one per session.

    >>> from category_filter.service import DeviceBinding, Sessions, connect
    >>> database = connect("sqlite://")
    >>> session_hash, tokens = Sessions(database).create(), PushTokens(database)
    >>> phone = DeviceBinding(
    ...     application="navixy_iphone_viewer", token="740f4707", category_filter="-history_task"
    ... )
    >>> recipient = tokens.bind(session_hash, phone)
    >>> list(tokens.recipients("chat_message")) == [recipient]
    True
    >>> tokens.recipients("history_task").count()
    0

    Args:
        database: An engine from `connect`.
    """

    def __init__(self, database: Engine) -> None:
        self._database = database
        self._sessions = Sessions(database)
        insert = sqlite.insert if database.dialect.name == "sqlite" else postgresql.insert
        is_live_session = (
            sessions.c.digest == bindparam("digest"),
            sessions.c.ends_at > bindparam("now"),
        )
        row: dict[str, ColumnElement[Any]] = {
            "session_id": sessions.c.id,
            "application": bindparam("application"),
            "token": bindparam("token"),
            "p256dh": bindparam("p256dh"),
            "auth": bindparam("auth"),
            "filter_id": filters.c.id,
            "ends_at": sessions.c.ends_at,
        }
        new_row = (
            select(*row.values())
            .join_from(sessions, filters, filters.c.filter == bindparam("filter"))
            .where(*is_live_session)
            # If the session is being ended, wait for that, and find no row.
            .with_for_update(read=True, key_share=True, of=sessions)
        )
        upsert = insert(push_tokens).from_select([*row], new_row)
        self._bind = upsert.on_conflict_do_update(
            index_elements=["session_id"],
            set_={name: upsert.excluded[name] for name in row if name != "session_id"},
        ).returning(*RECIPIENT_COLUMNS)
        self._add_filter = insert(filters).on_conflict_do_nothing()
        self._delete = (
            delete(push_tokens)
            .where(push_tokens.c.session_id.in_(select(sessions.c.id).where(*is_live_session)))
            .returning(push_tokens.c.session_id)
        )

    def bind(self, session_hash: str, binding: DeviceBinding | BrowserBinding) -> Recipient:
        """Bind a push token to a session, replacing its current one, and return the recipient.

        Raises:
            ApiError: If the session does not exist or has ended, or the hash is not a string of 32
                hexadecimal digits.
        """
        keys = binding.parameters if isinstance(binding, BrowserBinding) else None
        values = {
            "digest": digest(session_hash),
            "now": int(time.time()),
            "application": binding.application,
            "token": binding.token,
            "p256dh": keys and keys.p256dh,
            "auth": keys and keys.auth,
            "filter": binding.effective_filter,
        }
        rows = execute(self._database, self._bind, values)
        if not rows:  # the session or the filter is missing
            self._sessions.check(session_hash)
            execute(self._database, self._add_filter, {"filter": binding.effective_filter})
            rows = execute(self._database, self._bind, values)
        if not rows:  # the session has ended in the meantime
            raise ApiError(Code.SESSION_NOT_FOUND)
        return Recipient(*rows[0])

    def delete(self, session_hash: str) -> int:
        """Delete the push token of a session, and return the session's id.

        Raises:
            ApiError: If the session has no push token, does not exist or has ended, or the hash is
                not a string of 32 hexadecimal digits.
        """
        values = {"digest": digest(session_hash), "now": int(time.time())}
        rows = execute(self._database, self._delete, values)
        if not rows:
            self._sessions.check(session_hash)
            raise ApiError(Code.NOT_FOUND)
        return int(rows[0].session_id)

    def recipients(self, category: str | Enum) -> Recipients:
        """Return the recipients of a category: tokens of live sessions whose filter allows it."""
        return _StoredRecipients(self._database, category)


class Recipients(ABC):
    """The live push tokens whose filter allows a category. Each use reads the current ones."""

    @abstractmethod
    def __iter__(self) -> Iterator[Recipient]:
        """Iterate over the recipients without loading all of them at once."""

    @abstractmethod
    def count(self) -> int:
        """Return the number of recipients."""


class _StoredRecipients(Recipients):
    """Recipients from the database. An iteration is one transaction."""

    def __init__(self, database: Engine, category: str | Enum) -> None:
        self._database = database
        self._category = category

    def __iter__(self) -> Iterator[Recipient]:
        with snapshot(self._database) as connection:
            statement = select(*RECIPIENT_COLUMNS).where(*self._conditions(connection))
            with connection.execution_options(yield_per=_FETCH_SIZE).execute(statement) as rows:
                for row in rows:
                    yield Recipient(*row)

    def count(self) -> int:
        with snapshot(self._database) as connection:
            count = select(func.count()).select_from(push_tokens)
            return connection.scalars(count.where(*self._conditions(connection))).one()

    def _conditions(self, connection: Connection) -> tuple[ColumnElement[bool], ...]:
        """Evaluate the few distinct filters in Python, and let an index find the rows."""
        distinct = connection.execute(select(filters.c.id, filters.c.filter))
        allowing = [filter_id for filter_id, f in distinct if f.allows(self._category)]
        return (
            push_tokens.c.filter_id.in_(allowing),
            push_tokens.c.ends_at > int(time.time()),
        )
