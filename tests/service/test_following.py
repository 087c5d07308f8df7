"""The index in memory follows the database, whichever process writes to it.

`FOLLOWED_SECONDS` is the number of seconds that four processes write.
"""

import logging
import os
import time
from contextlib import closing, contextmanager

import pytest
from processes import exit_codes, forks
from push_data import DAY_S, phone
from servers import new_database, pgbouncer, postgres
from sqlalchemy import NullPool, create_engine, text
from sqlalchemy.exc import OperationalError
from writer import load_index, write_until_told

from category_filter.navixy import CATEGORIES
from category_filter.service import IndexedPushTokens, PushService, PushTokens, Sessions, connect
from category_filter.service import changes as changes_module

FOLLOWED_SECONDS = float(os.environ.get("FOLLOWED_SECONDS", "3"))


class Other:
    """Another process's view of the database."""

    def __init__(self, url):
        self.engine = connect(url)
        self.tokens = PushTokens(self.engine)
        self.sessions = Sessions(self.engine)

    def execute(self, statement):
        with self.engine.connect() as connection:
            connection.execute(text(statement))


@contextmanager
def followed(url):
    """Yield another process's view of a database, and an index of it."""
    other, engine = Other(url), connect(url)
    index = IndexedPushTokens(engine)
    yield other, index
    index.close()
    for each in (engine, other.engine):
        each.dispose()


@pytest.fixture
def other(database_url):
    other = Other(database_url)
    yield other
    other.engine.dispose()


@pytest.fixture
def index(other, engine):
    """Yield an index on separate connections. Two sessions have tokens."""
    other.ann, other.bob = (other.sessions.create(owner=each) for each in ("ann", None))
    other.tokens.bind(other.ann, phone(1))
    other.tokens.bind(other.bob, phone(2, "-chat_message"))
    index = IndexedPushTokens(engine)
    yield index
    index.close()


def all_recipients(tokens):
    found = {category: [*tokens.recipients(category)] for category in CATEGORIES}
    counts = {category: tokens.recipients(category).count() for category in CATEGORIES}
    return found, counts


WRITES = {
    "bind": lambda other: other.tokens.bind(other.sessions.create(), phone(3, "chat_message")),
    "bind again": lambda other: other.tokens.bind(other.ann, phone(4)),
    "a new filter": lambda other: other.tokens.bind(other.ann, phone(1, "-chat_message")),
    "a move": lambda other: other.tokens.bind(other.bob, phone(1)),
    "a move to a new session": lambda other: other.tokens.bind(other.sessions.create(), phone(1)),
    "delete": lambda other: other.tokens.delete(other.ann),
    "remove": lambda other: other.tokens.remove(next(iter(other.tokens.recipients("other")))),
    "end": lambda other: other.sessions.end(other.ann),
    "SQL on a token": lambda other: other.execute("UPDATE push_token SET owner = 'eve'"),
    "SQL on an id": lambda other: other.execute(
        "UPDATE push_token SET session_id = (SELECT max(id) FROM push_session)"
        " WHERE owner = 'ann' AND 1 = (SELECT count(*) FROM push_token)"
    ),
    "SQL on a filter": lambda other: other.execute(
        "UPDATE push_filter SET filter = 'chat_message' WHERE filter = '*'"
    ),
    "SQL on all sessions": lambda other: other.execute("DELETE FROM push_session"),
}


@pytest.mark.parametrize("write", WRITES)
def test_each_use_sees_what_was_committed_before(index, other, write):
    before = all_recipients(index)
    assert before == all_recipients(other.tokens)
    recipients = index.recipients("history_rule")
    WRITES[write](other)
    assert [*recipients] == [*other.tokens.recipients("history_rule")]
    after = all_recipients(index)
    assert after == all_recipients(other.tokens)
    assert after != before or write == "SQL on an id"


def test_a_purge_is_followed(index, other):
    other.execute("UPDATE push_session SET ends_at = 5, purge_after = 5 WHERE owner = 'ann'")
    assert other.sessions.purge() == 1
    assert all_recipients(index) == all_recipients(other.tokens)
    assert index.recipients("history_rule").count() == 1


def test_a_truncated_table_is_followed(postgres_url):
    with new_database(postgres_url) as url, followed(url) as (other, index):
        other.tokens.bind(other.sessions.create(), phone())
        assert index.recipients("history_rule").count() == 1
        other.execute("TRUNCATE push_session CASCADE")
        assert index.recipients("history_rule").count() == 0


def test_a_clock_that_is_set_back_brings_its_tokens_back(index, other, clock):
    other.tokens.bind(other.sessions.create(days=1), phone(3))
    both = clock.now
    for now in (both + DAY_S, both, both + DAY_S - 1, both + 2 * DAY_S, both + DAY_S - 1):
        clock.now = now
        assert all_recipients(index) == all_recipients(other.tokens)


class TestLostConnection:
    @pytest.fixture
    def server(self):
        with postgres() as server:
            yield server

    def test_the_index_is_loaded_again(self, postgres_url):
        with new_database(postgres_url) as url, followed(url) as (other, index):
            for number in range(3):
                other.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <>"
                    " pg_backend_pid() AND datname = current_database()"
                )
                other.tokens.bind(other.sessions.create(), phone(number))
                assert all_recipients(index) == all_recipients(other.tokens)

    def test_an_outage_is_an_error_until_it_ends(self, server):
        with followed(server.url) as (other, index):
            server.stop()
            for _ in range(2):
                with pytest.raises(OperationalError):
                    index.recipients("history_rule").count()
            server.start()
            other.tokens.bind(other.sessions.create(), phone())
            assert all_recipients(index) == all_recipients(other.tokens)


