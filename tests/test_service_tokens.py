"""What the service stores: whose a token is, who gets a category, and how the tables come about."""

import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from servers import HASH, new_database
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from category_filter import CategoryFilter
from category_filter.navixy import CATEGORIES
from category_filter.service import (
    ApiError,
    BrowserBinding,
    Code,
    DeviceBinding,
    IndexedPushTokens,
    PushTokens,
    Sessions,
    connect,
    database,
    indexed,
    sessions,
    tokens,
)

DAY = 86_400

known_filters = st.builds(
    lambda make, names: make(*names),
    st.sampled_from([CategoryFilter.only, CategoryFilter.all_except]),
    st.sets(st.sampled_from([*CATEGORIES])),
)
device_bindings = st.builds(
    DeviceBinding,
    application=st.sampled_from(["navixy_iphone_viewer", "navixy_android_viewer"]),
    token=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20),
    category_filter=st.none() | known_filters,
)
keys = st.text("abcXYZ019_-+/", min_size=1, max_size=20)
browser_bindings = st.builds(
    BrowserBinding,
    application=st.just("w3c_pushapi"),
    token=st.integers(0, 9).map("https://push.example/{}".format),
    parameters=st.fixed_dictionaries({"p256dh": keys, "auth": keys}),
    category_filter=st.none() | known_filters,
)
hashes = st.integers(0, 2).map("{:032x}".format)


@pytest.fixture
def clock(monkeypatch):
    """A clock that tests move."""
    clock = SimpleNamespace(now=1_800_000_000)
    for module in (indexed, sessions, tokens):
        monkeypatch.setattr(module, "time", SimpleNamespace(time=lambda: clock.now))
    return clock


@pytest.fixture
def engine(database_url):
    engine = connect(database_url)
    yield engine
    engine.dispose()


class Registry(RuleBasedStateMachine):
    """Whatever happens, the database and the index find whom a loop over all would find."""

    def __init__(self, engine, clock):
        super().__init__()
        self.clock = clock
        with engine.connect() as connection:
            for table in reversed(database.metadata.sorted_tables):
                connection.execute(table.delete())
        self.stored = PushTokens(engine)
        self.indexed = IndexedPushTokens(engine)
        self.sessions = Sessions(engine, ended=self.indexed.forget)
        self.ends = {}
        self.bound = {}

    @initialize(days=st.lists(st.integers(1, 5), min_size=3, max_size=3))
    def sign_in(self, days):
        for number, each in enumerate(days):
            self.create(f"{number:032x}", each)

    def live(self, hash_):
        return self.ends.get(hash_, 0) > self.clock.now

    @rule(hash_=hashes, days=st.integers(1, 5))
    def create(self, hash_, days):
        if self.live(hash_):
            with pytest.raises(ValueError, match="there is a session with this hash already"):
                self.sessions.create(hash_, days=days)
        else:
            assert self.sessions.create(hash_, days=days) == hash_
            self.ends[hash_] = self.clock.now + days * DAY
            self.bound.pop(hash_, None)

    @rule(hash_=hashes)
    def end(self, hash_):
        ended = self.sessions.end(hash_)
        assert ended or not self.live(hash_)
        self.ends.pop(hash_, None)
        self.bound.pop(hash_, None)

    @rule(hash_=hashes, binding=device_bindings | browser_bindings)
    def bind(self, hash_, binding):
        if self.live(hash_):
            recipient = self.indexed.bind(hash_, binding)
            keys = binding.parameters
            assert (recipient.application, recipient.token) == (binding.application, binding.token)
            assert (recipient.p256dh, recipient.auth) == (
                (keys.p256dh, keys.auth) if keys else (None, None)
            )
            assert recipient.ends_at == self.ends[hash_]
            self.bound[hash_] = recipient, binding.category_filter or CategoryFilter("*")
        else:
            with pytest.raises(ApiError) as caught:
                self.indexed.bind(hash_, binding)
            assert caught.value.code == Code.SESSION_NOT_FOUND

    @rule(hash_=hashes)
    def delete(self, hash_):
        if self.live(hash_) and hash_ in self.bound:
            recipient, _ = self.bound.pop(hash_)
            assert self.indexed.delete(hash_) == recipient.session_id
        else:
            with pytest.raises(ApiError) as caught:
                self.indexed.delete(hash_)
            live = self.live(hash_)
            assert caught.value.code == (Code.NOT_FOUND if live else Code.SESSION_NOT_FOUND)

    @rule(hash_=hashes, binding=device_bindings, days=st.integers(1, 3))
    def bind_twice_and_wait(self, hash_, binding, days):
        self.bind(hash_, binding)
        self.bind(hash_, binding)
        self.all_agree()
        self.clock.now += days * DAY - 1
        self.all_agree()
        self.clock.now += 1

    @rule()
    def start_anew(self):
        self.indexed = IndexedPushTokens(self.stored._database)
        self.sessions = Sessions(self.stored._database, ended=self.indexed.forget)

    @invariant()
    def all_agree(self):
        for category in (*CATEGORIES, "invented_tomorrow", "no name at all"):
            expected = {
                recipient
                for hash_, (recipient, wanted) in self.bound.items()
                if self.live(hash_) and wanted.allows(category)
            }
            for source in (self.stored, self.indexed):
                found = list(source.recipients(category))
                assert len(found) == source.recipients(category).count() == len(expected)
                assert set(found) == expected


