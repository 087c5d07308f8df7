"""The sender in the guide retries, removes subscriptions that are gone, and resumes."""

import os
from collections import Counter

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from processes import run_script, start
from push_data import phone
from push_service import Browser, LoopbackPushService, private_key_text
from readmes import ROOT, blocks

from category_filter.service import BrowserBinding, PushTokens, Sessions

GUIDE = ROOT / "src" / "category_filter" / "service" / "README.md"


class Setup:
    """Browsers with push subscriptions, a push service, and the sender as the guide shows it."""

    def __init__(self, database_url, engine, folder):
        self.tokens = PushTokens(engine)
        self.sessions = Sessions(engine)
        self.folder = folder
        self.requests = []
        self.answers = {}
        (code,) = (block.code for block in blocks(GUIDE, "python") if block.file == "sender")
        folder.joinpath("sender.py").write_text(code)
        self.environment = os.environ | {
            "CATEGORY_FILTER_DATABASE": database_url,
            "VAPID_PRIVATE_KEY": private_key_text(ec.generate_private_key(ec.SECP256R1())),
            "VAPID_SUBJECT": "mailto:operator@example.com",
        }
        self.browsers = {}
        self.on_request = lambda: None

    def bind(self, name, category_filter="*", session_hash=None, **keys):
        browser = Browser(name)
        self.browsers[browser.endpoint] = browser
        binding = BrowserBinding(
            application="w3c_pushapi",
            token=browser.endpoint,
            parameters=browser.keys | keys,
            category_filter=category_filter,
        )
        self.tokens.bind(session_hash or self.sessions.create(), binding)

    def respond(self, endpoint, body):
        name = endpoint.rpartition("/")[2]
        self.requests.append((name, self.browsers[endpoint].decrypt(body)))
        self.on_request()
        answers = self.answers.get(name, [])
        return answers.pop(0) if answers else (201, {})

    def start(self, *arguments):
        return start(
            *(run_script, "sender.py", *arguments, "progress"),
            output=self.folder / "output",
            folder=self.folder,
            environment=self.environment,
        )

    def send(self, category, payload="Hello"):
        """Run the sender, and return what it prints."""
        process = self.start(category, payload)
        process.join()
        assert process.exitcode == 0
        return self.folder.joinpath("output").read_text().splitlines()

    def bound(self):
        return [each.session_id for each in self.tokens.recipients("history_rule")]


@pytest.fixture
def setup(database_url, engine, tmp_path):
    setup = Setup(database_url, engine, tmp_path)
    with LoopbackPushService(tmp_path, setup.respond) as push_service:
        setup.environment |= push_service.environment
        yield setup


def test_it_sends_retries_and_removes_what_is_gone(setup):
    for name, category_filter in {"all": "*", "chats": "chat_message", "none": "-*"}.items():
        setup.bind(name, category_filter)
    setup.tokens.bind(setup.sessions.create(), phone())  # not a browser
    setup.bind("gone")
    setup.bind("unknown")
    setup.bind("busy")
    setup.bind("broken")
    setup.bind("refused")
    setup.bind("garbled", p256dh="BGEw")
    setup.bind("off-curve", p256dh="B" + "A" * 86)
    setup.bind("undecodable", auth="A")
    setup.bind("overloaded")
    setup.bind("last")
    setup.answers = {
        "gone": [(410, {})],
        "unknown": [(404, {})],
        "busy": [(429, {"Retry-After": "1"})],
        "broken": [(503, {"Retry-After": "Thu, 01 Jan 2026 00:00:00 GMT"})],
        "refused": [(413, {})],
        "overloaded": [(429, {"Retry-After": "1"})] * 5,
    }
    assert setup.send("chat_message", "Hi, \u00fc") == [
        *("1 201", "2 201", "5 410", "6 404", "7 201", "8 201", "9 413"),
        *("10 400", "11 400", "12 400", "13 503", "14 201"),
    ]
    names = ["all", "chats", "gone", "unknown", "busy", "busy", "broken", "broken", "refused"]
    names += [*["overloaded"] * 5, "last"]
    assert setup.requests == [(name, "Hi, \u00fc") for name in names]
    assert setup.bound() == [1, 4, 7, 8, 9, 10, 11, 12, 13, 14]
    assert not setup.folder.joinpath("progress").exists()


def test_a_killed_run_resumes(setup):
    for number in range(12):
        setup.bind(f"browser-{number}")
    processes = []
    setup.on_request = lambda: len(setup.requests) == 5 and processes[0].kill()
    processes.append(setup.start("chat_message", "Hello"))
    processes[0].join()
    assert processes[0].exitcode == -9
    setup.on_request = lambda: None
    setup.send("chat_message")
    counts = Counter(name for name, _ in setup.requests)
    # The push service has accepted the fifth request, but the sender does not know.
    assert counts == Counter({f"browser-{number}": 1 + (number == 4) for number in range(12)})


def test_a_token_that_was_bound_again_meanwhile_is_not_removed(setup):
    session_hash = setup.sessions.create()
    setup.bind("gone", session_hash=session_hash)
    setup.answers = {"gone": [(410, {})]}
    setup.on_request = lambda: setup.bind("new", session_hash=session_hash)
    assert setup.send("chat_message") == ["1 410"]
    assert setup.bound() == [1]
