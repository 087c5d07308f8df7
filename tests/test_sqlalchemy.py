"""The column type and `allows`, on SQLite and PostgreSQL."""

import asyncio
from enum import Enum
from typing import Annotated

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Index, create_engine, delete, event, func, insert, select, text, update
from sqlalchemy.exc import ArgumentError, StatementError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    MappedAsDataclass,
    Session,
    column_property,
    mapped_column,
)
from strategies import filters, names, texts

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
    wanted: Mapped[CategoryFilter | None] = mapped_column(index=True)
    device: Mapped[str] = mapped_column(default="a push token, " * 10)
    known: Mapped[KnownFilter] = mapped_column(default=CategoryFilter("*"))
    plain: Mapped[Annotated[CategoryFilter, KNOWN]] = mapped_column(server_default="-*")


Index("wants_news", Subscription.id, postgresql_where=Subscription.wanted.allows("news"))


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def engine(request):
    if request.param == "sqlite":
        url = "sqlite://"
    else:
        url = request.getfixturevalue("postgres_url").replace("://", "+psycopg://")
    engine = create_engine(url)
    Base.metadata.create_all(engine)
    yield engine
    Base.metadata.drop_all(engine)
    engine.dispose()


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

    def test_retired_names_stay_valid_if_the_column_has_another_name(self, engine):
        class OtherBase(DeclarativeBase):
            pass

        class Row(OtherBase):
            __tablename__ = "renamed"
            id: Mapped[int] = mapped_column(primary_key=True)
            wanted: Mapped[CategoryFilter] = mapped_column("filter", CategoryFilterType(KNOWN))

        with Session(engine) as session:
            OtherBase.metadata.create_all(session.connection())
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


class TestDefaults:
    @pytest.mark.parametrize("option", ["default", "onupdate"])
    def test_a_string_as_default_raises(self, option):
        class OtherBase(DeclarativeBase):
            pass

        class Row(OtherBase):
            __tablename__ = "row"
            id: Mapped[int] = mapped_column(primary_key=True)
            wanted: Mapped[CategoryFilter] = mapped_column(CategoryFilterType, **{option: "-ads"})

        message = r"^the default of Row.wanted is a str: use CategoryFilter\('-ads'\)$"
        with pytest.raises(ArgumentError, match=message):
            OtherBase.registry.configure()

    def test_a_default_function_may_return_a_string(self, engine):
        class OtherBase(DeclarativeBase):
            pass

        class Row(OtherBase):
            __tablename__ = "row"
            id: Mapped[int] = mapped_column(primary_key=True)
            note: Mapped[str | None]
            wanted: Mapped[CategoryFilter] = mapped_column(
                CategoryFilterType, default=lambda: "b, a", onupdate=lambda: CategoryFilter("c")
            )

        with Session(engine) as session:
            OtherBase.metadata.create_all(session.connection())
            row = Row()
            session.add(row)
            session.flush()
            assert row.wanted == CategoryFilter("a,b")
            row.note = "new"
            session.flush()
            assert row.wanted == CategoryFilter("c")
            session.rollback()

    def test_mapped_dataclasses_hold_filters(self):
        class OtherBase(MappedAsDataclass, DeclarativeBase):
            pass

        class Row(OtherBase):
            __tablename__ = "row"
            id: Mapped[int] = mapped_column(primary_key=True, init=False)
            wanted: Mapped[CategoryFilter] = mapped_column(
                CategoryFilterType, default=CategoryFilter("-ads")
            )

        assert Row().wanted == CategoryFilter("-ads")
        assert Row(wanted="b,a") == Row(wanted=CategoryFilter("a,b"))


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


class TestQueries:
    def test_queries_compare_filters_and_search_text(self, session):
        session.execute(delete(Subscription))
        session.add_all(Subscription(id=n, wanted=f) for n, f in enumerate(["-a,b", "b", "*"]))
        wanted = Subscription.wanted
        for condition, found in [
            (wanted == "b , b", [1]),
            (wanted != CategoryFilter("*"), [0, 1]),
            (wanted.in_(["- b,a", CategoryFilter("b")]), [0, 1]),
            (wanted.not_in(["b"]), [0, 2]),
            (wanted.like("-%"), [0]),
            (wanted.startswith("-"), [0]),
            (wanted.contains(","), [0]),
            (wanted.is_(None), []),
        ]:
            rows = select(Subscription.id).where(condition).order_by(Subscription.id)
            assert session.scalars(rows).all() == found


class Plain(Enum):
    NEWS = "news"


class Mixed(str, Enum):  # noqa: UP042 - unlike StrEnum, its str() is not the value
    NEWS = "news"


