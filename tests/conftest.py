"""Hypothesis profiles, skipped tests, and the PostgreSQL server that tests share."""

import os

import pytest
from hypothesis import settings

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
