"""Collations and indexes: exact whatever the column's collation, and fast where an index helps."""

import pytest
from sqlalchemy import (
    Column,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    func,
    insert,
    select,
    true,
)

from category_filter import CategoryFilter
from category_filter.integrations.sqlalchemy import CategoryFilterType

FILTERS = ["news", "News", "-news", "-News", "_", "-_", "*", "-*", "news,sport", "-News,sport"]
CATEGORIES = [
    "news",
    "News",
    "NEWS",
    "n\u00e9ws",
    "_",
    "",
    " ",
    "*",
    "-news",
    "news ",
    "news,sport",
]

IGNORING_CASE = {
    "sqlite": "NOCASE",
    "postgresql": "ignoring_case",
    "mariadb": "utf8mb4_general_ci",
}


@pytest.fixture
def ignoring_case(sql_engine):
    """Return a collation for which "news" equals "News"."""
    name = sql_engine.dialect.name
    if name == "postgresql":
        with sql_engine.begin() as connection:
            connection.exec_driver_sql(
                "CREATE COLLATION IF NOT EXISTS ignoring_case"
                " (provider = icu, locale = 'und-u-ks-level1-ka-shifted', deterministic = false)"
            )
    return IGNORING_CASE[name]


@pytest.mark.parametrize("collated", ["wanted", "category", "both"])
def test_allows_is_exact_whatever_the_collation_of_its_columns(sql_engine, ignoring_case, collated):
    metadata = MetaData()
    subscription = Table(
        "subscription",
        metadata,
        Column(
            "wanted",
            CategoryFilterType(
                length=99, collation=ignoring_case if collated != "category" else None
            ),
        ),
    )
    event = Table(
        "event",
        metadata,
        Column("category", String(99, collation=ignoring_case if collated != "wanted" else None)),
    )
    metadata.create_all(sql_engine)
    with sql_engine.begin() as connection:
        connection.execute(insert(subscription), [{"wanted": f} for f in FILTERS])
        connection.execute(insert(event), [{"category": name} for name in CATEGORIES])
        wanted, category = subscription.c.wanted, event.c.category
        pairs = select(wanted, category, wanted.allows(category))
        found = {
            (str(f), name, allowed)
            for f, name, allowed in connection.execute(
                pairs.select_from(subscription.join(event, true()))
            )
        }
        assert found == {
            (f, name, CategoryFilter(f).allows(name)) for f in FILTERS for name in CATEGORIES
        }
        for name in CATEGORIES:
            rows = connection.scalars(select(wanted).where(wanted.allows(name)))
            assert {*map(str, rows)} == {f for f in FILTERS if CategoryFilter(f).allows(name)}
    metadata.drop_all(sql_engine)


metadata = MetaData()
subscription = Table(
    "large",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("wanted", CategoryFilterType(length=255), index=True),
    Column("device", Text, default="a push token, " * 10),
)
wanted = subscription.c.wanted
Index("wants_news", subscription.c.id, postgresql_where=wanted.allows("news")).ddl_if(
    dialect="postgresql"
)


@pytest.fixture(scope="module")
def plan(sql_engine):
    """Return a function that explains a query of 20,000 rows with few distinct filters."""
    metadata.create_all(sql_engine)
    rows = [{"wanted": CategoryFilter("-ads,sport")}, {"wanted": CategoryFilter("ads")}] * 9_900
    rows += [{"wanted": CategoryFilter("news")}, {"wanted": CategoryFilter("*")}] * 100
    with sql_engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("BEGIN")
        connection.execute(insert(subscription), rows)
        connection.exec_driver_sql("COMMIT")
        analyze = {"postgresql": "VACUUM ANALYZE large", "mariadb": "ANALYZE TABLE large"}
        connection.exec_driver_sql(analyze.get(sql_engine.dialect.name, "ANALYZE large")).close()

        def explain(query):
            sql = str(query.compile(sql_engine, compile_kwargs={"literal_binds": True}))
            match sql_engine.dialect.name:
                case "postgresql":
                    explained = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {sql}")
                    node = explained.scalar()[0]["Plan"]
                    while "Plans" in node:
                        (node,) = node["Plans"]
                    return node["Node Type"], node.get("Index Name"), "Index Cond" in node
                case "mariadb":
                    row = connection.exec_driver_sql(f"EXPLAIN {sql}").mappings().one()
                    return row["type"], row["key"]
                case _:
                    explained = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}")
                    return explained.mappings().one()["detail"]

        yield explain
    metadata.drop_all(sql_engine)


def test_allows_scans_the_table(plan, sql_engine):
    expected = {
        "sqlite": "SCAN large",
        "postgresql": ("Seq Scan", None, False),
        "mariadb": ("ALL", None),
    }
    assert plan(select(subscription).where(wanted.allows("sport"))) == expected[sql_engine.name]


def test_allows_scans_a_smaller_index_on_servers_if_it_covers_the_query(plan, sql_engine):
    expected = {
        "sqlite": "SCAN large",
        "postgresql": ("Index Only Scan", "ix_large_wanted", False),
        "mariadb": ("index", "ix_large_wanted"),
    }
    count = select(func.count()).select_from(subscription).where(wanted.allows("sport"))
    assert plan(count) == expected[sql_engine.name]


def test_in_finds_distinct_filters_by_the_index(plan, sql_engine):
    expected = {
        "sqlite": "SEARCH large USING INDEX ix_large_wanted (wanted=?)",
        "postgresql": ("Bitmap Index Scan", "ix_large_wanted", True),
        "mariadb": ("range", "ix_large_wanted"),
    }
    allowing = [CategoryFilter("news"), CategoryFilter("*")]
    assert plan(select(subscription).where(wanted.in_(allowing))) == expected[sql_engine.name]


def test_a_filter_is_found_by_the_index(plan, sql_engine):
    expected = {
        "sqlite": "SEARCH large USING INDEX ix_large_wanted (wanted=?)",
        "postgresql": ("Bitmap Index Scan", "ix_large_wanted", True),
        "mariadb": ("ref", "ix_large_wanted"),
    }
    found = select(subscription).where(wanted == CategoryFilter("news"))
    assert plan(found) == expected[sql_engine.name]


def test_postgresql_has_an_index_of_the_rows_that_allow_one_category(plan, sql_engine):
    if sql_engine.name == "postgresql":
        rows = select(subscription.c.id).where(wanted.allows("news"))
        assert plan(rows) == ("Index Only Scan", "wants_news", False)
