"""Every example in every README works as printed, and every link leads somewhere."""

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.test.utils import isolate_apps
from django_site.models import Subscription
from engines import spark, spark_table
from readmes import READMES, ROOT, blocks, commands, name
from servers import HASH, Process

from category_filter import Categories, CategoryFilter, CategoryFilterError
from category_filter.errors import SyntaxErrorCode

PACKAGE = ROOT / "src" / "category_filter"
INTEGRATIONS, BATCH, SERVICE = (
    PACKAGE / folder / "README.md" for folder in ("integrations", "batch", "service")
)
ENVIRONMENT = {"PATH": f"{Path(sys.executable).parent}:{os.defpath}", "PYTHONUTF8": "1"}
ADDRESS = re.compile(r"http://[\d.]+:\d+")

WITH_PYTHON = [readme for readme in READMES if [*blocks(readme, "python")]]
WITH_COMMANDS = [readme for readme in READMES if [*commands(readme)]]


def test_every_folder_with_a_guide_is_found():
    assert [name(readme) for readme in READMES] == [
        ".",
        "benchmarks",
        "grammar",
        "src/category_filter/batch",
        "src/category_filter/cli",
        "src/category_filter/integrations",
        "src/category_filter/service",
    ]


def test_the_product_page_is_short():
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 220


@pytest.mark.parametrize("readme", WITH_PYTHON, ids=name)
def test_python_examples_print_what_is_shown(readme):
    results = doctest.testfile(str(readme), module_relative=False)
    assert results.attempted > 5
    assert results.failed == 0


def test_every_python_example_runs():
    """Examples without prompts are files, and each file has a test below."""
    files = set()
    for readme in WITH_PYTHON:
        for block in blocks(readme, "python"):
            assert block.code.startswith(">>> ") or block.file
            if block.file:
                files.add((readme, block.file))
    assert files == {
        *((INTEGRATIONS, file) for file in ("models", "forms", "filters", "schemas")),
        # Run by test_migrations.py.
        *((INTEGRATIONS, file) for file in ("env", "alembic_rename", "django_rename")),
        *((BATCH, file) for file in ("job", "stream")),
        (SERVICE, "sender"),
    }


def run_file(readme, file):
    """Run a file that a README shows, and return its names."""
    (code,) = (block.code for block in blocks(readme, "python") if block.file == file)
    namespace = {"__name__": f"django_site.{file}"}
    exec(code, namespace)
    return namespace


@pytest.mark.django_db
@isolate_apps("django_site")
def test_the_django_model_stores_and_finds_filters():
    models = run_file(INTEGRATIONS, "models")
    assert "REPLACE" in str(models["subscriptions_to"]("chat_message").query)
    assert models["Subscription"](wanted="- chat_message").wanted == CategoryFilter("-chat_message")


def test_the_django_form_validates():
    form = run_file(INTEGRATIONS, "forms")["Settings"](
        {"wanted_mode": "all", "typed": "chat_mesage"}
    )
    assert form.errors == {
        "typed": ["unknown category 'chat_mesage' (did you mean 'chat_message'?)"]
    }


@pytest.mark.django_db
def test_the_django_filter_finds_rows():
    for wanted in ("chat_message", "-chat_message", "*"):
        Subscription.objects.create(wanted=wanted)
    filter_set = run_file(INTEGRATIONS, "filters")["SubscriptionFilter"]
    found = filter_set({"category": "chat_message"}, Subscription.objects.order_by("pk"))
    assert [str(row.wanted) for row in found.qs] == ["chat_message", "*"]
    bad = filter_set({"category": "chat"}, Subscription.objects.all())
    assert bad.errors == {
        "category": ["Select a valid choice. chat is not one of the available choices."]
    }


def test_the_ninja_schema_reads_stored_filters():
    schema = run_file(INTEGRATIONS, "schemas")["SubscriptionSchema"]
    stored = Subscription(wanted="-chat_message,retired")
    assert schema.from_orm(stored).model_dump(mode="json") == {"wanted": "-chat_message,retired"}


def test_the_spark_job_runs(tmp_path):
    spark_table({"category_filter": ["-chat_message", None]}).write.parquet(f"{tmp_path}/in")
    run_file(BATCH, "job")["run"](f"{tmp_path}/in", f"{tmp_path}/out")
    found = spark().read.parquet(f"{tmp_path}/out").orderBy("mask").collect()
    assert [(row.canonical, row.mask) for row in found] == [("-chat_message", 62), ("*", 63)]


