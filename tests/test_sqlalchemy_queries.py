"""Conditions and comparisons in SQL agree with Python, on SQLite, PostgreSQL and MariaDB."""

import re
from collections import Counter
from enum import Enum

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import (
    Index,
    Text,
    bindparam,
    case,
    column,
    delete,
    exists,
    func,
    insert,
    literal,
    null,
    select,
    true,
    type_coerce,
)
from sqlalchemy.dialects import mssql, oracle
from sqlalchemy.exc import CompileError
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    aliased,
    mapped_column,
)

from category_filter import CategoryFilter
from category_filter.integrations.sqlalchemy import CategoryFilterType
from category_filter.testing import filters, names, texts


class Base(DeclarativeBase):
    type_annotation_map = {CategoryFilter: CategoryFilterType(length=255)}


class Subscription(Base):
    __tablename__ = "subscription"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    wanted: Mapped[CategoryFilter | None] = mapped_column(index=True)
    device: Mapped[str] = mapped_column(Text, default="a push token, " * 10)


class Event(Base):
    __tablename__ = "event"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    category: Mapped[str | None] = mapped_column(Text)


Index("wants_news", Subscription.id, postgresql_where=Subscription.wanted.allows("news")).ddl_if(
    dialect="postgresql"
)


@pytest.fixture(scope="module")
def engine(sql_engine):
    Base.metadata.create_all(sql_engine)
    yield sql_engine
    Base.metadata.drop_all(sql_engine)


@pytest.fixture
def session(engine):
    with Session(engine) as session:
        yield session
        session.rollback()


def store(session, model, rows):
    """Replace the rows of a table, and number them from 0."""
    session.execute(delete(model))
    if rows:
        session.execute(insert(model), [{"id": n, **row} for n, row in enumerate(rows)])


def ids(session, *conditions):
    """Return the ids of the subscriptions that meet the conditions."""
    found = select(Subscription.id).where(*conditions).order_by(Subscription.id)
    return session.scalars(found).all()


class Plain(Enum):
    NEWS = "news"


class Mixed(str, Enum):  # noqa: UP042 - unlike StrEnum, its str() is not the value
    NEWS = "news"


