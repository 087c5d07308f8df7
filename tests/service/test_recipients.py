"""The recipients of a category, read from the database or from the index."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from push_client import BROWSER
from push_data import DAY_S, phone
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from category_filter.navixy import CATEGORIES
from category_filter.service import (
    ApiError,
    BrowserBinding,
    Code,
    IndexedPushTokens,
    PushServices,
    PushTokens,
    Sessions,
    database,
)


class TestStored:
    def test_a_retired_category_in_a_stored_filter_keeps_its_meaning(self, engine):
        push_tokens = PushTokens(engine)
        push_tokens.bind(Sessions(engine).create(), phone())
        with engine.connect() as connection:
            connection.execute(text("UPDATE push_filter SET filter = '-retired'"))
        assert push_tokens.recipients("retired").count() == 0
        assert push_tokens.recipients("chat_message").count() == 1


@pytest.mark.parametrize("tokens_class", [PushTokens, IndexedPushTokens])
def test_a_category_must_be_a_string(engine, tokens_class):
    tokens_class(engine).bind(Sessions(engine).create(), phone())
    recipients = tokens_class(engine).recipients(5)
    for read in (recipients.count, lambda: list(recipients)):
        with pytest.raises(TypeError, match="category must be a str, not int"):
            read()


@pytest.mark.parametrize("tokens_class", [PushTokens, IndexedPushTokens])
def test_a_browser_whose_push_service_is_not_allowed_any_more_is_left_out(engine, tokens_class):
    others = PushServices(["push.internal"])
    values = BROWSER | {"token": "https://push.internal/1", "category_filter": "*"}
    binding = BrowserBinding.model_validate(values, context=others)
    PushTokens(engine, others).bind(Sessions(engine).create(), binding)
    PushTokens(engine).bind(Sessions(engine).create(), phone())
    received = {
        names: [recipient.token for recipient in push_tokens.recipients("chat_message")]
        for names, push_tokens in (
            ("known", tokens_class(engine)),
            ("known and others", tokens_class(engine, others)),
        )
    }
    assert received == {
        "known": [phone().token],
        "known and others": ["https://push.internal/1", phone().token],
    }


class TestIndexed:
    @pytest.mark.parametrize(("first", "second"), [(1, 5), (5, 1)])
    def test_a_new_session_does_not_inherit_the_expiration_of_an_ended_one(
        self, engine, clock, first, second
    ):
        index = IndexedPushTokens(engine)
        sessions = Sessions(engine)
        session_hash = sessions.create(days=first)
        index.bind(session_hash, phone())
        sessions.end(session_hash)
        index.bind(sessions.create(days=second), phone())
        clock.now += 2 * DAY_S
        left = index.recipients("chat_message").count()
        assert left == PushTokens(engine).recipients("chat_message").count() == (second > 2)

    def test_counting_excludes_expired_sessions(self, engine, clock):
        index = IndexedPushTokens(engine)
        index.bind(Sessions(engine).create(days=1), phone())
        clock.now += DAY_S
        assert index.recipients("chat_message").count() == 0

    def test_concurrent_writes_keep_the_index_in_step_with_the_database(self, engine):
        index = IndexedPushTokens(engine)
        sessions = Sessions(engine)
        session_hashes = [sessions.create() for _ in range(4)]
        errors = []

        def write(seed):
            for number in range(100):
                session_hash = session_hashes[(seed * 7 + number) % 4]
                try:
                    if (seed + number) % 5 == 0:
                        index.delete(session_hash)
                    else:
                        minus = "-" * (number % 2)
                        binding = phone(f"{seed}-{number}", f"{minus}chat_message")
                        index.bind(session_hash, binding)
                    list(index.recipients("chat_message"))
                except ApiError as error:
                    errors.append(error.code)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(write, range(8)))
        assert set(errors) <= {Code.NOT_FOUND}
        for category in CATEGORIES:
            stored = PushTokens(engine).recipients(category)
            assert set(index.recipients(category)) == set(stored)

    def test_a_write_that_lost_its_response_is_read_back(self, engine, monkeypatch):
        index = IndexedPushTokens(engine)
        session_hash = Sessions(engine).create()
        index.bind(session_hash, phone(1))

        apply = database.execute

        def execute(*arguments):
            apply(*arguments)
            raise OperationalError("", {}, Exception())  # after the write was applied

        monkeypatch.setattr(database, "execute", execute)
        with pytest.raises(OperationalError):
            index.bind(session_hash, phone(2))
        monkeypatch.undo()
        assert [found.token for found in index.recipients("chat_message")] == ["token-2"]

    def test_iterating_reads_a_snapshot(self, engine):
        index = IndexedPushTokens(engine)
        sessions = Sessions(engine)
        session_hashes = [sessions.create() for _ in range(3)]
        for number, session_hash in enumerate(session_hashes):
            index.bind(session_hash, phone(number))
        recipients = iter(index.recipients("chat_message"))
        index.delete(session_hashes[0])
        sessions.end(session_hashes[1])
        index.bind(session_hashes[2], phone(9, "-chat_message"))
        found = sorted(recipient.token for recipient in recipients)
        assert found == ["token-0", "token-1", "token-2"]
        assert index.recipients("chat_message").count() == 0