def test_the_database_and_the_index_agree(engine, clock):
    run_state_machine_as_test(
        lambda: Registry(engine, clock),
        settings=settings(
            deadline=None,
            max_examples=20,
            stateful_step_count=30,
            suppress_health_check=list(HealthCheck),
        ),
    )


def phone(number, wanted="*"):
    return DeviceBinding(
        application="navixy_android_viewer", token=f"token-{number}", category_filter=wanted
    )


PHONE = phone(0)


class TestRecipients:
    def test_they_are_not_all_held_at_once(self, engine):
        registry, push_tokens = Sessions(engine), PushTokens(engine)
        for number in range(2500):
            push_tokens.bind(registry.create(), phone(number))
        found = iter(push_tokens.recipients("chat_message"))
        seen = {next(found).token}
        # What is deleted meanwhile was there when they were asked for.
        with engine.connect() as connection:
            connection.execute(text("DELETE FROM push_token"))
        seen.update(recipient.token for recipient in found)
        assert seen == {f"token-{number}" for number in range(2500)}
        assert push_tokens.recipients("chat_message").count() == 0

    def test_going_through_some_leaves_no_transaction_open(self, engine):
        push_tokens = PushTokens(engine)
        push_tokens.bind(Sessions(engine).create(), PHONE)
        for _ in range(100):  # more than there are connections
            for _ in push_tokens.recipients("chat_message"):
                break
        assert push_tokens.recipients("chat_message").count() == 1

    @pytest.mark.parametrize("kind", [PushTokens, IndexedPushTokens])
    def test_a_category_is_a_text(self, engine, kind):
        kind(engine).bind(Sessions(engine).create(), PHONE)
        recipients = kind(engine).recipients(5)
        for ask in (recipients.count, lambda: list(recipients)):
            with pytest.raises(TypeError, match="category must be a str, not int"):
                ask()

    def test_a_retired_category_that_is_stored_still_counts(self, engine):
        push_tokens = PushTokens(engine)
        push_tokens.bind(Sessions(engine).create(), phone(1))
        with engine.connect() as connection:
            connection.execute(text("UPDATE push_filter SET filter = '-retired'"))
        assert push_tokens.recipients("retired").count() == 0
        assert push_tokens.recipients("chat_message").count() == 1