@pytest.mark.parametrize("asked", [Plain.NEWS, Mixed.NEWS])
def test_the_category_may_be_an_enum_member(session, asked):
    session.execute(delete(Subscription))
    session.add_all(Subscription(id=n, wanted=f) for n, f in enumerate(["news", "-news", "*"]))
    found = select(Subscription.id).where(Subscription.wanted.allows(asked))
    assert session.scalars(found.order_by(Subscription.id)).all() == [0, 2]


# Valid names, and strings that are not names.
categories = names | texts


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(filters | st.none(), max_size=8), categories)
def test_allows_in_sql_agrees_with_python(session, wanted, category):
    listed = [name for f in wanted if f for name in f.names]
    session.execute(delete(Subscription))
    if wanted:
        rows = [{"id": number, "wanted": f} for number, f in enumerate(wanted)]
        session.execute(insert(Subscription), rows)
    for asked in {category, *listed, *(name[:-1] for name in listed), *(f"-{n}" for n in listed)}:
        found = session.scalars(
            select(Subscription.id)
            .where(Subscription.wanted.allows(asked))
            .order_by(Subscription.id)
        )
        assert found.all() == [number for number, f in enumerate(wanted) if f and f.allows(asked)]


@pytest.mark.parametrize(
    ("wanted", "asked", "expected"),
    [
        ("group_x", "groupyx", False),  # `_` is not a wildcard
        ("News", "news", False),  # names are case-sensitive
        ("a-b", "b", False),  # part of a name
        ("a.b/c", "a.b/c", True),
        ("-a", "a", False),
        ("-a", "-a", True),  # not a name, so no filter lists it
        ("-x-a,b", "a", True),
        ("a,b", "a,b", False),
        ("*", "*", True),
        ("-*", "*", False),
        ("-*", "-*", False),
    ],
)
def test_edge_cases_that_a_text_search_gets_wrong(session, wanted, asked, expected):
    session.execute(delete(Subscription))
    session.add(Subscription(id=1, wanted=wanted))
    found = session.scalars(select(Subscription.id).where(Subscription.wanted.allows(asked)))
    assert bool(found.all()) is expected is CategoryFilter(wanted).allows(asked)


def test_a_category_of_another_type_raises():
    with pytest.raises(TypeError, match=r"^category must be a str, not int$"):
        Subscription.wanted.allows(3)


def test_categories_are_parameters_of_one_cached_statement():
    first, second = (
        select(Subscription).where(Subscription.wanted.allows(name)) for name in ("a", "b")
    )
    assert first._generate_cache_key() is not None
    assert first._generate_cache_key() == second._generate_cache_key()
    assert "'a'" not in str(first)


@pytest.fixture(scope="module")
def plan(postgres_url):
    """A function that returns how PostgreSQL reads 20,000 rows with few distinct filters."""
    engine = create_engine(postgres_url.replace("://", "+psycopg://"))
    Base.metadata.create_all(engine)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        rows = [{"wanted": CategoryFilter("-ads,sport")}, {"wanted": CategoryFilter("ads")}] * 9_900
        rows += [{"wanted": CategoryFilter("news")}, {"wanted": CategoryFilter("*")}] * 100
        connection.execute(insert(Subscription), rows)
        connection.execute(text("VACUUM ANALYZE subscription"))

        def explain(query):
            sql = query.compile(engine, compile_kwargs={"literal_binds": True})
            explained = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {sql}").scalar()
            node = explained[0]["Plan"]
            while "Plans" in node:
                (node,) = node["Plans"]
            return node["Node Type"], node.get("Index Name"), "Index Cond" in node

        yield explain
    Base.metadata.drop_all(engine)
    engine.dispose()


class TestPlans:
    """The use of indexes on PostgreSQL."""

    def test_allows_scans_the_table(self, plan):
        rows = select(Subscription).where(Subscription.wanted.allows("sport"))
        assert plan(rows) == ("Seq Scan", None, False)

    def test_allows_scans_the_smaller_index_if_it_covers_the_query(self, plan):
        count = select(func.count()).where(Subscription.wanted.allows("sport"))
        assert plan(count) == ("Index Only Scan", "ix_subscription_wanted", False)

    def test_in_finds_distinct_filters_by_the_index(self, plan):
        allowing = [CategoryFilter("news"), CategoryFilter("*")]
        rows = select(Subscription).where(Subscription.wanted.in_(allowing))
        assert plan(rows) == ("Bitmap Index Scan", "ix_subscription_wanted", True)

    def test_a_partial_index_holds_the_rows_that_allow_one_category(self, plan):
        rows = select(Subscription.id).where(Subscription.wanted.allows("news"))
        assert plan(rows) == ("Index Only Scan", "wants_news", False)
