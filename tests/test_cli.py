"""`category-filter explain` and `check`: results, messages and exit statuses."""

import io
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from category_filter import __version__
from category_filter.cli import _check, app


def run(*arguments, stdin=None):
    """Run a command in this process; return the exit status and both outputs."""
    result = CliRunner().invoke(app, arguments, input=stdin)
    return result.exit_code, result.stdout, result.stderr


def lines(text):
    return [line.rstrip() for line in text.splitlines() if line.strip()]


def unboxed(text):
    """Return the words of an error without the box that Rich draws around them."""
    return " ".join(text.replace("\u2502", " ").split())


class TestExplain:
    def test_shows_each_known_category_with_its_label(self):
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
            ("-*", "-*: no category"),
            ("chat_message", "chat_message: only these categories"),
            ("-chat_message", "-chat_message: every category except these"),
        ],
    )
    def test_a_leading_minus_needs_no_double_dash(self, text, title):
        code, out, _ = run("explain", text)
        assert (code, lines(out)[0]) == (0, title)

    def test_a_syntax_error_has_a_caret(self):
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

    def test_an_unknown_name_lists_the_known_ones(self):
        assert run("explain", "--categories", "news,sport", "nws") == (
            1,
            "",
            (
                "unknown category:\n"
                "    'nws' at 0: did you mean 'news'?\n"
                "known: news, sport (change with --categories)\n"
            ),
        )

    def test_json_describes_the_filter(self):
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

    def test_json_describes_an_error(self):
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
                "message": "unknown category 'chat_mesage' (did you mean 'chat_message'?)",
                "position": 1,
                "unknown": [
                    {"name": "chat_mesage", "position": 1, "suggestions": ["chat_message"]}
                ],
            }
        }

    def test_a_label_is_not_parsed_as_markup(self, tmp_path):
        file = tmp_path / "known.json"
        file.write_text('{"news": "[red]News[/red] \u00e9"}', "utf-8")
        _, out, _ = run("explain", "--categories", str(file), "*")
        assert " news        yes       [red]News[/red] \u00e9" in lines(out)

    def test_a_name_is_not_parsed_as_an_emoji(self):
        _, out, _ = run("explain", "--categories", "urn:car:news,b", "urn:car:news")
        assert lines(out)[0] == "urn:car:news: only these categories"
        assert lines(out)[3:] == [
            " urn:car:news   yes       urn:car:news",
            " b              no        b",
            " any other      no",
        ]

    def test_a_long_filter_is_not_wrapped(self):
        names = [f"name{number}" for number in range(10, 40)]
        text = ",".join(names)
        _, out, _ = run("explain", "--categories", text, text)
        assert lines(out)[0] == f"{text}: only these categories"
        _, out, _ = run("explain", "--format", "json", "--categories", text, text)
        assert json.loads(out)["names"] == names


