"""Hypothesis profiles, skipped tests, and the database servers that tests share."""

import os

import pytest
from hypothesis import settings
from sqlalchemy import create_engine

IN_CI = bool(os.environ.get("CI"))

settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, max_examples=300)
# Random examples during development, reproducible ones in CI.
settings.load_profile("ci" if IN_CI else "local")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    """Turn skipped tests into failures in CI."""
    report = yield
    if IN_CI and report.skipped:
        report.outcome = "failed"
    return report


@pytest.fixture(scope="session")
def postgres_url():
    """Return the URL of a PostgreSQL server on which tests can create databases."""
    if "POSTGRES_URL" not in os.environ:
        pytest.skip("no $POSTGRES_URL: run the tests with .ci/with-postgres")
    return os.environ["POSTGRES_URL"]


@pytest.fixture(scope="session")
def mariadb_url():
    """Return the URL of a database on a MariaDB server for the tests to fill."""
    if "MARIADB_URL" not in os.environ:
        pytest.skip("no $MARIADB_URL: run the tests with .ci/with-mariadb")
    return os.environ["MARIADB_URL"]


@pytest.fixture(scope="module", params=["sqlite", "postgresql", "mariadb"])
def sql_engine(request):
    """Return SQLAlchemy's engine for each kind of database."""
    match request.param:
        case "postgresql":
            url = request.getfixturevalue("postgres_url").replace("://", "+psycopg://")
        case "mariadb":
            url = request.getfixturevalue("mariadb_url").replace("://", "+pymysql://")
        case _:
            url = "sqlite://"
    engine = create_engine(url)
    yield engine
    engine.dispose()
