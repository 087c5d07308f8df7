"""The service over real HTTP: its two calls, what it refuses, and what it keeps to itself."""

import asyncio
import json
import logging
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import count
from pathlib import Path

import httpx2
import pytest
from fastapi import FastAPI
from servers import HASH, Process, postgres, served
from sqlalchemy import create_engine, text

from category_filter.service import (
    BrowserBinding,
    DeviceBinding,
    Sessions,
    create_app,
    database,
)
from category_filter.service import app as service_app

BIND = "/user/session/push_token/bind"
DELETE = "/user/session/push_token/delete"
AUTHORIZED = {"Authorization": f"NVX {HASH}"}
PHONE = {"application": "navixy_iphone_viewer", "token": "740f4707-phone"}
KEYS = {"p256dh": "BGEw-_p256dh", "auth": "c2VjcmV0LWF1dGg="}
BROWSER = {
    "application": "w3c_pushapi",
    "token": "https://push.example/send/token-1",
    "parameters": KEYS,
    "category_filter": "- history_task ,history_rule",
}
SUCCESS = {"success": True}


def failure(code, description, errors=None):
    envelope = {"success": False, "status": {"code": code, "description": description}}
    return envelope | ({"errors": errors} if errors else {})


class Service:
    def __init__(self, app, address):
        self.app = app
        self.client = httpx2.Client(base_url=address, timeout=30)

    def bind(self, **options):
        return self.client.post(BIND, **{"headers": AUTHORIZED} | options)

    def stored(self):
        """What is bound, as rows of the database."""
        with self.app.state.tokens._database.connect() as connection:
            rows = connection.exec_driver_sql(
                "SELECT application, token, p256dh, auth, filter FROM push_token"
                " JOIN push_filter ON push_filter.id = filter_id ORDER BY session_id"
            )
            return [tuple(row) for row in rows]


@pytest.fixture
def service(database_url):
    app = create_app(database_url)
    app.state.sessions.create(HASH)
    with served(app) as address:
        service = Service(app, address)
        yield service
        service.client.close()


def told(response):
    """The status of a response, and its envelope."""
    assert response.headers["content-type"] == "application/json"
    return response.status_code, response.json()


class TestBind:
    def test_a_phone(self, service):
        assert told(service.bind(json=PHONE)) == (200, SUCCESS)
        assert service.stored() == [("navixy_iphone_viewer", PHONE["token"], None, None, "*")]

    def test_a_browser(self, service):
        assert told(service.bind(json=BROWSER)) == (200, SUCCESS)
        assert service.stored() == [
            ("w3c_pushapi", BROWSER["token"], *KEYS.values(), "-history_rule,history_task")
        ]

    def test_binding_again_replaces(self, service):
        service.bind(json=BROWSER)
        other = {"application": "navixy_android_viewer", "token": "b", "category_filter": "-*"}
        assert told(service.bind(json=other)) == (200, SUCCESS)
        assert service.stored() == [("navixy_android_viewer", "b", None, None, "-*")]

    @pytest.mark.parametrize("nothing", [{}, {"category_filter": None, "parameters": None}])
    def test_what_is_null_is_missing(self, service, nothing):
        assert told(service.bind(json=PHONE | nothing)) == (200, SUCCESS)
        assert service.stored()[0][-1] == "*"

    def test_two_hundred_at_once_leave_one_row(self, service):
        async def bind_all():
            limits = httpx2.Limits(max_connections=200)
            async with httpx2.AsyncClient(
                base_url=service.client.base_url, limits=limits, timeout=60, headers=AUTHORIZED
            ) as client:
                bodies = [
                    PHONE | {"token": f"token-{number}", "category_filter": f"{minus}chat_message"}
                    for number in range(100)
                    for minus in ("", "-")
                ]
                calls = [client.post(BIND, json=body) for body in bodies]
                return bodies, await asyncio.gather(*calls)

        bodies, responses = asyncio.run(bind_all())
        assert [told(response) for response in responses] == [(200, SUCCESS)] * 200
        ((_, token, _, _, wanted),) = service.stored()
        assert PHONE | {"token": token, "category_filter": wanted} in bodies


