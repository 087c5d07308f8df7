"""Secrets: no token, key or session hash appears in a response, a log or a digest column."""

import re
from collections import Counter

from push_client import BIND, BROWSER, DELETE, ENCODINGS, FORM, JSON, PHONE
from servers import HASH, Process, http_client
from sqlalchemy import text

from category_filter.service import BrowserBinding, DeviceBinding, Sessions, connect, tables

MARKER = "5ec7e7"  # a part of every secret


def test_responses_and_logs_contain_no_secrets(database_url, tmp_path):
    session_hash, token = MARKER * 5 + "00", f"t0ken-{MARKER}"
    keys = {"p256dh": f"p256dh-{MARKER}", "auth": f"auth-{MARKER}"}
    valid = {
        "application": "w3c_pushapi",
        "parameters": keys,
        "token": f"https://fcm.googleapis.com/{token}",
        "hash": session_hash,
    }
    engine = connect(database_url)
    codes = Counter()

    with (
        Process(database_url, tmp_path / "log") as process,
        http_client(base_url=process.address) as http,
    ):

        def check(response):
            assert MARKER not in response.text
            codes[response.json().get("status", {}).get("code")] += 1

        def bind(**changes):
            for encode in ENCODINGS:
                check(http.post(BIND, **encode(valid | changes)))

        bind()
        Sessions(engine).create(session_hash)
        bind()
        bind(hash=session_hash[1:])
        bind(token=token)
        bind(parameters=keys | {"auth": f"{keys['auth']} "})
        bind(parameters=token)
        bind(application=session_hash)
        bind(category_filter="a,,b")
        bind(**{token: session_hash})
        check(http.post(BIND, content=token.encode() + b"\xff", headers=JSON))
        check(http.post(BIND, content=f'{{"token": "{token}', headers=JSON))
        check(http.post(BIND, content=f'{{"token": "{token}"', headers=FORM))
        check(http.get(f"{DELETE}/{session_hash}"))
        check(http.get(DELETE, params={"hash": session_hash}))
        with engine.connect() as connection:
            connection.execute(text("DROP TABLE push_token"))
        bind()
    engine.dispose()
    failed = 14 if database_url.startswith("sqlite") else 6
    assert codes == {None: 5, 3: 4, 4: 4, 5: 4, 7: 24, failed: 4}
    reasons = {14: "database unavailable: no such table", 6: "unexpected UndefinedTable"}
    assert reasons[failed] in process.log.read_text()
    assert MARKER not in process.log.read_text()


def test_the_database_contains_no_session_hash(client):
    client.bind(json=PHONE)
    dump = []
    with client.database.connect() as connection:
        for table in tables.metadata.sorted_tables:
            dump += [tuple(row) for row in connection.execute(table.select())]
    assert len(dump) == 3
    assert HASH not in repr(dump)
    assert bytes.fromhex(HASH) not in [value for row in dump for value in row]


def test_the_repr_of_a_binding_contains_no_secrets():
    assert PHONE["token"] not in repr(DeviceBinding(**PHONE))
    browser = repr(BrowserBinding(**BROWSER))
    for secret in (BROWSER["token"], *BROWSER["parameters"].values()):
        assert secret not in browser


def test_the_repr_of_a_recipient_contains_no_secrets(client):
    client.bind(json=BROWSER)
    (recipient,) = client.service.tokens.recipients("chat_message")
    assert re.fullmatch(
        r"Recipient\(session_id=\d+, application='w3c_pushapi', ends_at=\d+, owner=None\)",
        repr(recipient),
    )
