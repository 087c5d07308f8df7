"""The commands `serve` and `session`: their output and their errors."""

import json
import re
import socket
import subprocess
import sys

import httpx2
import pytest
from processes import UNMEASURED
from push_data import DAY_S
from servers import COMMAND, HASH, Process
from typer.testing import CliRunner

from category_filter.cli import app
from category_filter.service import Sessions, connect, tables


def run(*arguments):
    result = CliRunner().invoke(app, arguments)
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def sqlite_url(tmp_path):
    return f"sqlite:///{tmp_path}/push_tokens.db"


class TestSessionCreate:
    def test_it_prints_the_hash_of_a_valid_session(self, database_url):
        code, out, err = run("session", "create", "--database", database_url)
        assert (code, err) == (0, "")
        assert re.fullmatch("[0-9a-f]{32}\n", out)
        engine = connect(database_url)
        Sessions(engine).check(out.strip())
        engine.dispose()

    def test_the_hash_can_be_given_once(self, sqlite_url):
        command = ("session", "create", "--hash", HASH, "--days", "1", "--database", sqlite_url)
        assert run(*command) == (0, f"{HASH}\n", "")
        assert run(*command) == (
            2,
            "",
            "category-filter: a session with this hash already exists\n",
        )

    def test_the_default_database_is_a_file_in_the_current_directory(self, tmp_path):
        subprocess.run([COMMAND, "session", "create"], cwd=tmp_path, check=True)
        assert [file.name for file in tmp_path.iterdir()] == ["push_tokens.db"]

    @pytest.mark.parametrize(
        ("arguments", "reason"),
        [
            (["--hash", "abc"], "wrong hash: expected 32 hexadecimal digits"),
            (["--database", "mysql://h"], "unsupported database 'mysql': use SQLite or PostgreSQL"),
            (
                ["--database", "oops"],
                "invalid database URL: use sqlite:///FILE or postgresql://USER@HOST/NAME",
            ),
            (
                ["--database", "postgresql://root:secret@127.0.0.1:1/a"],
                (
                    'connection failed: connection to server at "127.0.0.1", port 1 failed:'
                    " Connection refused"
                ),
            ),
        ],
    )
    def test_invalid_usage_exits_with_2_and_the_reason(self, sqlite_url, arguments, reason):
        arguments = ["--database", sqlite_url, *arguments]
        assert run("session", "create", *arguments) == (2, "", f"category-filter: {reason}\n")

    def test_a_missing_folder_exits_with_2_and_the_path(self, tmp_path):
        result = subprocess.run(
            [COMMAND, "session", "create", "--database", f"sqlite:///{tmp_path}/a/b.db"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (result.returncode, result.stdout, result.stderr) == (
            2,
            "",
            f"category-filter: {tmp_path}/a/b.db: No such file or directory\n",
        )

    @pytest.mark.parametrize("days", ["0", "36501", "x"])
    def test_invalid_days_are_a_usage_error(self, sqlite_url, days):
        code, out, err = run("session", "create", "--days", days, "--database", sqlite_url)
        assert (code, out) == (2, "")
        assert "--days" in err


class TestOtherSessionCommands:
    def test_sessions_are_listed_by_owner_until_they_end(self, database_url):
        in_database = ("--database", database_url)
        hashes = [
            run("session", "create", "--owner", owner, *in_database)[1].strip()
            for owner in ("ann", "bob\n", "ann")
        ]
        run("session", "create", *in_database)

        def listed(*options):
            code, out, err = run("session", "list", *options, *in_database)
            assert (code, err) == (0, "")
            return [json.loads(line) for line in out.splitlines()]

        found = listed()
        assert [(each["id"], each["owner"]) for each in found] == [
            (1, "ann"),
            (2, "bob\n"),
            (3, "ann"),
            (4, None),
        ]
        assert {*found[0]} == {"id", "owner", "ends_at"}
        assert listed("--owner", "ann") == [found[0], found[2]]
        assert listed("--owner", "eve") == []

        end = ("session", "end", "--hash", hashes[0], *in_database)
        assert run(*end) == (0, "", "")
        assert run(*end) == (2, "", "category-filter: session not found or ended\n")
        assert listed("--owner", "ann") == [found[2]]

    def test_the_hash_can_come_from_the_environment(self, sqlite_url, monkeypatch):
        monkeypatch.setenv("CATEGORY_FILTER_HASH", HASH)
        monkeypatch.setenv("CATEGORY_FILTER_DATABASE", sqlite_url)
        assert run("session", "create") == (0, f"{HASH}\n", "")
        assert run("session", "end") == (0, "", "")

    def test_ending_needs_a_valid_hash(self, sqlite_url):
        in_database = ("--database", sqlite_url)
        code, out, err = run("session", "end", *in_database)
        assert (code, out) == (2, "")
        assert "--hash" in err
        assert run("session", "end", "--hash", "abc", *in_database) == (
            2,
            "",
            "category-filter: wrong hash: expected 32 hexadecimal digits\n",
        )

    def test_a_purge_deletes_what_expired_a_day_before(self, database_url, clock):
        engine = connect(database_url)
        sessions = Sessions(engine)
        clock.now = 1_000_000_000  # long ago by the clock of any server
        sessions.create(days=1)
        sessions.create(days=36_500)
        clock.now = 1_800_000_000
        purge = ("session", "purge", "--database", database_url)
        assert run(*purge) == (0, "0 sessions deleted\n", "")
        clock.now += DAY_S
        with engine.connect() as connection:  # the server's clock cannot be moved
            connection.execute(
                tables.sessions.update().values(purge_after=tables.sessions.c.purge_after - DAY_S)
            )
        engine.dispose()
        assert run(*purge) == (0, "1 session deleted\n", "")

    def test_a_closed_pipe_ends_the_list_silently(self, sqlite_url):
        engine = connect(sqlite_url)
        with engine.connect() as connection:
            rows = [
                {"digest": number.to_bytes(32), "ends_at": 2**40, "owner": "x" * 100}
                for number in range(1_500)
            ]
            connection.execute(tables.sessions.insert(), rows)
        engine.dispose()
        command = f"{COMMAND} session list --database {sqlite_url} | head -n 1"
        result = subprocess.run(
            ["bash", "-c", command],  # noqa: S607 - any shell
            capture_output=True,
            text=True,
            check=True,
        )
        assert json.loads(result.stdout)["id"] == 1
        assert result.stderr == ""


class TestServe:
    @pytest.mark.parametrize("workers", ["1", "2"])
    @pytest.mark.parametrize(
        "origin", ["app.example", "https://", "https://app.example/", "https://ann@app.example"]
    )
    def test_an_invalid_origin_exits_with_2_and_an_example(self, sqlite_url, origin, workers):
        options = ("--allow-origin", "*", "--allow-origin", origin, "--workers", workers)
        assert run("serve", "--database", sqlite_url, *options) == (
            *(2, ""),
            (
                f"category-filter: invalid origin {origin!r}: expected * or one like"
                " https://app.example\n"
            ),
        )

    def test_it_prints_its_address_and_shuts_down_cleanly(self, database_url, tmp_path):
        with Process(database_url, tmp_path / "log") as process:
            response = httpx2.get(f"{process.address}/openapi.json")
            assert response.json()["info"]["title"] == "Push tokens"
            assert "server" not in response.headers
        log = process.log.read_text()
        assert f"Uvicorn running on {process.address}" in log
        assert "GET" not in log
        assert "Finished server process" in log
        assert "Traceback" not in log

    def test_a_port_in_use_exits_with_3_and_the_reason(self, sqlite_url):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = str(taken.getsockname()[1])
            result = subprocess.run(
                [COMMAND, "serve", "--port", port, "--database", sqlite_url],
                capture_output=True,
                text=True,
                check=False,
            )
        assert (result.returncode, result.stdout) == (3, "")
        assert "address already in use" in result.stderr
        assert "Traceback" not in result.stderr

    def test_an_unavailable_database_exits_with_2_and_the_reason(self):
        url = "postgresql://127.0.0.1:1/a"
        code, out, err = run("serve", "--database", url)
        assert (code, out) == (2, "")
        assert err.startswith("category-filter: connection failed: ")

    @pytest.mark.parametrize("missing", ["fastapi", "sqlalchemy", "alembic", "uvicorn"])
    def test_a_missing_package_exits_with_2_and_the_extra_to_install(self, missing, tmp_path):
        code = (
            f"import sys; sys.modules[{missing!r}] = None; sys.argv[1:] = ['serve'];"
            "from category_filter.cli import main; main()"
        )
        result = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env=UNMEASURED,
        )
        assert (result.returncode, result.stdout) == (2, "")
        assert result.stderr.startswith(f"category-filter: {missing}")
        assert result.stderr.endswith("is missing: pip install 'category-filter[service]'\n")
