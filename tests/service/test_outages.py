"""Failures of the database and of the service."""

import logging
from concurrent.futures import ThreadPoolExecutor

import pytest
from push_client import PHONE, SUCCESS, UNAVAILABLE, UNEXPECTED, PushClient, answer
from servers import HASH, postgres, served
from sqlalchemy import create_engine, text

from category_filter.service import PushService, calls, database, rebinds, routes


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
    monkeypatch.setattr(rebinds, "_TIMEOUT_S", 0.5)
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


def test_an_unexpected_error_is_logged_without_its_message(client, caplog, monkeypatch):
    row = "Failing row contains (740f4707-phone)"

    def fail(*_):
        raise LookupError(row)

    monkeypatch.setattr(calls, "digest", fail)
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
