"""Invalid requests: every error names its cause, and nothing is stored."""

import json
import logging
import socket

import pytest
from push_client import (
    BIND,
    BROWSER,
    DELETE,
    FORM,
    JSON,
    PHONE,
    SESSION_NOT_FOUND,
    SUCCESS,
    answer,
    authorized,
    failure,
    invalid,
    parameter,
)
from servers import HASH

EXPECTED = {
    "application": (
        "expected one of `navixy_iphone_viewer`, `navixy_android_viewer` and `w3c_pushapi`"
    ),
    "token": "expected a push token of 1 to 4,096 visible ASCII characters",
    "endpoint": (
        "expected the endpoint URL of the push subscription: `https://`, one of the hosts"
        " fcm.googleapis.com, *.push.services.mozilla.com, *.push.apple.com and"
        " *.notify.windows.com, and a path"
    ),
    "keys": "expected an object with the keys `p256dh` and `auth` of the push subscription",
    "p256dh": "expected the public key of the push subscription in base64",
    "auth": "expected the authentication secret of the push subscription in base64",
}


class TestParameters:
    @pytest.mark.parametrize(
        ("values", "errors"),
        [
            (
                {},
                [
                    parameter("application", "missing; " + EXPECTED["application"]),
                    parameter("token", "missing; " + EXPECTED["token"]),
                ],
            ),
            (
                {"application": "w3c_pushapi", "token": "http://fcm.googleapis.com/1"},
                [
                    parameter("token", EXPECTED["endpoint"]),
                    parameter("parameters", "missing; " + EXPECTED["keys"]),
                ],
            ),
            (
                BROWSER | {"token": "https://fcm.googleapis.com", "parameters": {"p256dh": "a b"}},
                [
                    parameter("token", EXPECTED["endpoint"]),
                    parameter("parameters.p256dh", EXPECTED["p256dh"]),
                    parameter("parameters.auth", "missing; " + EXPECTED["auth"]),
                ],
            ),
            (BROWSER | {"parameters": [1]}, [parameter("parameters", EXPECTED["keys"])]),
            (
                PHONE | {"category_filter": 5},
                [
                    parameter(
                        "category_filter",
                        "expected a filter of notification categories; `*` if missing",
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
                            {
                                "name": "chat_mesage",
                                "position": 1,
                                "suggestions": ["chat_message"],
                            }
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
                        "unknown parameter; valid parameters:"
                        " application, category_filter, hash, parameters, token",
                    )
                    for name in ("category_filters", "?")
                ],
            ),
            (PHONE | {"token": "a" * 4097}, [parameter("token", EXPECTED["token"])]),
        ],
    )
    def test_every_invalid_parameter_is_listed(self, sqlite_client, values, errors):
        assert answer(sqlite_client.bind(json=values)) == (400, invalid(*errors))

    @pytest.mark.parametrize("token", ["", "\u0000", "caf\u00e9", "\ud800", "a\n", 5, None, ["a"]])
    def test_a_token_consists_of_visible_ascii_characters(self, sqlite_client, token):
        body = json.dumps(PHONE | {"token": token})
        response = sqlite_client.bind(content=body, headers=authorized() | JSON)
        assert answer(response) == (400, invalid(parameter("token", EXPECTED["token"])))

    @pytest.mark.parametrize(("session_hash", "code"), [(HASH, 7), ("f" * 32, 4)])
    def test_a_parameter_name_may_be_a_lone_surrogate(self, sqlite_client, session_hash, code):
        headers = authorized(session_hash) | JSON
        response = sqlite_client.bind(content=b'{"\\ud800": 1}', headers=headers)
        assert (response.status_code, response.json()["status"]["code"]) == (400, code)

    @pytest.mark.parametrize(
        "options",
        [
            {"params": [*PHONE.items(), ("token", "b")]},
            {"params": PHONE, "json": {"token": PHONE["token"]}},
            {"params": PHONE, "data": {"token": "b"}},
        ],
    )
    def test_a_parameter_must_not_be_repeated(self, sqlite_client, options):
        assert answer(sqlite_client.bind(**options)) == (
            400,
            invalid(parameter("token", "given more than once")),
        )

    def test_delete_takes_only_the_session_hash(self, sqlite_client):
        assert answer(sqlite_client.delete(params={"token": "a"})) == (
            400,
            invalid(parameter("token", "unknown parameter; valid parameters: hash")),
        )

    def test_only_clients_with_a_session_get_details(self, sqlite_client):
        response = sqlite_client.bind(json={}, headers=authorized("f" * 32))
        assert answer(response) == (400, SESSION_NOT_FOUND)


WRONG_HASH = failure(3, "wrong hash: expected 32 hexadecimal digits")


class TestSessionHash:
    @pytest.mark.parametrize("headers", [{}, {"Authorization": f"Bearer {HASH}"}])
    def test_it_is_required(self, sqlite_client, headers):
        assert answer(sqlite_client.bind(json=PHONE, headers=headers)) == (
            400,
            failure(
                3,
                "wrong hash: missing; send the parameter 'hash'"
                " or the header 'Authorization: NVX <hash>'",
            ),
        )

    @pytest.mark.parametrize("wrong", [HASH[1:], HASH + "0", "g" * 32, "", f"{HASH} x"])
    def test_it_must_have_32_hexadecimal_digits(self, sqlite_client, wrong):
        headers = {"Authorization": f"NVX {wrong}".strip()}
        for response in (
            sqlite_client.bind(json=PHONE, headers=headers),
            sqlite_client.bind(json=PHONE | {"hash": wrong}, headers={}),
            sqlite_client.bind(json=PHONE | {"hash": wrong}),
        ):
            assert answer(response) == (400, WRONG_HASH)

    @pytest.mark.parametrize("wrong", [5, [HASH], {"a": HASH}, True])
    def test_it_must_be_a_string(self, sqlite_client, wrong):
        body = PHONE | {"hash": wrong}
        assert answer(sqlite_client.bind(json=body, headers={})) == (400, WRONG_HASH)
        assert answer(sqlite_client.bind(json=body)) == (400, WRONG_HASH)


