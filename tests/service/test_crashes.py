"""A killed service loses nothing it has acknowledged, and leaves no token in two sessions.

`CRASHES` is the number of times to kill it.
"""

import os
import random
import threading
import time
from collections import Counter
from contextlib import suppress

import httpx2
from push_client import BIND, DELETE, SUCCESS, answer, authorized
from servers import Process, http_client

from category_filter import CategoryFilter
from category_filter.navixy import CATEGORIES
from category_filter.service import Sessions, database
from category_filter.service.sessions import digest

CRASHES = int(os.environ.get("CRASHES", "2"))
CLIENTS = 8
APPLICATION = "navixy_android_viewer"


class Client:
    """A client whose device moves between two sessions, and that takes a shared token from others.

    Attributes:
        possible: The states of the device that the database may be in: the last acknowledged one,
            and those whose response has not arrived. A state is a session hash and a filter, or
            None.
    """

    def __init__(self, number, sessions):
        self.token = f"device-{number}"
        self.homes = [sessions.create(), sessions.create()]
        self.taker = sessions.create()
        self.possible = {None}
        self.acknowledged = 0
        self._step = 0

    def run(self, address):
        """Send requests until the service is killed."""
        with (
            http_client(base_url=address, timeout=30) as http,
            suppress(httpx2.TransportError),
        ):
            while True:
                self._step += 1
                if self._step % 7 == 0:
                    self._bind(http, self.taker, "shared", "*")
                else:
                    self._change(http)
                self.acknowledged += 1

    def _change(self, http):
        known = len(self.possible) == 1 and next(iter(self.possible))
        new = None
        if self._step % 5 or not known:
            new = self.homes[self._step % 2], self._filter()
        self.possible.add(new)
        if new:
            self._bind(http, new[0], self.token, new[1])
        else:
            response = http.get(DELETE, headers=authorized(known[0]))
            assert answer(response) == (200, SUCCESS)
        self.possible = {new}

    def _filter(self):
        """Return a filter that differs from those of earlier steps."""
        bits = self._step % 2 ** len(CATEGORIES)
        return str(
            CategoryFilter.only(*(name for i, name in enumerate(CATEGORIES) if bits >> i & 1))
        )

    def _bind(self, http, session_hash, token, category_filter):
        body = {
            "hash": session_hash,
            "application": APPLICATION,
            "token": token,
            "category_filter": category_filter,
        }
        assert answer(http.post(BIND, json=body)) == (200, SUCCESS)


def stored(engine):
    """Return a pair for each row: the token, and the digest of its session with the filter."""
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT token, digest, filter FROM push_token"
            " JOIN push_session ON push_session.id = session_id"
            " JOIN push_filter ON push_filter.id = filter_id"
        )
        return [(token, (bytes(digest), text)) for token, digest, text in rows]


def test_acknowledged_changes_survive_crashes(database_url, tmp_path):
    engine = database.connect(database_url)
    sessions = Sessions(engine)
    clients = [Client(number, sessions) for number in range(CLIENTS)]
    for crash in range(1, CRASHES + 1):
        with Process(database_url, tmp_path / "log") as process:
            threads = [
                threading.Thread(target=each.run, args=[process.address]) for each in clients
            ]
            for thread in threads:
                thread.start()
            while sum(client.acknowledged for client in clients) < 200 * crash:
                assert all(thread.is_alive() for thread in threads)
                time.sleep(0.01)
            time.sleep(random.uniform(0, 0.05))  # noqa: S311 - not a secret
            process.kill()
            for thread in threads:
                thread.join()
        rows = stored(engine)
        assert max(Counter(token for token, _ in rows).values()) == 1
        states = dict(rows)
        assert "shared" in states
        for client in clients:
            possible = {state and (digest(state[0]), state[1]) for state in client.possible}
            assert states.get(client.token) in possible
    engine.dispose()
