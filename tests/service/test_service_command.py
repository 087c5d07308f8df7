"""The commands `serve` and `session create`: their output and their errors."""

import os
import re
import socket
import subprocess
import sys

import httpx2
import pytest
from servers import COMMAND, HASH, Process
from typer.testing import CliRunner

from category_filter.cli import app
from category_filter.service import Sessions, connect


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
            (["--database", "oops"], "Could not parse SQLAlchemy URL from given URL string"),
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


class TestServe:
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
            env=os.environ,
        )
        assert (result.returncode, result.stdout) == (2, "")
        assert result.stderr.startswith(f"category-filter: {missing}")
        assert result.stderr.endswith("is missing: pip install 'category-filter[service]'\n")
