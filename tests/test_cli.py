"""The command line: its results, its words, its exit codes, and how it meets pipes."""

import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from category_filter import cli
from category_filter.cli import app

COMMAND = [str(Path(sys.executable).with_name("category-filter"))]


def run(*arguments, stdin=None):
    """The exit code and what went to either output, in this process."""
    result = CliRunner().invoke(app, arguments, input=stdin)
    return result.exit_code, result.stdout, result.stderr


def lines(text):
    return [line.rstrip() for line in text.splitlines() if line.strip()]


class TestExplain:
    def test_each_known_category_with_its_label(self):
        code, out, err = run("explain", "--", "-history_task, history_rule")
        assert (code, err) == (0, "")
        assert lines(out) == [
            "-history_rule,history_task: every category except these",
            " category               allowed   label",
            " " + "\u2500" * 59,
            " chat_message           yes       New chat message",
            " history_rule           no        A rule was triggered",
            " history_task           no        A task changed",
            " history_info           yes       News about a device",
            " history_service_task   yes       A maintenance task changed",
            " history_work_status    yes       A work status changed",
            " any other              yes",
        ]

    @pytest.mark.parametrize(
        ("text", "title"),
        [
            ("*", "*: every category"),
            ("-*", "-*: no category at all"),
            ("chat_message", "chat_message: only these categories"),
            ("-chat_message", "-chat_message: every category except these"),
        ],
    )
    def test_a_minus_is_understood_without_dashes_too(self, text, title):
        code, out, _ = run("explain", text)
        assert (code, lines(out)[0]) == (0, title)

    def test_the_caret_error(self):
        assert run("explain", "chat_message;history_rule") == (
            1,
            "",
            (
                "write ',' instead of ';'\n"
                "    chat_message;history_rule\n"
                "                ^\n"
                "did you mean 'chat_message,history_rule'?\n"
            ),
        )

    def test_an_unknown_name(self):
        assert run("explain", "--categories", "news,sport", "nws") == (
            1,
            "",
            (
                "unknown category\n"
                "    'nws' at 0: did you mean 'news'?\n"
                "known: news, sport (--categories chooses others)\n"
            ),
        )

    def test_json(self):
        code, out, err = run("explain", "--format", "json", "--categories", "a,b", "b")
        assert (code, err) == (0, "")
        assert json.loads(out) == {
            "canonical": "b",
            "names": ["b"],
            "allows_unlisted": False,
            "categories": [
                {"name": "a", "label": "a", "allowed": False},
                {"name": "b", "label": "b", "allowed": True},
            ],
        }

    def test_json_of_mistakes(self):
        code, out, err = run("explain", "--format", "json", "a,,b")
        assert (code, err) == (1, "")
        assert json.loads(out) == {
            "error": {
                "code": "missing_name",
                "message": "expected a name before ','",
                "position": 2,
                "suggestion": "a,b",
            }
        }
        code, out, err = run("explain", "--format", "json", "-chat_mesage")
        assert (code, err) == (1, "")
        assert json.loads(out) == {
            "error": {
                "code": "unknown_category",
                "message": ("unknown category 'chat_mesage' (did you mean 'chat_message'?)"),
                "position": 1,
                "unknown": [
                    {"name": "chat_mesage", "position": 1, "suggestions": ["chat_message"]}
                ],
            }
        }

    def test_a_label_is_no_markup(self, tmp_path):
        file = tmp_path / "known.json"
        file.write_text('{"news": "[red]News[/red] \u00e9"}', "utf-8")
        _, out, _ = run("explain", "--categories", str(file), "*")
        assert " news        yes       [red]News[/red] \u00e9" in lines(out)

    def test_nothing_is_markup_or_an_emoji(self):
        _, out, _ = run("explain", "--categories", "urn:car:news,b", "urn:car:news")
        assert lines(out)[0] == "urn:car:news: only these categories"
        assert lines(out)[3:] == [
            " urn:car:news   yes       urn:car:news",
            " b              no        b",
            " any other      no",
        ]

    def test_a_long_filter_stays_on_its_line(self):
        names = [f"name{number}" for number in range(10, 40)]
        text = ",".join(names)
        _, out, _ = run("explain", "--categories", text, text)
        assert lines(out)[0] == f"{text}: only these categories"
        _, out, _ = run("explain", "--format", "json", "--categories", text, text)
        assert json.loads(out)["names"] == names


