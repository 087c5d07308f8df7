"""Deployment: PgBouncer, URLs, processes, the environment, health, the access log, origins."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest
from fastapi.testclient import TestClient
from processes import UNMEASURED
from push_client import BIND, BROWSER, DELETE, PHONE, SUCCESS, UNAVAILABLE, answer, authorized
from servers import (
    COMMAND,
    HASH,
    Process,
    free_port,
    http_client,
    new_database,
    pgbouncer,
    postgres,
    running,
)
from sqlalchemy import make_url

from category_filter.service import PushService, PushTokens, Sessions, connect

GUNICORN = (sys.executable, "-m", "gunicorn")
ORIGIN = "https://app.example"


@pytest.fixture
def postgresql_url(postgres_url):
    with new_database(postgres_url) as url:
        yield url


@pytest.fixture
def sqlite_url(tmp_path):
    return f"sqlite:///{tmp_path}/push_tokens.db"


def bind_many(address, database_url, sessions=16, rounds=6):
    """Bind tokens to many sessions in parallel, and check the responses and the stored tokens."""
    engine = connect(database_url)
    hashes = [Sessions(engine).create() for _ in range(sessions)]

    def bind(session_hash):
        with http_client(base_url=address, timeout=30) as http:
            headers = authorized(session_hash)
            for number in range(rounds):
                body = PHONE | {"token": f"{session_hash}-{number}"}
                assert answer(http.post(BIND, json=body, headers=headers)) == (200, SUCCESS)
                if number % 3 == 0:
                    assert answer(http.get(DELETE, headers=headers)) == (200, SUCCESS)
                    assert answer(http.post(BIND, json=body, headers=headers)) == (200, SUCCESS)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(bind, hashes))
    stored = sorted(each.token for each in PushTokens(engine).recipients("chat_message"))
    engine.dispose()
    assert stored == sorted(f"{session_hash}-{rounds - 1}" for session_hash in hashes)


class TestPgBouncer:
    def test_binds_through_transaction_pooling_never_fail(self, postgresql_url, tmp_path):
        with (
            pgbouncer(postgresql_url) as url,
            Process(url, tmp_path / "one") as one,
            Process(url, tmp_path / "two", "--workers", "2") as two,
        ):
            for process in (one, two):
                bind_many(process.address, url)
                engine = connect(url)
                with engine.begin() as connection:
                    connection.exec_driver_sql("DELETE FROM push_session")
                engine.dispose()

    def test_statements_are_not_prepared_behind_it(self, postgresql_url):
        with pgbouncer(postgresql_url) as url:
            for each, prepares in ((postgresql_url, True), (url, False)):
                engine = connect(each)
                with engine.connect() as connection:
                    threshold = connection.connection.dbapi_connection.prepare_threshold
                    assert (threshold is not None) == prepares
                engine.dispose()

    def test_the_url_may_set_the_prepare_threshold(self, postgresql_url):
        engine = connect(f"{postgresql_url}?prepare_threshold=7")
        with engine.connect() as connection:
            assert connection.connection.dbapi_connection.prepare_threshold == 7
        engine.dispose()


class TestURL:
    def test_postgres_is_another_name_of_postgresql(self, postgresql_url):
        engine = connect(postgresql_url.replace("postgresql://", "postgres://"))
        assert engine.url.drivername == "postgresql+psycopg"
        engine.dispose()

    @pytest.mark.parametrize(
        ("url", "reason"),
        [
            (
                "postgresql+asyncpg://user:secret@host/name",
                "unsupported driver 'asyncpg': write the URL as postgresql://",
            ),
            (
                "postgresql+psycopg2://user:secret@host/name",
                "unsupported driver 'psycopg2': write the URL as postgresql://",
            ),
            (
                "sqlite+aiosqlite:///a.db",
                "unsupported driver 'aiosqlite': write the URL as sqlite://",
            ),
            ("mysql+pymysql://host/a", "unsupported database 'mysql': use SQLite or PostgreSQL"),
        ],
    )
    def test_another_driver_is_an_error(self, url, reason):
        with pytest.raises(ValueError, match="unsupported") as error:
            connect(url)
        assert str(error.value) == reason

    @pytest.mark.parametrize(
        "name", ["", "/", "/:memory:", "/file::memory:?uri=true", "/file:a?mode=memory&uri=true"]
    )
    def test_a_database_in_memory_keeps_its_tables(self, name):
        engine = connect(f"sqlite://{name}")
        assert Sessions(engine).create(HASH) == HASH
        engine.dispose()


class TestProcesses:
    def test_workers_share_a_database(self, database_url, tmp_path):
        with Process(database_url, tmp_path / "log", "--workers", "3") as process:
            bind_many(process.address, database_url)
        log = process.log.read_text()
        assert log.count("Started server process") == 3
        assert "Traceback" not in log

    @pytest.mark.parametrize("preload", [[], ["--preload"]])
    def test_gunicorn_may_load_the_application_before_it_forks(
        self, database_url, tmp_path, preload
    ):
        port = free_port()
        app = "category_filter.service:create_app()"
        command = [*GUNICORN, *preload, "-w", "3", "-k", "uvicorn_worker.UvicornWorker"]
        with (
            (tmp_path / "log").open("w") as log,
            running(
                [*command, "-b", f"127.0.0.1:{port}", app],
                port,
                env=UNMEASURED | {"CATEGORY_FILTER_DATABASE": database_url},
                stderr=log,
            ),
        ):
            bind_many(f"http://127.0.0.1:{port}", database_url)
        assert "Traceback" not in (tmp_path / "log").read_text()

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows does not fork")
    def test_a_fork_shares_no_connection_with_its_parent(self, database_url):
        engine = connect(database_url)
        Sessions(engine).create()
        assert engine.pool.checkedin() == 1
        child = os.fork()
        if child == 0:
            os._exit(engine.pool.checkedin())
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert engine.pool.checkedin() == 1
        engine.dispose()

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows does not fork")
    def test_a_fork_shares_no_connection_with_the_served_application(self, postgresql_url):
        service = PushService(postgresql_url)
        with TestClient(service.app) as http:
            assert http.get("/health").status_code == 200
            child = os.fork()
            if child == 0:
                os._exit(len(service._runner._idle))
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
            assert len(service._runner._idle) == 1
            assert http.get("/health").status_code == 200

    @pytest.mark.parametrize("name", ["file", "memory"])
    def test_an_application_may_be_started_twice(self, name, sqlite_url):
        service = PushService(sqlite_url if name == "file" else "sqlite://")
        service.sessions.create(HASH)
        for _ in range(2):
            with TestClient(service.app) as http:
                response = http.post(BIND, json=PHONE, headers=authorized())
                assert (response.status_code, response.json()) == (200, SUCCESS)
        service.close()


class TestEnvironment:
    def test_every_option_has_a_variable(self, sqlite_url, tmp_path):
        port = str(free_port())
        variables = {
            "HOST": "127.0.0.1",
            "PORT": port,
            "DATABASE": sqlite_url,
            "WORKERS": "2",
            "ACCESS_LOG": "1",
            "ALLOW_ORIGIN": f"{ORIGIN} https://other.example",
            "PUSH_SERVICE": "push.example.com *.other.example",
        }
        env = UNMEASURED | {f"CATEGORY_FILTER_{name}": each for name, each in variables.items()}
        with (
            (tmp_path / "log").open("w") as log,
            running([COMMAND, "serve"], int(port), env=env, stdout=log, stderr=log),
        ):
            subprocess.run(
                [COMMAND, "session", "create"],
                env=env | {"CATEGORY_FILTER_HASH": HASH, "CATEGORY_FILTER_DAYS": "1"},
                check=True,
            )
            for origin in (ORIGIN, "https://other.example"):
                response = httpx2.post(
                    f"http://127.0.0.1:{port}{BIND}",
                    json=PHONE,
                    headers=authorized() | {"Origin": origin},
                )
                assert answer(response) == (200, SUCCESS)
                assert response.headers["access-control-allow-origin"] == origin
            for host, status in {
                "push.example.com": 200,
                "a.other.example": 200,
                "evil.example": 400,
            }.items():
                body = BROWSER | {"token": f"https://{host}/1"}
                response = httpx2.post(
                    f"http://127.0.0.1:{port}{BIND}", json=body, headers=authorized()
                )
                assert response.status_code == status
        log = (tmp_path / "log").read_text()
        assert f"POST {BIND} HTTP/1.1" in log
        assert log.count("Started server process") == 2

    def test_no_password_is_in_the_process_list(self, postgresql_url, tmp_path):
        url = make_url(postgresql_url).set(password="secret-5ec7e7")  # noqa: S106 - a test
        url = url.render_as_string(hide_password=False)
        with Process(url, tmp_path / "log", "--workers", "2", command=(COMMAND,)):
            commands = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline")]
        assert any(b"serve" in command for command in commands)
        assert not any(b"5ec7e7" in command for command in commands)


class TestHealth:
    def test_it_follows_the_database(self):
        with postgres() as server:
            service = PushService(server.url)
            with TestClient(service.app) as http:
                for _ in range(2):
                    response = http.get("/health")
                    assert (response.status_code, response.json()) == (200, SUCCESS)
                    server.stop()
                    response = http.get("/health")
                    assert (response.status_code, response.json()) == (503, UNAVAILABLE)
                    server.start()


class TestAccessLog:
    def test_it_holds_no_query_token_or_hash(self, sqlite_url, tmp_path):
        with (
            Process(sqlite_url, tmp_path / "log", "--access-log") as process,
            http_client(base_url=process.address) as http,
        ):
            http.get("/health?hash=5ec7e7")
            http.get(DELETE, params={"hash": HASH})
            http.get(f"{DELETE}/{HASH}")
            http.post(f"{BIND};5ec7e7")
            http.get(f"{DELETE}%3Fhash={HASH}")
        log = process.log.read_text()
        assert HASH not in log
        assert "5ec7e7" not in log
        lines = [line.partition(" - ")[2] for line in log.splitlines() if " - " in line]
        assert lines == [
            '"GET /health HTTP/1.1" 200 OK',
            f'"GET {DELETE} HTTP/1.1" 400 Bad Request',
            '"GET (unknown path) HTTP/1.1" 404 Not Found',
            '"POST (unknown path) HTTP/1.1" 404 Not Found',
            '"GET (unknown path) HTTP/1.1" 404 Not Found',
        ]


class TestOrigins:
    PREFLIGHT = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }

    @pytest.fixture
    def http(self, sqlite_url):
        service = PushService(sqlite_url, allow_origins=[ORIGIN])
        service.sessions.create(HASH)
        with TestClient(service.app) as http:
            yield http

    def test_an_allowed_origin_may_call(self, http):
        response = http.options(BIND, headers=self.PREFLIGHT)
        assert response.status_code == 200
        assert response.headers["access-control-allow-origin"] == ORIGIN
        assert "POST" in response.headers["access-control-allow-methods"]
        for headers in (authorized(), {}):  # the page may read an error, too
            response = http.post(BIND, json=PHONE, headers=headers | {"Origin": ORIGIN})
            assert response.status_code == (200 if headers else 400)
            assert response.headers["access-control-allow-origin"] == ORIGIN

    def test_any_other_origin_may_not_call(self, http):
        other = {"Origin": "https://evil.example"}
        response = http.options(BIND, headers=self.PREFLIGHT | other)
        assert response.status_code == 400
        response = http.post(BIND, json=PHONE, headers=authorized() | other)
        assert "access-control-allow-origin" not in response.headers

    def test_no_origin_is_allowed_by_default(self, sqlite_url):
        with TestClient(PushService(sqlite_url).app) as http:
            assert http.options(BIND, headers=self.PREFLIGHT).status_code == 405
            response = http.get("/health", headers={"Origin": ORIGIN})
        assert "access-control-allow-origin" not in response.headers
