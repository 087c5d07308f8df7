"""The index: always what a loop over `allows` would give, whatever was written before."""

import copy
import gc
import itertools
import pickle
import random
import signal
import sys
import threading
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
from strategies import filters, names

from category_filter import CategoryFilter, FilterIndex, FilterSyntaxError
from category_filter import index as index_module

UNHEARD = "a-category-that-no-filter-names"


def matching(plain, category):
    """The loop that the index replaces."""
    return {key for key, f in plain.items() if f.allows(category)}


def is_empty(index):
    """Nothing is left behind: no group, no name, no count."""
    return (index._blocks, index._groups, index._names, index._open, index._open_keys) == (
        *({} for _ in range(4)),
        0,
    )


class AgainstADict(RuleBasedStateMachine):
    """Every operation on both, and then they say the same."""

    keys = st.integers(0, 12)
    iterations = Bundle("iterations")

    @initialize(entries=st.dictionaries(keys, filters))
    def build(self, entries):
        self.plain = dict(entries)
        self.index = FilterIndex(entries)

    @rule(key=keys, f=filters)
    def set(self, key, f):
        self.plain[key] = f
        self.index[key] = f

    @rule(key=keys, f=filters)
    def set_text(self, key, f):
        self.plain[key] = f
        self.index[key] = str(f)

    @rule(entries=st.lists(st.tuples(keys, filters)))
    def update(self, entries):
        self.plain.update(entries)
        self.index.update(entries)

    @rule(key=keys, f=filters)
    def setdefault(self, key, f):
        assert self.index.setdefault(key, f) == self.plain.setdefault(key, f)

    @rule(key=keys)
    def pop(self, key):
        assert self.index.pop(key, None) == self.plain.pop(key, None)

    @rule()
    def popitem(self):
        if self.plain:
            assert self.index.popitem() == self.plain.popitem()

    @rule()
    def clear(self):
        self.plain.clear()
        self.index.clear()

    @rule()
    def replace_by_a_copy(self):
        self.index = self.index.copy()

    @rule(target=iterations, category=names)
    def begin_an_iteration(self, category):
        return iter(self.index.matching(category)), matching(self.plain, category)

    @rule(iteration=consumes(iterations))
    def finish_an_iteration(self, iteration):
        """It yields what matched when it began, each key once, whatever was written since."""
        yielding, expected = iteration
        yielded = list(yielding)
        assert set(yielded) == expected
        assert len(yielded) == len(expected)

    @invariant()
    def same_mapping(self):
        assert dict(self.index) == self.plain
        assert self.index == self.plain
        assert len(self.index) == len(self.plain)

    @invariant()
    def same_matches(self):
        listed = set().union(*(f.names for f in self.plain.values()))
        for category in [*listed, UNHEARD]:
            expected = matching(self.plain, category)
            match = self.index.matching(category)
            assert match == expected
            assert len(match) == len(expected)
            assert sorted(match) == sorted(expected)
            assert {key for key in range(13) if key in match} == expected

    @invariant()
    def nothing_is_stale(self):
        assert set(self.index._groups) == set(self.plain.values())
        listed = set().union(*(f.names for f in self.plain.values()))
        assert set(self.index._names) == listed
        assert self.plain or is_empty(self.index)

    @invariant()
    def blocks_are_full_but_the_last(self):
        for group in self.index._groups.values():
            *full, last = (len(block.keys) for block in group.blocks)
            assert set(full) <= {index_module._FULL}
            assert 0 < last <= index_module._FULL


