"""Replacing the tokens of sessions that have one, for many requests in one statement."""

from __future__ import annotations

import asyncio
import json
from asyncio import AbstractEventLoop, Future, Task
from typing import TYPE_CHECKING, Any, TypeAlias
from weakref import WeakKeyDictionary

from sqlalchemy import JSON, Integer, Text, bindparam, cast, column, func, select, update

from category_filter.service.recipients import RECIPIENT_COLUMNS
from category_filter.service.tables import filters, push_tokens, sessions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Executable, FromClause

    from category_filter.service.database import Execute

__all__ = ["Rebinds"]

_GIVEN = {
    each.name: each.type
    for each in (
        sessions.c.digest,
        push_tokens.c.application,
        push_tokens.c.token,
        push_tokens.c.p256dh,
        push_tokens.c.auth,
        push_tokens.c.token_digest,
    )
} | {"filter": Text()}
"""The values that a request gives, and their types."""

_TIMEOUT_S = 5
"""Seconds a statement may take: fewer than a request waits, so that it ends before the request."""

_HEAD_START_S = 0.1
"""Seconds after which requests no longer wait for an earlier statement, which may be stuck."""

_Row: TypeAlias = "Sequence[Any]"
_Group: TypeAlias = "dict[bytes, tuple[Mapping[str, Any], Future[_Row | None]]]"
"""The values of requests and their results, by the digest of the session."""


class Rebinds:
    """The requests that replace the token of a session, on PostgreSQL.

    Requests that arrive while a statement runs are written together by the next one. With 16
    clients, the service then answers 1.5 times as many requests per second.
    """

    def __init__(self) -> None:
        one = select(*(bindparam(name, type_=type_).label(name) for name, type_ in _GIVEN.items()))
        many = select(
            func.json_to_recordset(cast(bindparam("given", type_=Text()), JSON))
            .table_valued(*(column(name, type_) for name, type_ in _GIVEN.items()))
            .render_derived(with_types=True)
        )
        # The limit cuts nothing. It makes the planner expect 10 rows, and use the same plan for any
        # number of them: it would expect 100, and rather scan a table than use its index.
        count = select(bindparam("count", type_=Integer())).scalar_subquery()
        self._replace_one = _replace(one.subquery("given"))
        self._replace_many = _replace(many.limit(count).subquery("given"))
        self._waiting = WeakKeyDictionary[AbstractEventLoop, _Group]()
        self._tasks = set[Task[None]]()

    async def replace(self, execute: Execute, values: Mapping[str, Any]) -> _Row | None:
        """Replace the token of a session, and return the row of the recipient.

        Return None and write nothing if the session has no token or is not live, if the filter is
        not stored, or if another transaction or a waiting request is about to change the row.

        Raises:
            psycopg.Error: If the statement fails. It writes nothing then.
            TimeoutError: If the statement takes too long.
        """
        loop = asyncio.get_running_loop()
        waiting = self._waiting.get(loop)
        if waiting is None:
            waiting = self._waiting[loop] = {}
            task = loop.create_task(self._run(execute, loop))
            self._tasks.add(task)  # the event loop would not keep it alive
            task.add_done_callback(self._tasks.discard)
        digest = values["digest"]
        if digest in waiting:
            return None
        result: Future[_Row | None] = loop.create_future()
        waiting[digest] = values, result
        try:
            return await result
        finally:
            waiting.pop(digest, None)  # if it was cancelled, it is not written any more

    async def _run(self, execute: Execute, loop: AbstractEventLoop) -> None:
        """Run one statement after another, until no request waits."""
        async with asyncio.TaskGroup() as statements:
            try:
                while group := self._waiting[loop]:
                    self._waiting[loop] = {}
                    statement = statements.create_task(self._write(execute, group))
                    await asyncio.wait([statement], timeout=_HEAD_START_S)
            finally:
                del self._waiting[loop]

    async def _write(self, execute: Execute, group: _Group) -> None:
        given = [values for values, _ in group.values()]
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                found = {digest: row for digest, *row in await self._execute(execute, given)}
        except Exception as error:  # noqa: BLE001 - the waiting requests handle it
            for _, result in _pending(group):
                result.set_exception(error)
        else:
            for digest, result in _pending(group):
                result.set_result(found.get(digest))

    async def _execute(
        self, execute: Execute, given: Sequence[Mapping[str, Any]]
    ) -> Sequence[_Row]:
        if len(given) == 1:  # a statement for many takes up to four times as long
            return await execute(self._replace_one, given[0])
        rows = [{name: _to_json(values[name]) for name in _GIVEN} for values in given]
        parameters = {"now": given[0]["now"], "given": json.dumps(rows), "count": len(rows)}
        return await execute(self._replace_many, parameters)


def _pending(group: _Group) -> list[tuple[bytes, Future[_Row | None]]]:
    """Return the results that are still waited for: a request may just have been cancelled."""
    return [(digest, result) for digest, (_, result) in group.items() if not result.done()]


def _to_json(value: str | bytes | None) -> str | None:
    """Return a value as PostgreSQL reads it from JSON."""
    return rf"\x{value.hex()}" if isinstance(value, bytes) else value


def _replace(given: FromClause) -> Executable:
    """Replace the tokens of live sessions that have one by tokens that no other session has."""
    row = (
        select(
            push_tokens.c.session_id,
            *(each for each in given.c if each.name != "filter"),
            filters.c.id.label("filter_id"),
            sessions.c.ends_at,
            sessions.c.owner,
        )
        .join_from(given, sessions, sessions.c.digest == given.c.digest)
        .join(push_tokens, push_tokens.c.session_id == sessions.c.id)
        .join(filters, filters.c.filter == given.c.filter)
        .where(sessions.c.ends_at > bindparam("now"))
        # A row that another transaction is changing must not hold up the others.
        .with_for_update(of=push_tokens, skip_locked=True)
        .subquery("new_row")
    )
    values = {each.name: each for each in row.c if each.name in push_tokens.c}
    replace = update(push_tokens).where(push_tokens.c.session_id == row.c.session_id)
    returned = [row.c.digest, *RECIPIENT_COLUMNS]
    return replace.values(values).returning(*returned)
