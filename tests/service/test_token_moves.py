"""A device has one token, and it belongs to the session that bound it last."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from push_data import phone
from servers import new_database
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from category_filter.service import IndexedPushTokens, PushTokens, Sessions, connect


@pytest.fixture(params=[PushTokens, IndexedPushTokens])
def push_tokens(request, engine):
    return request.param(engine)


def test_binding_a_token_moves_it_from_its_former_session(push_tokens, engine):
    sessions = Sessions(engine)
    ann, bob = sessions.create(owner="ann"), sessions.create(owner="bob")
    push_tokens.bind(ann, phone(1))
    moved = push_tokens.bind(bob, phone(1, "-chat_message"))
    assert [*push_tokens.recipients("history_rule")] == [moved]
    assert moved.owner == "bob"
    assert push_tokens.recipients("chat_message").count() == 0


def test_two_sessions_can_swap_their_tokens(push_tokens, engine):
    sessions = Sessions(engine)
    ann, bob = sessions.create(), sessions.create()
    push_tokens.bind(ann, phone(1))
    push_tokens.bind(bob, phone(2))
    push_tokens.bind(ann, phone(2))
    assert [each.token for each in push_tokens.recipients("chat_message")] == ["token-2"]
    push_tokens.bind(bob, phone(1))
    assert [each.token for each in push_tokens.recipients("chat_message")] == ["token-2", "token-1"]


def test_the_same_token_of_another_application_does_not_move(push_tokens, engine):
    sessions = Sessions(engine)
    push_tokens.bind(sessions.create(), phone(1))
    iphone = phone(1).model_copy(update={"application": "navixy_iphone_viewer"})
    push_tokens.bind(sessions.create(), iphone)
    assert push_tokens.recipients("chat_message").count() == 2


def test_concurrent_binds_of_one_token_leave_one_row(engine):
    sessions, push_tokens = Sessions(engine), PushTokens(engine)
    hashes = [sessions.create() for _ in range(64)]
    with ThreadPoolExecutor(10) as pool:
        bound = [*pool.map(lambda each: push_tokens.bind(each, phone(1)), hashes)]
    assert len({recipient.session_id for recipient in bound}) == 64
    (left,) = push_tokens.recipients("chat_message")
    assert left in bound


def test_concurrent_swaps_end_with_every_token_in_one_session(engine):
    sessions, push_tokens = Sessions(engine), PushTokens(engine)
    hashes = [sessions.create() for _ in range(4)]

    def bind(number):
        return push_tokens.bind(hashes[number % 4], phone(number // 4 % 3))

    with ThreadPoolExecutor(10) as pool:
        assert len([*pool.map(bind, range(240))]) == 240
    left = [each.token for each in push_tokens.recipients("chat_message")]
    assert len(left) == len(set(left)) > 0


LOSE = """
CREATE SEQUENCE attempts;
CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF nextval('attempts') <= {losses} THEN
        RAISE unique_violation;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER lose BEFORE INSERT ON push_token FOR EACH ROW EXECUTE FUNCTION lose();
"""
"""Makes the first binds fail as if another process had bound the token."""


@pytest.mark.parametrize(("losses", "attempts"), [(0, 1), (49, 50), (50, 50)])
def test_a_bind_is_tried_at_most_50_times(postgres_url, losses, attempts):
    with new_database(postgres_url) as url:
        engine = connect(url)
        hash_ = Sessions(engine).create()
        with engine.begin() as connection:
            connection.execute(text(LOSE.format(losses=losses)))
        push_tokens = PushTokens(engine)
        if losses == attempts:
            with pytest.raises(IntegrityError):
                push_tokens.bind(hash_, phone(1))
        else:
            push_tokens.bind(hash_, phone(1))
        with engine.connect() as connection:  # a sequence counts failed attempts, too
            assert connection.execute(text("SELECT last_value FROM attempts")).scalar() == attempts
        assert push_tokens.recipients("history_rule").count() == (losses < attempts)
        engine.dispose()


def test_the_upgrade_leaves_a_shared_token_to_the_newest_session(empty_database_url, monkeypatch):
    monkeypatch.setattr("category_filter.service.database._REVISION", "0001")
    engine = connect(empty_database_url)
    with engine.connect() as connection:
        for number, token in enumerate(["a", "b", "a", "a"], start=1):
            connection.execute(
                text("INSERT INTO push_session VALUES (:id, :digest, 4000000000)"),
                {"id": number, "digest": bytes([number]) * 32},
            )
            if number == 1:
                connection.execute(text("INSERT INTO push_filter VALUES (1, '*')"))
            connection.execute(
                text(
                    "INSERT INTO push_token (session_id, application, token, filter_id, ends_at)"
                    " VALUES (:id, 'navixy_android_viewer', :token, 1, 4000000000)"
                ),
                {"id": number, "token": token},
            )
    engine.dispose()
    monkeypatch.undo()
    engine = connect(empty_database_url)
    left = [(each.session_id, each.token) for each in PushTokens(engine).recipients("chat_message")]
    assert left == [(2, "b"), (4, "a")]
    engine.dispose()
