"""Threads see a consistent index, however often they switch.

`THREADS_SECONDS` is the number of seconds that they read and write.
"""

import logging
import os
import random
import sys
import threading
import time
from collections import Counter
from itertools import count

import pytest

from category_filter import CategoryFilter, FilterIndex, _inverted_index

THREADS_SECONDS = float(os.environ.get("THREADS_SECONDS", "1"))
STAYING = {f"stay{number}": "*" if number % 2 else "-sport,x" for number in range(300)}
NEVER = {f"never{number}": "-news" if number % 2 else "sport" for number in range(300)}


@pytest.fixture
def busy_threads(monkeypatch):
    """Switch threads whenever Python can, and use blocks so small that there are many."""
    monkeypatch.setattr(_inverted_index, "_BLOCK_SIZE", 2)
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


def write(index, seed, done):
    """Set and delete at random, without changing which of STAYING and NEVER match."""
    dice = random.Random(seed)  # noqa: S311 - not a secret
    while True:
        other = f"other{dice.randrange(200)}"
        index[other] = dice.choice(["*", "news", "-news", "news,sport", f"x{seed},news"])
        stays = f"stay{dice.randrange(300)}"
        index[stays] = dice.choice(["*", "news", "-sport", f"news,y{dice.randrange(9)}"])
        never = f"never{dice.randrange(300)}"
        index[never] = dice.choice(["-news", "sport", f"z{dice.randrange(9)}"])
        index.pop(f"other{dice.randrange(200)}", None)
        done["writes"] += 4
        yield


def read(index, done, problems):
    """Iterate, and collect every inconsistency."""
    wanted = index.matching("news")
    while True:
        if not index.copy().keys() >= STAYING.keys() | NEVER.keys():
            problems.add("a copy lacks a key")
        seen = list(wanted)
        unique = set(seen)
        if len(unique) != len(seen):
            problems.add("a key was found twice")
        if not unique >= STAYING.keys():
            problems.add("a key that stayed is missing")
        if unique & NEVER.keys():
            problems.add("a key that never matches was found")
        if not len(STAYING) <= len(wanted) <= len(STAYING) + 200:
            problems.add("the length is wrong")
        done["reads"] += 3
        yield


@pytest.mark.usefixtures("busy_threads")
def test_threads_iterate_while_others_write():
    """Readers see every key that stays, no key that never matches, and no key twice."""
    index = FilterIndex({**STAYING, **NEVER})
    stop, problems = threading.Event(), set()
    counts = [Counter() for _ in range(6)]
    work = [write(index, seed, counts[seed]) for seed in range(3)]
    work += [read(index, done, problems) for done in counts[3:]]

    def repeat(steps):
        try:
            for _ in steps:
                if stop.is_set():
                    return
        except Exception as error:  # noqa: BLE001 - any exception is a failure
            problems.add(repr(error))

    threads = [threading.Thread(target=repeat, args=[steps]) for steps in work]
    for thread in threads:
        thread.start()
    time.sleep(THREADS_SECONDS)
    stop.set()
    for thread in threads:
        thread.join()
    done = sum(counts, Counter())
    assert problems == set()
    entries = dict(index)
    for category in {"news", "unlisted"}.union(*(f.names for f in entries.values())):
        expected = {key for key, f in entries.items() if f.allows(category)}
        assert index.matching(category) == expected
        assert len(index.matching(category)) == len(expected)
    logging.getLogger(__name__).info("%d writes, %d reads", done["writes"], done["reads"])


OPERATIONS = {
    "set": lambda index: index.__setitem__("a", "news"),
    "set to another kind": lambda index: index.__setitem__("a", "-sport"),
    "set a new key": lambda index: index.__setitem__("z", "news,sport"),
    "setdefault": lambda index: index.setdefault("z", "-news"),
    "del": lambda index: index.__delitem__("a"),
    "pop": lambda index: index.pop("a"),
    "popitem": lambda index: index.popitem(),
    "clear": lambda index: index.clear(),
    "compare": lambda index: index == {"b": CategoryFilter("-news,x"), "c": CategoryFilter("news")},
    "iterate": lambda index: list(index.matching("news")),
    "count": lambda index: len(index.matching("news")),
}


def perform(index, name):
    try:
        return OPERATIONS[name](index)
    except KeyError:
        return "KeyError"


def switching(index, name, other, moment):
    """Run an operation, and another one before one of its instructions that is outside the lock."""
    moments, results = count(), {}

    def trace(frame, event, _):
        if event == "call" and "category_filter" not in frame.f_globals["__name__"]:
            return None
        frame.f_trace_opcodes = True
        is_free = event == "opcode" and not index._inverted.lock._is_owned()
        if is_free and next(moments) == moment:
            results["other"] = perform(index, other)
        return trace

    usual = sys.gettrace()
    sys._getframe().f_trace_opcodes = True  # Python 3.12 heeds the first one from here on only
    sys.settrace(trace)
    try:
        results["own"] = perform(index, name)
    finally:
        sys.settrace(usual)
    return results


def state(index):
    return list(index.items()), {name: set(index.matching(name)) for name in ("news", "sport", "x")}


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("other", OPERATIONS)
def test_operations_of_two_threads_take_effect_one_after_the_other(name, other):
    """Wherever the threads switch, the result is that of one operation after the other."""
    entries = {"b": "-news,x", "c": "news", "a": "*"}
    expected = []
    for order in (("own", "other"), ("other", "own")):
        index = FilterIndex(entries)
        names = {"own": name, "other": other}
        results = {which: perform(index, names[which]) for which in order}
        expected.append((results, state(index)))
    for moment in count():
        index = FilterIndex(entries)
        results = switching(index, name, other, moment)
        if "other" not in results:
            break
        assert (results, state(index)) in expected
    assert moment > 5


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_wait_for_the_write_of_another_thread(name):
    index = FilterIndex({"a": "*", "b": "news"})
    thread = threading.Thread(target=perform, args=[index, name])
    waits = []

    def write():
        thread.start()
        thread.join(0.05)
        waits.append(thread.is_alive())

    index._inverted._write(write)
    thread.join()
    assert waits == [True]
