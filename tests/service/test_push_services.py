"""Browsers bind endpoints of known push services only, so that the sender calls nothing else."""

import re

import pytest
from push_client import BROWSER, PHONE, SUCCESS, PushClient, answer, invalid, parameter
from servers import HASH, Process, served
from typer.testing import CliRunner

from category_filter.cli import app
from category_filter.service import BrowserBinding, PushService, PushServices, create_app

EXPECTED = (
    "expected the endpoint URL of the push subscription: `https://`, one of the hosts"
    " fcm.googleapis.com, *.push.services.mozilla.com, *.push.apple.com and"
    " *.notify.windows.com, and a path"
)
EXPECTED_WITH_OTHERS = EXPECTED.replace(
    "*.push.apple.com and *.notify.windows.com",
    "*.push.apple.com, *.notify.windows.com, push.example and *.relay.example",
)

ENDPOINTS = [
    "https://fcm.googleapis.com/fcm/send/cA:APA91b_-",
    "https://updates.push.services.mozilla.com/wpush/v2/gAAAAA=",
    "https://web.push.apple.com/QGuQyavXutnMH",
    "https://wns2-par02p.notify.windows.com/w/?token=BQYA%2f",
    "https://a.b.notify.windows.com/",
]

LOOK_ALIKES = [
    "https://fcm.googleapis.com.evil.example/1",
    "https://evil-fcm.googleapis.com/1",
    "https://evil.fcm.googleapis.com/1",
    "https://fcmxgoogleapis.com/1",
    "https://evil-push.apple.com/1",
    "https://push.apple.com/1",
    "https://.push.apple.com/1",
    "https://-.push.apple.com/1",
    "https://a..push.apple.com/1",
    "https://evil.example/.push.apple.com/1",
    "https://evil.example?.push.apple.com/1",
    "https://evil.example#.push.apple.com/1",
    "https://evil.example\\.push.apple.com/1",
    "https://evil.example%2f.push.apple.com/1",
    "https://fcm.googleapis.com@evil.example/1",
    "https://user@fcm.googleapis.com/1",
    "https://user:password@fcm.googleapis.com/1",
    "https://evil.example:443@web.push.apple.com/1",
    "https://fcm.googleapis.com:443/1",
    "https://fcm.googleapis.com:8443/1",
    "https://fcm.googleapis.com:/1",
    "https://fcm.googleapis.com./1",
    "https://FCM.googleapis.com/1",
    "HTTPS://fcm.googleapis.com/1",
    "http://fcm.googleapis.com/1",
    "//fcm.googleapis.com/1",
    "ftp://fcm.googleapis.com/1",
    "https:/fcm.googleapis.com/1",
    "https:///fcm.googleapis.com/1",
    "https://fcm.googleapis.com",
    "https://fcm.googleapis.com?1",
    "https://fcm.googleapis.com\\1",
    " https://fcm.googleapis.com/1",
    "https://fcm.googleapis.com/1\n",
    "https://fcm.googleapis.com/\r\nHost: evil.example",
    "https://fcm.googleapis.com/ 1",
    "https://fcm.google\u0430pis.com/1",  # a Cyrillic letter
    "https://\uff46cm.googleapis.com/1",  # a fullwidth letter
    "https://fcm\u3002googleapis\u3002com/1",  # ideographic full stops
    "https://169.254.169.254/latest/meta-data",
    "https://127.0.0.1/1",
    "https://2130706433/1",
    "https://0x7f.1/1",
    "https://[::1]/1",
    "https://[::ffff:169.254.169.254]/1",
    "https://localhost/1",
    "https://fcm.googleapis.com/" + "a" * 3_801,
]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_endpoints_of_known_push_services_are_bound(sqlite_client, endpoint):
    assert answer(sqlite_client.bind(json=BROWSER | {"token": endpoint})) == (200, SUCCESS)
    assert [row[1] for row in sqlite_client.stored()] == [endpoint]
    sqlite_client.delete()


@pytest.mark.parametrize("endpoint", LOOK_ALIKES)
def test_any_other_endpoint_is_invalid(sqlite_client, endpoint):
    response = sqlite_client.bind(json=BROWSER | {"token": endpoint})
    assert answer(response) == (400, invalid(parameter("token", EXPECTED)))
    with pytest.raises(ValueError, match="1 validation error"):
        BrowserBinding(**BROWSER | {"token": endpoint})


