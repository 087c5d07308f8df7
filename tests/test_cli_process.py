"""The command line as a process: pipes, terminals, imports and shell completion."""

import io
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import pytest
from servers import Process

COMMAND = [str(Path(sys.executable).with_name("category-filter"))]


class TestPipes:
    def test_a_closed_pipe_ends_check_silently(self, tmp_path):
        file = tmp_path / "long.txt"
        file.write_text("chat_message\n" * 100_000)
        with subprocess.Popen(
            [*COMMAND, "check", str(file)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            first = process.stdout.readline()
            process.stdout.close()
            errors, status = process.stderr.read(), process.wait()
        assert (first, errors) == (b"chat_message\n", b"")
        assert status == -signal.SIGPIPE  # like other programs in a pipe

    @pytest.mark.parametrize("arguments", [["--help"], ["explain", "*"], ["explain", "a;b"]])
    def test_a_closed_pipe_is_not_an_error_message(self, arguments):
        reader, writer = os.pipe()
        os.close(reader)
        result = subprocess.run(
            [*COMMAND, *arguments], stdout=writer, stderr=subprocess.PIPE, check=False
        )
        os.close(writer)
        assert b"Broken pipe" not in result.stderr
        assert b"Traceback" not in result.stderr

    def test_serve_survives_a_client_that_disconnects_early(self, tmp_path):
        with Process(f"sqlite:///{tmp_path}/push_tokens.db", tmp_path / "log") as process:
            host, port = process.address.removeprefix("http://").split(":")
            for _ in range(5):
                with socket.create_connection((host, int(port))) as client:
                    client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 2)
                time.sleep(0.05)  # the second response is written to a closed connection
            assert httpx2.get(f"{process.address}/openapi.json").status_code == 200

    @pytest.mark.parametrize(
        ("command", "message"),
        [
            ("check none", "category-filter: none: No such file or directory"),
            ("check /", "category-filter: /: Is a directory"),
            ("check > /dev/full < long", "category-filter: No space left on device"),
            ("explain '*' > /dev/full", "category-filter: No space left on device"),
        ],
    )
    def test_a_failed_read_or_write_prints_one_line(self, tmp_path, command, message):
        (tmp_path / "long").write_text("chat_message\n" * 100_000)
        result = subprocess.run(
            ["sh", "-c", f"{COMMAND[0]} {command}"],  # noqa: S607 - every system has sh
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (result.returncode, result.stdout, result.stderr) == (2, "", message + "\n")

    def test_characters_that_the_output_cannot_encode_are_escaped(self, tmp_path):
        (tmp_path / "known.json").write_text(
            '{"news": "\u041d\u043e\u0432\u043e\u0441\u0442\u0438"}', "utf-8"
        )
        result = subprocess.run(
            [*COMMAND, "explain", "--categories", str(tmp_path / "known.json"), "*"],
            env={**os.environ, "PYTHONIOENCODING": "ascii"},
            capture_output=True,
            check=True,
        )
        assert rb"\u041d\u043e\u0432\u043e\u0441\u0442\u0438" in result.stdout


def on_terminal(command, *, status=0, results_too=False):
    """Return what a terminal shows of standard error, and of standard output if asked."""
    terminal, other_end = pty.openpty()
    with subprocess.Popen(
        command,
        stdout=other_end if results_too else subprocess.DEVNULL,
        stderr=other_end,
        stdin=subprocess.DEVNULL,
    ) as process:
        os.close(other_end)
        shown = io.BytesIO()
        try:
            while chunk := os.read(terminal, 4096):
                shown.write(chunk)
        except OSError:  # on Linux, the other end is closed
            pass
        finally:
            os.close(terminal)
        assert process.wait() == status
    return shown.getvalue().decode()


class TestTerminal:
    def test_errors_are_not_wrapped_by_the_progress_bar(self, tmp_path):
        file = tmp_path / "long.txt"
        long = "a" * 90
        file.write_text("chat_message\n" * 20_000 + f"{long};b\n" + "chat_message\n" * 20_000)
        shown = on_terminal([*COMMAND, "check", str(file)], status=1)
        assert f"{file}:20001:91: write ',' instead of ';'; did you mean '{long},b'?\r\n" in shown
        assert shown.endswith("40,001 lines: 40,000 valid, 1 invalid\r\n")

    def test_a_long_file_shows_a_progress_bar(self, tmp_path):
        file = tmp_path / "long.txt"
        file.write_text("chat_message,history_rule\n" * 100_000)
        shown = on_terminal([*COMMAND, "check", str(file)])
        assert "checking" in shown
        assert max(int(percent) for percent in re.findall(r"(\d+)%", shown)) == 100
        assert "100,000 lines: 100,000 valid, 0 invalid" in shown

    def test_results_on_the_terminal_replace_the_progress_bar(self, tmp_path):
        file = tmp_path / "long.txt"
        file.write_text("chat_message\n" * 30_000)
        shown = on_terminal([*COMMAND, "check", str(file)], results_too=True)
        assert shown == "chat_message\r\n" * 30_000 + "30,000 lines: 30,000 valid, 0 invalid\r\n"

    def test_a_short_file_shows_no_progress_bar(self, tmp_path):
        file = tmp_path / "short.txt"
        file.write_text("chat_message\n" * 9_000)
        assert on_terminal([*COMMAND, "check", str(file)]) == (
            "9,000 lines: 9,000 valid, 0 invalid\r\n"
        )


class TestImports:
    @pytest.mark.parametrize("missing", ["typer", "rich"])
    def test_without_its_extra_it_says_what_to_install(self, missing):
        code = f"import sys; sys.modules[{missing!r}] = None; import category_filter.cli"
        result = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False
        )
        assert (result.returncode, result.stdout) == (2, "")
        assert result.stderr.startswith(f"category-filter: {missing}")
        assert result.stderr.endswith("is missing: pip install 'category-filter[cli]'\n")

    @pytest.mark.parametrize(
        ("arguments", "absent"),
        [
            (["--help"], {"click", "fastapi", "lark", "narwhals", "polars", "sqlalchemy"}),
            (["explain", "*"], {"click", "fastapi", "narwhals", "polars", "sqlalchemy"}),
            (["check", "/dev/null"], {"click", "fastapi", "narwhals", "polars", "sqlalchemy"}),
            (["precompute", "--help"], {"click", "fastapi", "narwhals", "polars", "sqlalchemy"}),
        ],
    )
    def test_a_command_imports_only_what_it_needs(self, arguments, absent):
        code = (
            f"import sys; sys.argv[1:] = {arguments!r}\n"
            "from category_filter.cli import main\n"
            "try: main()\n"
            "except SystemExit as status: assert not status.code\n"
            "print(*sys.modules, file=sys.stderr)"
        )
        result = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        imported = {name.partition(".")[0] for name in result.stderr.split()}
        assert "typer" in imported
        assert imported & absent == set()


class TestCompletion:
    @pytest.mark.parametrize(
        ("begun", "offered"),
        [
            ("explain history_t", ["history_task"]),
            ("explain -- -chat_message,history_t", ["-chat_message,history_task"]),
            ("explain --categories news,sport s", ["sport"]),
            ("explain --categories no,such,,set s", []),
            ("precompute --missing history_t", ["history_task"]),
        ],
    )
    def test_completes_known_names(self, begun, offered):
        words = f"category-filter {begun}"
        result = subprocess.run(
            COMMAND,
            env=os.environ
            | {
                "_CATEGORY_FILTER_COMPLETE": "complete_bash",
                "COMP_WORDS": words,
                "COMP_CWORD": str(len(words.split()) - 1),
            },
            capture_output=True,
            text=True,
            check=True,
        )
        assert result.stdout.split() == offered
