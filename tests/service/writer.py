"""Write at random, like the processes of a service: writer.py URL SEED

It prints a line when it begins, and the number of writes when its input ends.
"""

import random
import sys
import threading
from collections import Counter

from push_data import phone

from category_filter.navixy import CATEGORIES
from category_filter.service import ApiError, PushTokens, Sessions, connect

LIFETIMES_S = [1, 2, 5, 100]
DAY_S = 86_400


def main(url, seed):
    choice = random.Random(seed)  # noqa: S311 - not a secret
    engine = connect(url)
    sessions, tokens = Sessions(engine), PushTokens(engine)
    stopped = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), stopped.set()), daemon=True).start()
    hashes = [sessions.create(owner=f"user {seed}") for _ in range(20)]
    writes = Counter()
    print("ready", flush=True)  # noqa: T201 - the test waits for it
    while not stopped.is_set():
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
    print(dict(writes))  # noqa: T201 - the test logs it


if __name__ == "__main__":
    main(*sys.argv[1:])