@pytest.fixture(autouse=True, scope="module")
def small_blocks():
    """Blocks so small that a few keys fill several."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index_module, "_FULL", 2)
        yield


TestAgainstADict = AgainstADict.TestCase
TestAgainstADict.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)


class TestMapping:
    def test_is_a_mutable_mapping(self):
        assert isinstance(FilterIndex(), MutableMapping)
        assert FilterIndex({"a": "*"}) == FilterIndex([("a", "*")]) == {"a": CategoryFilter("*")}

    def test_missing_keys(self):
        index = FilterIndex({"a": "*"})
        for use in (index.__getitem__, index.__delitem__, index.pop):
            with pytest.raises(KeyError) as caught:
                use("b")
            assert caught.value.args == ("b",)
        assert index.get("b") is None
        with pytest.raises(KeyError):
            FilterIndex().popitem()

    def test_the_default_is_everything(self):
        index = FilterIndex()
        assert index.setdefault("a") == CategoryFilter("*")
        assert index.setdefault("a", "news") == CategoryFilter("*")
        assert index == {"a": CategoryFilter("*")}

    def test_keywords_as_a_dict_takes_them(self):
        index = FilterIndex()
        index.update({"a": "*"}, b="news")
        assert index == {"a": CategoryFilter("*"), "b": CategoryFilter("news")}

    @pytest.mark.parametrize(
        ("bad", "error"), [("a,,b", FilterSyntaxError), (3, TypeError), (None, TypeError)]
    )
    def test_a_bad_filter_changes_nothing_and_names_its_key(self, bad, error):
        index = FilterIndex({"phone": "news"})
        with pytest.raises(error) as caught:
            index["phone"] = bad
        assert caught.value.__notes__ == ["the key is 'phone'"]
        assert index == {"phone": CategoryFilter("news")}
        with pytest.raises(error):
            index["x" * 1000] = bad
        assert len(index._groups) == 1

    def test_a_bad_filter_in_the_middle_keeps_what_came_before(self):
        index = FilterIndex()
        with pytest.raises(FilterSyntaxError) as caught:
            index.update([("one", "news"), ("two", "a;b"), ("three", "*")])
        assert caught.value.__notes__ == ["the key is 'two'"]
        assert index == {"one": CategoryFilter("news")}

    def test_an_unhashable_key_changes_nothing(self):
        index = FilterIndex()
        with pytest.raises(TypeError, match="unhashable"):
            index[["a"]] = "news"
        assert is_empty(index)

    def test_a_category_is_a_str(self):
        with pytest.raises(TypeError, match=r"^category must be a str, not int$"):
            FilterIndex().matching(3)

    def test_repr_stays_short(self):
        index = FilterIndex((number, "*" if number % 2 else "news") for number in range(2_000))
        assert repr(index) == "<FilterIndex of 2,000 keys with 2 filters>"
        assert repr(index.matching("sport")) == "<Match of 'sport': 1,000 keys>"

    def test_copies_and_pickles_are_equal_and_apart(self):
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

    def test_equal_keys_are_one_key(self):
        index = FilterIndex([(1, "news"), (True, "sport")])
        assert index == {1: CategoryFilter("sport")}
        assert index.matching("news") == set()

    @given(st.dictionaries(names, filters))
    def test_deleting_everything_frees_everything(self, entries):
        index = FilterIndex(entries)
        for key in entries:
            del index[key]
        assert is_empty(index)


def assert_consistent(index):
    """Whatever happened, keys, matches and lengths agree."""
    plain = dict(index)
    for category in ["news", "sport", UNHEARD]:
        match = index.matching(category)
        assert sorted(match, key=repr) == sorted(matching(plain, category), key=repr)
        assert len(match) == len(matching(plain, category))
    assert set(index._groups) == set(plain.values())
    assert set(index._names) == set().union(*(f.names for f in plain.values()))


class Touchy:
    """A key whose comparisons can be made to do anything, in the middle of a write."""

    def __init__(self, number):
        self.number = number
        self.when_compared = lambda: None

    def __hash__(self):
        return 7  # every comparison of two keys takes place

    def __eq__(self, other):
        self.when_compared()
        return self.number == other.number

    def __repr__(self):
        return f"Touchy({self.number})"


OPERATIONS = {
    "set": lambda index, key: index.__setitem__(key, "news"),
    "set to what no other has": lambda index, key: index.__setitem__(key, "-sport"),
    "set a new key": lambda index, _: index.__setitem__(Touchy(9), "news,sport"),
    "del": lambda index, key: index.__delitem__(key),
    "pop": lambda index, key: index.pop(key),
    "popitem": lambda index, _: index.popitem(),
}


class TestInterruptions:
    """Finalizers, signal handlers and Ctrl-C come in the middle of a write."""

    def filled(self):
        keys = [Touchy(number) for number in range(5)]
        texts = ["news", "sport", "-news", "sport", "sport"]
        return FilterIndex(zip(keys, texts, strict=True)), keys

    @pytest.mark.parametrize("name", OPERATIONS)
    @pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
    def test_a_write_is_done_wholly_or_not_at_all(self, name, error):
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
        assert stopped or name == "popitem"  # which compares nothing

    @pytest.mark.parametrize("name", OPERATIONS)
    def test_writes_that_come_in_between_wait_for_their_turn(self, name):
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

    def test_finalizers_that_unbind(self):
        """Connections in cycles, unbound whenever the collector finds them."""

        class Connection:
            def __init__(self):
                self.itself = self

        index = FilterIndex()
        dice = random.Random(1)  # noqa: S311 - no secrets here
        for number in range(5_000):
            weakref.finalize(Connection(), index.pop, number, None)
            index[number] = dice.choice(["news", "-news", f"news,x{number % 7}"])
            index[dice.randrange(number + 1)] = dice.choice(["sport", "*"])
        gc.collect()
        assert_consistent(index)

    def test_a_key_that_goes_in_between_is_gone(self):
        """What is to be deleted may have been deleted by the time that it is its turn."""
        index, keys = self.filled()

        def write():
            if index._writing:
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
    def test_signal_handlers_that_write_while_somebody_looks(self, look):
        """What is looked at does not change before it has been looked at."""
        index = FilterIndex((number, f"-x{number}") for number in range(3_000))
        written = itertools.count(3_000)

        def write(*_):
            number = next(written)
            index[number] = f"-x{number}"
            index.pop(number - 3_000, None)

        usual = signal.signal(signal.SIGALRM, write)
        signal.setitimer(signal.ITIMER_REAL, 1e-4, 1e-4)
        try:
            for _ in range(60):
                found = list(look(index))
                assert len(found) == len(set(found)) >= 2_990
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, usual)
        assert_consistent(index)

    def test_clear_is_one_step(self):
        index = FilterIndex((number, "news") for number in range(10))
        iteration = iter(index.matching("news"))
        index.clear()
        assert is_empty(index)
        assert sorted(iteration) == list(range(10))

    def test_the_first_of_equal_keys_is_kept(self):
        index = FilterIndex([(1, "news")])
        index[True] = "*"
        index[1.0] = "sport,news"
        for keys in (index, index.matching("news")):
            ((key, kind),) = [(key, type(key)) for key in keys]
            assert (key, kind) == (1, int)


class TestMatch:
    def test_is_a_live_read_only_set(self):
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

    def test_a_key_that_is_not_there_does_not_match(self):
        wanted = FilterIndex({"ann": "*"}).matching("news")
        assert "bob" not in wanted
        with pytest.raises(TypeError, match="unhashable"):
            ["ann"] in wanted  # noqa: B015 - it is the asking that raises

    def test_a_str_enum_member_is_a_category(self):
        class Category(str):
            __slots__ = ()

        assert FilterIndex({"ann": "news"}).matching(Category("news")) == {"ann"}


@pytest.fixture
def busy_threads():
    """Threads take turns a thousand times as often as they would."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(5e-6)
    yield
    sys.setswitchinterval(usual)