def by_json(values):
    return {"json": values}


def by_form(values):
    return {"data": as_texts(values)}


def by_query(values):
    return {"params": as_texts(values)}


def by_query_and_form(values):
    first, *others = as_texts(values).items()
    return {"params": [first], "data": dict(others)}


def as_texts(values):
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in values.items()
    }


WAYS = [by_json, by_form, by_query, by_query_and_form]


@pytest.mark.parametrize("way", WAYS)
class TestWays:
    def test_all_parameters(self, service, way):
        assert told(service.bind(**way(BROWSER))) == (200, SUCCESS)
        assert service.stored() == [
            ("w3c_pushapi", BROWSER["token"], *KEYS.values(), "-history_rule,history_task")
        ]

    def test_the_hash(self, service, way):
        assert told(service.bind(**way(PHONE | {"hash": HASH}), headers={})) == (200, SUCCESS)
        assert told(service.client.post(DELETE, **way({"hash": HASH}))) == (200, SUCCESS)
        assert service.stored() == []

    def test_mistakes(self, service, way):
        values = {"token": "has blanks", "parameters": {"auth": "\u2026"}, "application": "fax"}
        assert told(service.bind(**way(values | {"category_filter": "a,,b"}))) == (
            400,
            failure(
                7,
                "invalid parameters",
                [
                    {
                        "parameter": "application",
                        "message": (
                            "expected navixy_iphone_viewer, navixy_android_viewer or w3c_pushapi"
                        ),
                    },
                    {
                        "parameter": "token",
                        "message": (
                            "expected the push token, of 1 to 4,096 visible ASCII characters"
                        ),
                    },
                    {
                        "parameter": "category_filter",
                        "message": "expected a name before ','; did you mean 'a,b'?",
                        "code": "missing_name",
                        "position": 2,
                        "suggestion": "a,b",
                    },
                    {
                        "parameter": "parameters",
                        "message": "expected nothing: only w3c_pushapi has parameters",
                    },
                ],
            ),
        )
        assert service.stored() == []


def parameter(name, message, **more):
    return {"parameter": name, "message": message} | more


ENDPOINT = "expected the whole URL of the subscription's endpoint, which begins with https://"


@pytest.fixture(scope="module")
def sqlite_service(tmp_path_factory):
    """A service for tests that leave nothing behind."""
    app = create_app(f"sqlite:///{tmp_path_factory.mktemp('service')}/push_tokens.db")
    app.state.sessions.create(HASH)
    with served(app) as address:
        service = Service(app, address)
        yield service
        assert service.stored() == []
        service.client.close()