class TestCategories:
    @pytest.mark.parametrize(
        ("file", "content", "labels"),
        [
            ("known.toml", 'a = "Caf\u00e9"\n"b.c" = "Label B"\n', ["Caf\u00e9", "Label B"]),
            ("known.json", '{"a": "Label A", "b.c": "Label B"}', ["Label A", "Label B"]),
            ("known.json", '["a", "b.c"]', ["a", "b.c"]),
            ("known.txt", "a\n\n  b.c\r\n", ["a", "b.c"]),
        ],
    )
    def test_files(self, tmp_path, file, content, labels):
        (tmp_path / file).write_text(content, "utf-8")
        option = str(tmp_path / file)
        code, out, _ = run("explain", "--format", "json", "--categories", option, "*")
        assert code == 0
        categories = json.loads(out)["categories"]
        assert [category["name"] for category in categories] == ["a", "b.c"]
        assert [category["label"] for category in categories] == labels

    def test_a_file_of_any_other_name_holds_a_name_a_line(self, tmp_path):
        file = tmp_path / "known"
        file.write_text("\ufeffa\nb\n", "utf-8")
        code, out, _ = run("explain", "--format", "json", "--categories", str(file), "a,b")
        assert (code, json.loads(out)["canonical"]) == (0, "a,b")

    @pytest.mark.parametrize(
        ("option", "words"),
        [
            ("missing.toml", "missing.toml: "),
            ("missing.txt", "missing.txt: "),
            ("a,b c", "a,b c: 'b c': invalid character ' '"),
            ("a,a", "a,a: the category 'a' is given twice"),
            ("", ": '': the name is empty"),
        ],
    )
    def test_wrong_usage(self, option, words):
        for command in ("explain", "check"):
            code, out, err = run(command, "--categories", option, "-")
            assert (code, out) == (2, "")
            assert words in " ".join(err.replace("\u2502", " ").split())

    def test_many_names_are_no_file_name(self):
        many = ",".join(f"category_{number}" for number in range(500))
        code, out, _ = run("explain", "--categories", many, "category_499")
        assert (code, lines(out)[0]) == (0, "category_499: only these categories")

    @pytest.mark.parametrize(
        ("file", "content", "words"),
        [
            ("bad.toml", "a = ", "Invalid value"),
            ("bad.toml", "a = 3", "label must be a str, not int"),
            ("bad.toml", "[categories]\na = 'A'", "label must be a str, not dict"),
            ("bad.json", "{", "Expecting property name"),
            ("bad.json", "3", "'int' object is not iterable"),
            ("bad.json", '{"a": null}', "label must be a str, not NoneType"),
            ("bad.json", "[" * 100_000, "recursion"),
            ("bad.yaml", "news: News\n", "invalid character ' '"),
        ],
    )
    def test_files_that_are_none(self, tmp_path, file, content, words):
        (tmp_path / file).write_text(content, "utf-8")
        code, out, err = run("explain", "--categories", str(tmp_path / file), "*")
        assert (code, out) == (2, "")
        assert words in " ".join(err.replace("\u2502", " ").split())


SAMPLE = "b, a\n\n-a,-b\n*\r\nnews;sport"