def test_the_spark_stream_runs(tmp_path):
    rows = spark_table({"category_filter": ["-chat_message", None]})
    rows.write.parquet(f"{tmp_path}/in")
    stream = spark().readStream.schema(rows.schema).parquet(f"{tmp_path}/in")
    start = run_file(BATCH, "stream")["start"]
    assert start(stream, f"{tmp_path}/out", f"{tmp_path}/checkpoints").awaitTermination(60)
    found = spark().read.parquet(f"{tmp_path}/out").orderBy("mask").collect()
    assert [(row.canonical, row.mask) for row in found] == [("-chat_message", 62), ("*", 63)]


def shell(command, folder):
    """Run a command as a reader would, and return what it prints, without trailing spaces."""
    result = subprocess.run(
        ["bash", "-c", command.replace("curl ", "curl --silent --show-error ")],  # noqa: S607 - the reader's own bash
        cwd=folder,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    printed = result.stdout + result.stderr
    return [line.rstrip() for line in printed.strip().splitlines()]


@pytest.mark.parametrize("readme", [r for r in WITH_COMMANDS if r != SERVICE], ids=name)
def test_commands_print_what_is_shown(readme, tmp_path):
    for command, output in commands(readme):
        assert shell(command, tmp_path) == output.strip().splitlines(), command


def test_commands_of_the_service_print_what_is_shown(tmp_path):
    with Process(f"sqlite:///{tmp_path}/push_tokens.db", tmp_path / "log") as process:
        for command, output in commands(SERVICE):
            here = command.replace("http://127.0.0.1:8000", process.address)
            assert shell(here, tmp_path) == output.strip().splitlines(), command


def test_the_command_with_the_factory_serves(tmp_path):
    (line,) = (block.code for block in blocks(SERVICE, "sh") if "--factory" in block.code)
    url = f"sqlite:///{tmp_path}/push_tokens.db"
    here = line.replace("postgresql://user@host/name", url).replace("uvicorn", "python -m uvicorn")
    with subprocess.Popen(
        ["bash", "-c", f"{here.strip()} --port 0"],  # noqa: S607 - the reader's own bash
        env=ENVIRONMENT,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        (address,) = next(found for line in process.stderr if (found := ADDRESS.findall(line)))
        (answer,) = shell(f"curl {address}/user/session/push_token/delete?hash={HASH}", tmp_path)
        process.terminate()
    assert answer.startswith('{"success":false,"status":{"code":4,')


def test_every_console_block_is_run():
    consoles = sum(readme.read_text("utf-8").count("```console") for readme in READMES)
    assert consoles == sum(len([*blocks(readme, "console")]) for readme in WITH_COMMANDS)


def test_the_table_of_error_codes_is_complete_and_correct():
    grammar = (ROOT / "grammar" / "README.md").read_text("utf-8")
    (table,) = re.findall(r"^\| code \| example .*\n((?:\|.*\n)*)", grammar, re.MULTILINE)
    rows = re.findall(r"^\| `([a-z_]+)` \| (.*?) \| (.*) \|$", table, re.MULTILINE)
    examples = {"invisible_character": "\u00a0", "empty": "", "too_long": "a" * 65_537}
    for code, example, message in rows:
        text = examples.get(code, example.strip("`"))
        with pytest.raises(CategoryFilterError) as caught:
            Categories(["news"]).parse(text)
        assert (caught.value.code, caught.value.message) == (code, message)
    assert {code for code, _, _ in rows} == {*SyntaxErrorCode.__args__, "unknown_category"}


def anchors(page):
    """Return the anchors of a page's headings, as code hosts derive them."""
    headings = re.findall(r"^#+ (.*)", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


PAGES = [*READMES, *(ROOT / ".github").glob("*.md")]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(page):
    text = re.sub(r"```.*?```|`[^`]*`", "", page.read_text("utf-8"), flags=re.DOTALL)
    for target in re.findall(r"""(?:\]\(|src=")([^()"\s]+)""", text):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert linked.is_file(), target
        assert not anchor or anchor in anchors(linked), target