class TestInvalidParameters:
    @pytest.mark.parametrize(
        ("values", "errors"),
        [
            (
                {},
                [
                    parameter(
                        "application",
                        "missing: expected navixy_iphone_viewer, navixy_android_viewer"
                        " or w3c_pushapi",
                    ),
                    parameter(
                        "token",
                        "missing: expected the push token, of 1 to 4,096 visible ASCII characters",
                    ),
                ],
            ),
            (
                {"application": "w3c_pushapi", "token": "http://push.example/1"},
                [
                    parameter("token", ENDPOINT),
                    parameter(
                        "parameters",
                        "missing: expected an object with the subscription's p256dh and auth",
                    ),
                ],
            ),
            (
                BROWSER | {"token": "https://push.example", "parameters": {"p256dh": "a b"}},
                [
                    parameter("token", ENDPOINT),
                    parameter(
                        "parameters.p256dh", "expected the subscription's public key in base64"
                    ),
                    parameter(
                        "parameters.auth", "missing: expected the subscription's secret in base64"
                    ),
                ],
            ),
            (
                BROWSER | {"parameters": [1]},
                [
                    parameter(
                        "parameters", "expected an object with the subscription's p256dh and auth"
                    )
                ],
            ),
            (
                PHONE | {"category_filter": 5},
                [
                    parameter(
                        "category_filter",
                        "expected a filter of notification categories;"
                        " all of them, `*`, if it is missing",
                    )
                ],
            ),
            (
                PHONE | {"category_filter": "-chat_mesage,history_rule"},
                [
                    parameter(
                        "category_filter",
                        "unknown category 'chat_mesage' (did you mean 'chat_message'?)",
                        code="unknown_category",
                        position=1,
                        unknown=[
                            {"name": "chat_mesage", "position": 1, "suggestions": ["chat_message"]}
                        ],
                    )
                ],
            ),
            (
                PHONE | {"category_filter": ""},
                [
                    parameter(
                        "category_filter",
                        "the filter is empty: use '*' for every category, '-*' for none;"
                        " did you mean '*'?",
                        code="empty",
                        position=0,
                        suggestion="*",
                    )
                ],
            ),
            (
                PHONE | {"category_filters": "*", "0badc0de": "740f4707"},
                [
                    parameter(
                        name,
                        "unknown: the parameters are"
                        " application, category_filter, hash, parameters, token",
                    )
                    for name in ("category_filters", "?")
                ],
            ),
            (
                PHONE | {"token": "a" * 4097},
                [
                    parameter(
                        "token", "expected the push token, of 1 to 4,096 visible ASCII characters"
                    )
                ],
            ),
        ],
    )
    def test_each_is_named(self, sqlite_service, values, errors):
        response = sqlite_service.bind(json=values)
        assert told(response) == (400, failure(7, "invalid parameters", errors))

    @pytest.mark.parametrize("token", ["", "\u0000", "caf\u00e9", "\ud800", "a\n", 5, None, ["a"]])
    def test_tokens_that_are_none(self, sqlite_service, token):
        body = json.dumps(PHONE | {"token": token})
        headers = AUTHORIZED | {"Content-Type": "application/json"}
        assert told(sqlite_service.bind(content=body, headers=headers)) == (
            400,
            failure(
                7,
                "invalid parameters",
                [
                    parameter(
                        "token", "expected the push token, of 1 to 4,096 visible ASCII characters"
                    )
                ],
            ),
        )

    def test_a_name_that_is_no_text(self, sqlite_service):
        for headers, code in ((AUTHORIZED, 7), ({"Authorization": f"NVX {'f' * 32}"}, 4)):
            response = sqlite_service.bind(content=b'{"\\ud800": 1}', headers=headers | JSON)
            assert (response.status_code, response.json()["status"]["code"]) == (400, code)

    def test_given_twice(self, sqlite_service):
        for options in (
            {"params": [*PHONE.items(), ("token", "b")]},
            {"params": PHONE, "json": {"token": PHONE["token"]}},
            {"params": PHONE, "data": {"token": "b"}},
        ):
            assert told(sqlite_service.bind(**options)) == (
                400,
                failure(7, "invalid parameters", [parameter("token", "given twice")]),
            )

    def test_deleting_has_no_parameters(self, sqlite_service):
        answer = sqlite_service.client.get(DELETE, headers=AUTHORIZED, params={"token": "a"})
        assert told(answer) == (
            400,
            failure(
                7, "invalid parameters", [parameter("token", "unknown: the parameters are hash")]
            ),
        )

    def test_only_those_with_a_session_are_told(self, sqlite_service):
        response = sqlite_service.bind(json={}, headers={"Authorization": f"NVX {'f' * 32}"})
        assert told(response) == (400, failure(4, "session not found or ended"))


WRONG_HASH = failure(3, "wrong hash: it is not 32 hexadecimal digits")


