"""Failures of the database and of the service."""

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import count

import httpx2
import pytest
from push_client import BIND, PHONE, SUCCESS, UNAVAILABLE, UNEXPECTED, PushClient, answer
from servers import HASH, Process, postgres, served
from sqlalchemy import create_engine, text

from category_filter.service import PushService, Sessions, database, routes


def test_the_service_survives_restarts_of_postgresql():
    with postgres() as server:
        service = PushService(server.url)
        service.sessions.create(HASH)
        with served(service.app) as address, PushClient(service, address) as client:
            for _ in range(3):
                assert answer(client.bind(json=PHONE)) == (200, SUCCESS)
                server.stop()
                for _ in range(3):
                    assert answer(client.bind(json=PHONE)) == (503, UNAVAILABLE)
                    assert answer(client.bind(json={})) == (503, UNAVAILABLE)
                    assert answer(client.delete()) == (503, UNAVAILABLE)
                server.start()
                # Even the first request succeeds, though its pooled connection is closed.
                assert answer(client.delete()) == (200, SUCCESS)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_closed_connections_are_replaced(client):
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda _: client.bind(json=PHONE), range(100)))
    with create_engine(client.database.url).connect() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    connection.engine.dispose()
    for _ in range(20):
        assert answer(client.bind(json=PHONE)) == (200, SUCCESS)


def test_a_locked_database_is_unavailable_until_it_is_unlocked(database_url, monkeypatch):
    monkeypatch.setattr(routes, "_TIMEOUT_S", 1)
    monkeypatch.setattr(database, "_TIMEOUT_S", 0.2)
    service = PushService(database_url)
    service.sessions.create(HASH)
    with served(service.app) as address, PushClient(service, address) as client:
        client.bind(json=PHONE)
        other = create_engine(client.database.url)
        with other.connect() as connection:
            is_sqlite = connection.dialect.name == "sqlite"
            connection.exec_driver_sql(
                "BEGIN IMMEDIATE" if is_sqlite else "LOCK TABLE push_token, push_session"
            )
            for _ in range(3):
                assert answer(client.bind(json=PHONE)) == (503, UNAVAILABLE)
        other.dispose()
        assert answer(client.bind(json=PHONE)) == (200, SUCCESS)


def test_an_unexpected_error_is_logged_without_its_message(client, caplog):
    row = "Failing row contains (740f4707-phone)"

    def fail(*_):
        raise LookupError(row)

    client.service.tokens.bind = fail
    assert answer(client.bind(json=PHONE)) == (500, UNEXPECTED)
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert record.getMessage().startswith("unexpected LookupError\n  File ")
    assert ", in fail\n    raise LookupError(row)\n" in record.getMessage()
    assert row not in caplog.text


def test_a_missing_table_is_an_error_without_secrets(client, caplog):
    with client.database.connect() as connection:
        connection.execute(text("DROP TABLE push_token"))
    # SQLite reports a missing table like an unavailable database.
    is_sqlite = connection.dialect.name == "sqlite"
    expected = (503, UNAVAILABLE) if is_sqlite else (500, UNEXPECTED)
    assert answer(client.bind(json=PHONE)) == expected
    assert PHONE["token"] not in caplog.text


class Load:
    """Clients that bind repeatedly, and count the acknowledged tokens."""

    def __init__(self, address, session_hashes):
        self.acknowledged = dict.fromkeys(session_hashes, 0)
        self._address = address
        self._threads = [
            threading.Thread(target=self._bind, args=(session_hash,))
            for session_hash in session_hashes
        ]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exc_info):
        for thread in self._threads:
            thread.join()

    def _bind(self, session_hash):
        with (
            httpx2.Client(base_url=self._address, timeout=30) as http,
            suppress(httpx2.TransportError),
        ):
            for number in count(1):
                body = PHONE | {"hash": session_hash, "token": str(number)}
                assert answer(http.post(BIND, json=body)) == (200, SUCCESS)
                self.acknowledged[session_hash] = number


def test_acknowledged_tokens_survive_a_crash(database_url, tmp_path):
    engine = database.connect(database_url)
    session_hashes = [Sessions(engine).create() for _ in range(8)]
    for _ in range(3):
        with (
            Process(database_url, tmp_path / "log") as process,
            Load(process.address, session_hashes) as load,
        ):
            while sum(load.acknowledged.values()) < 300:
                time.sleep(0.01)
            process.kill()
        with engine.connect() as connection:
            rows = connection.execute(text("SELECT token FROM push_token ORDER BY session_id"))
            stored = [int(token) for (token,) in rows]
        for acknowledged, found in zip(load.acknowledged.values(), stored, strict=True):
            # The last token may be stored although its response was lost.
            assert acknowledged <= found <= acknowledged + 1
    engine.dispose()
