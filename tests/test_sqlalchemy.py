"""The column type: values, defaults and columns, on SQLite, PostgreSQL and MariaDB."""

import asyncio
from contextlib import contextmanager
from typing import Annotated

import pytest
from sqlalchemy import (
    VARCHAR,
    Column,
    Integer,
    MetaData,
    Table,
    delete,
    event,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.dialects import mssql, mysql, oracle, sqlite
from sqlalchemy.dialects.postgresql import psycopg
from sqlalchemy.exc import ArgumentError, CompileError, IntegrityError, StatementError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    MappedAsDataclass,
    Session,
    column_property,
    mapped_column,
)
from sqlalchemy.schema import CreateTable

from category_filter import (
    Categories,
    CategoryFilter,
    FilterSyntaxError,
    UnknownCategoryError,
)
from category_filter.integrations.sqlalchemy import CategoryFilterType

KNOWN = Categories({"news": "News", "sport": "Results", "ads": "Offers"})
KnownFilter = Annotated[CategoryFilter, KNOWN, mapped_column(CategoryFilterType(KNOWN))]


class Base(DeclarativeBase):
    type_annotation_map = {CategoryFilter: CategoryFilterType}


class Subscription(Base):
    __tablename__ = "subscription"
    id: Mapped[int] = mapped_column(primary_key=True)
    wanted: Mapped[CategoryFilter | None]
    known: Mapped[KnownFilter] = mapped_column(default="*")
    plain: Mapped[Annotated[CategoryFilter, KNOWN]] = mapped_column(server_default="-*")


@contextmanager
def tables(engine, metadata):
    """Create tables, and drop them at the end."""
    metadata.create_all(engine)
    try:
        yield
    finally:
        metadata.drop_all(engine)


@pytest.fixture(scope="module")
def engine(sql_engine):
    with tables(sql_engine, Base.metadata):
        yield sql_engine


@pytest.fixture
def session(engine):
    with Session(engine) as session:
        yield session
        session.rollback()


def stored(session):
    return session.scalars(text("SELECT wanted FROM subscription ORDER BY id")).all()