class TestFallingBehind:
    def test_a_log_that_no_longer_holds_all_changes_is_not_used(self, tmp_path, monkeypatch):
        monkeypatch.setattr(changes_module, "_LOG_SIZE", 5)
        with followed(f"sqlite:///{tmp_path}/push_tokens.db") as (other, index):
            for size in (5, 6, 20):
                for number in range(size):
                    other.tokens.bind(other.sessions.create(), phone(f"{size}-{number}"))
                assert all_recipients(index) == all_recipients(other.tokens)
            with other.engine.connect() as connection:
                assert connection.scalar(text("SELECT count(*) FROM push_change")) == 5

    def test_notifications_are_received_even_without_a_read(self, postgres_url, monkeypatch):
        monkeypatch.setattr(changes_module, "_DRAIN_S", 0.01)
        with new_database(postgres_url) as url, followed(url) as (other, index):
            other.tokens.bind(other.sessions.create(), phone())
            while not index._changes._payloads:
                time.sleep(0.01)
            assert all_recipients(index) == all_recipients(other.tokens)


class TestDatabase:
    def triggers(self, other):
        table = {"sqlite": "sqlite_master WHERE type = 'trigger'"}.get(
            other.engine.dialect.name, "pg_trigger WHERE NOT tgisinternal"
        )
        with other.engine.connect() as connection:
            return connection.scalar(text(f"SELECT count(*) FROM {table}"))

    def test_only_an_index_creates_triggers_and_creates_them_once(self, other, database_url):
        PushService(database_url).close()
        assert self.triggers(other) == 0
        PushService(database_url, indexed=True).close()
        created = self.triggers(other)
        PushService(database_url, indexed=True).close()
        assert self.triggers(other) == created > 0

    def test_many_processes_may_load_an_index_at_once(self, database_url):
        assert exit_codes(load_index, database_url, count=3) == [0] * 3

    def test_a_pooler_is_an_error(self, postgres_url):
        with (
            new_database(postgres_url) as direct,
            pgbouncer(direct) as url,
            pytest.raises(ValueError, match="pass the URL of the server itself") as error,
        ):
            PushService(url, indexed=True)
        assert str(error.value).startswith("an index in memory cannot follow the database through")


class TestProcess:
    def test_a_closed_index_is_loaded_again(self, index, other):
        index.close()
        other.tokens.delete(other.ann)
        assert all_recipients(index) == all_recipients(other.tokens)

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows does not fork")
    def test_a_fork_follows_on_a_separate_connection(self, index, other):
        child = os.fork()
        if child == 0:
            count = index.recipients("history_rule").count()
            index.close()
            os._exit(count)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 2
        other.tokens.delete(other.ann)
        assert all_recipients(index) == all_recipients(other.tokens)


@contextmanager
def writers(url):
    """Run four processes that write at random, and check that they end without an error."""
    processes, pipes = [], []
    for seed in range(4):
        pipe, other_end = forks.Pipe()
        with other_end:
            process = forks.Process(target=write_until_told, args=(url, seed, other_end))
            process.start()
        processes.append(process)
        pipes.append(pipe)
    for pipe in pipes:
        pipe.recv()
    try:
        yield
    finally:
        for pipe in pipes:
            pipe.send("the end")
        for process, pipe in zip(processes, pipes, strict=True):
            logging.getLogger(__name__).info(pipe.recv())
            process.join()
            pipe.close()
    assert [process.exitcode for process in processes] == [0] * 4


@contextmanager
def no_writes(engine):
    """Keep all other processes from changing tokens."""
    lock = {"sqlite": "BEGIN IMMEDIATE", "postgresql": "LOCK push_token IN SHARE MODE"}
    with create_engine(engine.url, poolclass=NullPool).connect() as connection:
        connection.exec_driver_sql(lock[connection.dialect.name])
        yield


def test_the_index_is_equal_to_the_database_while_four_processes_write(engine, database_url, clock):
    stored, comparisons, differences, sizes = PushTokens(engine), 0, 0, set()
    with closing(IndexedPushTokens(engine)) as index, writers(database_url):
        end = time.monotonic() + FOLLOWED_SECONDS
        while time.monotonic() < end:
            clock.now = time.time()  # no session expires between two reads
            for category in CATEGORIES:
                index.recipients(category).count()
            with no_writes(engine):
                deadline = time.monotonic() + 1
                # The lock is released a moment before the notification of the last commit.
                while all_recipients(index) != (expected := all_recipients(stored)):
                    differences += 1
                    assert time.monotonic() < deadline
            comparisons += 1
            sizes.add(len(expected[0]["history_rule"]))
            time.sleep(0.1)  # writers that wait for SQLite's lock look this often
    assert len(sizes) > 3
    logging.getLogger(__name__).info(
        "%d comparisons, %d of them repeated, %d to %d tokens",
        *(comparisons, differences, min(sizes), max(sizes)),
    )
