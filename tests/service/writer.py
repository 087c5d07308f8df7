"""Functions for other processes of a service: write at random, and load an index."""

import random
from collections import Counter

from push_data import phone

from category_filter.navixy import CATEGORIES
from category_filter.service import ApiError, PushService, PushTokens, Sessions, connect

LIFETIMES_S = [1, 2, 5, 100]
DAY_S = 86_400


def load_index(url):
    PushService(url, indexed=True).close()


def write_until_told(url, seed, pipe):
    """Write at random until the pipe holds a message.

    Send None before the first write, and the number of writes after the last one.
    """
    choice = random.Random(seed)  # noqa: S311 - not a secret
    engine = connect(url)
    sessions, tokens = Sessions(engine), PushTokens(engine)
    hashes = [sessions.create(owner=f"user {seed}") for _ in range(20)]
    writes = Counter()
    pipe.send(None)
    while not pipe.poll():
        number = choice.randrange(len(hashes))
        write = choice.choices(["bind", "delete", "end", "remove"], [20, 4, 2, 1])[0]
        try:
            if write == "bind":
                # All writers bind the same tokens, so the tokens move between sessions.
                f = choice.choice(["*", "-*", *CATEGORIES, *(f"-{name}" for name in CATEGORIES)])
                tokens.bind(hashes[number], phone(choice.randrange(50), f))
            elif write == "delete":
                tokens.delete(hashes[number])
            elif write == "end":
                sessions.end(hashes[number])
                hashes[number] = sessions.create(days=choice.choice(LIFETIMES_S) / DAY_S)
            else:
                found = [*tokens.recipients(choice.choice([*CATEGORIES]))]
                found and tokens.remove(choice.choice(found))
            writes[write] += 1
        except ApiError:  # the session has expired, or has no token
            writes["refused"] += 1
    engine.dispose()
    pipe.send(dict(writes))
