"""The calls of the API, as coroutines that run in a thread or in the event loop.

A coroutine awaits an `Execute` for each statement. `complete` runs it in a thread, where it never
waits; `AsyncConnections` runs it in the event loop.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import psycopg
from sqlalchemy import bindparam, delete, func, literal_column, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError

from category_filter.service.bindings import BrowserBinding
from category_filter.service.errors import ApiError, Code
from category_filter.service.recipients import RECIPIENT_COLUMNS, Recipient, token_digest
from category_filter.service.sessions import IS_LIVE, check_session, digest
from category_filter.service.tables import filters, push_tokens, sessions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from sqlalchemy import Executable, Select

    from category_filter.service.bindings import DeviceBinding
    from category_filter.service.database import Execute
    from category_filter.service.rebinds import Rebinds

__all__ = ["TokenCalls", "ping"]

_CONFLICTS = {"23505", "40P01"}
"""PostgreSQL's codes of a unique violation and of a deadlock."""

_MAX_ATTEMPTS = 50

_PING = text("SELECT 1")


async def ping(execute: Execute) -> None:
    """Check that the database answers."""
    await execute(_PING, {})


class TokenCalls:
    """The calls that bind and delete push tokens.

    Args:
        dialect: The name of the dialect of the database.
        rebinds: Where to replace the tokens of sessions that have one, if that is faster.
    """

    def __init__(self, dialect: str, rebinds: Rebinds | None = None) -> None:
        self._bind = _bind_sqlite() if dialect == "sqlite" else _bind_postgresql()
        self._rebinds = rebinds
        insert = sqlite.insert if dialect == "sqlite" else postgresql.insert
        self._add_filter = insert(filters).on_conflict_do_nothing().returning(filters.c.id)
        self._delete = (
            delete(push_tokens)
            .where(push_tokens.c.session_id.in_(select(sessions.c.id).where(*IS_LIVE)))
            .returning(push_tokens.c.session_id)
        )

    async def bind(
        self, execute: Execute, session_hash: str, binding: DeviceBinding | BrowserBinding
    ) -> Recipient:
        """Bind a push token to a session, as `PushTokens.bind` does."""
        keys = binding.parameters if isinstance(binding, BrowserBinding) else None
        values = {
            "digest": digest(session_hash),
            "now": int(time.time()),
            "application": binding.application,
            "token": binding.token,
            "p256dh": keys and keys.p256dh,
            "auth": keys and keys.auth,
            "token_digest": token_digest(binding.application, binding.token),
            "filter": str(binding.effective_filter),
        }
        rows = await self._execute_bind(execute, values)
        if not rows:  # the session or the filter is missing
            await check_session(execute, session_hash)
            await execute(self._add_filter, {"filter": values["filter"]})
            rows = await self._execute_bind(execute, values)
        if not rows:  # the session has ended in the meantime
            raise ApiError(Code.SESSION_NOT_FOUND)
        return Recipient(*rows[0])

    async def _execute_bind(self, execute: Execute, values: Mapping[str, object]) -> Sequence[Any]:
        """Run the statement again if a concurrent one bound the same session or token.

        Unlike other failures, a conflict or a deadlock means that nothing was written.
        """
        if self._rebinds is not None:
            try:
                if row := await self._rebinds.replace(execute, values):
                    return [row]
            except psycopg.Error as error:
                if not _is_conflict(error):
                    raise
        attempts = 0
        while True:
            attempts += 1
            try:
                return await execute(self._bind, values)
            except (DBAPIError, psycopg.Error) as error:
                if not _is_conflict(error) or attempts == _MAX_ATTEMPTS:
                    raise

    async def delete(self, execute: Execute, session_hash: str) -> int:
        """Delete the push token of a session, as `PushTokens.delete` does."""
        values = {"digest": digest(session_hash), "now": int(time.time())}
        rows = await execute(self._delete, values)
        if not rows:
            await check_session(execute, session_hash)
            raise ApiError(Code.NOT_FOUND)
        ((session_id,),) = rows
        return int(session_id)


def _is_conflict(error: DBAPIError | psycopg.Error) -> bool:
    return getattr(getattr(error, "orig", error), "sqlstate", None) in _CONFLICTS


def _new_row() -> Select[*tuple[Any, ...]]:
    """Select the row to insert, or no row if the session is not live or the filter not stored."""
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
        .where(*IS_LIVE)
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
        columns, select(*row.c).where(count_replaced >= literal_column("0"))
    )
    return insert.on_conflict_do_update(
        index_elements=["token_digest"],
        set_={name: insert.excluded[name] for name in columns if name != "token_digest"},
    ).returning(*RECIPIENT_COLUMNS)
