"""Push tokens: bind them to sessions, delete them, and find the recipients of a category."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError

from category_filter.service.bindings import BrowserBinding
from category_filter.service.database import execute
from category_filter.service.errors import ApiError, Code
from category_filter.service.push_services import PushServices
from category_filter.service.recipients import (
    RECIPIENT_COLUMNS,
    Recipient,
    Recipients,
    Selection,
    StoredRecipients,
    token_digest,
)
from category_filter.service.sessions import Sessions, digest
from category_filter.service.tables import filters, push_tokens, sessions

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from enum import Enum
    from typing import Any

    from sqlalchemy import Engine, Executable, Row, Select

    from category_filter.service.bindings import DeviceBinding

__all__ = ["PushTokens"]

_CONFLICTS = {"23505", "40P01"}
"""PostgreSQL's codes of a unique violation and of a deadlock."""

_MAX_CONFLICTS = 50

_IS_LIVE_SESSION = (
    sessions.c.digest == bindparam("digest"),
    sessions.c.ends_at > bindparam("now"),
)


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
        push_services: The push services of browsers to send to; by default, the known ones.
    """

    def __init__(self, database: Engine, push_services: PushServices | None = None) -> None:
        self._database = database
        self._push_services = push_services or PushServices()
        self._sessions = Sessions(database)
        self._bind = _bind_sqlite() if database.dialect.name == "sqlite" else _bind_postgresql()
        insert = sqlite.insert if database.dialect.name == "sqlite" else postgresql.insert
        self._add_filter = insert(filters).on_conflict_do_nothing()
        self._delete = (
            delete(push_tokens)
            .where(push_tokens.c.session_id.in_(select(sessions.c.id).where(*_IS_LIVE_SESSION)))
            .returning(push_tokens.c.session_id)
        )

    def bind(self, session_hash: str, binding: DeviceBinding | BrowserBinding) -> Recipient:
        """Bind a push token to a session, and return the recipient.

        It replaces the session's current token. If another session has this token, it moves: a
        device belongs to the user who bound it last.

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
            "token_digest": token_digest(binding.application, binding.token),
            "filter": binding.effective_filter,
        }
        rows = self._execute_bind(values)
        if not rows:  # the session or the filter is missing
            self._sessions.check(session_hash)
            execute(self._database, self._add_filter, {"filter": binding.effective_filter})
            rows = self._execute_bind(values)
        if not rows:  # the session has ended in the meantime
            raise ApiError(Code.SESSION_NOT_FOUND)
        return Recipient(*rows[0])

    def _execute_bind(self, values: Mapping[str, object]) -> Sequence[Row[*tuple[Any, ...]]]:
        """Run the statement again if a concurrent one bound the same session or token.

        Unlike other failures, a conflict or a deadlock means that nothing was written.
        """
        for _ in range(_MAX_CONFLICTS):
            try:
                return execute(self._database, self._bind, values)
            except DBAPIError as error:
                if getattr(error.orig, "sqlstate", None) not in _CONFLICTS:
                    raise
        return execute(self._database, self._bind, values)

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

    def remove(self, recipient: Recipient) -> bool:
        """Delete a push token that the push service reports as gone.

        Return False and delete nothing if the session has another token by now, or none.
        """
        statement = (
            delete(push_tokens)
            .where(push_tokens.c.session_id == recipient.session_id)
            .where(
                push_tokens.c.token_digest == token_digest(recipient.application, recipient.token)
            )
            .returning(push_tokens.c.session_id)
        )
        return bool(execute(self._database, statement))

    def recipients(
        self,
        category: str | Enum,
        *,
        owners: Collection[str] | None = None,
        after: int | None = None,
        shard: tuple[int, int] | None = None,
    ) -> Recipients:
        """Return the recipients of a category: tokens of live sessions whose filter allows it.

        Iterate to send. No connection is in use meanwhile, and a run that breaks off can resume
        after the last `session_id`. A token that is bound during the run may be left out.

        A browser whose push service is not allowed is left out, though it may have been allowed
        when it was bound, so that nobody can aim the sender at an internal address.

        Args:
            category: The category of the notification.
            owners: Select the sessions of these owners; by default, all sessions.
            after: Select sessions with a greater `session_id` than this one.
            shard: Select part `i` of `n`, given as `(i, n)`, so that `n` processes can share the
                work. The parts do not overlap.

        Raises:
            TypeError: If `owners` is a single str.
            ValueError: If the shard is not `(i, n)` with `0 <= i < n`.
        """
        return StoredRecipients(
            self._database, category, Selection(owners, after, shard), self._push_services
        )


def _new_row() -> Select[*tuple[Any, ...]]:
    """Select the row to insert: none if the session is not live or the filter is not stored."""
    return (
        select(
            sessions.c.id.label("session_id"),
            *(
                bindparam(name, type_=push_tokens.c[name].type).label(name)
                for name in ("application", "token", "p256dh", "auth", "token_digest")
            ),
            filters.c.id.label("filter_id"),
            sessions.c.ends_at,
            sessions.c.owner,
        )
        .join_from(sessions, filters, filters.c.filter == bindparam("filter"))
        .where(*_IS_LIVE_SESSION)
    )


def _bind_sqlite() -> Executable:
    """Insert the row. REPLACE deletes the rows with the same session or the same token."""
    row = _new_row()
    insert = sqlite.insert(push_tokens).prefix_with("OR REPLACE")
    columns = [column.name for column in row.selected_columns]
    return insert.from_select(columns, row).returning(*RECIPIENT_COLUMNS)


def _bind_postgresql() -> Executable:
    """Insert the row, or move it here from another session; delete the session's other token."""
    # The lock makes binds of one session take turns, and waits for a session that is being ended.
    row = _new_row().with_for_update(key_share=True, of=sessions).cte("new_row")
    columns = [column.name for column in row.c]
    replaced = (
        delete(push_tokens)
        .where(push_tokens.c.session_id.in_(select(row.c.session_id)))
        .where(push_tokens.c.token_digest != bindparam("token_digest"))
        .returning(push_tokens.c.session_id)
        .cte("replaced")
    )
    # Counting makes PostgreSQL run the deletion first.
    count_replaced = select(func.count()).select_from(replaced).scalar_subquery()
    insert = postgresql.insert(push_tokens).from_select(
        columns, select(*row.c).where(count_replaced >= 0)
    )
    return insert.on_conflict_do_update(
        index_elements=["token_digest"],
        set_={name: insert.excluded[name] for name in columns if name != "token_digest"},
    ).returning(*RECIPIENT_COLUMNS)
