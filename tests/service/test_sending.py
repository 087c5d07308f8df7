"""Sending: recipients in pages, of owners and in shards, and tokens that are gone."""

import pytest
from push_data import phone

from category_filter import CategoryFilter
from category_filter.service import (
    IndexedPushTokens,
    PushTokens,
    Sessions,
    connect,
    recipients,
    tables,
)
from category_filter.service.database import exclusive


@pytest.fixture(autouse=True)
def small_pages(monkeypatch):
    """Read five recipients per page."""
    monkeypatch.setattr(recipients, "_PAGE_SIZE", 5)


@pytest.fixture(params=[PushTokens, IndexedPushTokens])
def push_tokens(request, engine):
    """Yield the push tokens of 23 sessions: the first 20 of ann, the others of bob."""
    push_tokens, sessions = request.param(engine), Sessions(engine)
    for number in range(23):
        session_hash = sessions.create(owner="ann" if number < 20 else "bob")
        push_tokens.bind(session_hash, phone(number, "-chat_message" if number % 2 else "*"))
    return push_tokens


def names(found):
    return [recipient.token for recipient in found]


EVERY = [f"token-{number}" for number in range(23)]


def test_recipients_come_by_session_id(push_tokens):
    assert names(push_tokens.recipients("history_rule")) == EVERY
    assert names(push_tokens.recipients("chat_message")) == EVERY[::2]
    ids = [recipient.session_id for recipient in push_tokens.recipients("history_rule")]
    assert ids == sorted(ids)


def test_an_interrupted_run_resumes_after_the_last_session_id(push_tokens):
    run = iter(push_tokens.recipients("history_rule"))
    sent = [next(run) for _ in range(8)]
    rest = push_tokens.recipients("history_rule", after=sent[-1].session_id)
    assert names(sent) + names(rest) == EVERY
    assert rest.count() == 15


def test_shards_cover_all_recipients_without_overlap(push_tokens):
    shards = [push_tokens.recipients("history_rule", shard=(part, 3)) for part in range(3)]
    found = [names(shard) for shard in shards]
    assert sorted(token for shard in found for token in shard) == sorted(EVERY)
    assert [shard.count() for shard in shards] == [*map(len, found)]
    assert max(map(len, found)) < 12


def test_owners_select_the_sessions_of_users(push_tokens):
    assert names(push_tokens.recipients("history_rule", owners=["bob"])) == EVERY[20:]
    assert names(push_tokens.recipients("chat_message", owners={"bob", "eve"})) == EVERY[20::2]
    assert push_tokens.recipients("history_rule", owners=["bob", "ann"]).count() == 23
    assert push_tokens.recipients("history_rule", owners=[]).count() == 0
    assert {each.owner for each in push_tokens.recipients("history_rule")} == {"ann", "bob"}


def test_selections_combine(push_tokens):
    last = [*push_tokens.recipients("history_rule")][3].session_id
    found = push_tokens.recipients("chat_message", owners=["ann"], after=last, shard=(1, 2))
    expected = [
        recipient.token
        for recipient in push_tokens.recipients("chat_message")
        if recipient.owner == "ann" and recipient.session_id > last and recipient.session_id % 2
    ]
    assert names(found) == expected
    assert found.count() == len(expected)


@pytest.mark.parametrize("shard", [(2, 2), (-1, 2), (0, 0)])
def test_an_invalid_shard_is_an_error(push_tokens, shard):
    with pytest.raises(ValueError, match=r"^shard must be \(i, n\) with 0 <= i < n, not "):
        push_tokens.recipients("history_rule", shard=shard)


def test_a_single_owner_must_be_in_a_collection(push_tokens):
    with pytest.raises(TypeError, match="owners must be a collection of str, not a str"):
        push_tokens.recipients("history_rule", owners="ann")


def test_tokens_bound_during_a_run_may_join_it_and_deleted_ones_leave(engine):
    sessions, push_tokens = Sessions(engine), PushTokens(engine)
    hashes = [sessions.create() for _ in range(12)]
    for number, session_hash in enumerate(hashes[:11]):
        push_tokens.bind(session_hash, phone(number))
    run = iter(push_tokens.recipients("history_rule"))
    found = [next(run).token]
    push_tokens.delete(hashes[9])
    push_tokens.bind(hashes[11], phone(11, "-chat_message"))  # a new filter too
    found += names(run)
    assert found == [f"token-{number}" for number in range(12) if number != 9]


def test_no_connection_is_in_use_while_the_caller_sends():
    engine = connect("sqlite://")  # it has a single connection
    sessions, push_tokens = Sessions(engine), PushTokens(engine)
    hashes = [sessions.create() for _ in range(12)]
    for number, session_hash in enumerate(hashes):
        push_tokens.bind(session_hash, phone(number))
    for recipient in push_tokens.recipients("chat_message"):
        assert engine.pool.checkedout() == 0
        assert push_tokens.remove(recipient)
    assert push_tokens.recipients("chat_message").count() == 0
    engine.dispose()


def test_removing_a_token_that_is_gone_spares_its_successor(push_tokens, engine):
    sessions = Sessions(engine)
    session_hash = sessions.create()
    old = push_tokens.bind(session_hash, phone("old"))
    new = push_tokens.bind(session_hash, phone("new"))
    assert not push_tokens.remove(old)
    assert push_tokens.recipients("history_rule").count() == 24
    assert push_tokens.remove(new)
    assert not push_tokens.remove(new)
    assert push_tokens.recipients("history_rule").count() == 23


def test_distinct_filters_may_exceed_the_parameters_of_a_driver(engine):
    rows = [{"filter": CategoryFilter.only(f"x{number}")} for number in range(70_000)]
    with exclusive(engine) as connection:  # one transaction
        connection.execute(tables.filters.insert(), rows)
    push_tokens = PushTokens(engine)
    push_tokens.bind(Sessions(engine).create(), phone())
    assert push_tokens.recipients("x3").count() == 1
    assert names(push_tokens.recipients("x3")) == ["token-0"]