# These differ only in case and form.
similar = st.sampled_from(
    [CategoryFilter(text) for text in ("news", "News", "-news", "-News", "NEWS,news", "*", "-*")]
)
# Valid names, and strings that are not names.
categories = (
    names() | texts() | filters().map(str) | st.sampled_from(["", " ", "news ", "*", "-*", ","])
)
shared_transaction = settings(
    max_examples=settings().max_examples // 2,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def is_storable(text):
    """Return True if every database can store a string.

    PostgreSQL cannot store U+0000, and a text of MariaDB has at most 65,535 bytes.
    """
    return not re.search("[\x00\ud800-\udfff]", text) and len(text.encode()) <= 65_535


def categories_to_test(wanted, category):
    """Return a given category, and categories that could be confused with the listed names."""
    listed = [name for f in wanted if f for name in f.names]
    return {
        category,
        *listed,
        *(name[:-1] for name in listed),
        *(name.swapcase() for name in listed),
        *(f"-{name}" for name in listed),
        *(",".join(sorted(f.names)) for f in wanted if f),
    }


class TestAllows:
    @shared_transaction
    @given(st.lists(filters() | similar | st.none(), max_size=8), categories)
    def test_it_agrees_with_python_for_strings(self, session, wanted, category):
        store(session, Subscription, [{"wanted": f} for f in wanted])
        for asked in categories_to_test(wanted, category):
            condition = Subscription.wanted.allows(asked)
            allowed = [n for n, f in enumerate(wanted) if f and f.allows(asked)]
            denied = [n for n, f in enumerate(wanted) if f and not f.allows(asked)]
            assert (ids(session, condition), ids(session, ~condition)) == (allowed, denied)

    @shared_transaction
    @given(st.lists(filters() | similar | st.none(), max_size=8), categories)
    def test_it_agrees_with_python_for_columns(self, session, wanted, category):
        asked = [None, *filter(is_storable, categories_to_test(wanted, category))]
        store(session, Subscription, [{"wanted": f} for f in wanted])
        store(session, Event, [{"category": category} for category in asked])
        condition = Subscription.wanted.allows(Event.category)
        pairs = select(Subscription.wanted, Event.category, condition).join(Event, true())
        expected = Counter(
            (f, category, None if f is None or category is None else f.allows(category))
            for f in wanted
            for category in asked
        )
        assert Counter(map(tuple, session.execute(pairs))) == expected

    @pytest.mark.parametrize(
        ("wanted", "asked", "expected"),
        [
            ("group_x", "groupyx", False),  # `_` is not a wildcard
            ("50:x", "50%x", False),  # `%` is not a wildcard
            ("News", "news", False),  # names are case-sensitive
            ("a-b", "b", False),  # part of a name
            ("a.b/c", "a.b/c", True),
            ("-a", "a", False),
            ("-a", "-a", True),  # not a name, so no filter lists it
            ("-x-a,b", "a", True),
            ("a,b", "a,b", False),
            ("-a,b", "a,b", True),
            ("a", "a ", False),  # some databases ignore trailing spaces
            ("-a", "a ", True),
            ("*", "*", True),
            ("*", "", True),
            ("-*", "*", False),
            ("-*", "", False),
            ("-*", "-*", False),
            ("a", "\N{LATIN SMALL LETTER A WITH ACUTE}", False),  # some collations ignore accents
            ("a", "\N{FULLWIDTH LATIN SMALL LETTER A}", False),
        ],
    )
    def test_edge_cases_that_a_text_search_gets_wrong(self, session, wanted, asked, expected):
        store(session, Subscription, [{"wanted": wanted}])
        store(session, Event, [{"category": asked}])
        assert CategoryFilter(wanted).allows(asked) is expected
        for category in (asked, literal(asked), Event.category):
            condition = Subscription.wanted.allows(category)
            query = select(Subscription.id).join(Event, Event.id == 0).where(condition)
            assert bool(session.scalars(query).all()) is expected

    @pytest.mark.parametrize("asked", [Plain.NEWS, Mixed.NEWS])
    def test_the_category_may_be_an_enum_member(self, session, asked):
        store(session, Subscription, [{"wanted": f} for f in ("news", "-news", "*")])
        assert ids(session, Subscription.wanted.allows(asked)) == [0, 2]

    def test_events_join_the_subscriptions_that_allow_them(self, session):
        store(session, Subscription, [{"wanted": f} for f in ("news", "-news", "*", None)])
        store(session, Event, [{"category": name} for name in ("news", "sport", None)])
        other = aliased(Event)
        deliveries = (
            select(Subscription.id, other.category)
            .join(other, Subscription.wanted.allows(other.category))
            .order_by(Subscription.id, other.category)
        )
        assert [*map(tuple, session.execute(deliveries))] == [
            *((0, "news"), (1, "sport"), (2, "news"), (2, "sport")),
        ]

    def test_the_category_may_be_any_expression(self, session):
        store(session, Subscription, [{"wanted": f} for f in ("news", "-news", "*", None)])
        store(session, Event, [{"category": "NEWS"}])
        lowered = select(func.lower(Event.category)).scalar_subquery()
        for category in (lowered, literal("ne").concat("ws"), case((lowered == "news", "news"))):
            assert ids(session, Subscription.wanted.allows(category)) == [0, 2]
        correlated = exists().where(Subscription.wanted.allows(func.lower(Event.category)))
        assert ids(session, correlated) == [0, 2]

    def test_the_category_may_be_a_parameter(self, session):
        store(session, Subscription, [{"wanted": f} for f in ("news", "-news", "*", None)])
        query = select(Subscription.id).where(Subscription.wanted.allows(bindparam("category")))
        for category, expected in [
            ("news", {0, 2}),
            ("sport", {1, 2}),
            ("-", {1, 2}),
            (None, set()),
        ]:
            assert {*session.scalars(query, {"category": category})} == expected

    def test_null_makes_the_condition_null(self, session):
        store(session, Subscription, [{"wanted": f} for f in ("a", "-a", "*", "-*", None)])
        for condition in (
            Subscription.wanted.allows(null()),
            type_coerce(null(), CategoryFilterType).allows("a"),
        ):
            assert {*session.scalars(select(condition))} == {None}

    def test_any_expression_of_the_type_has_the_condition(self, session):
        store(session, Subscription, [{"wanted": f} for f in ("news", None)])
        either = func.coalesce(Subscription.wanted, CategoryFilter("-news"))
        assert ids(session, either.allows("news")) == [0]
        assert ids(session, either.allows("sport")) == [1]

    def test_literal_binds_are_rendered(self, session):
        store(session, Subscription, [{"wanted": f} for f in ("news", "-news")])
        for category in ("news", literal("news")):
            query = select(Subscription.id).where(
                Subscription.wanted.allows(category), Subscription.wanted != CategoryFilter("b, a")
            )
            sql = query.compile(session.get_bind(), compile_kwargs={"literal_binds": True})
            assert "'a,b'" in str(sql)
            assert session.connection().exec_driver_sql(str(sql).replace("%", "%%")).all() == [(0,)]

    @pytest.mark.parametrize("category", [3, None, select(Event.category)])
    def test_a_category_of_another_type_raises(self, category):
        name = type(category).__name__
        with pytest.raises(TypeError, match=f"^category must be a str, not {name}$"):
            Subscription.wanted.allows(category)

    @pytest.mark.parametrize("dialect", [mssql.dialect(), oracle.dialect()])
    @pytest.mark.parametrize("category", ["news", column("category")])
    def test_other_databases_raise_when_it_is_compiled(self, dialect, category):
        condition = CategoryFilterType.Comparator.allows(column("wanted").comparator, category)
        message = f"^allows supports SQLite, PostgreSQL, MariaDB and MySQL, not {dialect.name}$"
        with pytest.raises(CompileError, match=message):
            condition.compile(dialect=dialect)

    def test_categories_are_parameters_of_one_cached_statement(self):
        first, second = (
            select(Subscription).where(Subscription.wanted.allows(name)) for name in ("a", "b")
        )
        assert first._generate_cache_key() is not None
        assert first._generate_cache_key() == second._generate_cache_key()
        assert "',a,'" not in str(first)
        assert "REPLACE" in str(first)


class TestComparisons:
    @shared_transaction
    @given(st.lists(filters() | similar | st.none(), max_size=8), filters() | similar)
    def test_comparisons_agree_with_python(self, session, wanted, other):
        store(session, Subscription, [{"wanted": f} for f in wanted])
        column = Subscription.wanted
        equal = [n for n, f in enumerate(wanted) if f == other]
        assert ids(session, column == other) == equal
        assert ids(session, column != other) == [
            n for n, f in enumerate(wanted) if f and f != other
        ]
        some = [f for f in wanted[::2] if f]
        assert ids(session, column.in_(some)) == [n for n, f in enumerate(wanted) if f in some]
        assert Counter(session.scalars(select(column).distinct())) == Counter({*wanted})
        grouped = session.execute(select(column, func.count()).group_by(column))
        assert dict(map(tuple, grouped)) == Counter(wanted)
        assert session.scalar(select(func.count(column.distinct()))) == len({*wanted} - {None})

    def test_rows_are_found_by_their_distinct_filters(self, session):
        """The recipe for large tables, where a collation that ignores case gives other rows."""
        store(session, Subscription, [{"wanted": f} for f in ("news", "News", "-news", "-News")])
        distinct = session.scalars(select(Subscription.wanted).distinct())
        allowing = [f for f in distinct if f.allows("News")]
        assert ids(session, Subscription.wanted.in_(allowing)) == [1, 2]
        assert ids(session, Subscription.wanted.allows("News")) == [1, 2]

    def test_like_searches_the_canonical_form(self, session):
        store(session, Subscription, [{"wanted": f} for f in ("-a,b", "b", "*")])
        wanted = Subscription.wanted
        for condition, found in [
            (wanted == "b , b", [1]),
            (wanted != "*", [0, 1]),
            (wanted.in_(["- b,a", CategoryFilter("b")]), [0, 1]),
            (wanted.not_in(["b"]), [0, 2]),
            (wanted.is_distinct_from("b , b"), [0, 2]),
            (wanted.is_not_distinct_from("b , b"), [1]),
            (wanted.like("-%"), [0]),
            (wanted.startswith("-"), [0]),
            (wanted.contains(","), [0]),
            (wanted.is_(None), []),
        ]:
            assert ids(session, condition) == found


class TestValuesInExpressions:
    def test_filters_are_values_in_any_expression(self, session):
        store(session, Subscription, [{"wanted": f} for f in ("news", None)])
        f = CategoryFilter("b, a")
        for expression, found in [
            (func.coalesce(Subscription.wanted, f), [CategoryFilter("news"), f]),
            (func.coalesce(Subscription.wanted, "b, a"), [CategoryFilter("news"), f]),
            (case((Subscription.id == 0, f), else_=Subscription.wanted), [f, None]),
            (
                case((Subscription.id == 0, Subscription.wanted), else_=f),
                [CategoryFilter("news"), f],
            ),
            (case((Subscription.id == 0, CategoryFilter("*")), else_=f), [CategoryFilter("*"), f]),
            (literal(f), [f, f]),
            (literal("b, a", CategoryFilterType()), [f, f]),
            (func.nullif(Subscription.wanted, CategoryFilter("news")), [None, None]),
        ]:
            query = select(expression).order_by(Subscription.id).select_from(Subscription)
            assert session.scalars(query).all() == found, str(expression)

    def test_a_literal_filter_has_the_condition(self, session):
        store(session, Subscription, [{"wanted": f} for f in ("news", "sport")])
        store(session, Event, [{"category": name} for name in ("news", "sport")])
        found = select(Event.id).where(literal(CategoryFilter("-news")).allows(Event.category))
        assert session.scalars(found).all() == [1]
