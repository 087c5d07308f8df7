"""Sessions: their hashes, their end, and the tokens that end with them."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from push_data import DAY_S, phone
from servers import HASH, new_database
from sqlalchemy import func, select, text

from category_filter.service import ApiError, Code, PushTokens, Sessions, calls, connect, tables
from category_filter.service import sessions as sessions_module


@pytest.mark.parametrize("wrong", ["", "0" * 31, "g" * 32, "0" * 33, "\uff10" * 32, 5])
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


def test_a_session_lasts_for_30_days_unless_told_otherwise(engine, clock):
    sessions = Sessions(engine)
    sessions.create()
    sessions.create(days=0.5)
    assert [each.ends_at - clock.now for each in sessions.list()] == [30 * DAY_S, DAY_S // 2]


def test_a_hash_is_used_by_one_session_at_a_time(engine):
    Sessions(engine).create(HASH)
    with pytest.raises(ValueError, match=r"^a session with this hash already exists$"):
        Sessions(engine).create(HASH)


def test_a_new_session_may_have_the_hash_of_an_expired_one(engine, clock):
    Sessions(engine).create(HASH, days=1)
    PushTokens(engine).bind(HASH, phone())
    clock.now += DAY_S
    with pytest.raises(ApiError, match="session not found or ended"):
        Sessions(engine).check(HASH)
    assert Sessions(engine).create(HASH) == HASH
    assert PushTokens(engine).recipients("chat_message").count() == 0


def test_listing_shows_the_live_sessions_of_an_owner(engine, clock, monkeypatch):
    monkeypatch.setattr(sessions_module, "_PAGE_SIZE", 3)
    sessions = Sessions(engine)
    for owner, days in [("ann", 3), ("ann", 1), ("bob", 3), (None, 3), ("ann", 4)]:
        sessions.create(owner=owner, days=days)
    clock.now += DAY_S
    assert [(each.owner, each.ends_at) for each in sessions.list(owner="ann")] == [
        ("ann", clock.now + 2 * DAY_S),
        ("ann", clock.now + 3 * DAY_S),
    ]
    assert [each.owner for each in sessions.list()] == ["ann", "bob", None, "ann"]


class TestPurge:
    """A purge deletes the sessions that a purge marked as expired at least a day before."""

    def expire(self, engine):
        with engine.connect() as connection:
            connection.execute(text("UPDATE push_session SET ends_at = 5 WHERE owner IS NULL"))

    def age_marks(self, engine):
        with engine.connect() as connection:
            connection.execute(text("UPDATE push_session SET purge_after = purge_after - 86400"))

    def count(self, engine, table=tables.sessions):
        with engine.connect() as connection:
            return connection.scalar(select(func.count()).select_from(table))

    def test_sessions_and_their_tokens_are_deleted_after_a_day_of_grace(self, engine, monkeypatch):
        monkeypatch.setattr(sessions_module, "_PURGE_BATCH", 3)
        sessions = Sessions(engine)
        for number in range(8):
            PushTokens(engine).bind(sessions.create(), phone(number))
        live = sessions.create(owner="ann")
        self.expire(engine)
        assert sessions.purge() == 0
        assert sessions.purge() == 0
        self.age_marks(engine)
        assert sessions.purge() == 8
        assert (self.count(engine), self.count(engine, tables.push_tokens)) == (1, 0)
        sessions.check(live)

    def test_a_clock_that_is_wrong_once_deletes_nothing(self, tmp_path, clock):
        engine = connect(f"sqlite:///{tmp_path}/push_tokens.db")
        sessions = Sessions(engine)
        sessions.create(days=30)
        clock.now += 60 * DAY_S
        assert sessions.purge() == 0
        clock.now -= 60 * DAY_S
        assert sessions.purge() == 0
        clock.now += 30 * DAY_S
        assert sessions.purge() == 0  # it has just expired
        clock.now += DAY_S - 1
        assert sessions.purge() == 0
        clock.now += 1
        assert sessions.purge() == 1
        engine.dispose()

    def test_postgresql_uses_the_clock_of_the_server(self, postgres_url, clock):
        with new_database(postgres_url) as url:
            engine = connect(url)
            sessions = Sessions(engine)
            sessions.create(days=30)
            for _ in range(3):
                clock.now += 60 * DAY_S
                assert sessions.purge() == 0
            assert self.count(engine) == 1
            engine.dispose()


def test_a_session_can_end_while_its_filter_is_added(engine, monkeypatch):
    session_hash = Sessions(engine).create()

    async def end(_, session_hash):
        Sessions(engine).end(session_hash)

    monkeypatch.setattr(calls, "check_session", end)
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
