"""How Hypothesis searches, and what a skipped test means."""

import os

import pytest
from hypothesis import settings
from servers import new_database

IN_CI = bool(os.environ.get("CI"))

settings.register_profile("desk", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, max_examples=300)
# New cases at a developer's desk, the same ones every time where a change must pass.
settings.load_profile("ci" if IN_CI else "desk")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    """Where everything is to be tested, nothing may be left out."""
    report = yield
    if IN_CI and report.skipped:
        report.outcome = "failed"
    return report


@pytest.fixture(scope="session")
def postgres_url():
    """A PostgreSQL server that the tests may fill as they like."""
    if "POSTGRES_URL" not in os.environ:
        pytest.skip("no $POSTGRES_URL: run the tests by .ci/with-postgres")
    return os.environ["POSTGRES_URL"]


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request, tmp_path):
    """The URL of an empty database, of either kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/push_tokens.db"
    else:
        with new_database(request.getfixturevalue("postgres_url")) as url:
            yield url