class TestCategoriesOption:
    @pytest.mark.parametrize(
        ("file", "content", "labels"),
        [
            ("known.toml", 'a = "Caf\u00e9"\n"b.c" = "Label B"\n', ["Caf\u00e9", "Label B"]),
            ("known.json", '{"a": "Label A", "b.c": "Label B"}', ["Label A", "Label B"]),
            ("known.json", '["a", "b.c"]', ["a", "b.c"]),
            ("known.txt", "a\n\n  b.c\r\n", ["a", "b.c"]),
        ],
    )
    def test_toml_json_and_text_files_are_read(self, tmp_path, file, content, labels):
        (tmp_path / file).write_text(content, "utf-8")
        option = str(tmp_path / file)
        code, out, _ = run("explain", "--format", "json", "--categories", option, "*")
        assert code == 0
        categories = json.loads(out)["categories"]
        assert [category["name"] for category in categories] == ["a", "b.c"]
        assert [category["label"] for category in categories] == labels

    def test_a_file_without_an_extension_holds_one_name_per_line(self, tmp_path):
        file = tmp_path / "known"
        file.write_text("\ufeffa\nb\n", "utf-8")
        code, out, _ = run("explain", "--format", "json", "--categories", str(file), "a,b")
        assert (code, json.loads(out)["canonical"]) == (0, "a,b")

    def test_a_list_of_names_may_exceed_the_length_of_a_file_name(self):
        many = ",".join(f"category_{number}" for number in range(500))
        code, out, _ = run("explain", "--categories", many, "category_499")
        assert (code, lines(out)[0]) == (0, "category_499: only these categories")

    @pytest.mark.parametrize(
        ("option", "words"),
        [
            ("missing.toml", "missing.toml: "),
            ("missing.txt", "missing.txt: No such file or directory"),
            ("missing.yaml", "missing.yaml: No such file or directory"),
            ("a,b c", "a,b c: 'b c': invalid character ' '"),
            ("a,a", "a,a: duplicate category 'a'"),
            ("", ": '': the name is empty"),
        ],
    )
    @pytest.mark.parametrize("command", ["explain", "check"])
    def test_an_invalid_list_or_a_missing_file_is_wrong_usage(self, command, option, words):
        code, out, err = run(command, "--categories", option, "-")
        assert (code, out) == (2, "")
        assert words in unboxed(err)

    @pytest.mark.parametrize(
        ("file", "content", "words"),
        [
            ("bad.toml", "a = ", "Invalid value"),
            ("bad.toml", "a = 3", "label must be a str, not int"),
            ("bad.toml", "[categories]\na = 'A'", "label must be a str, not dict"),
            ("bad.json", "{", "Expecting property name"),
            ("bad.json", "3", "expected a mapping, an iterable of names or an enum, got int"),
            ("empty.txt", "\n", "empty.txt: no names"),
            ("empty.json", "[]", "empty.json: no names"),
            ("bad.json", '{"a": null}', "label must be a str, not NoneType"),
            ("bad.json", "[" * 100_000, "recursion"),
            ("bad.yaml", "news: News\n", "invalid character ' '"),
        ],
    )
    def test_an_invalid_file_is_wrong_usage(self, tmp_path, monkeypatch, file, content, words):
        monkeypatch.chdir(tmp_path)
        Path(file).write_text(content, "utf-8")
        code, out, err = run("explain", "--categories", file, "*")
        assert (code, out) == (2, "")
        assert words in unboxed(err)

    def test_a_file_in_another_encoding_is_wrong_usage(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        Path("known.txt").write_bytes(b"caf\xe9\n")
        code, out, err = run("explain", "--categories", "known.txt", "*")
        assert (code, out) == (2, "")
        assert "known.txt: save the file as UTF-8" in unboxed(err)


class TestUsage:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (
                ["explain", "--fromat", "json", "a"],
                "No such option: --fromat (Possible options: --format)",
            ),
            (
                ["explain", "--fromat=json", "a"],
                "No such option: --fromat (Possible options: --format)",
            ),
            (["explain", "a", "--zzz"], "No such option: --zzz"),
            (["explain", "--chat_message"], "No such option: --chat_message"),
            (
                ["check", "--fromat", "json"],
                "No such option: --fromat (Possible options: --format)",
            ),
            (
                ["explain", "a,", "b"],
                "Unexpected argument 'b': quote an argument that contains spaces",
            ),
            (
                ["explain", "-a,", "-b"],
                "Unexpected argument '-b': quote an argument that contains spaces",
            ),
            (
                ["precompute", "a.csv", "b.csv", "--missing", "a,", "b"],
                "Unexpected argument 'b': quote an argument that contains spaces",
            ),
            (
                ["session", "list", "ann"],
                "Unexpected argument 'ann': quote an argument that contains spaces",
            ),
            (
                ["explain", "--format", "xml", "a"],
                "Invalid value for '--format': 'xml' is not one of 'text', 'json'.",
            ),
            (["explian", "a"], "No such command 'explian'. Did you mean 'explain'?"),
            (["explain", "--format", "json"], "Missing argument 'TEXT'."),
        ],
    )
    def test_an_error_says_what_to_do(self, arguments, message):
        code, out, err = run(*arguments)
        assert (code, out) == (2, "")
        assert message in unboxed(err)

    def test_two_minuses_after_the_double_dash_are_a_filter(self):
        code, _, err = run("explain", "--", "--a")
        assert (code, err.splitlines()[0]) == (1, "write '-' once, before the whole list")

    def test_options_may_follow_a_filter_with_a_minus(self):
        code, out, _ = run("explain", "-a,b", "--format", "json", "--categories", "a,b")
        assert (code, json.loads(out)["canonical"]) == (0, "-a,b")

    def test_the_version_is_printed(self):
        assert run("--version") == (0, f"category-filter {__version__}\n", "")


SAMPLE = "b, a\n\n-a,-b\n*\r\nnews;sport"


