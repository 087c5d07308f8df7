"""The index always agrees with a loop over `allows`, whatever was written before."""

import copy
import gc
import itertools
import pickle
import random
import signal
import weakref
from collections.abc import MutableMapping
from collections.abc import Set as AbstractSet

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    rule,
)

from category_filter import CategoryFilter, FilterIndex, FilterSyntaxError, _inverted_index
from category_filter.testing import filters, names

UNLISTED = "a-category-that-no-filter-lists"


def matching(entries, category):
    """Return the matching keys by the loop that the index replaces."""
    return {key for key, f in entries.items() if f.allows(category)}


def is_empty(index):
    """Return True if no key, group, name or count is left."""
    inner = index._inverted
    kept = inner._blocks, inner._groups, inner._names, inner._exclude_groups, inner._exclude_keys
    return not any(kept)


class AgainstADict(RuleBasedStateMachine):
    """Apply every operation to an index and to a dict, and compare them."""

    keys = st.integers(0, 12)
    iterations = Bundle("iterations")

    @initialize(entries=st.dictionaries(keys, filters()))
    def build(self, entries):
        self.entries = dict(entries)
        self.index = FilterIndex(entries)

    @rule(key=keys, f=filters())
    def set(self, key, f):
        self.entries[key] = f
        self.index[key] = f

    @rule(key=keys, f=filters())
    def set_text(self, key, f):
        self.entries[key] = f
        self.index[key] = str(f)

    @rule(entries=st.lists(st.tuples(keys, filters())))
    def update(self, entries):
        self.entries.update(entries)
        self.index.update(entries)

    @rule(key=keys, f=filters())
    def setdefault(self, key, f):
        assert self.index.setdefault(key, f) == self.entries.setdefault(key, f)

    @rule(key=keys)
    def pop(self, key):
        assert self.index.pop(key, None) == self.entries.pop(key, None)

    @rule()
    def popitem(self):
        if self.entries:
            assert self.index.popitem() == self.entries.popitem()

    @rule()
    def clear(self):
        self.entries.clear()
        self.index.clear()

    @rule()
    def replace_by_a_copy(self):
        self.index = self.index.copy()

    @rule(target=iterations, category=names())
    def begin_an_iteration(self, category):
        return iter(self.index.matching(category)), matching(self.entries, category)

    @rule(iteration=consumes(iterations))
    def finish_an_iteration(self, iteration):
        """An iteration yields the keys that matched when it began, each once."""
        yielding, expected = iteration
        yielded = list(yielding)
        assert set(yielded) == expected
        assert len(yielded) == len(expected)

    @invariant()
    def same_mapping(self):
        assert dict(self.index) == self.entries
        assert self.index == self.entries
        assert len(self.index) == len(self.entries)

    @invariant()
    def same_matches(self):
        listed = set().union(*(f.names for f in self.entries.values()))
        for category in [*listed, UNLISTED]:
            expected = matching(self.entries, category)
            match = self.index.matching(category)
            assert match == expected
            assert len(match) == len(expected)
            assert sorted(match) == sorted(expected)
            assert {key for key in range(13) if key in match} == expected

    @invariant()
    def no_group_or_name_is_stale(self):
        assert set(self.index._inverted._groups) == set(self.entries.values())
        listed = set().union(*(f.names for f in self.entries.values()))
        assert set(self.index._inverted._names) == listed
        assert self.entries or is_empty(self.index)

    @invariant()
    def all_blocks_except_the_last_are_full(self):
        for group in self.index._inverted._groups.values():
            *full, last = (len(block.keys) for block in group.blocks)
            assert set(full) <= {_inverted_index._BLOCK_SIZE}
            assert 0 < last <= _inverted_index._BLOCK_SIZE