TOO_MANY = json.dumps(dict.fromkeys(map(str, range(101)))).encode()
CONTENT_TYPES = "expected Content-Type application/json or application/x-www-form-urlencoded"


class TestFormat:
    @pytest.mark.parametrize(
        ("headers", "body", "reason"),
        [
            (JSON, b" ", "the body is not valid JSON: Expecting value: line 1 column 2 (char 1)"),
            (
                JSON,
                b'{"a"',
                "the body is not valid JSON: Expecting ':' delimiter: line 1 column 5 (char 4)",
            ),
            (JSON, b'"\xff"', "the body is not valid UTF-8"),
            (JSON, b"[" * 60_000, "the body is nested too deeply"),
            (
                JSON,
                b'{"a": 1, "a": 2}',
                "the body is not valid JSON: duplicate name in an object",
            ),
            (JSON, b"[]", "the body is not a JSON object"),
            (JSON, b"null", "the body is not a JSON object"),
            (JSON, TOO_MANY, "the body has more than 100 parameters"),
            (FORM, b"token=%ff", "the form is not valid UTF-8"),
            (FORM, b"\xff", "the form is not valid UTF-8"),
            (FORM, b"a=1&" * 101, "the form has more than 100 parameters"),
            (
                FORM,
                b' {"a": 1}',
                "the form contains JSON: send a body with Content-Type application/json",
            ),
            ({"Content-Type": "text/plain"}, b"a", CONTENT_TYPES),
            ({}, b"a", CONTENT_TYPES),
        ],
    )
    def test_an_invalid_body_is_explained(self, sqlite_client, headers, body, reason):
        response = sqlite_client.bind(content=body, headers=authorized() | headers)
        assert answer(response) == (400, failure(5, f"wrong request format: {reason}"))

    def test_a_number_with_too_many_digits_is_invalid_json(self, sqlite_client):
        response = sqlite_client.bind(content=b"9" * 5000, headers=authorized() | JSON)
        assert response.json()["status"]["code"] == 5

    def test_the_query_string_must_be_utf8(self, sqlite_client):
        assert answer(sqlite_client.http.get(f"{DELETE}?hash=%ff")) == (
            400,
            failure(5, "wrong request format: the query string is not valid UTF-8"),
        )

    @pytest.mark.parametrize(
        ("method", "path", "allowed"),
        [
            ("GET", "/", None),
            ("POST", f"{BIND}/", None),
            ("GET", BIND, "POST"),
            ("PUT", DELETE, "GET, POST"),
        ],
    )
    def test_unknown_paths_and_methods_get_an_envelope(self, sqlite_client, method, path, allowed):
        response = sqlite_client.http.request(method, path, headers=authorized())
        status, reason = (405, "Method Not Allowed") if allowed else (404, "Not Found")
        assert answer(response) == (status, failure(5, f"wrong request format: {reason}"))
        assert response.headers.get("Allow") == allowed


TOO_LARGE = failure(9, "too large request: the body exceeds 65,536 bytes")


def send(client, *parts):
    """Send bytes, and return the response up to the end of the connection."""
    host, port = client.http.base_url.host, client.http.base_url.port
    with socket.create_connection((host, port), timeout=10) as connection:
        for part in parts:
            connection.sendall(part)
        return b"".join(iter(lambda: connection.recv(65_536), b""))


class TestSize:
    HEAD = f"POST {BIND} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n".encode()

    def assert_too_large(self, response):
        head, _, body = response.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 412 ")
        assert b"connection: close" in head.lower()
        assert json.loads(body) == TOO_LARGE

    def test_a_body_has_at_most_65536_bytes(self, client):
        body = json.dumps(PHONE).encode().ljust(65_536)
        headers = authorized() | JSON
        assert answer(client.bind(content=body, headers=headers)) == (200, SUCCESS)
        assert answer(client.bind(content=body + b" ", headers=headers)) == (412, TOO_LARGE)

    def test_a_body_announced_as_too_large_is_rejected_unread(self, sqlite_client):
        announcement = b"Content-Length: 99999999999\r\n\r\n"
        self.assert_too_large(send(sqlite_client, self.HEAD + announcement))

    def test_a_chunked_body_is_rejected_at_the_limit(self, sqlite_client):
        head = self.HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
        chunk = b"8000\r\n" + b" " * 0x8000 + b"\r\n"
        # If the server closed the connection with unread bytes left, it would be reset.
        last = b"1\r\n \r\n"
        self.assert_too_large(send(sqlite_client, head, chunk, chunk + last))

    @pytest.mark.parametrize(
        ("size", "envelope"),
        [
            (65_536, WRONG_HASH),
            (65_537, failure(9, "too large request: the query string exceeds 65,536 bytes")),
        ],
    )
    def test_a_query_string_has_at_most_65536_bytes(self, sqlite_client, size, envelope):
        query = "hash=".ljust(size, "0")
        request = f"GET {DELETE}?{query} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        body = send(sqlite_client, request.encode()).partition(b"\r\n\r\n")[2]
        assert json.loads(body) == envelope

    def test_a_client_that_disconnects_logs_no_error(self, sqlite_client, caplog):
        host, port = sqlite_client.http.base_url.host, sqlite_client.http.base_url.port
        with socket.create_connection((host, port)) as connection:
            connection.sendall(self.HEAD + b"Content-Length: 100\r\n\r\n{")
        assert answer(sqlite_client.delete())[0] == 400
        assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
