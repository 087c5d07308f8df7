"""Replacing tokens over HTTP on PostgreSQL: requests that arrive together share a statement."""

import asyncio
from contextlib import asynccontextmanager

import psycopg
import pytest
from push_data import phone
from servers import new_database

from category_filter.service import ApiError, PushTokens, Sessions, connect, rebinds
from category_filter.service.async_connections import AsyncConnections
from category_filter.service.calls import TokenCalls
from category_filter.service.errors import Code
from category_filter.service.rebinds import Rebinds


@pytest.fixture
def service(postgres_url):
    """Yield a database with 20 sessions that have a token, and the calls of the API."""
    with new_database(postgres_url) as url:
        engine = connect(url)
        hashes = [Sessions(engine).create(owner=str(number)) for number in range(20)]
        for number, session_hash in enumerate(hashes):
            PushTokens(engine).bind(session_hash, phone(number))
        yield Service(engine, hashes)
        engine.dispose()


class Service:
    """The calls of the API, as the service makes them, and a count of their statements."""

    def __init__(self, engine, hashes):
        self.engine = engine
        self.hashes = hashes
        self.statements = []
        self._calls = TokenCalls("postgresql", Rebinds())
        self._connections = AsyncConnections(engine, 10)

    async def bind(self, session_hash, binding):
        return await self._connections.run(self._bind, session_hash, binding)

    async def _bind(self, execute, *arguments):
        async def counted(statement, values):
            self.statements.append(values)
            return await execute(statement, values)

        return await self._calls.bind(counted, *arguments)

    def run(self, coroutine):
        """Run a coroutine in an event loop of its own."""
        try:
            return asyncio.run(coroutine)
        finally:
            self._connections.stop()

    def bind_all(self, *bindings):
        """Make concurrent calls, and return their results or errors."""

        async def gather():
            calls = (self.bind(*arguments) for arguments in bindings)
            return await asyncio.gather(*calls, return_exceptions=True)

        return self.run(gather())

    @asynccontextmanager
    async def transaction(self, statement):
        """Execute a statement in a transaction that ends with the block."""
        url = self.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        async with await psycopg.AsyncConnection.connect(url) as connection:
            await connection.execute(statement)
            yield

    def stored(self):
        return [*PushTokens(self.engine).recipients("chat_message")]


def test_concurrent_requests_are_written_by_one_statement(service):
    bindings = [(each, phone(100 + n)) for n, each in enumerate(service.hashes)]
    assert service.bind_all(*bindings) == service.stored()
    assert [(each.owner, each.token) for each in service.stored()] == [
        (str(number), f"token-{100 + number}") for number in range(20)
    ]
    assert [values["count"] for values in service.statements] == [20]


def test_a_request_alone_and_each_group_after_it_are_answered_in_any_event_loop(service):
    for number in range(3):
        (recipient,) = service.bind_all((service.hashes[0], phone(100 + number)))
        assert recipient == service.stored()[0]
        assert recipient.token == f"token-{100 + number}"


def test_what_cannot_be_replaced_is_written_or_refused_alone(service):
    sessions = Sessions(service.engine)
    new, ended = sessions.create(), service.hashes[1]
    sessions.end(ended)
    replaced, refused, bound, unstored = service.bind_all(
        (service.hashes[0], phone(100)),
        (ended, phone(101)),
        (new, phone(102)),
        (service.hashes[2], phone(103, "chat_message,history_rule")),
    )
    assert isinstance(refused, ApiError)
    assert refused.code is Code.SESSION_NOT_FOUND
    kept = [each for each in service.stored() if each.token not in {"token-100", "token-103"}]
    assert [each.token for each in kept] == [*(f"token-{n}" for n in range(3, 20)), "token-102"]
    assert service.stored() == sorted([*kept, replaced, unstored], key=lambda each: each.session_id)
    assert bound in kept


def test_requests_with_one_session_or_one_token_are_all_answered(service):
    first, second, *_ = service.hashes
    bindings = [(first, phone(100)), (first, phone(101)), (second, phone(102)), (first, phone(102))]
    bound = service.bind_all(*bindings)
    assert [each.token for each in bound] == [f"token-{n}" for n in (100, 101, 102, 102)]
    left = [each for each in service.stored() if each.owner in {"0", "1"}]
    assert len({each.token for each in left}) == len(left) > 0
    assert all(each in bound or each.token in {"token-0", "token-1"} for each in left)


def test_requests_with_one_token_fail_together_and_are_repeated_alone(service):
    bound = service.bind_all(*((each, phone(100)) for each in service.hashes))
    assert {each.owner for each in bound} == {str(number) for number in range(20)}
    (left,) = service.stored()
    assert left in bound


def test_a_locked_session_keeps_only_its_own_request_waiting(service):
    async def bind_around_a_lock():
        lock = "SELECT * FROM push_token WHERE token = 'token-0' FOR UPDATE"
        async with service.transaction(lock):
            waiting, *others = (
                asyncio.ensure_future(service.bind(each, phone(100 + number)))
                for number, each in enumerate(service.hashes)
            )
            answered = await asyncio.wait_for(asyncio.gather(*others), 3)
            assert not waiting.done()
        return [await waiting, *answered]

    assert service.run(bind_around_a_lock()) == service.stored()


def test_a_statement_that_is_stuck_keeps_no_later_request_waiting(service):
    async def bind_around_a_stuck_statement():
        async with service.transaction("DELETE FROM push_token WHERE token = 'token-1'"):
            stuck = asyncio.ensure_future(service.bind(service.hashes[0], phone(1)))
            await asyncio.sleep(0.05)
            later = await asyncio.wait_for(service.bind(service.hashes[2], phone(100)), 3)
            assert not stuck.done()
        return [await stuck, later]

    bound = service.run(bind_around_a_stuck_statement())
    assert bound == [each for each in service.stored() if each.owner in {"0", "2"}]


def test_a_statement_that_takes_too_long_writes_nothing(service, monkeypatch):
    monkeypatch.setattr(rebinds, "_TIMEOUT_S", 0.5)
    before = service.stored()

    async def bind_around_a_lock():
        async with service.transaction("LOCK TABLE push_token"):
            calls = (service.bind(each, phone(100 + n)) for n, each in enumerate(service.hashes))
            return await asyncio.gather(*calls, return_exceptions=True)

    assert [type(each) for each in service.run(bind_around_a_lock())] == [TimeoutError] * 20
    assert service.stored() == before


def test_a_request_that_is_cancelled_while_it_waits_is_not_written(service, monkeypatch):
    monkeypatch.setattr(rebinds, "_HEAD_START_S", 10)
    first, *_, cancelled, later = service.hashes

    async def bind_and_cancel():
        async with service.transaction("DELETE FROM push_token WHERE token = 'token-1'"):
            calls = [asyncio.ensure_future(service.bind(first, phone(1)))]
            await asyncio.sleep(0.05)
            for session_hash in (cancelled, later):
                calls.append(
                    asyncio.ensure_future(service.bind(session_hash, phone(len(calls) + 99)))
                )
            await asyncio.sleep(0)
            calls[1].cancel()
        return await asyncio.gather(*calls, return_exceptions=True)

    assert isinstance(service.run(bind_and_cancel())[1], asyncio.CancelledError)
    tokens = [each.token for each in service.stored()]
    assert tokens == ["token-1", *(f"token-{n}" for n in range(2, 19)), "token-101"]