class TestValues:
    def test_the_database_holds_the_canonical_form_and_rows_hold_filters(self, session):
        session.add_all(
            [
                Subscription(id=1, wanted=CategoryFilter("b, a")),
                Subscription(id=2, wanted="- b, a"),
                Subscription(id=3, wanted=None),
            ]
        )
        session.flush()
        session.expire_all()
        assert stored(session) == ["a,b", "-a,b", None]
        loaded = [session.get(Subscription, number).wanted for number in (1, 2, 3)]
        assert loaded == [CategoryFilter("a,b"), CategoryFilter("-a,b"), None]
        for same in (CategoryFilter("a,b"), "b, a"):
            found = select(Subscription.id).where(Subscription.wanted == same)
            assert session.scalars(found).all() == [1]

    def test_assigned_strings_are_parsed_at_once(self, session):
        row = Subscription(wanted=" b,a ")
        assert row.wanted == CategoryFilter("a,b")
        row.wanted = "-a"
        assert row.wanted == CategoryFilter("-a")
        row.wanted = None
        session.add(row)
        session.flush()
        assert (row.wanted, row.known, row.plain) == (
            None,
            CategoryFilter("*"),
            CategoryFilter("-*"),
        )

    def test_assigning_an_invalid_string_raises(self, session):
        row = Subscription(wanted="a")
        with pytest.raises(FilterSyntaxError):
            row.wanted = "a,,b"
        assert row.wanted == CategoryFilter("a")
        with pytest.raises(StatementError) as caught:
            session.execute(update(Subscription).values(wanted="a,,b"))
        assert isinstance(caught.value.orig, FilterSyntaxError)

    def test_assigning_unknown_names_raises(self):
        with pytest.raises(UnknownCategoryError) as caught:
            Subscription(known="news, sprot")
        assert caught.value.unknown == (("sprot", 6, ("sport",)),)

    def test_retired_names_of_the_stored_row_stay_valid(self, session):
        session.add(Subscription(id=1, known=CategoryFilter("weather")))
        session.commit()
        row = session.get(Subscription, 1)
        row.known = "news, weather"
        assert row.known == CategoryFilter("news,weather")
        with pytest.raises(UnknownCategoryError, match=r"'wether' at 0"):
            row.known = "wether, weather"
        session.rollback()
        session.execute(delete(Subscription))
        session.commit()

    def test_a_detached_row_that_is_not_loaded_accepts_only_known_names(self, session):
        row = Subscription(known=CategoryFilter("weather"))
        session.add(row)
        session.flush()
        session.expire(row)
        session.expunge(row)
        with pytest.raises(UnknownCategoryError):
            row.known = "weather"
        row.wanted = row.known = "ads"
        assert (row.wanted, row.known) == (CategoryFilter("ads"), CategoryFilter("ads"))

    def test_retired_names_stay_valid_if_the_column_has_another_name(self, sql_engine):
        class OtherBase(DeclarativeBase):
            pass

        class Row(OtherBase):
            __tablename__ = "renamed"
            id: Mapped[int] = mapped_column(primary_key=True)
            wanted: Mapped[CategoryFilter] = mapped_column("filter", CategoryFilterType(KNOWN))

        with tables(sql_engine, OtherBase.metadata), Session(sql_engine) as session:
            row = Row(wanted=CategoryFilter("weather"))
            session.add(row)
            session.flush()
            session.expire(row)
            row.wanted = "news, weather"
            assert row.wanted == CategoryFilter("news,weather")
            session.rollback()

    def test_the_stored_filter_is_loaded_only_for_unknown_names(self, session):
        row = Subscription(id=1, wanted="a", known=CategoryFilter("weather"))
        session.add(row)
        session.flush()
        session.expire(row)
        statements = []
        event.listen(
            session.connection(),
            "before_cursor_execute",
            lambda *arguments: statements.append(arguments[2].split()[0]),
        )
        row.wanted = "b"
        row.known = "news"
        assert statements == []
        session.expire(row)
        row.known = "weather"
        assert statements == ["SELECT"]

    def test_the_longest_filter_fits_the_column(self, session):
        longest = CategoryFilter(
            "-" + ",".join(f"{number:0>8}" for number in range(7281)) + ",abcde"
        )
        assert len(str(longest)) == 65_535
        longest = CategoryFilter(f"{longest}f")
        session.add(Subscription(id=1, wanted=longest))
        session.flush()
        session.expire_all()
        assert session.get(Subscription, 1).wanted == longest


