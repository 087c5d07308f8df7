"""Sessions: their hashes, their end, and the tokens that end with them."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from push_data import DAY_S, phone
from servers import HASH
from sqlalchemy import select

from category_filter.service import ApiError, Code, PushTokens, Sessions, tables


@pytest.mark.parametrize("wrong", ["", "0" * 31, "g" * 32, "0" * 33, "\uff10" * 32])
def test_a_hash_must_have_32_hexadecimal_digits(engine, wrong):
    for function in (
        Sessions(engine).create,
        Sessions(engine).end,
        Sessions(engine).check,
        lambda session_hash: PushTokens(engine).bind(session_hash, phone()),
        PushTokens(engine).delete,
    ):
        with pytest.raises(ApiError, match="wrong hash: expected 32 hexadecimal digits"):
            function(wrong)


def test_random_hashes_differ(engine):
    assert len({Sessions(engine).create() for _ in range(20)}) == 20


def test_creating_a_session_deletes_expired_ones_with_their_tokens(engine, clock):
    Sessions(engine).create(HASH, days=1)
    PushTokens(engine).bind(HASH, phone())
    clock.now += DAY_S
    Sessions(engine).create()
    with engine.connect() as connection:
        left = [
            len(connection.execute(select(table)).all())
            for table in (tables.sessions, tables.push_tokens)
        ]
    assert left == [1, 0]


def test_a_session_can_end_while_its_filter_is_added(engine, monkeypatch):
    session_hash = Sessions(engine).create()
    monkeypatch.setattr(Sessions, "check", Sessions.end)
    with pytest.raises(ApiError, match="session not found or ended"):
        PushTokens(engine).bind(session_hash, phone())


def test_a_session_that_ends_during_a_bind_leaves_no_token(engine):
    sessions, push_tokens = Sessions(engine), PushTokens(engine)
    outcomes = Counter()
    for _ in range(50):
        session_hash = sessions.create()
        start = threading.Barrier(2)

        def bind(session_hash=session_hash, start=start):
            start.wait()
            try:
                push_tokens.bind(session_hash, phone())
            except ApiError as error:
                return error.code
            return None

        def end(session_hash=session_hash, start=start):
            start.wait()
            assert sessions.end(session_hash)

        with ThreadPoolExecutor(2) as pool:
            bound, ended = pool.submit(bind), pool.submit(end)
            ended.result()
            outcomes[bound.result()] += 1
        assert push_tokens.recipients("chat_message").count() == 0
    assert set(outcomes) <= {None, Code.SESSION_NOT_FOUND}
