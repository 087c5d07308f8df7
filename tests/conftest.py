"""Hypothesis profiles, skipped tests, and the database servers that tests share."""

import os
import time

import pytest
from hypothesis import settings
from sqlalchemy import create_engine, make_url

collect_ignore = ["typing"]  # type-checked, never run

pytest.register_assert_rewrite("laws")

IN_CI = bool(os.environ.get("CI"))

settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.register_profile("quick", deadline=None, derandomize=True, max_examples=20)
settings.register_profile("long", deadline=None, derandomize=True, max_examples=500)
# Random examples during development, reproducible ones in CI.
settings.load_profile("ci" if IN_CI else "local")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """With `--dist loadfile`, run all tests that use Spark in one process: it starts slowly."""
    from xdist.scheduler import LoadFileScheduling  # noqa: PLC0415 - not installed everywhere

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid):
            uses_session = "spark" in nodeid.lower() and "spark_connect" not in nodeid
            return "Spark" if uses_session else super()._split_scope(nodeid)

    return Scheduling(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_configure(config):
    config.addinivalue_line("markers", "no_cover: do not measure coverage (pytest-cov)")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """Measure the coverage of cases only: measured, laws would take twice as long."""
    for item in items:
        if item.get_closest_marker("hypothesis"):
            item.add_marker("no_cover")


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
    """Return SQLAlchemy's engine for an empty database of each kind."""
    if request.param == "sqlite":
        engine = create_engine("sqlite://")
        yield engine
        engine.dispose()
        return
    scheme = {"postgresql": "postgresql+psycopg", "mariadb": "mariadb+pymysql"}[request.param]
    fixture = {"postgresql": "postgres_url", "mariadb": "mariadb_url"}[request.param]
    server = create_engine(
        make_url(request.getfixturevalue(fixture)).set(drivername=scheme),
        isolation_level="AUTOCOMMIT",
    )
    name = f"test_{time.monotonic_ns()}"
    with server.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
        engine = create_engine(server.url.set(database=name))
        yield engine
        engine.dispose()
        connection.exec_driver_sql(f"DROP DATABASE {name}")
    server.dispose()
