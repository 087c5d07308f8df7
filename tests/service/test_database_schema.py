"""Connecting: the schema is created or upgraded once, and unsupported databases are rejected."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from processes import exit_codes, run_code, start
from push_data import phone
from servers import new_database
from sqlalchemy import text

from category_filter.service import PushTokens, Sessions, connect, tables

CONNECT = "import sys; from category_filter.service import connect; connect(sys.argv[1])"


def test_the_migrations_create_the_declared_tables(engine):
    with engine.connect() as connection:
        context = MigrationContext.configure(connection)
        differences = compare_metadata(context, tables.metadata)
    undeclared = {"push_schema"}  # the version table of Alembic
    assert [change for change in differences if change[1].name not in undeclared] == []


def test_many_threads_connect_at_once(tmp_path):
    with ThreadPoolExecutor(4) as pool:
        urls = [f"sqlite:///{tmp_path}/{number}.db" for number in range(8)]
        for engine in pool.map(connect, urls):
            assert Sessions(engine).create()
            engine.dispose()


def test_many_processes_connect_at_once(empty_database_url):
    assert exit_codes(connect, empty_database_url, count=6) == [0] * 6


OLDER_RELEASE = """
import shutil, sys
from pathlib import Path
from category_filter.service import connect, database

migrations = Path(sys.argv[2], "migrations")
shutil.copytree(Path(database.__file__).with_name("migrations"), migrations)
for revision in migrations.glob("versions/0002*"):
    revision.unlink()
database.__file__ = str(migrations.with_name("database.py"))
try:
    connect(sys.argv[1])
except ValueError as error:
    sys.exit(str(error))
"""


def test_two_releases_connect_at_once(empty_database_url, tmp_path):
    def start_in(name, code):
        folder = tmp_path / name
        folder.mkdir()
        output = folder / "output"
        return start(run_code, code, empty_database_url, folder, output=output), output

    def results(started):
        for process, _ in started:
            process.join()
        return {(output.read_text(), process.exitcode) for process, output in started}

    older, newer = [], []
    for number in range(3):
        older.append(start_in(f"older {number}", OLDER_RELEASE))
        newer.append(start_in(f"newer {number}", CONNECT))
    assert results(newer) == {("", 0)}
    too_old = (
        "unknown version of the database schema (Can't locate revision identified by '0002'):"
        " upgrade category-filter\n"
    )
    assert results(older) <= {("", 0), (too_old, 1)}
    engine = connect(empty_database_url)
    assert Sessions(engine).create()
    engine.dispose()


def test_connecting_again_keeps_the_tokens(engine, database_url):
    PushTokens(engine).bind(Sessions(engine).create(), phone())
    again = connect(database_url)
    assert PushTokens(again).recipients("chat_message").count() == 1
    again.dispose()


def test_an_unknown_schema_version_is_an_error(engine, database_url):
    with engine.connect() as connection:
        connection.execute(text("UPDATE push_schema SET version_num = '9999'"))
    with pytest.raises(ValueError, match="unknown version") as caught:
        connect(database_url)
    assert str(caught.value) == (
        "unknown version of the database schema (Can't locate revision identified by '9999'):"
        " upgrade category-filter"
    )


def test_an_unsupported_database_is_an_error():
    with pytest.raises(ValueError, match="unsupported database 'mysql': use SQLite or PostgreSQL"):
        connect("mysql://root@localhost/a")


def test_an_sqlite_file_is_readable_by_its_owner_only(tmp_path):
    connect(f"sqlite:///{tmp_path}/a.db").dispose()
    assert (tmp_path / "a.db").stat().st_mode & 0o777 == 0o600


def test_an_sqlite_uri_is_supported(tmp_path):
    connect(f"sqlite:///file:{tmp_path}/b.db?uri=true").dispose()
    assert (tmp_path / "b.db").exists()


def test_the_url_may_name_the_driver(postgres_url):
    with new_database(postgres_url) as url:
        engine = connect(url.replace("postgresql://", "postgresql+psycopg://"))
        assert Sessions(engine).create()
        engine.dispose()