@pytest.fixture(autouse=True, scope="module")
def small_blocks():
    """Make blocks so small that a few keys fill several."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_inverted_index, "_BLOCK_SIZE", 2)
        yield


TestAgainstADict = AgainstADict.TestCase
TestAgainstADict.settings = settings(stateful_step_count=30)


class TestMapping:
    def test_is_a_mutable_mapping(self):
        assert isinstance(FilterIndex(), MutableMapping)
        assert FilterIndex({"a": "*"}) == FilterIndex([("a", "*")]) == {"a": CategoryFilter("*")}

    def test_missing_keys_raise_key_error(self):
        index = FilterIndex({"a": "*"})
        for use in (index.__getitem__, index.__delitem__, index.pop):
            with pytest.raises(KeyError) as caught:
                use("b")
            assert caught.value.args == ("b",)
        assert index.get("b") is None
        with pytest.raises(KeyError):
            FilterIndex().popitem()

    def test_setdefault_defaults_to_every_category(self):
        index = FilterIndex()
        assert index.setdefault("a") == CategoryFilter("*")
        assert index.setdefault("a", "news") == CategoryFilter("*")
        assert index == {"a": CategoryFilter("*")}

    def test_update_takes_keyword_arguments(self):
        index = FilterIndex()
        index.update({"a": "*"}, b="news")
        assert index == {"a": CategoryFilter("*"), "b": CategoryFilter("news")}

    @pytest.mark.parametrize(
        ("bad", "error"), [("a,,b", FilterSyntaxError), (3, TypeError), (None, TypeError)]
    )
    def test_an_invalid_filter_changes_nothing_and_the_error_names_its_key(self, bad, error):
        index = FilterIndex({"phone": "news"})
        with pytest.raises(error) as caught:
            index["phone"] = bad
        assert caught.value.__notes__ == ["key: 'phone'"]
        assert index == {"phone": CategoryFilter("news")}
        assert len(index._inverted._groups) == 1

    def test_the_error_shows_the_first_500_characters_of_a_key(self):
        with pytest.raises(FilterSyntaxError) as caught:
            FilterIndex()["x" * 1_000] = ""
        assert caught.value.__notes__ == [f"key: '{'x' * 499}"]

    def test_update_keeps_the_entries_before_an_invalid_filter(self):
        index = FilterIndex()
        with pytest.raises(FilterSyntaxError) as caught:
            index.update([("one", "news"), ("two", "a;b"), ("three", "*")])
        assert caught.value.__notes__ == ["key: 'two'"]
        assert index == {"one": CategoryFilter("news")}

    def test_an_unhashable_key_changes_nothing(self):
        index = FilterIndex()
        with pytest.raises(TypeError, match="unhashable"):
            index[["a"]] = "news"
        assert is_empty(index)

    def test_a_category_must_be_a_str(self):
        with pytest.raises(TypeError, match=r"^category must be a str, not int$"):
            FilterIndex().matching(3)

    def test_repr_shows_counts_only(self):
        index = FilterIndex((number, "news" if number else "*") for number in range(2_000))
        assert repr(index) == "<FilterIndex: 2,000 keys, 2 filters>"
        assert repr(index.matching("sport")) == "<MatchView of 'sport': 1 key>"

    def test_a_pickle_cannot_create_an_index_without_its_state(self):
        broken = b"\x80\x02ccategory_filter.index\nFilterIndex\n)\x81."  # calls only `__new__`
        index = pickle.loads(broken)
        assert index == FilterIndex()
        index["ann"] = "*"
        assert index.matching("news") == {"ann"}

    def test_copies_and_pickles_are_equal_and_independent(self):
        index = FilterIndex({"a": "*", "b": "news"})
        for other in (
            index.copy(),
            copy.copy(index),
            copy.deepcopy(index),
            pickle.loads(pickle.dumps(index)),
        ):
            assert type(other) is FilterIndex
            assert other == index
            del other["a"]
            assert other.matching("news") == {"b"}
        assert index.matching("news") == {"a", "b"}

    def test_equal_keys_share_one_entry(self):
        index = FilterIndex([(1, "news"), (True, "sport")])
        assert index == {1: CategoryFilter("sport")}
        assert index.matching("news") == set()

    @given(st.dictionaries(names(), filters()))
    def test_deleting_all_keys_frees_all_state(self, entries):
        index = FilterIndex(entries)
        for key in entries:
            del index[key]
        assert is_empty(index)


def assert_consistent(index):
    """Assert that keys, matches and lengths agree."""
    entries = dict(index)
    for category in ["news", "sport", UNLISTED]:
        match = index.matching(category)
        assert sorted(match, key=repr) == sorted(matching(entries, category), key=repr)
        assert len(match) == len(matching(entries, category))
    assert set(index._inverted._groups) == set(entries.values())
    assert set(index._inverted._names) == set().union(*(f.names for f in entries.values()))


class Touchy:
    """A key whose comparison runs a callback in the middle of a write."""

    def __init__(self, number):
        self.number = number
        self.when_compared = lambda: None

    def __hash__(self):
        return 7  # collide, so that keys are compared

    def __eq__(self, other):
        self.when_compared()
        return self.number == other.number

    def __repr__(self):
        return f"Touchy({self.number})"


OPERATIONS = {
    "set": lambda index, key: index.__setitem__(key, "news"),
    "set to a filter that no other key has": lambda index, key: index.__setitem__(key, "-sport"),
    "set a new key": lambda index, _: index.__setitem__(Touchy(9), "news,sport"),
    "del": lambda index, key: index.__delitem__(key),
    "pop": lambda index, key: index.pop(key),
    "popitem": lambda index, _: index.popitem(),
}


class TestInterruptions:
    """Finalizers, signal handlers and Ctrl-C may interrupt a write."""

    def filled(self):
        keys = [Touchy(number) for number in range(5)]
        texts = ["news", "sport", "-news", "sport", "sport"]
        return FilterIndex(zip(keys, texts, strict=True)), keys

    @pytest.mark.parametrize("name", OPERATIONS)
    @pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
    def test_a_write_is_atomic(self, name, error):
        stopped = 0
        for moment in range(40):
            index, keys = self.filled()
            before = dict(index)
            countdown = iter(range(moment))

            def interrupt(countdown=countdown, keys=keys):
                if next(countdown, None) is None:
                    for key in keys:
                        key.when_compared = lambda: None
                    raise error

            for key in keys:
                key.when_compared = interrupt
            try:
                OPERATIONS[name](index, keys[3])
            except error:
                stopped += 1
            for key in keys:
                key.when_compared = lambda: None
            assert_consistent(index)
            assert len(before.keys() ^ dict(index).keys()) <= 1
        assert stopped or name == "popitem"  # it compares no keys

    @pytest.mark.parametrize("name", OPERATIONS)
    def test_writes_inside_a_write_are_queued(self, name):
        for moment in range(40):
            index, keys = self.filled()
            countdown = iter(range(moment))

            def write(countdown=countdown, index=index, keys=keys):
                if next(countdown, None) is None:
                    for key in keys:
                        key.when_compared = lambda: None
                    index.pop(keys[1], None)
                    index[keys[2]] = "news"

            for key in keys:
                key.when_compared = write
            OPERATIONS[name](index, keys[3])
            for key in keys:
                key.when_compared = lambda: None
            assert_consistent(index)

    def test_an_unhashable_key_raises_where_it_is_set_inside_a_write_too(self):
        index, keys = self.filled()
        errors = []

        def write():
            with pytest.raises(TypeError, match="unhashable") as caught:
                index[["a"]] = "news"
            errors.append(caught.value)

        keys[0].when_compared = write
        index[keys[3]] = "news"
        keys[0].when_compared = lambda: None
        assert errors
        assert_consistent(index)

    def test_finalizers_may_delete_keys(self):
        """The garbage collector deletes keys at any time."""

        class Connection:
            def __init__(self):
                self.itself = self

        index = FilterIndex()
        dice = random.Random(1)  # noqa: S311 - not a secret
        for number in range(5_000):
            weakref.finalize(Connection(), index.pop, number, None)
            index[number] = dice.choice(["news", "-news", f"news,x{number % 7}"])
            index[dice.randrange(number + 1)] = dice.choice(["sport", "*"])
        gc.collect()
        assert_consistent(index)

    def test_a_queued_delete_of_a_deleted_key_does_nothing(self):
        index, keys = self.filled()

        def write():
            if index._inverted._writing:
                for key in keys:
                    key.when_compared = lambda: None
                index.pop(keys[1])
                index.pop(keys[1])

        for key in keys:
            key.when_compared = write
        index[keys[3]] = "news"
        assert keys[1] not in index
        assert_consistent(index)

    @pytest.mark.parametrize("look", [lambda index: list(index.matching("news")), FilterIndex.copy])
    def test_signal_handlers_may_write_during_a_read(self, look):
        index = FilterIndex((number, f"-x{number}") for number in range(1_000))
        written = itertools.count(1_000)

        def write(*_):
            number = next(written)
            index[number] = f"-x{number}"
            index.pop(number - 1_000, None)
            signal.setitimer(*soon)  # an interval could be too short for a slow machine

        soon = signal.ITIMER_REAL, 1e-4
        usual = signal.signal(signal.SIGALRM, write)
        signal.setitimer(*soon)
        try:
            for _ in range(30):
                found = list(look(index))
                assert len(found) == len(set(found)) >= 990
        finally:
            signal.signal(signal.SIGALRM, lambda *_: None)  # `write` would start the timer again
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, usual)
        assert next(written) > 1_010
        assert_consistent(index)

    def test_clear_keeps_running_iterations_intact(self):
        index = FilterIndex((number, "news") for number in range(10))
        iteration = iter(index.matching("news"))
        index.clear()
        assert is_empty(index)
        assert sorted(iteration) == list(range(10))

    def test_only_the_first_write_after_an_iteration_begins_copies_a_block(self):
        index = FilterIndex(dict.fromkeys("ab", "news"))
        iteration = iter(index.matching("news"))
        copies = []
        for key in "ab":
            index[key] = "sport"
            index[key] = "news"
            copies.append(index._inverted._blocks[key].keys)
        assert copies[0] is copies[1]
        assert sorted(iteration) == ["a", "b"]

    def test_the_first_of_equal_keys_is_kept_as_in_a_dict(self):
        index = FilterIndex([(1, "news")])
        index[True] = "*"
        index[1.0] = "sport,news"
        for keys in (index, index.matching("news")):
            ((key, kind),) = [(key, type(key)) for key in keys]
            assert (key, kind) == (1, int)


class TestMatchView:
    def test_is_a_live_read_only_set_view(self):
        index = FilterIndex({"ann": "*", "bob": "-news", "eve": "news"})
        wanted = index.matching("news")
        assert isinstance(wanted, AbstractSet)
        assert wanted == {"ann", "eve"} == wanted
        assert wanted & {"ann", "zoe"} == {"ann"}
        assert type(wanted | {"zoe"}) is set
        assert wanted.isdisjoint({"bob"})
        assert wanted <= set(index)
        index["bob"] = "news"
        del index["ann"]
        assert wanted == {"bob", "eve"}
        assert not hasattr(wanted, "add")
        with pytest.raises(TypeError):
            hash(wanted)

    def test_a_missing_key_does_not_match(self):
        wanted = FilterIndex({"ann": "*"}).matching("news")
        assert "bob" not in wanted
        with pytest.raises(TypeError, match="unhashable"):
            ["ann"] in wanted  # noqa: B015 - `in` itself raises

    def test_a_str_subclass_is_a_valid_category(self):
        class Category(str):
            __slots__ = ()

        assert FilterIndex({"ann": "news"}).matching(Category("news")) == {"ann"}
