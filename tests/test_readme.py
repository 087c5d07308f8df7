"""The README keeps its promises: what it shows is what happens."""

import doctest
import re
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy
from alembic.autogenerate import produce_migrations, render_python_code
from alembic.migration import MigrationContext
from alembic.operations import Operations
from django.test.utils import isolate_apps
from django_site.models import Subscription
from engines import spark, spark_table
from servers import Process
from sqlalchemy import Column, MetaData, Table, create_engine

from category_filter import Categories, CategoryFilter, CategoryFilterError
from category_filter.errors import SyntaxErrorCode
from category_filter.integrations.sqlalchemy import CategoryFilterType

README = Path(__file__).parents[1] / "README.md"
TEXT = README.read_text("utf-8")
CONSOLES = re.findall(r"^```console\n\$ (.*)\n((?:[^$\n].*\n|\n)*?)```", TEXT, re.MULTILINE)
(SESSION,) = re.findall(r"^```console\n((?:\$ .*\n[^$].*\n){2,})```", TEXT, re.MULTILINE)


def test_python():
    results = doctest.testfile(str(README), module_relative=False)
    assert results.attempted > 20
    assert results.failed == 0


def module(name, **given):
    """What the README's file of that name defines."""
    (code,) = re.findall(rf"^```python\n# {name}\n(.*?)```", TEXT, re.MULTILINE | re.DOTALL)
    namespace = {"__name__": f"django_site.{name}", **given}
    exec(code, namespace)
    return namespace


@pytest.mark.django_db
@isolate_apps("django_site")
def test_django_models():
    readme = module("models.py")
    query = str(readme["who_wants"]("chat_message").query)
    assert "REPLACE" in query
    assert readme["Subscription"](wanted="- chat_message").wanted == CategoryFilter("-chat_message")


def test_django_forms():
    form = module("forms.py")["Settings"]({"wanted_mode": "all", "typed": "chat_mesage"})
    assert form.errors == {
        "typed": [("unknown category 'chat_mesage' (did you mean 'chat_message'?)")]
    }


@pytest.mark.django_db
def test_django_filter():
    for wanted in ("chat_message", "-chat_message", "*"):
        Subscription.objects.create(wanted=wanted)
    filter_set = module("filters.py")["SubscriptionFilter"]
    found = filter_set({"category": "chat_message"}, Subscription.objects.order_by("pk"))
    assert [str(row.wanted) for row in found.qs] == ["chat_message", "*"]
    bad = filter_set({"category": "chat"}, Subscription.objects.all())
    assert bad.errors == {
        "category": ["Select a valid choice. chat is not one of the available choices."]
    }


def test_alembic():
    metadata = MetaData()
    Table("subscription", metadata, Column("wanted", CategoryFilterType))
    with create_engine("sqlite://").connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"render_item": module("env.py")["render_item"]}
        )
        upgrade = produce_migrations(context, metadata).upgrade_ops
        code = render_python_code(upgrade, render_item=module("env.py")["render_item"])
        assert "sa.Column('wanted', sa.Text(), nullable=True)" in code
        exec(f"if True:\n    {code}", {"op": Operations(context), "sa": sqlalchemy})
        assert produce_migrations(context, metadata).upgrade_ops.is_empty()
    connection.engine.dispose()


def test_spark(tmp_path):
    spark_table({"category_filter": ["-chat_message", None]}).write.parquet(f"{tmp_path}/in")
    module("job.py")["run"](f"{tmp_path}/in", f"{tmp_path}/out")
    found = spark().read.parquet(f"{tmp_path}/out").orderBy("mask").collect()
    assert [(row.canonical, row.mask) for row in found] == [("-chat_message", 62), ("*", 63)]


def test_there_are_commands():
    assert len(CONSOLES) + 1 == TEXT.count("```console") == 4


@pytest.mark.parametrize(("command", "shown"), CONSOLES, ids=[c[0][:40] for c in CONSOLES])
def test_commands(command, shown, tmp_path):
    result = subprocess.run(
        ["bash", "-c", command],  # noqa: S607 - whichever bash a reader has
        cwd=tmp_path,
        env={"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    printed = result.stdout + result.stderr
    assert [line.rstrip() for line in printed.strip().splitlines()] == shown.strip().splitlines()


def test_service(tmp_path):
    database = f"sqlite:///{tmp_path}/push_tokens.db"
    with Process(database, tmp_path / "log") as process:
        shown = SESSION.replace("http://127.0.0.1:8000", process.address)
        for command, output in re.findall(r"^\$ (.*)\n(.*)\n", shown, re.MULTILINE):
            result = subprocess.run(
                ["bash", "-c", command.replace("curl", "curl --silent")],  # noqa: S607 - likewise
                cwd=tmp_path,
                env={"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"},
                capture_output=True,
                text=True,
                check=False,
            )
            assert (result.stdout.strip(), result.stderr) == (output, "")


def test_every_code_and_message_of_the_table():
    rows = re.findall(r"^\| `([a-z_]+)` \| (.*?) \| (.*) \|$", TEXT, re.MULTILINE)
    examples = {"invisible_character": "\u00a0", "empty": "", "too_long": "a" * 65_537}
    for code, example, message in rows:
        text = examples.get(code, example.strip("`"))
        with pytest.raises(CategoryFilterError) as caught:
            Categories(["news"]).parse(text)
        assert (caught.value.code, caught.value.message) == (code, message)
    assert {code for code, _, _ in rows} == {*SyntaxErrorCode.__args__, "unknown_category"}