class TestDefaults:
    @pytest.mark.parametrize("option", ["default", "onupdate"])
    def test_strings_become_filters(self, option):
        column = Column("wanted", CategoryFilterType(KNOWN), **{option: "sport, news"})
        Table("row", MetaData(), column)
        default = column.onupdate if option == "onupdate" else column.default
        assert default.arg == CategoryFilter("news,sport")

    @pytest.mark.parametrize("option", ["server_default", "server_onupdate"])
    def test_the_server_default_is_the_canonical_form(self, option):
        column = Column("wanted", CategoryFilterType(KNOWN, length=20), **{option: "- sport, news"})
        Table("row", MetaData(), column)
        assert getattr(column, option).arg == "-news,sport"

    @pytest.mark.parametrize(
        ("dialect", "default"),
        [
            (sqlite.dialect(), "TEXT DEFAULT '-news,sport'"),
            (psycopg.dialect(), "TEXT DEFAULT '-news,sport'"),
            (
                mysql.dialect(),  # it rejects DEFAULT '*' for a column of text
                "MEDIUMTEXT CHARACTER SET ascii COLLATE ascii_bin DEFAULT ('-news,sport')",
            ),
        ],
        ids=lambda value: getattr(value, "name", None),
    )
    def test_mysql_gets_the_server_default_of_text_as_an_expression(self, dialect, default):
        column = Column("wanted", CategoryFilterType(KNOWN), server_default="- sport, news")
        statement = CreateTable(Table("row", MetaData(), column))
        assert str(statement.compile(dialect=dialect)).split("wanted ")[1].split("\n")[0] == default

    @pytest.mark.parametrize("option", ["default", "onupdate", "server_default"])
    @pytest.mark.parametrize(
        ("default", "reason"),
        [
            ("news;sport", "write ',' instead of ';'; did you mean 'news,sport'?"),
            ("sprot", "unknown category 'sprot' (did you mean 'sport'?)"),
        ],
    )
    def test_an_invalid_default_fails_the_definition_of_the_class(self, option, default, reason):
        class OtherBase(DeclarativeBase):
            pass

        with pytest.raises(ArgumentError) as caught:

            class Row(OtherBase):
                __tablename__ = "row"
                id: Mapped[int] = mapped_column(primary_key=True)
                wanted: Mapped[CategoryFilter] = mapped_column(
                    CategoryFilterType(KNOWN), **{option: default}
                )

        assert str(caught.value) == f"invalid default of row.wanted: {reason}"

    def test_defaults_of_a_table_are_stored_in_canonical_form(self, sql_engine):
        metadata = MetaData()
        row = Table(
            "defaults",
            metadata,
            Column("id", Integer, primary_key=True),
            Column("default", CategoryFilterType, default="b, a"),
            Column("server", CategoryFilterType(length=9), server_default="b, a"),
            Column("text", CategoryFilterType, server_default="b, a"),
            Column("function", CategoryFilterType, default=lambda: "b, a"),
            Column("none", CategoryFilterType, default=lambda: None),
            Column("expression", CategoryFilterType, default=text("'a,b'")),
        )
        with tables(sql_engine, metadata), sql_engine.begin() as connection:
            connection.execute(insert(row), {"id": 1})
            (found,) = connection.execute(text("SELECT * FROM defaults"))
            assert found == (1, "a,b", "a,b", "a,b", "a,b", None, "a,b")

    def test_a_default_function_may_return_a_string(self, sql_engine):
        class OtherBase(DeclarativeBase):
            pass

        class Row(OtherBase):
            __tablename__ = "with_default"
            id: Mapped[int] = mapped_column(primary_key=True)
            note: Mapped[int | None]
            wanted: Mapped[CategoryFilter] = mapped_column(
                CategoryFilterType, default=lambda: "b, a", onupdate=lambda: CategoryFilter("c")
            )

        with tables(sql_engine, OtherBase.metadata), Session(sql_engine) as session:
            row = Row()
            session.add(row)
            session.flush()
            assert row.wanted == CategoryFilter("a,b")
            row.note = 1
            session.flush()
            assert row.wanted == CategoryFilter("c")
            session.rollback()

    def test_rows_hold_the_default_as_a_filter(self, session):
        row = Subscription()
        session.add(row)
        session.flush()
        assert row.known == CategoryFilter("*")

    @pytest.mark.parametrize("default", ["- ads", CategoryFilter("-ads")])
    def test_mapped_dataclasses_hold_filters(self, default):
        class OtherBase(MappedAsDataclass, DeclarativeBase):
            pass

        class Row(OtherBase):
            __tablename__ = "row"
            id: Mapped[int] = mapped_column(primary_key=True, init=False)
            wanted: Mapped[CategoryFilter] = mapped_column(CategoryFilterType, default=default)

        assert Row().wanted == CategoryFilter("-ads")
        assert Row(wanted="b,a") == Row(wanted=CategoryFilter("a,b"))


def column_type(type_, dialect):
    """Return the type of a column in a statement that creates its table."""
    statement = CreateTable(Table("row", MetaData(), Column("wanted", type_)))
    return str(statement.compile(dialect=dialect)).split("wanted ")[1].split("\n")[0]


