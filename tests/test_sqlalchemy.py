"""The column type: filters in and out, and `allows` in SQL as in Python."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, delete, insert, select, text
from sqlalchemy.exc import StatementError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from strategies import filters, names, texts

from category_filter import CategoryFilter, FilterSyntaxError
from category_filter.integrations.sqlalchemy import CategoryFilterType


class Base(DeclarativeBase):
    pass


class Subscription(Base):
    __tablename__ = "subscription"
    id: Mapped[int] = mapped_column(primary_key=True)
    wanted: Mapped[CategoryFilter | None] = mapped_column(CategoryFilterType)


@pytest.fixture(scope="module")
def engine():
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def session(engine):
    with Session(engine) as session:
        yield session
        session.rollback()


def test_filters_go_in_as_canonical_text_and_come_out_as_filters(session):
    session.add_all(
        [
            Subscription(id=1, wanted=CategoryFilter("b, a")),
            Subscription(id=2, wanted="- b, a"),
            Subscription(id=3, wanted=None),
        ]
    )
    session.flush()
    session.expire_all()
    texts = session.scalars(text("SELECT wanted FROM subscription ORDER BY id")).all()
    assert texts == ["a,b", "-a,b", None]
    loaded = [session.get(Subscription, number).wanted for number in (1, 2, 3)]
    assert loaded == [CategoryFilter("a,b"), CategoryFilter("-a,b"), None]
    same = select(Subscription.id).where(Subscription.wanted == CategoryFilter("a,b"))
    assert session.scalars(same).all() == [1]


def test_a_text_that_is_no_filter_is_not_stored(session):
    session.add(Subscription(wanted="a,,b"))
    with pytest.raises(StatementError) as caught:
        session.flush()
    assert isinstance(caught.value.orig, FilterSyntaxError)


# Whatever may be asked for: names, names that are part of another, and what is no name at all.
categories = names | texts.filter(lambda text: "\x00" not in text and text.isprintable())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(filters | st.none(), max_size=8), categories)
def test_allows_in_sql_is_allows_in_python(session, wanted, category):
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
        ("group_x", "groupyx", False),  # no wildcard
        ("News", "news", False),  # case counts
        ("a-b", "b", False),  # part of a name
        ("a.b/c", "a.b/c", True),
        ("-a", "a", False),
        ("-a", "-a", True),  # no name, so nobody lists it
        ("-x-a,b", "a", True),
        ("a,b", "a,b", False),
        ("*", "*", True),
        ("-*", "*", False),
        ("-*", "-*", False),
    ],
)
def test_traps(session, wanted, asked, expected):
    session.execute(delete(Subscription))
    session.add(Subscription(id=1, wanted=wanted))
    found = session.scalars(select(Subscription.id).where(Subscription.wanted.allows(asked)))
    assert bool(found.all()) is expected is CategoryFilter(wanted).allows(asked)


def test_what_is_no_text_is_no_category():
    with pytest.raises(TypeError, match=r"^a category is a str, not int$"):
        Subscription.wanted.allows(3)


def test_the_statement_is_cached():
    """One statement for all categories: they are parameters, and the type says that it may be."""
    first, second = (
        select(Subscription).where(Subscription.wanted.allows(name)) for name in ("a", "b")
    )
    assert first._generate_cache_key() == second._generate_cache_key()
    assert "'a'" not in str(first)