class TestSession:
    def test_it_is_missing(self, sqlite_service):
        for headers in ({}, {"Authorization": f"Bearer {HASH}"}):
            assert told(sqlite_service.bind(json=PHONE, headers=headers)) == (
                400,
                failure(
                    3,
                    "wrong hash: it is missing;"
                    " send the parameter hash, or the header Authorization: NVX <hash>",
                ),
            )

    @pytest.mark.parametrize("wrong", [HASH[1:], HASH + "0", "g" * 32, "", f"{HASH} x"])
    def test_it_is_wrong(self, sqlite_service, wrong):
        headers = {"Authorization": f"NVX {wrong}".strip()}
        for response in (
            sqlite_service.bind(json=PHONE, headers=headers),
            sqlite_service.bind(json=PHONE | {"hash": wrong}, headers={}),
            sqlite_service.bind(json=PHONE | {"hash": wrong}),
        ):
            assert told(response) == (400, WRONG_HASH)

    @pytest.mark.parametrize("wrong", [5, [HASH], {"a": HASH}, True])
    def test_it_is_no_text(self, sqlite_service, wrong):
        body = PHONE | {"hash": wrong}
        assert told(sqlite_service.bind(json=body, headers={})) == (400, WRONG_HASH)
        assert told(sqlite_service.bind(json=body)) == (400, WRONG_HASH)

    def test_it_is_in_any_case(self, service):
        for headers in (
            {"Authorization": f"NVX {HASH.upper()}"},
            {"authorization": f"nvx   {HASH}"},
        ):
            assert told(service.bind(json=PHONE, headers=headers)) == (200, SUCCESS)
        assert len(service.stored()) == 1

    def test_the_header_goes_before_the_parameter(self, service):
        other = service.app.state.sessions.create()
        assert told(service.bind(json=PHONE | {"hash": "f" * 32})) == (200, SUCCESS)
        assert told(service.bind(json=PHONE | {"hash": HASH}, headers={"Authorization": "Basic a"}))
        assert told(service.client.get(DELETE, params={"hash": other})) == (
            400,
            failure(201, "not found in the database"),
        )

    @pytest.mark.parametrize("ending", ["by the host", "by time"])
    def test_when_it_has_ended_nothing_is_done(self, service, ending):
        sessions = service.app.state.sessions
        if ending == "by the host":
            service.bind(json=PHONE)
            assert sessions.end(HASH)
            hash_ = HASH
        else:
            hash_ = sessions.create(days=0)
        headers = {"Authorization": f"NVX {hash_}"}
        for response in (
            service.bind(json=PHONE, headers=headers),
            service.bind(json=PHONE | {"category_filter": "-chat_message"}, headers=headers),
            service.bind(json={}, headers=headers),
            service.client.get(DELETE, headers=headers),
            service.client.post(DELETE, headers=headers),
        ):
            assert told(response) == (400, failure(4, "session not found or ended"))
        assert service.stored() == []


class TestDelete:
    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_once(self, service, method):
        service.bind(json=PHONE)
        first, second = (
            service.client.request(method, DELETE, headers=AUTHORIZED) for _ in range(2)
        )
        assert told(first) == (200, SUCCESS)
        assert told(second) == (400, failure(201, "not found in the database"))
        assert service.stored() == []

    def test_others_keep_theirs(self, service):
        other = service.app.state.sessions.create()
        service.bind(json=PHONE)
        service.bind(json=PHONE | {"token": "other"}, headers={"Authorization": f"NVX {other}"})
        service.client.get(DELETE, headers=AUTHORIZED)
        assert [token for _, token, *_ in service.stored()] == ["other"]


