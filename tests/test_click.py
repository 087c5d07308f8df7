"""The parameter type in click and Typer: values, usage errors, and shell completion."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import click
import pytest
import typer
from click.testing import CliRunner
from typer.testing import CliRunner as TyperRunner

from category_filter import Categories, CategoryFilter, FilterSyntaxError, UnknownCategoryError
from category_filter.integrations.click import CategoryFilterParamType, FilterUsageError

KNOWN = Categories({"news": "News of the day", "sport": "Results", "newt": "Amphibians"})
WANTED = CategoryFilterParamType(KNOWN)


@click.command
@click.option("--wanted", type=WANTED, default=CategoryFilter("-sport"), show_default=True)
@click.option("--any", "anything", type=CategoryFilterParamType(), envvar="ANYTHING")
def subscribe(wanted, anything):
    click.echo(f"{wanted!r} {anything!r}")


def run(*arguments, **options):
    result = CliRunner().invoke(subscribe, arguments, **options)
    return result.exit_code, result.output


class TestClick:
    def test_options_defaults_and_environment_variables_are_filters(self):
        assert run() == (0, "CategoryFilter('-sport') None\n")
        assert run("--wanted=-news, sport") == (0, "CategoryFilter('-news,sport') None\n")
        assert run("--wanted", "-news", "--any", "else")[1] == (
            "CategoryFilter('-news') CategoryFilter('else')\n"
        )
        assert run(env={"ANYTHING": "b,a"})[1] == (
            "CategoryFilter('-sport') CategoryFilter('a,b')\n"
        )

    def test_help_shows_the_canonical_default(self):
        assert "--wanted FILTER  [default: -sport]" in run("--help")[1]

    @pytest.mark.parametrize(
        ("typed", "message"),
        [
            ("news;sport", "write ',' instead of ';'; did you mean 'news,sport'?"),
            ("-sprot", "unknown category 'sprot' (did you mean 'sport'?)"),
            (
                "",
                "the filter is empty: use '*' for every category, '-*' for none; did you mean '*'?",
            ),
        ],
    )
    def test_an_invalid_filter_is_a_usage_error(self, typed, message):
        assert run(f"--wanted={typed}") == (
            2,
            (
                "Usage: subscribe [OPTIONS]\nTry 'subscribe --help' for help.\n\n"
                f"Error: Invalid value for '--wanted': {message}\n"
            ),
        )

    def test_the_usage_error_holds_the_filter_error(self):
        with pytest.raises(FilterUsageError) as caught:
            WANTED.convert("news;sport", None, None)
        error = caught.value.error
        assert isinstance(error, FilterSyntaxError)
        assert (error.position, error.suggestion) == (4, "news,sport")
        with pytest.raises(FilterUsageError) as caught:
            WANTED.convert("nows", None, None)
        assert isinstance(caught.value.error, UnknownCategoryError)
        assert caught.value.__cause__ is caught.value.error

    def test_the_usage_error_names_its_parameter(self):
        option, context = click.Option(["--wanted"]), click.Context(subscribe)
        with pytest.raises(FilterUsageError) as caught:
            WANTED.convert("news;sport", option, context)
        assert (caught.value.param, caught.value.ctx) == (option, context)

    def test_an_empty_known_set_rejects_every_name(self):
        with pytest.raises(FilterUsageError, match=r"^unknown category 'news'"):
            CategoryFilterParamType(Categories([])).convert("news", None, None)

    def test_a_prompt_asks_again_after_an_error(self):
        @click.command
        @click.option("--wanted", type=WANTED, prompt=True)
        def ask(wanted):
            click.echo(repr(wanted))

        result = CliRunner().invoke(ask, input="news;sport\nnews,sport\n")
        assert result.output == (
            "Wanted: news;sport\n"
            "Error: write ',' instead of ';'; did you mean 'news,sport'?\n"
            "Wanted: news,sport\n"
            "CategoryFilter('news,sport')\n"
        )


class TestCompletion:
    @pytest.mark.parametrize(
        ("incomplete", "completions"),
        [
            ("", ["*", "news", "sport", "newt"]),
            ("*", ["*"]),
            ("*,", []),
            ("news*,", []),
            ("ne", ["news", "newt"]),
            ("-", ["-news", "-sport", "-newt"]),
            ("-s", ["-sport"]),
            ("sport,", ["sport,news", "sport,newt"]),
            ("-news,ne", ["-news,newt"]),
            ("- news, s", ["- news, sport"]),
            ("ews", []),
        ],
    )
    def test_names_not_listed_yet_are_offered(self, incomplete, completions):
        assert [text for text, _ in WANTED.complete(incomplete)] == completions

    @pytest.mark.parametrize(
        ("incomplete", "completions"),
        [
            ("top-n", ["top-news"]),
            ("top-news,", ["top-news,news", "top-news,new", "top-news,top"]),
            ("news,n", ["news,new"]),
            ("- news, n", ["- news, new"]),
        ],
    )
    def test_names_contained_in_other_names_are_offered(self, incomplete, completions):
        wanted = CategoryFilterParamType(Categories(["top-news", "news", "new", "top"]))
        assert [text for text, _ in wanted.complete(incomplete)] == completions

    def test_completions_have_the_label_of_the_added_category(self):
        assert WANTED.complete("news,")[0] == ("news,sport", "Results")

    def test_without_a_known_set_only_the_wildcard_is_offered(self):
        assert CategoryFilterParamType().complete("") == [("*", "every category")]
        assert CategoryFilterParamType().complete("n") == []

    def test_the_shell_gets_names_and_labels(self, tmp_path):
        script = tmp_path / "subscribe"
        script.write_text(
            f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
            "from test_click import subscribe; subscribe()",
            "utf-8",
        )
        result = subprocess.run(
            [sys.executable, script],
            env=os.environ
            | {
                "_SUBSCRIBE_COMPLETE": "zsh_complete",
                "COMP_WORDS": "subscribe --wanted new",
                "COMP_CWORD": "2",
            },
            capture_output=True,
            text=True,
            check=True,
        )
        assert result.stdout.splitlines() == [
            *("plain", "news", "News of the day"),
            *("plain", "newt", "Amphibians"),
        ]


app = typer.Typer(add_completion=True)


@app.command()
def main(
    wanted: Annotated[
        CategoryFilter, typer.Option(parser=WANTED, autocompletion=WANTED.complete)
    ] = CategoryFilter("-sport"),
    anything: CategoryFilter = CategoryFilter("*"),
):
    typer.echo(f"{wanted!r} {anything!r}")


def run_typer(*arguments, **options):
    result = TyperRunner().invoke(app, arguments, **options)
    return result.exit_code, " ".join(result.output.replace("\u2502", " ").split())


class TestTyper:
    def test_options_and_defaults_are_filters(self):
        assert run_typer() == (0, "CategoryFilter('-sport') CategoryFilter('*')")
        assert run_typer("--wanted=-news", "--anything=b,a") == (
            0,
            "CategoryFilter('-news') CategoryFilter('a,b')",
        )

    def test_an_invalid_filter_is_a_usage_error(self):
        code, output = run_typer("--wanted=sprot")
        assert code == 2
        assert (
            "Invalid value for '--wanted': Value error, unknown category 'sprot'"
            " (did you mean 'sport'?)"
        ) in output
        code, output = run_typer("--anything=a;b")
        assert code == 2
        assert "Invalid value for '--anything': write ',' instead of ';'" in output

    def test_completion_offers_names_and_labels(self):
        result = TyperRunner().invoke(
            app,
            env={
                "_MAIN_COMPLETE": "complete_zsh",
                "_TYPER_COMPLETE_ARGS": "main --wanted new",
            },
            prog_name="main",
        )
        assert result.stdout.strip() == (
            '_arguments \'*: :(("news":"News of the day"\n"newt":"Amphibians"))\''
        )