class TestIndexed:
    @pytest.mark.parametrize(("first", "second"), [(1, 5), (5, 1)])
    def test_a_session_is_not_taken_for_one_that_has_ended(self, engine, clock, first, second):
        index = IndexedPushTokens(engine)
        registry = Sessions(engine, ended=index.forget)
        session = registry.create(days=first)
        index.bind(session, PHONE)
        registry.end(session)
        index.bind(registry.create(days=second), PHONE)
        clock.now += 2 * DAY
        left = index.recipients("chat_message").count()
        assert left == PushTokens(engine).recipients("chat_message").count() == (second > 2)

    def test_an_end_is_noticed_by_counting_alone(self, engine, clock):
        index = IndexedPushTokens(engine)
        index.bind(Sessions(engine).create(days=1), PHONE)
        clock.now += DAY
        assert index.recipients("chat_message").count() == 0

    def test_threads_leave_it_in_step(self, engine):
        index = IndexedPushTokens(engine)
        registry = Sessions(engine, ended=index.forget)
        hashes = [registry.create() for _ in range(4)]
        errors = []

        def work(seed):
            for number in range(100):
                hash_ = hashes[(seed * 7 + number) % 4]
                try:
                    if (seed + number) % 5 == 0:
                        index.delete(hash_)
                    else:
                        minus = "-" * (number % 2)
                        index.bind(hash_, phone(f"{seed}-{number}", f"{minus}chat_message"))
                    list(index.recipients("chat_message"))
                except ApiError as error:
                    errors.append(error.code)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(work, range(8)))
        assert set(errors) <= {Code.NOT_FOUND}
        for category in CATEGORIES:
            found = PushTokens(engine).recipients(category)
            assert set(index.recipients(category)) == set(found)

    def test_a_write_that_may_have_failed_is_looked_up(self, engine, monkeypatch):
        index = IndexedPushTokens(engine)
        hash_ = Sessions(engine).create()
        index.bind(hash_, phone(1))

        def execute(*arguments):
            database.execute(*arguments)
            raise OperationalError("", {}, Exception())  # written, though nobody hears of it

        monkeypatch.setattr(tokens, "execute", execute)
        with pytest.raises(OperationalError):
            index.bind(hash_, phone(2))
        monkeypatch.undo()
        assert [found.token for found in index.recipients("chat_message")] == ["token-2"]

    def test_those_who_are_gone_through_are_those_of_the_beginning(self, engine):
        index = IndexedPushTokens(engine)
        registry = Sessions(engine, ended=index.forget)
        hashes = [registry.create() for _ in range(3)]
        for number, hash_ in enumerate(hashes):
            index.bind(hash_, phone(number))
        found = iter(index.recipients("chat_message"))
        index.delete(hashes[0])
        registry.end(hashes[1])
        index.bind(hashes[2], phone(9, "-chat_message"))
        assert sorted(recipient.token for recipient in found) == ["token-0", "token-1", "token-2"]
        assert index.recipients("chat_message").count() == 0


def test_a_session_that_ends_while_its_filter_is_added(engine, monkeypatch):
    hash_ = Sessions(engine).create()

    monkeypatch.setattr(Sessions, "check", Sessions.end)
    with pytest.raises(ApiError, match="session not found or ended"):
        PushTokens(engine).bind(hash_, PHONE)