MANY_NAMES = "the body has more than 100 names"
KINDS = "the Content-Type of a body is application/json or application/x-www-form-urlencoded"
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class TestFormat:
    @pytest.mark.parametrize(
        ("headers", "body", "reason"),
        [
            (JSON, b"", "the body is no JSON: Expecting value: line 1 column 1 (char 0)"),
            (
                JSON,
                b'{"a"',
                "the body is no JSON: Expecting ':' delimiter: line 1 column 5 (char 4)",
            ),
            (JSON, b'"\xff"', "the body is no JSON: no UTF-8"),
            (JSON, b"[" * 60_000, "the body is no JSON: nested too deeply"),
            (JSON, b'{"a": 1, "a": 2}', "the body is no JSON: a name stands twice in an object"),
            (JSON, b"[]", "the body is no JSON object"),
            (JSON, b"null", "the body is no JSON object"),
            (JSON, json.dumps(dict.fromkeys(map(str, range(101)))).encode(), MANY_NAMES),
            (FORM, b"token=%ff", "the form is no UTF-8"),
            (FORM, b"\xff", "the form is no UTF-8"),
            (FORM, b"a=1&" * 101, "the form has more than 100 fields"),
            (FORM, b' {"a": 1}', "the form is JSON, which wants Content-Type: application/json"),
            (
                {"Content-Type": "text/plain"},
                b"a",
                KINDS,
            ),
            (
                {},
                b"a",
                KINDS,
            ),
        ],
    )
    def test_bodies(self, sqlite_service, headers, body, reason):
        response = sqlite_service.bind(content=body, headers=AUTHORIZED | headers)
        assert told(response) == (400, failure(5, f"wrong request format: {reason}"))

    def test_numbers_that_are_too_long_for_python(self, sqlite_service):
        response = sqlite_service.bind(content=b"9" * 5000, headers=AUTHORIZED | JSON)
        assert response.json()["status"]["code"] == 5

    def test_a_query_string_that_is_no_utf8(self, sqlite_service):
        assert told(sqlite_service.client.get(f"{DELETE}?hash=%ff")) == (
            400,
            failure(5, "wrong request format: the query string is no UTF-8"),
        )

    def test_a_charset_is_allowed(self, service):
        headers = AUTHORIZED | {"Content-Type": "Application/JSON; charset=utf-8"}
        response = service.bind(content=json.dumps(PHONE), headers=headers)
        assert told(response) == (200, SUCCESS)

    @pytest.mark.parametrize(
        ("method", "path", "allowed"),
        [
            ("GET", "/", None),
            ("POST", f"{BIND}/", None),
            ("GET", BIND, "POST"),
            ("PUT", DELETE, "GET, POST"),
        ],
    )
    def test_no_such_call(self, sqlite_service, method, path, allowed):
        response = sqlite_service.client.request(method, path, headers=AUTHORIZED)
        status, reason = (405, "Method Not Allowed") if allowed else (404, "Not Found")
        assert told(response) == (status, failure(5, f"wrong request format: {reason}"))
        assert response.headers.get("Allow") == allowed


TOO_LARGE = failure(9, "too large request: a body has at most 65,536 bytes")


def raw(service, *parts):
    """What the service answers to bytes, until it closes the connection."""
    host, port = service.client.base_url.host, service.client.base_url.port
    with socket.create_connection((host, port), timeout=10) as connection:
        for part in parts:
            connection.sendall(part)
        return b"".join(iter(lambda: connection.recv(65_536), b""))


