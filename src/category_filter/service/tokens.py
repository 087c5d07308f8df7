"""Push tokens: bind them to sessions, delete them, and find the recipients of a category."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete

from category_filter.service.calls import TokenCalls
from category_filter.service.database import complete, execute, executor
from category_filter.service.push_services import PushServices
from category_filter.service.recipients import (
    Recipient,
    Recipients,
    Selection,
    StoredRecipients,
    token_digest,
)
from category_filter.service.tables import push_tokens

if TYPE_CHECKING:
    from collections.abc import Collection
    from enum import Enum

    from sqlalchemy import Engine

    from category_filter.service.bindings import BrowserBinding, DeviceBinding

__all__ = ["PushTokens"]


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
        self._execute = executor(database)
        self._calls = TokenCalls(database.dialect.name)

    def bind(self, session_hash: str, binding: DeviceBinding | BrowserBinding) -> Recipient:
        """Bind a push token to a session, and return the recipient.

        It replaces the session's current token. If another session has this token, it moves: a
        device belongs to the user who bound it last.

        Raises:
            ApiError: If the session does not exist or has ended, or the hash is not a string of 32
                hexadecimal digits.
        """
        return complete(self._calls.bind(self._execute, session_hash, binding))

    def delete(self, session_hash: str) -> int:
        """Delete the push token of a session, and return the session's id.

        Raises:
            ApiError: If the session has no push token, does not exist or has ended, or the hash is
                not a string of 32 hexadecimal digits.
        """
        return complete(self._calls.delete(self._execute, session_hash))

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

        Iterate to send. No connection is in use meanwhile, and an interrupted run can resume after
        the last `session_id`. A token that is bound during the run may be left out.

        A browser whose push service is not allowed is left out, even if it was allowed when the
        token was bound. So nobody can aim the sender at an internal address.

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