class TestSessions:
    @pytest.mark.parametrize("wrong", ["", "0" * 31, "g" * 32, "0" * 33, "\uff10" * 32])
    def test_a_hash_has_32_hexadecimal_digits(self, engine, wrong):
        for call in (
            Sessions(engine).create,
            Sessions(engine).end,
            Sessions(engine).check,
            lambda hash_: PushTokens(engine).bind(hash_, PHONE),
            PushTokens(engine).delete,
        ):
            with pytest.raises(ApiError, match="wrong hash: it is not 32 hexadecimal digits"):
                call(wrong)

    def test_random_hashes_differ(self, engine):
        assert len({Sessions(engine).create() for _ in range(20)}) == 20

    def test_what_has_ended_is_removed(self, engine, clock):
        Sessions(engine).create(HASH, days=1)
        PushTokens(engine).bind(HASH, PHONE)
        clock.now += DAY
        Sessions(engine).create()
        with engine.connect() as connection:
            left = [
                len(connection.execute(select(table)).all())
                for table in (database.sessions, database.push_tokens)
            ]
        assert left == [1, 0]

    def test_a_session_that_ends_meanwhile_keeps_no_token(self, engine):
        """A bind and the end of the session at the same time: whoever comes first, none is left."""
        registry, push_tokens = Sessions(engine), PushTokens(engine)
        outcomes = Counter()
        for _ in range(50):
            hash_ = registry.create()
            both = threading.Barrier(2)

            def bind(hash_=hash_, both=both):
                both.wait()
                try:
                    push_tokens.bind(hash_, PHONE)
                except ApiError as error:
                    return error.code
                return None

            def end(hash_=hash_, both=both):
                both.wait()
                assert registry.end(hash_)

            with ThreadPoolExecutor(2) as pool:
                bound, ended = pool.submit(bind), pool.submit(end)
                ended.result()
                outcomes[bound.result()] += 1
            assert push_tokens.recipients("chat_message").count() == 0
        assert set(outcomes) <= {None, Code.SESSION_NOT_FOUND}


def test_a_database_in_memory_loses_nothing(monkeypatch):
    monkeypatch.setattr(database, "_PATIENCE", 0.1)
    engine = connect("sqlite://")
    registry, push_tokens = Sessions(engine), PushTokens(engine)
    first, second = registry.create(), registry.create()
    push_tokens.bind(first, phone(1))
    for _ in push_tokens.recipients("chat_message"):
        with pytest.raises(PoolTimeoutError):  # it has one connection
            push_tokens.bind(second, phone(2))
    push_tokens.bind(second, phone(2))
    assert push_tokens.recipients("chat_message").count() == 2
    engine.dispose()


class TestSchema:
    def test_the_migrations_make_what_the_tables_say(self, engine):
        with engine.connect() as connection:
            context = MigrationContext.configure(connection)
            differences = compare_metadata(context, database.metadata)
        own = {"push_schema"}
        assert [change for change in differences if change[1].name not in own] == []

    def test_many_threads_start_at_once(self, tmp_path):
        with ThreadPoolExecutor(4) as pool:
            urls = [f"sqlite:///{tmp_path}/{number}.db" for number in range(8)]
            for engine in pool.map(connect, urls):
                assert Sessions(engine).create()
                engine.dispose()

    def test_many_processes_start_at_once(self, database_url):
        code = "import sys; from category_filter.service import connect; connect(sys.argv[1])"
        started = [subprocess.Popen([sys.executable, "-c", code, database_url]) for _ in range(6)]
        assert [process.wait() for process in started] == [0] * 6

    def test_connecting_again_changes_nothing(self, engine, database_url):
        hash_ = Sessions(engine).create()
        PushTokens(engine).bind(hash_, PHONE)
        again = connect(database_url)
        assert PushTokens(again).recipients("chat_message").count() == 1
        again.dispose()

    def test_a_schema_of_tomorrow(self, engine, database_url):
        with engine.connect() as connection:
            connection.execute(text("UPDATE push_schema SET version_num = '9999'"))
        with pytest.raises(
            ValueError,
            match="the database's schema is not one that this version knows:"
            " Can't locate revision identified by '9999'",
        ):
            connect(database_url)

    def test_other_databases(self):
        with pytest.raises(ValueError, match="the database is SQLite or PostgreSQL, and not mysql"):
            connect("mysql://root@localhost/a")

    def test_a_file_of_push_tokens_is_nobody_elses_business(self, tmp_path):
        connect(f"sqlite:///{tmp_path}/a.db").dispose()
        assert (tmp_path / "a.db").stat().st_mode & 0o777 == 0o600
        connect(f"sqlite:///file:{tmp_path}/b.db?uri=true").dispose()
        assert (tmp_path / "b.db").exists()

    def test_the_driver_may_be_named(self, postgres_url):
        with new_database(postgres_url) as url:
            engine = connect(url.replace("postgresql://", "postgresql+psycopg://"))
            assert Sessions(engine).create()
            engine.dispose()