class TestSize:
    HEAD = f"POST {BIND} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n".encode()

    def refused(self, answer):
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 412 ")
        assert b"connection: close" in head.lower()
        assert json.loads(body) == TOO_LARGE

    def test_the_largest(self, service):
        body = json.dumps(PHONE).encode().ljust(65_536)
        headers = AUTHORIZED | JSON
        assert told(service.bind(content=body, headers=headers)) == (200, SUCCESS)
        assert told(service.bind(content=body + b" ", headers=headers)) == (412, TOO_LARGE)

    def test_it_is_refused_before_it_is_sent(self, sqlite_service):
        self.refused(raw(sqlite_service, self.HEAD + b"Content-Length: 99999999999\r\n\r\n"))

    def test_it_is_refused_before_it_is_sent_whole(self, sqlite_service):
        head = self.HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
        chunk = b"8000\r\n" + b" " * 0x8000 + b"\r\n"
        self.refused(raw(sqlite_service, head, chunk, chunk, chunk))

    @pytest.mark.parametrize(("size", "code"), [(65_536, 3), (65_537, 9)])
    def test_a_query_string(self, sqlite_service, size, code):
        query = "hash=".ljust(size, "0")
        request = f"GET {DELETE}?{query} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        body = raw(sqlite_service, request.encode()).partition(b"\r\n\r\n")[2]
        assert (
            json.loads(body)
            == {
                3: WRONG_HASH,
                9: failure(9, "too large request: a query string has at most 65,536 bytes"),
            }[code]
        )

    def test_a_client_that_leaves(self, sqlite_service, caplog):
        host, port = sqlite_service.client.base_url.host, sqlite_service.client.base_url.port
        with socket.create_connection((host, port)) as connection:
            connection.sendall(self.HEAD + b"Content-Length: 100\r\n\r\n{")
        assert told(sqlite_service.client.get(DELETE, headers=AUTHORIZED))[0] == 400
        assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


UNAVAILABLE = failure(14, "database unavailable")
UNEXPECTED = failure(6, "unexpected error")


@pytest.fixture
def impatient(monkeypatch):
    """Waiting that is soon over."""
    monkeypatch.setattr(service_app, "_PATIENCE", 1)
    monkeypatch.setattr(database, "_PATIENCE", 0.2)


