"""The database and the index find the same recipients as a loop over all tokens."""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from push_data import DAY_S

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
    tables,
)

known_filters = st.builds(
    lambda make, names: make(*names),
    st.sampled_from([CategoryFilter.only, CategoryFilter.all_except]),
    st.sets(st.sampled_from([*CATEGORIES])),
)
device_bindings = st.builds(
    DeviceBinding,
    application=st.sampled_from(["navixy_iphone_viewer", "navixy_android_viewer"]),
    token=st.sampled_from("ab")
    | st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20),
    category_filter=st.none() | known_filters,
)
keys = st.text("abcXYZ019_-+/", min_size=1, max_size=20)
browser_bindings = st.builds(
    BrowserBinding,
    application=st.just("w3c_pushapi"),
    token=st.integers(0, 9).map("https://fcm.googleapis.com/{}".format),
    parameters=st.fixed_dictionaries({"p256dh": keys, "auth": keys}),
    category_filter=st.none() | known_filters,
)
session_hashes = st.integers(0, 2).map("{:032x}".format)


class TokenMachine(RuleBasedStateMachine):
    """Random operations on the database and the index, beside a model in plain dicts."""

    def __init__(self, engine, clock):
        super().__init__()
        self.clock = clock
        with engine.connect() as connection:
            for table in reversed(tables.metadata.sorted_tables):
                connection.execute(table.delete())
        self.stored = PushTokens(engine)
        self.indexed = IndexedPushTokens(engine)
        self.sessions = Sessions(engine)
        self.ends = {}
        self.bound = {}

    @initialize(days=st.lists(st.integers(1, 5), min_size=3, max_size=3))
    def create_all(self, days):
        for number, each in enumerate(days):
            self.create(f"{number:032x}", each)

    def is_live(self, session_hash):
        return self.ends.get(session_hash, 0) > self.clock.now

    @rule(session_hash=session_hashes, days=st.integers(1, 5))
    def create(self, session_hash, days):
        if self.is_live(session_hash):
            with pytest.raises(ValueError, match="a session with this hash already exists"):
                self.sessions.create(session_hash, days=days)
        else:
            assert self.sessions.create(session_hash, days=days) == session_hash
            self.ends[session_hash] = self.clock.now + days * DAY_S
            self.bound.pop(session_hash, None)

    @rule(session_hash=session_hashes)
    def end(self, session_hash):
        ended = self.sessions.end(session_hash)
        assert ended or not self.is_live(session_hash)
        self.ends.pop(session_hash, None)
        self.bound.pop(session_hash, None)

    @rule(session_hash=session_hashes, binding=device_bindings | browser_bindings)
    def bind(self, session_hash, binding):
        if self.is_live(session_hash):
            recipient = self.indexed.bind(session_hash, binding)
            keys = binding.parameters
            assert (recipient.application, recipient.token) == (binding.application, binding.token)
            assert (recipient.p256dh, recipient.auth) == (
                (keys.p256dh, keys.auth) if keys else (None, None)
            )
            assert recipient.ends_at == self.ends[session_hash]
            f = binding.category_filter or CategoryFilter("*")
            for other, (held, _) in list(self.bound.items()):
                if (held.application, held.token) == (binding.application, binding.token):
                    del self.bound[other]  # the token moves
            self.bound[session_hash] = recipient, f
        else:
            with pytest.raises(ApiError) as caught:
                self.indexed.bind(session_hash, binding)
            assert caught.value.code == Code.SESSION_NOT_FOUND

    @rule(session_hash=session_hashes)
    def delete(self, session_hash):
        is_live = self.is_live(session_hash)
        if is_live and session_hash in self.bound:
            recipient, _ = self.bound.pop(session_hash)
            assert self.indexed.delete(session_hash) == recipient.session_id
        else:
            with pytest.raises(ApiError) as caught:
                self.indexed.delete(session_hash)
            assert caught.value.code == (Code.NOT_FOUND if is_live else Code.SESSION_NOT_FOUND)

    @rule(session_hash=session_hashes, binding=device_bindings, days=st.integers(1, 3))
    def bind_twice_and_wait(self, session_hash, binding, days):
        self.bind(session_hash, binding)
        self.bind(session_hash, binding)
        self.all_agree()
        self.clock.now += days * DAY_S - 1
        self.all_agree()
        self.clock.now += 1

    @rule()
    def restart(self):
        self.indexed.close()
        self.indexed = IndexedPushTokens(self.stored._database)

    def teardown(self):
        self.indexed.close()

    @invariant()
    def all_agree(self):
        for category in (*CATEGORIES, "added_later", "not a valid name"):
            expected = {
                recipient
                for session_hash, (recipient, f) in self.bound.items()
                if self.is_live(session_hash) and f.allows(category)
            }
            for source in (self.stored, self.indexed):
                found = list(source.recipients(category))
                assert len(found) == source.recipients(category).count() == len(expected)
                assert set(found) == expected


@pytest.mark.no_cover
def test_the_database_and_the_index_agree_with_a_loop(engine, clock):
    run_state_machine_as_test(
        lambda: TokenMachine(engine, clock),
        settings=settings(
            deadline=None,
            max_examples=settings().max_examples // 10,
            stateful_step_count=30,
            suppress_health_check=list(HealthCheck),
        ),
    )
