"""The migrations that the guide shows, on SQLite, PostgreSQL and MariaDB."""

import os
from collections import Counter
from pathlib import Path

import alembic as alembic_package
import pytest
from alembic import command
from alembic.config import Config
from django.db import connections
from django.db.migrations.loader import MigrationLoader
from django_site.models import Subscription
from readmes import ROOT, blocks
from sqlalchemy import Column, Integer, MetaData, Table, delete, event, insert, select

from category_filter import CategoryFilter
from category_filter.integrations.sqlalchemy import CategoryFilterType

README = ROOT / "src" / "category_filter" / "integrations" / "README.md"
ROWS = int(os.environ.get("MIGRATED_ROWS", "2000"))
STORED = ["*", "ads", "-ads,news", "-news", "Ads", "ads,offers", "ads-2", None]
RENAMED = ["*", "offers", "-news,offers", "-news", "Ads", "offers", "ads-2", None]

metadata = MetaData()
subscription = Table(
    "subscription",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("wanted", CategoryFilterType(length=255), index=True),
)


class InterruptedMigrationError(Exception):
    """The interruption of a migration."""


def example(file):
    """Return the code of a file that the guide shows."""
    (code,) = (block.code for block in blocks(README, "python") if block.file == file)
    return code


def run(code):
    namespace = {"__name__": "example"}
    exec(code, namespace)
    return namespace


def counts(texts):
    """Count equal filters."""
    total = Counter()
    for text in texts:
        total[text and CategoryFilter(text)] += ROWS // len(STORED)
    return total


def interrupting(number):
    """Return a function to call for each statement, which raises at this UPDATE, counted from 1."""
    updates = 0

    def count(sql):
        nonlocal updates
        updates += sql.startswith("UPDATE")
        if updates == number:
            raise InterruptedMigrationError

    return count


ENVIRONMENT = """
from alembic import context

options = context.config.attributes
with options["engine"].connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=options["metadata"],
        render_item=render_item,
        include_name=lambda name, kind, _: kind != "table" or name in options["metadata"].tables,
    )
    with context.begin_transaction():
        context.run_migrations()
"""
BASE = """
revision, down_revision = "3b7a", None


def upgrade(): ...
def downgrade(): ...
"""


@pytest.fixture
def alembic(sql_engine, tmp_path):
    """Return the configuration of an environment with the `env.py` of the guide."""
    template = Path(alembic_package.__file__).parent / "templates" / "generic" / "script.py.mako"
    (tmp_path / "script.py.mako").write_text(template.read_text("utf-8"), "utf-8")
    (tmp_path / "env.py").write_text(example("env") + ENVIRONMENT, "utf-8")
    (tmp_path / "versions").mkdir()
    (tmp_path / "versions" / "base.py").write_text(BASE, "utf-8")
    config = Config()
    config.set_main_option("script_location", str(tmp_path))
    config.set_main_option("path_separator", "os")
    config.attributes.update(engine=sql_engine, metadata=metadata)
    yield config
    with sql_engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE alembic_version")


class TestAlembic:
    @pytest.fixture
    def config(self, alembic, sql_engine, tmp_path):
        """Return the configuration of an environment with filters to rename."""
        rename = example("alembic_rename")
        (tmp_path / "versions" / "rename.py").write_text(rename, "utf-8")
        metadata.create_all(sql_engine)
        rows = [{"wanted": f} for f in STORED * (ROWS // len(STORED))]
        with sql_engine.begin() as connection:
            connection.execute(insert(subscription), rows)
        yield alembic
        metadata.drop_all(sql_engine)

    def test_a_rename_continues_after_an_interruption(self, config, sql_engine):
        interrupt = interrupting(2)

        def listener(*arguments):
            if "subscription" in arguments[2]:
                interrupt(arguments[2])

        event.listen(sql_engine, "before_cursor_execute", listener)
        with pytest.raises(InterruptedMigrationError):
            command.upgrade(config, "head")
        event.remove(sql_engine, "before_cursor_execute", listener)
        assert counts(STORED) != stored(sql_engine) != counts(RENAMED)
        command.upgrade(config, "head")
        assert stored(sql_engine) == counts(RENAMED)

    def test_a_rename_can_be_undone(self, config, sql_engine):
        with sql_engine.begin() as connection:
            connection.execute(delete(subscription).where(subscription.c.wanted == "ads,offers"))
        before = stored(sql_engine)
        command.upgrade(config, "head")
        assert stored(sql_engine) != before
        command.downgrade(config, "3b7a")
        assert stored(sql_engine) == before


def stored(engine):
    with engine.connect() as connection:
        return Counter(connection.scalars(select(subscription.c.wanted)))


@pytest.mark.parametrize("options", [{}, {"length": 255}, {"collation": "binary"}])
def test_alembic_generates_the_column_type(alembic, sql_engine, options):
    if "collation" in options:
        binary = {"sqlite": "BINARY", "postgresql": "C", "mariadb": "utf8mb4_bin"}
        options = {"collation": binary[sql_engine.dialect.name]}
    generated = MetaData()
    Table("generated", generated, Column("wanted", CategoryFilterType(**options)))
    alembic.attributes["metadata"] = generated
    command.upgrade(alembic, "head")
    script = command.revision(alembic, autogenerate=True)
    code = Path(script.path).read_text("utf-8")
    arguments = ", ".join(f"{name}={value!r}" for name, value in options.items())
    assert f"sa.Column('wanted', CategoryFilterType({arguments}), nullable=True)" in code
    command.upgrade(alembic, "head")
    command.check(alembic)  # raises if there is anything to generate
    generated.drop_all(sql_engine)


DATABASES = ["default", *(name for name in ("postgresql", "mariadb") if name in connections)]


@pytest.mark.django_db(databases=DATABASES, transaction=True)
class TestDjango:
    @pytest.fixture(params=["default", "postgresql", "mariadb"])
    def database(self, request):
        if request.param != "default":
            request.getfixturevalue(f"{request.param.removesuffix('ql')}_url")
        return request.param

    def migrate(self, database, *, backwards=False):
        code = example("django_rename").replace("notifications", "django_site")
        migration = run(code)["Migration"]("0002_rename", "django_site")
        connection = connections[database]
        state = MigrationLoader(connection).project_state(("django_site", "0001_initial"))
        with connection.schema_editor(atomic=migration.atomic) as editor:
            (migration.unapply if backwards else migration.apply)(state, editor)

    def test_a_rename_continues_after_an_interruption_and_can_be_undone(self, database):
        rows = Subscription.objects.using(database)
        texts = [text or "*" for text in STORED]
        created = (Subscription(wanted=f) for f in texts * (ROWS // len(STORED)))
        rows.bulk_create(created, batch_size=10_000)  # MariaDB limits the size of a statement
        interrupt = interrupting(2)

        def wrapper(execute, sql, *arguments):
            interrupt(sql)
            return execute(sql, *arguments)

        with (
            connections[database].execute_wrapper(wrapper),
            pytest.raises(InterruptedMigrationError),
        ):
            self.migrate(database)
        renamed = counts(text or "*" for text in RENAMED)
        stored = rows.values_list("wanted", flat=True)
        assert counts(texts) != Counter(stored.all()) != renamed
        self.migrate(database)
        assert Counter(stored.all()) == renamed
        self.migrate(database, backwards=True)
        assert Counter(stored.all()) == counts(
            (text or "*").replace("offers", "ads") for text in RENAMED
        )
