"""Fixtures: databases, clients of a running service, and a clock."""

import shutil
from types import SimpleNamespace

import pytest
from push_client import PushClient
from servers import HASH, new_database, served
from sqlalchemy import make_url

from category_filter.service import PushService, calls, connect, indexed, recipients, sessions


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory):
    """Return a file with the tables, because to copy it takes less time than to create them."""
    file = tmp_path_factory.mktemp("template") / "push_tokens.db"
    connect(f"sqlite:///{file}").dispose()
    return file


@pytest.fixture(scope="session")
def postgresql_template(postgres_url):
    with new_database(postgres_url) as url:
        connect(url).dispose()
        yield make_url(url).database


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request, tmp_path):
    """Yield the URL of a database without rows, for each supported engine."""
    if request.param == "sqlite":
        file = shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path)
        yield f"sqlite:///{file}"
    else:
        template = request.getfixturevalue("postgresql_template")
        with new_database(request.getfixturevalue("postgres_url"), template) as url:
            yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request, tmp_path):
    """Yield the URL of a database without tables, for each supported engine."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/push_tokens.db"
    else:
        with new_database(request.getfixturevalue("postgres_url")) as url:
            yield url


@pytest.fixture
def engine(database_url):
    engine = connect(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def clock(monkeypatch):
    """Replace the clock of the service. Set `now` to move it."""
    clock = SimpleNamespace(now=1_800_000_000)
    for module in (calls, indexed, recipients, sessions):
        monkeypatch.setattr(module, "time", SimpleNamespace(time=lambda: clock.now))
    return clock


@pytest.fixture
def client(database_url):
    """Yield a client of a service with one session, whose hash is `HASH`."""
    service = PushService(database_url)
    service.sessions.create(HASH)
    with served(service.app) as address, PushClient(service, address) as client:
        yield client


@pytest.fixture(scope="module")
def sqlite_client(tmp_path_factory):
    """Yield a client that the tests of a module share. They must not leave tokens behind."""
    service = PushService(f"sqlite:///{tmp_path_factory.mktemp('service')}/push_tokens.db")
    service.sessions.create(HASH)
    with served(service.app) as address, PushClient(service, address) as client:
        yield client
        assert client.stored() == []