class TestCheck:
    def test_good_lines_to_one_output_and_bad_ones_to_the_other(self, tmp_path):
        file = tmp_path / "filters.txt"
        file.write_bytes(SAMPLE.encode())
        assert run("check", str(file)) == (
            1,
            "a,b\n*\n",
            (
                f"{file}:2:1: the filter is empty: use '*' for every category, '-*' for none;"
                " did you mean '*'?\n"
                f"{file}:3:4: write '-' once, before the whole list;"
                " did you mean '-a,b'?\n"
                f"{file}:5:5: write ',' instead of ';'; did you mean 'news,sport'?\n"
                "5 lines: 2 good, 3 bad\n"
            ),
        )

    @pytest.mark.parametrize("arguments", [[], ["-"]])
    def test_standard_input(self, arguments):
        assert run("check", *arguments, stdin="b,a\n") == (0, "a,b\n", "1 line: 1 good, 0 bad\n")

    def test_names_are_checked_if_asked(self):
        assert run("check", "--categories", "navixy", stdin="chat_message\nchat_mesage,x\n") == (
            1,
            "chat_message\n",
            (
                "<stdin>:2:1: 2 unknown categories"
                " 'chat_mesage' (did you mean 'chat_message'?), 'x'"
                "\n"
                "2 lines: 1 good, 1 bad\n"
            ),
        )

    def test_json(self):
        code, out, err = run("check", "--format", "json", stdin="b,a\na,*\n")
        assert (code, err) == (1, "2 lines: 1 good, 1 bad\n")
        assert [json.loads(line) for line in out.splitlines()] == [
            {"line": 1, "canonical": "a,b"},
            {
                "line": 2,
                "error": {
                    "code": "star_in_list",
                    "message": "'*' means every category and stands alone,"
                    " never in a list or a name",
                    "position": 2,
                    "suggestion": None,
                },
            },
        ]

    def test_columns_count_blanks(self):
        assert run("check", stdin=" a;b\n")[2].startswith("<stdin>:1:3: write")

    def test_thousands(self):
        assert run("check", stdin="$\n" * 1000)[2].endswith("\n1,000 lines: 0 good, 1,000 bad\n")

    def test_too_long_in_characters_of_four_bytes(self):
        _, _, err = run("check", stdin="\U0001f514" * 65_537 + "\n")
        assert err.startswith("<stdin>:1:65537: a filter has at most 65,536 characters\n")

    def test_a_long_line_that_breaks_at_a_carriage_return_is_one_line(self):
        _, _, err = run("check", stdin="b" * 262_145 + "\r" + "c" * 9 + "\n")
        assert err.endswith("\n1 line: 0 good, 1 bad\n")

    def test_no_more_of_a_line_is_held_than_can_be_good(self):
        ((text, _),) = cli._lines(io.BytesIO(b"b" * 1_000_000))
        assert len(text) == 4 * 65_536 + 2

    def test_an_empty_file_is_good(self):
        assert run("check", stdin="") == (0, "", "0 lines: 0 good, 0 bad\n")

    def test_a_byte_order_mark_is_of_the_file_not_of_the_filter(self):
        assert run("check", stdin="\ufeffa\n")[:2] == (0, "a\n")

    def test_bytes_that_are_no_utf8(self):
        code, out, err = run("check", stdin=b"caf\xe9\nb\n")
        assert (code, out) == (1, "b\n")
        assert err.startswith("<stdin>:1:4: the byte 0xE9, which is no UTF-8, cannot be in a name,")

    def test_a_line_that_is_too_long_is_one_bad_line(self):
        stdin = "a\n" + "b" * 1_000_000 + "\nc\n" + "d" * 300_000
        assert run("check", stdin=stdin) == (
            1,
            "a\nc\n",
            (
                "<stdin>:2:65537: a filter has at most 65,536 characters\n"
                "<stdin>:4:65537: a filter has at most 65,536 characters\n"
                "4 lines: 2 good, 2 bad\n"
            ),
        )

    def test_the_longest_line_is_good(self):
        text = "a," * 32_767 + "ab"
        assert run("check", stdin=f"{text}\r\nb\n")[:2] == (0, "a,ab\nb\n")