class TestColumns:
    @pytest.mark.parametrize(
        ("type_", "types"),
        [
            (
                CategoryFilterType,
                ("TEXT", "TEXT", "MEDIUMTEXT CHARACTER SET ascii COLLATE ascii_bin"),
            ),
            (
                CategoryFilterType(length=255),
                (
                    "VARCHAR(255)",
                    "VARCHAR(255)",
                    "VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin",
                ),
            ),
            (
                CategoryFilterType(length=255, collation="C"),
                (
                    'VARCHAR(255) COLLATE "C"',
                    'VARCHAR(255) COLLATE "C"',
                    "VARCHAR(255) COLLATE C",
                ),
            ),
            (
                CategoryFilterType(collation="C"),
                ('TEXT COLLATE "C"', 'TEXT COLLATE "C"', "MEDIUMTEXT COLLATE C"),
            ),
        ],
    )
    def test_length_and_collation_reach_the_column(self, type_, types):
        dialects = (sqlite.dialect(), psycopg.dialect(), mysql.dialect())
        assert tuple(column_type(type_, dialect) for dialect in dialects) == types

    @pytest.mark.parametrize("dialect", [mssql.dialect(), oracle.dialect()])
    def test_other_databases_raise_when_a_statement_is_compiled(self, dialect):
        message = f"supports SQLite, PostgreSQL, MariaDB and MySQL, not {dialect.name}$"
        with pytest.raises(CompileError, match=f"CategoryFilterType {message}"):
            column_type(CategoryFilterType, dialect)
        for statement in (
            select(Subscription.id).where(Subscription.wanted == "a"),
            insert(Subscription).values(wanted="a"),
            select(Subscription.wanted),
        ):
            with pytest.raises(CompileError, match=f"CategoryFilterType {message}"):
                statement.compile(dialect=dialect).construct_params()

    def test_a_variant_holds_filters_too(self, sql_engine):
        variant = CategoryFilterType().with_variant(VARCHAR(255), "sqlite", "postgresql")
        variant = variant.with_variant(VARCHAR(99, collation="utf8mb4_bin"), "mariadb")
        metadata = MetaData()
        row = Table("variant", metadata, Column("wanted", variant, default="b,a", key="w"))
        assert column_type(variant, sql_engine.dialect).startswith("VARCHAR")
        with tables(sql_engine, metadata), sql_engine.begin() as connection:
            connection.execute(insert(row), [{"w": " c"}, {"w": CategoryFilter("-a")}])
            connection.execute(insert(row))
            found = select(row.c.w).where(row.c.w.allows("b"), row.c.w != "c")
            assert {*connection.scalars(found)} == {CategoryFilter("-a"), CategoryFilter("a,b")}

    def test_a_variant_makes_the_type_usable_on_another_database(self):
        variant = CategoryFilterType().with_variant(
            mssql.VARCHAR(255, collation="Latin1_General_BIN2"), "mssql"
        )
        assert column_type(variant, mssql.dialect()) == (
            "VARCHAR(255) COLLATE Latin1_General_BIN2 NULL"
        )

    def test_unique_columns_are_case_sensitive(self, sql_engine):
        metadata = MetaData()
        row = Table(
            "unique_", metadata, Column("wanted", CategoryFilterType(length=99), unique=True)
        )
        with tables(sql_engine, metadata), sql_engine.connect() as connection:
            connection.execute(
                insert(row), [{"wanted": f} for f in ("news", "News", "-news", "-News")]
            )
            with pytest.raises(IntegrityError):
                connection.execute(insert(row), {"wanted": "News, News"})


def test_a_column_property_is_not_instrumented():
    class OtherBase(DeclarativeBase):
        pass

    class Row(OtherBase):
        __tablename__ = "row"
        id: Mapped[int] = mapped_column(primary_key=True)
        wanted: Mapped[CategoryFilter] = mapped_column(CategoryFilterType)

    Row.first = column_property(select(Row.wanted).limit(1).scalar_subquery())
    OtherBase.registry.configure()
    assert Row(wanted="b,a").wanted == CategoryFilter("a,b")


def test_an_async_row_that_is_not_loaded_accepts_only_known_names(postgres_url):
    async def assign():
        engine = create_async_engine(postgres_url.replace("://", "+psycopg://"))
        async with engine.connect() as connection, AsyncSession(connection) as session:
            await connection.run_sync(Base.metadata.create_all)
            row = Subscription(known=CategoryFilter("weather"))
            session.add(row)
            await session.flush()
            session.expire(row)
            row.known = "news"
            assert row.known == CategoryFilter("news")
            session.expire(row)
            with pytest.raises(UnknownCategoryError):
                row.known = "weather"
            await session.rollback()
        await engine.dispose()

    asyncio.run(assign())
