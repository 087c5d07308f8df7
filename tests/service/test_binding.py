"""Binding and deleting push tokens over HTTP."""

import asyncio
import json

import httpx2
import pytest
from push_client import (
    BIND,
    BROWSER,
    DELETE,
    ENCODINGS,
    FORM,
    JSON,
    KEYS,
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

STORED_BROWSER = ("w3c_pushapi", BROWSER["token"], *KEYS.values(), "-history_rule,history_task")


class TestBind:
    def test_a_phone_without_a_filter_gets_every_category(self, client):
        assert answer(client.bind(json=PHONE)) == (200, SUCCESS)
        assert client.stored() == [("navixy_iphone_viewer", PHONE["token"], None, None, "*")]

    def test_a_browser_is_stored_with_its_keys_and_canonical_filter(self, client):
        assert answer(client.bind(json=BROWSER)) == (200, SUCCESS)
        assert client.stored() == [STORED_BROWSER]

    def test_binding_again_replaces_the_token(self, client):
        client.bind(json=BROWSER)
        other = {"application": "navixy_android_viewer", "token": "b", "category_filter": "-*"}
        assert answer(client.bind(json=other)) == (200, SUCCESS)
        assert client.stored() == [("navixy_android_viewer", "b", None, None, "-*")]

    def test_null_parameters_use_defaults(self, client):
        body = PHONE | {"category_filter": None, "parameters": None, "hash": None}
        assert answer(client.bind(json=body)) == (200, SUCCESS)
        assert client.stored() == [("navixy_iphone_viewer", PHONE["token"], None, None, "*")]

    @pytest.mark.parametrize("encode", ENCODINGS)
    def test_a_phone_may_send_an_empty_object_of_parameters(self, client, encode):
        assert answer(client.bind(**encode(PHONE | {"parameters": {}}))) == (200, SUCCESS)
        assert len(client.stored()) == 1

    def test_a_form_cannot_hold_null_and_may_leave_parameters_empty(self, client):
        assert answer(client.bind(data=PHONE | {"parameters": ""})) == (200, SUCCESS)
        assert answer(client.bind(params=PHONE | {"parameters": ""})) == (200, SUCCESS)

    @pytest.mark.parametrize("content_type", [JSON, FORM])
    def test_all_parameters_may_be_in_the_query_string(self, client, content_type):
        headers = authorized() | content_type
        response = client.bind(params=PHONE, content=b"", headers=headers)
        assert answer(response) == (200, SUCCESS)

    @pytest.mark.parametrize(
        "body",
        [json.dumps(PHONE), "application=navixy_iphone_viewer&token=740f4707-phone"],
    )
    def test_a_body_may_begin_with_a_byte_order_mark(self, client, body):
        headers = authorized() | (JSON if body.startswith("{") else FORM)
        response = client.bind(content=body.encode("utf-8-sig"), headers=headers)
        assert answer(response) == (200, SUCCESS)
        assert client.stored() == [("navixy_iphone_viewer", PHONE["token"], None, None, "*")]

    def test_the_content_type_may_have_a_charset(self, client):
        headers = authorized() | {"Content-Type": "Application/JSON; charset=utf-8"}
        response = client.bind(
            content=httpx2.Request("POST", "/", json=PHONE).content, headers=headers
        )
        assert answer(response) == (200, SUCCESS)

    def test_200_concurrent_requests_leave_one_row(self, client):
        async def bind_all():
            limits = httpx2.Limits(max_connections=200)
            async with httpx2.AsyncClient(
                base_url=client.http.base_url, limits=limits, timeout=60, headers=authorized()
            ) as concurrent:
                bodies = [
                    PHONE | {"token": f"token-{number}", "category_filter": f"{minus}chat_message"}
                    for number in range(100)
                    for minus in ("", "-")
                ]
                requests = [concurrent.post(BIND, json=body) for body in bodies]
                return bodies, await asyncio.gather(*requests)

        bodies, responses = asyncio.run(bind_all())
        assert [answer(response) for response in responses] == [(200, SUCCESS)] * 200
        ((_, token, _, _, stored_filter),) = client.stored()
        assert PHONE | {"token": token, "category_filter": stored_filter} in bodies


class TestDelete:
    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_deleting_again_finds_nothing(self, client, method):
        client.bind(json=PHONE)
        first, second = (
            client.http.request(method, DELETE, headers=authorized()) for _ in range(2)
        )
        assert answer(first) == (200, SUCCESS)
        assert answer(second) == (400, failure(201, "not found in the database"))
        assert client.stored() == []

    @pytest.mark.parametrize("content_type", [JSON, FORM])
    def test_a_client_may_send_its_content_type_without_a_body(self, client, content_type):
        client.bind(json=PHONE)
        response = client.http.post(DELETE, headers=authorized() | content_type)
        assert answer(response) == (200, SUCCESS)
        assert client.stored() == []

    def test_other_sessions_keep_their_tokens(self, client):
        other = client.service.sessions.create()
        client.bind(json=PHONE)
        client.bind(json=PHONE | {"token": "other"}, headers=authorized(other))
        client.delete()
        assert [token for _, token, *_ in client.stored()] == ["other"]


@pytest.mark.parametrize("encode", ENCODINGS)
class TestEncodings:
    def test_every_encoding_carries_all_parameters(self, client, encode):
        assert answer(client.bind(**encode(BROWSER))) == (200, SUCCESS)
        assert client.stored() == [STORED_BROWSER]

    def test_every_encoding_carries_the_session_hash(self, client, encode):
        assert answer(client.bind(**encode(PHONE | {"hash": HASH}), headers={})) == (200, SUCCESS)
        assert answer(client.http.post(DELETE, **encode({"hash": HASH}))) == (200, SUCCESS)
        assert client.stored() == []

    def test_every_encoding_gets_the_same_errors(self, client, encode):
        values = {
            "token": "contains spaces",
            "parameters": {"auth": "\u2026"},
            "application": "fax",
            "category_filter": "a,,b",
        }
        assert answer(client.bind(**encode(values))) == (
            400,
            invalid(
                parameter(
                    "application",
                    "expected one of `navixy_iphone_viewer`, `navixy_android_viewer`"
                    " and `w3c_pushapi`",
                ),
                parameter("token", "expected a push token of 1 to 4,096 visible ASCII characters"),
                parameter(
                    "category_filter",
                    "expected a name before ','; did you mean 'a,b'?",
                    code="missing_name",
                    position=2,
                    suggestion="a,b",
                ),
                parameter(
                    "parameters", "expected null or an empty object, except for `w3c_pushapi`"
                ),
            ),
        )
        assert client.stored() == []


class TestSession:
    @pytest.mark.parametrize(
        "headers",
        [{"Authorization": f"NVX {HASH.upper()}"}, {"authorization": f"nvx   {HASH}"}],
    )
    def test_the_header_ignores_case_and_extra_spaces(self, client, headers):
        assert answer(client.bind(json=PHONE, headers=headers)) == (200, SUCCESS)
        assert len(client.stored()) == 1

    def test_the_header_takes_precedence_over_the_parameter(self, client):
        assert answer(client.bind(json=PHONE | {"hash": "f" * 32})) == (200, SUCCESS)
        assert answer(client.delete()) == (200, SUCCESS)

    def test_a_header_with_another_scheme_is_ignored(self, client):
        body = PHONE | {"hash": HASH}
        response = client.bind(json=body, headers={"Authorization": "Basic a"})
        assert answer(response) == (200, SUCCESS)
        assert answer(client.delete(headers={}, params={"hash": HASH})) == (200, SUCCESS)

    @pytest.mark.parametrize("ending", ["ended", "expired"])
    def test_an_ended_session_can_do_nothing(self, client, ending):
        if ending == "ended":
            session_hash = HASH
            client.bind(json=PHONE)
            assert client.service.sessions.end(HASH)
        else:
            session_hash = client.service.sessions.create(days=0)
        headers = authorized(session_hash)
        for response in (
            client.bind(json=PHONE, headers=headers),
            client.bind(json=PHONE | {"category_filter": "-chat_message"}, headers=headers),
            client.bind(json={}, headers=headers),
            client.delete(headers=headers),
            client.http.post(DELETE, headers=headers),
        ):
            assert answer(response) == (400, SESSION_NOT_FOUND)
        assert client.stored() == []
