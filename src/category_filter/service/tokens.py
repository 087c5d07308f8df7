"""Push tokens: bound to sessions, deleted, and found by the category that their filters allow."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from category_filter.service.bindings import BrowserBinding
from category_filter.service.database import execute, filters, push_tokens, sessions, snapshot
from category_filter.service.errors import ApiError, Code
from category_filter.service.sessions import Sessions, digest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from enum import Enum
    from typing import Any

    from sqlalchemy import ColumnElement, Connection, Engine

    from category_filter.service.bindings import DeviceBinding

__all__ = ["PushTokens", "Recipient", "Recipients"]

_MANY = 1_000
"""Rows that are fetched at a time."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """Where to send a notification. Its representation holds no secret, and may be logged.

    Attributes:
        session_id: The database's own number of the session.
        application: What the token is for.
        token: The push token; for `w3c_pushapi` the URL of the subscription's endpoint.
        p256dh: The subscription's public key, for `w3c_pushapi` only.
        auth: Its secret, likewise.
        ends_at: When the session ends, in seconds since 1970.
    """

    session_id: int
    application: str
    token: str = field(repr=False)
    p256dh: str | None = field(repr=False)
    auth: str | None = field(repr=False)
    ends_at: int


COLUMNS = [push_tokens.c[each.name] for each in fields(Recipient)]
"""What a `Recipient` is made of, in its order."""


class PushTokens:
    """The push tokens of a database, one a session.

    >>> from category_filter.service import DeviceBinding, Sessions, connect
    >>> database = connect("sqlite://")
    >>> session, tokens = Sessions(database).create(), PushTokens(database)
    >>> phone = DeviceBinding(
    ...     application="navixy_iphone_viewer", token="740f4707", category_filter="-history_task"
    ... )
    >>> bound = tokens.bind(session, phone)
    >>> list(tokens.recipients("chat_message")) == [bound]
    True
    >>> tokens.recipients("history_task").count()
    0

    Args:
        database: What `connect` gave.
    """

    def __init__(self, database: Engine) -> None:
        self._database = database
        self._sessions = Sessions(database)
        insert = sqlite.insert if database.dialect.name == "sqlite" else postgresql.insert
        live = (
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
        chosen = (
            select(*row.values())
            .join_from(sessions, filters, filters.c.filter == bindparam("filter"))
            .where(*live)
            # A session that is being ended is waited for, and then not found.
            .with_for_update(read=True, key_share=True, of=sessions)
        )
        upsert = insert(push_tokens).from_select([*row], chosen)
        self._bind = upsert.on_conflict_do_update(
            index_elements=["session_id"],
            set_={name: upsert.excluded[name] for name in row if name != "session_id"},
        ).returning(*COLUMNS)
        self._add_filter = insert(filters).on_conflict_do_nothing()
        self._delete = (
            delete(push_tokens)
            .where(push_tokens.c.session_id.in_(select(sessions.c.id).where(*live)))
            .returning(push_tokens.c.session_id)
        )

    def bind(
        self,
        hash: str,  # noqa: A002 - the API's word
        binding: DeviceBinding | BrowserBinding,
    ) -> Recipient:
        """Bind a push token to a session, instead of the one that it may have.

        Raises:
            ApiError: There is no such session, or it has ended.
        """
        keys = binding.parameters if isinstance(binding, BrowserBinding) else None
        values = {
            "digest": digest(hash),
            "now": int(time.time()),
            "application": binding.application,
            "token": binding.token,
            "p256dh": keys and keys.p256dh,
            "auth": keys and keys.auth,
            "filter": binding.wanted,
        }
        rows = execute(self._database, self._bind, values)
        if not rows:
            self._sessions.check(hash)
            execute(self._database, self._add_filter, {"filter": binding.wanted})
            rows = execute(self._database, self._bind, values)
        if not rows:  # it has ended just now
            raise ApiError(Code.SESSION_NOT_FOUND)
        return Recipient(*rows[0])

    def delete(self, hash: str) -> int:  # noqa: A002 - likewise
        """Remove a session's push token, and give the database's number of the session.

        Raises:
            ApiError: It has none; or there is no such session, or it has ended.
        """
        values = {"digest": digest(hash), "now": int(time.time())}
        rows = execute(self._database, self._delete, values)
        if not rows:
            self._sessions.check(hash)
            raise ApiError(Code.NOT_FOUND)
        return int(rows[0].session_id)

    def recipients(self, category: str | Enum) -> Recipients:
        """Who gets a category: the tokens of live sessions whose filter allows it."""
        return _Stored(self._database, category)


class Recipients(ABC):
    """The live tokens whose filter allows one category, as they are when they are asked for."""

    @abstractmethod
    def __iter__(self) -> Iterator[Recipient]:
        """Go through them, without holding them all."""

    @abstractmethod
    def count(self) -> int:
        """How many there are."""


class _Stored(Recipients):
    """Recipients that are read from the database, in a transaction that lasts while they are."""

    def __init__(self, database: Engine, category: str | Enum) -> None:
        self._database = database
        self._category = category

    def __iter__(self) -> Iterator[Recipient]:
        with snapshot(self._database) as connection:
            wanted = select(*COLUMNS).where(*self._conditions(connection))
            with connection.execution_options(yield_per=_MANY).execute(wanted) as rows:
                for row in rows:
                    yield Recipient(*row)

    def count(self) -> int:
        with snapshot(self._database) as connection:
            count = select(func.count()).select_from(push_tokens)
            return connection.scalars(count.where(*self._conditions(connection))).one()

    def _conditions(self, connection: Connection) -> tuple[ColumnElement[bool], ...]:
        """Python chooses among the filters, which are few, and an index finds the rows."""
        distinct = connection.execute(select(filters.c.id, filters.c.filter))
        allowing = [number for number, f in distinct if f.allows(self._category)]
        return (
            push_tokens.c.filter_id.in_(allowing),
            push_tokens.c.ends_at > int(time.time()),
        )