class TestCheck:
    def test_valid_lines_go_to_stdout_and_errors_to_stderr(self, tmp_path):
        file = tmp_path / "filters.txt"
        file.write_bytes(SAMPLE.encode())
        assert run("check", str(file)) == (
            1,
            "a,b\n*\n",
            (
                f"{file}:2:1: the filter is empty: use '*' for every category, '-*' for none;"
                " did you mean '*'?\n"
                f"{file}:3:4: write '-' once, before the whole list; did you mean '-a,b'?\n"
                f"{file}:5:5: write ',' instead of ';'; did you mean 'news,sport'?\n"
                "5 lines: 2 valid, 3 invalid\n"
            ),
        )

    @pytest.mark.parametrize("arguments", [[], ["-"]])
    def test_standard_input_is_read(self, arguments):
        assert run("check", *arguments, stdin="b,a\n") == (
            *(0, "a,b\n"),
            "1 line: 1 valid, 0 invalid\n",
        )

    def test_names_are_validated_with_categories(self):
        assert run("check", "--categories", "navixy", stdin="chat_message\nchat_mesage,x\n") == (
            1,
            "chat_message\n",
            (
                "<stdin>:2:1: 2 unknown categories:"
                " 'chat_mesage' (did you mean 'chat_message'?), 'x'\n"
                "2 lines: 1 valid, 1 invalid\n"
            ),
        )

    def test_json_has_one_document_per_line(self):
        code, out, err = run("check", "--format", "json", stdin="b,a\na,*\n")
        assert (code, err) == (1, "2 lines: 1 valid, 1 invalid\n")
        assert [json.loads(line) for line in out.splitlines()] == [
            {"line": 1, "canonical": "a,b"},
            {
                "line": 2,
                "error": {
                    "code": "star_in_list",
                    "message": "'*' cannot be combined with names",
                    "position": 2,
                    "suggestion": None,
                },
            },
        ]

    def test_columns_include_leading_whitespace(self):
        assert run("check", stdin=" a;b\n")[2].startswith("<stdin>:1:3: write")

    def test_counts_have_thousands_separators(self):
        err = run("check", stdin="$\n" * 1000)[2]
        assert err.endswith("\n1,000 lines: 0 valid, 1,000 invalid\n")

    def test_an_empty_file_is_valid(self):
        assert run("check", stdin="") == (0, "", "0 lines: 0 valid, 0 invalid\n")

    def test_a_byte_order_mark_is_skipped(self):
        assert run("check", stdin="\ufeffa\n")[:2] == (0, "a\n")

    def test_bytes_that_are_not_utf8_are_invalid(self):
        code, out, err = run("check", stdin=b"caf\xe9\nb\n")
        assert (code, out) == (1, "b\n")
        assert err.startswith("<stdin>:1:4: byte 0xE9 is not valid UTF-8\n")


class TestCheckLongLines:
    def test_the_longest_filter_is_valid(self):
        text = "a," * 32_767 + "ab"
        assert run("check", stdin=f"{text}\r\nb\n")[:2] == (0, "a,ab\nb\n")

    def test_a_line_that_is_too_long_is_one_invalid_line(self):
        stdin = "a\n" + "b" * 1_000_000 + "\nc\n" + "d" * 300_000
        assert run("check", stdin=stdin) == (
            1,
            "a\nc\n",
            (
                "<stdin>:2:65537: a filter has at most 65,536 characters\n"
                "<stdin>:4:65537: a filter has at most 65,536 characters\n"
                "4 lines: 2 valid, 2 invalid\n"
            ),
        )

    def test_the_limit_counts_characters_not_bytes(self):
        _, _, err = run("check", stdin="\U0001f514" * 65_537 + "\n")
        assert err.startswith("<stdin>:1:65537: a filter has at most 65,536 characters\n")

    def test_a_carriage_return_at_the_limit_does_not_split_the_line(self):
        _, _, err = run("check", stdin="b" * 262_145 + "\r" + "c" * 9 + "\n")
        assert err.endswith("\n1 line: 0 valid, 1 invalid\n")

    def test_memory_is_bounded(self):
        ((text, _),) = _check._read_lines(io.BytesIO(b"b" * 1_000_000))
        assert len(text) == 4 * 65_536 + 2


class TestHelp:
    @pytest.mark.parametrize(("arguments", "status"), [([], 2), (["--help"], 0)])
    def test_no_arguments_print_the_help(self, arguments, status):
        code, out, err = run(*arguments)
        assert code == status
        assert "Parse, check and apply filters of notification categories" in unboxed(out + err)
        assert "--install-completion" in out + err

    def test_explain_mentions_the_double_dash(self):
        _, out, _ = run("explain", "--help")
        assert "Put -- before a filter that starts with a minus." in unboxed(out)
        assert "category-filter explain -- '-history_task,history_rule'" in out