class TestDatabase:
    def test_a_server_that_is_started_anew(self):
        with postgres() as server:
            app = create_app(server.url)
            app.state.sessions.create(HASH)
            with served(app) as address:
                service = Service(app, address)
                for _ in range(3):
                    assert told(service.bind(json=PHONE)) == (200, SUCCESS)
                    server.stop()
                    for _ in range(3):
                        assert told(service.bind(json=PHONE)) == (503, UNAVAILABLE)
                        assert told(service.bind(json={})) == (503, UNAVAILABLE)
                        answer = service.client.get(DELETE, headers=AUTHORIZED)
                        assert told(answer) == (503, UNAVAILABLE)
                    server.start()
                    # Not even the first call notices that its connection is gone.
                    assert told(service.client.get(DELETE, headers=AUTHORIZED)) == (200, SUCCESS)
                service.client.close()

    def test_a_connection_that_was_closed_meanwhile(self, service):
        if service.app.state.tokens._database.dialect.name == "sqlite":
            return  # whose connections nobody closes
        with ThreadPoolExecutor(20) as pool:
            list(pool.map(lambda _: service.bind(json=PHONE), range(100)))
        address = service.app.state.tokens._database.url
        with create_engine(address).connect() as connection:
            connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )
        connection.engine.dispose()
        for _ in range(20):
            assert told(service.bind(json=PHONE)) == (200, SUCCESS)

    @pytest.mark.usefixtures("impatient")
    def test_one_that_is_locked(self, database_url):
        app = create_app(database_url)
        app.state.sessions.create(HASH)
        with served(app) as address:
            service = Service(app, address)
            service.bind(json=PHONE)
            other = create_engine(app.state.tokens._database.url)
            with other.connect() as connection:
                sqlite = connection.dialect.name == "sqlite"
                connection.exec_driver_sql(
                    "BEGIN IMMEDIATE" if sqlite else "LOCK TABLE push_token, push_session"
                )
                for _ in range(3):
                    assert told(service.bind(json=PHONE)) == (503, UNAVAILABLE)
            other.dispose()
            assert told(service.bind(json=PHONE)) == (200, SUCCESS)
            service.client.close()

    def test_an_error_that_nobody_expects(self, service, caplog):
        row = "Failing row contains (740f4707-phone)"

        def fail(*_):
            raise LookupError(row)

        service.app.state.tokens.bind = fail
        assert told(service.bind(json=PHONE)) == (500, UNEXPECTED)
        (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
        assert record.getMessage().startswith("unexpected LookupError\n  File ")
        assert ", in fail\n    raise LookupError(row)\n" in record.getMessage()
        assert row not in caplog.text

    def test_a_database_without_its_tables(self, service, caplog):
        with service.app.state.tokens._database.connect() as connection:
            connection.execute(text("DROP TABLE push_token"))
        sqlite = connection.dialect.name == "sqlite"  # which says the same if it is unavailable
        assert told(service.bind(json=PHONE)) == (
            (503, UNAVAILABLE) if sqlite else (500, UNEXPECTED)
        )
        assert PHONE["token"] not in caplog.text


class TestSecrecy:
    def test_nothing_secret_is_said_or_logged(self, database_url, tmp_path):
        hash_, token = "5ec7e7" * 5 + "00", "t0ken-5ec7e7"
        keys = {"p256dh": "p256dh-5ec7e7", "auth": "auth-5ec7e7"}
        good = {"application": "w3c_pushapi", "parameters": keys}
        good |= {"token": f"https://push.example/{token}", "hash": hash_}
        engine = database.connect(database_url)
        codes = Counter()

        with (
            Process(database_url, tmp_path / "log") as process,
            httpx2.Client(base_url=process.address) as client,
        ):

            def told(response):
                assert "5ec7e7" not in response.text
                codes[response.json().get("status", {}).get("code")] += 1

            def bind(values=good, **changes):
                for way in WAYS:
                    told(client.post(BIND, **way(values | changes)))

            bind()
            Sessions(engine).create(hash_)
            bind()
            bind(hash=hash_[1:])
            bind(token=token)
            bind(parameters=keys | {"auth": "auth-5ec7e7 "})
            bind(parameters=token)
            bind(application=hash_)
            bind(category_filter="a,,b")
            bind(**{token: hash_})
            told(client.post(BIND, content=token.encode() + b"\xff", headers=JSON))
            told(client.post(BIND, content=f'{{"token": "{token}', headers=JSON))
            told(client.post(BIND, content=f'{{"token": "{token}"', headers=FORM))
            told(client.get(f"{DELETE}/{hash_}"))
            told(client.get(DELETE, params={"hash": hash_}))
            with engine.connect() as connection:
                connection.execute(text("DROP TABLE push_token"))
            bind()
        engine.dispose()
        failed = 14 if database_url.startswith("sqlite") else 6
        assert codes == {None: 5, 3: 4, 4: 4, 5: 4, 7: 24, failed: 4}
        reason = {14: "database unavailable: no such table", 6: "unexpected ProgrammingError"}
        assert reason[failed] in process.log.read_text()
        assert "5ec7e7" not in process.log.read_text()

    def test_the_database_holds_no_hash(self, service):
        service.bind(json=PHONE)
        dump = []
        with service.app.state.tokens._database.connect() as connection:
            for table in database.metadata.sorted_tables:
                dump += [tuple(row) for row in connection.execute(table.select())]
        assert len(dump) == 3
        assert HASH not in repr(dump)
        assert bytes.fromhex(HASH) not in [value for row in dump for value in row]

    def test_a_recipient_may_be_logged(self, service):
        service.bind(json=BROWSER)
        (recipient,) = service.app.state.tokens.recipients("chat_message")
        assert PHONE["token"] not in repr(DeviceBinding(**PHONE))
        assert "c2VjcmV0" not in repr(BrowserBinding(**BROWSER))
        assert re.fullmatch(
            r"Recipient\(session_id=\d+, application='w3c_pushapi', ends_at=\d+\)", repr(recipient)
        )


class TestOpenAPI:
    @pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # it is the same document
    def test_the_document_is_true(self, service, tmp_path):
        """What it allows is accepted, what it forbids is refused, and answered as it says."""
        result = subprocess.run(
            [
                *(Path(sys.executable).with_name("st"), "run", "--no-color", "--seed=1"),
                *("--max-examples=100", "--header", f"Authorization: NVX {HASH}"),
                f"{service.client.base_url}/openapi.json",
            ],
            env=os.environ
            | {
                "SCHEMATHESIS_HOOKS": "openapi_hooks",
                "PYTHONPATH": str(Path(__file__).parent),
            },
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert "No issues found" in result.stdout, result.stdout
        assert "Tested: 3" in result.stdout

    def test_every_parameter_is_told_of(self, sqlite_service):
        document, again = (sqlite_service.client.get("/openapi.json").json() for _ in range(2))
        assert document == again
        content = document["paths"][BIND]["post"]["requestBody"]["content"]
        told_of = {
            kind: [
                sorted(document["components"]["schemas"][ref["$ref"].rsplit("/")[-1]]["properties"])
                for ref in body["schema"]["oneOf"]
            ]
            for kind, body in content.items()
        }
        all_of_them = ["application", "category_filter", "hash", "parameters", "token"]
        assert told_of == {
            "application/json": [all_of_them, all_of_them],
            "application/x-www-form-urlencoded": [
                ["application", "category_filter", "hash", "token"],
                all_of_them,
            ],
        }


class TestHost:
    def test_it_may_be_mounted(self, database_url):
        host = FastAPI()
        mounted = create_app(database_url)
        host.mount("/push", mounted)
        mounted.state.sessions.create(HASH)
        with served(host) as address, httpx2.Client(base_url=f"{address}/push") as client:
            assert told(client.post(BIND, json=PHONE, headers=AUTHORIZED)) == (200, SUCCESS)
            assert told(client.get(f"{DELETE}?hash={HASH}")) == (200, SUCCESS)
            assert told(client.get(BIND))[0] == 405
            servers = client.get("/openapi.json").json()["servers"]
            assert servers == [{"url": "/push"}]
        mounted.state.tokens._database.dispose()
        mounted.state.workers.shutdown()

    def test_it_may_have_an_index(self, database_url):
        app = create_app(database_url, indexed=True)
        hash_ = app.state.sessions.create()
        with served(app) as address, httpx2.Client(base_url=address) as client:
            count = app.state.tokens.recipients("chat_message").count
            assert told(client.post(BIND, json=PHONE | {"hash": hash_})) == (200, SUCCESS)
            assert count() == 1
            assert told(client.get(DELETE, params={"hash": hash_})) == (200, SUCCESS)
            assert count() == 0
            client.post(BIND, json=PHONE | {"hash": hash_})
            assert app.state.sessions.end(hash_)
            assert count() == 0


class Load:
    """Clients that bind again and again, and remember what was acknowledged."""

    def __init__(self, address, hashes):
        self.acknowledged = dict.fromkeys(hashes, 0)
        self._address = address
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._bind, args=(hash_,)) for hash_ in hashes]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exc_info):
        for thread in self._threads:
            thread.join()

    def _bind(self, hash_):
        with (
            httpx2.Client(base_url=self._address, timeout=30) as client,
            suppress(httpx2.TransportError),
        ):
            for number in count(1):
                body = PHONE | {"hash": hash_, "token": str(number)}
                assert told(client.post(BIND, json=body)) == (200, SUCCESS)
                self.acknowledged[hash_] = number


def test_what_was_acknowledged_survives_a_kill(database_url, tmp_path):
    engine = database.connect(database_url)
    hashes = [Sessions(engine).create() for _ in range(8)]
    for _ in range(3):
        with (
            Process(database_url, tmp_path / "log") as process,
            Load(process.address, hashes) as load,
        ):
            while sum(load.acknowledged.values()) < 300:
                time.sleep(0.01)
            process.kill()
        with engine.connect() as connection:
            rows = connection.execute(text("SELECT token FROM push_token ORDER BY session_id"))
            stored = [int(token) for (token,) in rows]
        for acknowledged, found in zip(load.acknowledged.values(), stored, strict=True):
            # The last one may have been stored without there being anybody left to say so.
            assert acknowledged <= found <= acknowledged + 1
    engine.dispose()