def test_the_document_has_the_same_pattern(sqlite_client):
    schemas = sqlite_client.http.get("/openapi.json").json()["components"]["schemas"]
    for title in ("BrowserBinding", "BrowserBindingForm"):
        pattern = re.compile(schemas[title]["properties"]["token"]["pattern"].replace("$", r"\Z"))
        assert [each for each in ENDPOINTS if not pattern.search(each)] == []
        assert [each for each in LOOK_ALIKES if pattern.search(each)] == []


@pytest.mark.parametrize("token", [5, None, ["https://push.example/1"]])
def test_the_error_lists_the_added_push_services(tmp_path, token):
    service = PushService(
        f"sqlite:///{tmp_path}/push_tokens.db", push_services=["Push.example", "*.relay.example"]
    )
    service.sessions.create(HASH)
    with served(service.app) as address, PushClient(service, address) as client:
        for endpoint in ("https://push.example/1", "https://a.relay.example/1", *ENDPOINTS):
            assert answer(client.bind(json=BROWSER | {"token": endpoint})) == (200, SUCCESS)
        others = ["https://a.push.example/1", "https://relay.example/1", "https://127.0.0.1/1"]
        for endpoint in (*others, token):
            response = client.bind(json=BROWSER | {"token": endpoint})
            assert answer(response) == (
                400,
                invalid(parameter("token", EXPECTED_WITH_OTHERS)),
            )
        schema = client.http.get("/openapi.json").json()["components"]["schemas"]["BrowserBinding"]
        assert r"|push\.example|" in schema["properties"]["token"]["pattern"]
        assert "push.example" in schema["properties"]["token"]["description"]
        # Any application, but only browsers have endpoints.
        assert answer(client.bind(json=PHONE | {"token": others[2]})) == (200, SUCCESS)


def test_a_binding_is_valid_for_the_push_services_in_the_context():
    values = BROWSER | {"token": "https://push.example/1"}
    with pytest.raises(ValueError, match="unknown push service"):
        BrowserBinding.model_validate(values)
    push_services = PushServices(["push.example"])
    assert BrowserBinding.model_validate(values, context=push_services).token == values["token"]


@pytest.mark.parametrize(
    "host",
    [
        *("", "*", "*.", "a b", "https://push.example", "push.example:8443", "push.example/"),
        *("a..b", "push.*.example", "*push.example", "-a.example", "push.example.", "[::1]"),
        "p\u00fcsh.example",
    ],
)
def test_an_invalid_host_is_an_error(host, tmp_path):
    url = f"sqlite:///{tmp_path}/push_tokens.db"
    message = (
        f"invalid push service {host!r}: expected a host such as push.example.com or *.example.com"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        PushService(url, push_services=[host])
    for options in ([], ["--workers", "2"]):
        command = ["serve", "--database", url, "--push-service", host, *options]
        result = CliRunner().invoke(app, command)
        assert (result.exit_code, result.stderr) == (2, f"category-filter: {message}\n")
    assert [*tmp_path.iterdir()] == []


def test_the_factory_reads_them_from_the_environment(monkeypatch):
    monkeypatch.setenv("CATEGORY_FILTER_DATABASE", "sqlite://")
    monkeypatch.setenv("CATEGORY_FILTER_PUSH_SERVICE", "push.example *.relay.example")
    assert r"|push\.example|" in create_app().push_services.pattern


@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_command_passes_them_on(tmp_path, workers):
    options = ["--push-service", "push.example", "--push-service", "*.relay.example"]
    url = f"sqlite:///{tmp_path}/push_tokens.db"
    service = PushService(url)
    service.sessions.create(HASH)
    with (
        Process(url, tmp_path / "log", "--workers", workers, *options) as process,
        PushClient(service, process.address) as client,
    ):
        for endpoint in ("https://push.example/1", "https://a.relay.example/1"):
            assert answer(client.bind(json=BROWSER | {"token": endpoint})) == (200, SUCCESS)
    service.close()
