"""`PushService` and `create_app`: mount the application, index it, configure it, close it."""

import subprocess
import sys

import httpx2
import pytest
from fastapi import FastAPI
from processes import UNMEASURED
from push_client import BIND, DELETE, PHONE, SUCCESS, answer, authorized
from servers import HASH, http_client, served

from category_filter import service as service_package
from category_filter.service import PushService, PushTokens, Sessions, connect, create_app


def test_a_sender_imports_neither_fastapi_nor_uvicorn():
    sender = "import sys; from category_filter.service import PushTokens, Sessions, connect;"
    show = "print(*sorted({'fastapi', 'uvicorn'} & {*sys.modules}))"
    for code, expected in (
        (f"{sender} {show}", "\n"),
        (f"{sender} from category_filter.service import *; {show}", "fastapi uvicorn\n"),
    ):
        result = subprocess.run(
            [sys.executable, "-c", code],
            env=UNMEASURED,
            capture_output=True,
            text=True,
            check=True,
        )
        assert result.stdout == expected


def test_an_unknown_attribute_raises():
    with pytest.raises(
        AttributeError, match=r"^module 'category_filter.service' has no attribute 'x'$"
    ):
        _ = service_package.x


def test_the_application_can_be_mounted(database_url):
    service = PushService(database_url)
    host = FastAPI()
    host.mount("/push", service.app)
    service.sessions.create(HASH)
    with served(host) as address, http_client(base_url=f"{address}/push") as http:
        assert answer(http.post(BIND, json=PHONE, headers=authorized())) == (200, SUCCESS)
        assert answer(http.get(f"{DELETE}?hash={HASH}")) == (200, SUCCESS)
        assert answer(http.get(BIND))[0] == 405
        servers = http.get("/openapi.json").json()["servers"]
        assert servers == [{"url": "/push"}]
    service.close()


def test_two_services_in_one_process_are_independent(tmp_path):
    first, second = (PushService(f"sqlite:///{tmp_path}/{name}.db") for name in "ab")
    host = FastAPI()
    host.mount("/first", first.app)
    host.mount("/second", second.app)
    first.sessions.create(HASH)
    with served(host) as address, http_client(base_url=address, headers=authorized()) as http:
        assert answer(http.post(f"/first{BIND}", json=PHONE)) == (200, SUCCESS)
        assert answer(http.post(f"/second{BIND}", json=PHONE))[0] == 400
    assert [service.tokens.recipients("chat_message").count() for service in (first, second)] == [
        1,
        0,
    ]
    first.close()
    second.close()


def test_an_indexed_service_follows_every_request(database_url):
    service = PushService(database_url, indexed=True)
    session_hash = service.sessions.create()
    with served(service.app) as address, http_client(base_url=address) as http:
        count = service.tokens.recipients("chat_message").count
        assert answer(http.post(BIND, json=PHONE | {"hash": session_hash})) == (200, SUCCESS)
        assert count() == 1
        assert answer(http.get(DELETE, params={"hash": session_hash})) == (200, SUCCESS)
        assert count() == 0
        http.post(BIND, json=PHONE | {"hash": session_hash})
        assert service.sessions.end(session_hash)
        assert count() == 0


def test_a_server_that_shuts_down_closes_the_service(database_url):
    service = PushService(database_url)
    with served(service.app) as address:
        service.sessions.create()
        pool = service.tokens._database.pool
        assert pool.checkedin() == 1
        assert httpx2.get(f"{address}/health").status_code == 200
    assert pool.checkedin() == 0
    if database_url.startswith("sqlite"):
        assert service._runner._executor is None
    else:
        assert open_connections(service.tokens._database) == 1  # the one that counts


def open_connections(engine):
    with engine.connect() as connection:
        number = connection.exec_driver_sql(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        ).scalar_one()
    engine.dispose()
    return number


class TestFactory:
    FACTORY = "category_filter.service:create_app"

    def test_the_environment_configures_the_database(self, database_url, monkeypatch):
        monkeypatch.setenv("CATEGORY_FILTER_DATABASE", database_url)
        engine = connect(database_url)
        Sessions(engine).create(HASH)
        with (
            served(self.FACTORY, factory=True) as address,
            http_client(base_url=address) as http,
        ):
            assert answer(http.post(BIND, json=PHONE, headers=authorized())) == (200, SUCCESS)
        assert PushTokens(engine).recipients("chat_message").count() == 1
        engine.dispose()

    def test_the_default_database_is_a_file_in_the_current_directory(self, tmp_path, monkeypatch):
        monkeypatch.delenv("CATEGORY_FILTER_DATABASE", raising=False)
        monkeypatch.chdir(tmp_path)
        with served(create_app, factory=True) as address:
            assert httpx2.get(f"{address}/openapi.json").status_code == 200
        assert [file.name for file in tmp_path.iterdir()] == ["push_tokens.db"]