STAYING = {f"stay{number}": "*" if number % 2 else "-sport,x" for number in range(300)}
NEVER = {f"never{number}": "-news" if number % 2 else "sport" for number in range(300)}


def write(index, seed, stop):
    """Set and delete at random, but never let a key of the two lists change sides."""
    dice = random.Random(seed)  # noqa: S311 - no secrets here
    while not stop.is_set():
        other = f"other{dice.randrange(200)}"
        index[other] = dice.choice(["*", "news", "-news", "news,sport", f"x{seed},news"])
        stays = f"stay{dice.randrange(300)}"
        index[stays] = dice.choice(["*", "news", "-sport", f"news,y{dice.randrange(9)}"])
        never = f"never{dice.randrange(300)}"
        index[never] = dice.choice(["-news", "sport", f"z{dice.randrange(9)}"])
        index.pop(f"other{dice.randrange(200)}", None)


def read(index, problems):
    """Iterate again and again, and note what must not be."""
    wanted = index.matching("news")
    try:
        for _ in range(300):
            if not index.copy().keys() >= STAYING.keys() | NEVER.keys():
                problems.add("a copy lacks a key")
            seen = list(wanted)
            unique = set(seen)
            if len(unique) != len(seen):
                problems.add("a key came twice")
            if not unique >= STAYING.keys():
                problems.add("a key that stayed is missing")
            if unique & NEVER.keys():
                problems.add("a key that never matched came")
            if not len(STAYING) <= len(wanted) <= len(STAYING) + 200:
                problems.add("the length is wrong")
    except Exception as error:  # noqa: BLE001 - whatever it is, it must not be
        problems.add(repr(error))


@pytest.mark.usefixtures("busy_threads")
def test_threads_iterate_while_others_write():
    """Readers see every key that stays, none that never matched, and no key twice."""
    index = FilterIndex({**STAYING, **NEVER})
    stop, problems = threading.Event(), set()
    writers = [threading.Thread(target=write, args=[index, seed, stop]) for seed in range(3)]
    readers = [threading.Thread(target=read, args=[index, problems]) for _ in range(3)]
    for thread in writers + readers:
        thread.start()
    for thread in readers:
        thread.join()
    stop.set()
    for thread in writers:
        thread.join()
    assert problems == set()
    plain = dict(index)
    for category in ["news", "sport", UNHEARD]:
        assert index.matching(category) == matching(plain, category)
        assert len(index.matching(category)) == len(matching(plain, category))