class TestProcess:
    def test_a_closed_pipe_is_no_traceback(self, tmp_path):
        file = tmp_path / "long.txt"
        file.write_text("chat_message\n" * 100_000)
        with subprocess.Popen(
            [*COMMAND, "check", str(file)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            first = process.stdout.readline()
            process.stdout.close()
            errors, status = process.stderr.read(), process.wait()
        assert (first, errors) == (b"chat_message\n", b"")
        assert status == -signal.SIGPIPE  # as any other program in a pipe

    @pytest.mark.parametrize(
        ("command", "words"),
        [
            ("check none", "category-filter: none: No such file or directory"),
            ("check /", "category-filter: /: Is a directory"),
            ("check > /dev/full < long", "category-filter: No space left on device"),
            ("explain '*' > /dev/full", "category-filter: No space left on device"),
        ],
    )
    def test_what_cannot_be_read_or_written_is_one_line(self, tmp_path, command, words):
        (tmp_path / "long").write_text("chat_message\n" * 100_000)
        result = subprocess.run(
            ["sh", "-c", f"{COMMAND[0]} {command}"],  # noqa: S607 - any shell will do
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (result.returncode, result.stdout, result.stderr) == (2, "", words + "\n")

    def test_what_an_output_cannot_show_is_escaped(self, tmp_path):
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

    def test_mistakes_stay_whole_on_a_terminal(self, tmp_path):
        file = tmp_path / "long.txt"
        long = "a" * 90
        file.write_text("chat_message\n" * 20_000 + f"{long};b\n" + "chat_message\n" * 20_000)
        shown = self.on_a_terminal([*COMMAND, "check", str(file)], status=1)
        assert f"{file}:20001:91: write ',' instead of ';'; did you mean '{long},b'?\r\n" in shown
        assert shown.endswith("40,001 lines: 40,000 good, 1 bad\r\n")

    def test_a_progress_bar_on_a_terminal_for_a_long_file(self, tmp_path):
        file = tmp_path / "long.txt"
        file.write_text("chat_message,history_rule\n" * 100_000)
        shown = self.on_a_terminal([*COMMAND, "check", str(file)])
        assert "checking" in shown
        assert max(int(percent) for percent in re.findall(r"(\d+)%", shown)) == 100
        assert "100,000 lines: 100,000 good, 0 bad" in shown

    def test_no_progress_bar_beside_the_results(self, tmp_path):
        file = tmp_path / "long.txt"
        file.write_text("chat_message\n" * 30_000)
        shown = self.on_a_terminal([*COMMAND, "check", str(file)], results_too=True)
        assert shown == "chat_message\r\n" * 30_000 + "30,000 lines: 30,000 good, 0 bad\r\n"

    def test_no_progress_bar_for_a_short_file(self, tmp_path):
        file = tmp_path / "short.txt"
        file.write_text("chat_message\n" * 9_000)
        assert self.on_a_terminal([*COMMAND, "check", str(file)]) == (
            "9,000 lines: 9,000 good, 0 bad\r\n"
        )

    def on_a_terminal(self, command, *, status=0, results_too=False):
        """What a person sees of standard error, while standard output goes elsewhere."""
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
            except OSError:  # how Linux says that the other end is closed
                pass
            finally:
                os.close(terminal)
            assert process.wait() == status
        return shown.getvalue().decode()

    @pytest.mark.parametrize("missing", ["typer", "rich", "polars", "narwhals", "click"])
    def test_without_its_extra_it_says_what_to_install(self, missing):
        code = f"import sys; sys.modules[{missing!r}] = None; import category_filter.cli"
        result = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False
        )
        assert result.returncode == 1
        assert result.stdout == ""
        assert result.stderr.startswith(f"category-filter: {missing}")
        assert result.stderr.endswith("is missing: pip install 'category-filter[cli]'\n")

    def test_no_arguments_is_help(self):
        for arguments in ([], ["--help"]):
            code, out, err = run(*arguments)
            assert code == (0 if arguments else 2)
            assert "Filters of notification categories: explain one," in out + err
            assert "--install-completion" in out + err

    def test_help_tells_of_the_two_dashes(self):
        result = subprocess.run(
            [*COMMAND, "explain", "--help"], capture_output=True, text=True, check=True
        )
        assert "put -- before one that begins" in result.stdout
        assert "category-filter explain -- '-history_task,history_rule'" in result.stdout


class TestCompletion:
    @pytest.mark.parametrize(
        ("begun", "offered"),
        [
            ("explain history_t", ["history_task"]),
            ("explain -- -chat_message,history_t", ["-chat_message,history_task"]),
            ("explain --categories news,sport s", ["sport"]),
            ("explain --categories no,such,,set s", []),
        ],
    )
    def test_known_names(self, begun, offered):
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
