"""The condition `allows` in SQL gives what Python gives, in every dialect that can run here."""

import sqlite3

import duckdb
import psycopg
import pymysql
import pytest
import sqlglot
from engines import spark
from sqlalchemy import make_url
from sqlglot import exp
from typer.testing import CliRunner

from category_filter import CategoryFilter, FilterSyntaxError
from category_filter.cli import app
from category_filter.sql import DIALECTS, allows, delimited

FILTERS = [
    *("*", "-*", "news", "News", "-news", "-News", "news,sport", "-news,sport", "-x-a", "-x-a,b"),
    *("a", "-a", "a-b", "-a-b", "a.b/c:d", "-a.b/c:d", "_", "-_", "group_x", "-group_x", "0,1,2"),
]
NAMES = sorted({name for f in FILTERS for name in CategoryFilter(f).names})
CATEGORIES = [
    *NAMES,
    *("NEWS", "A", "new", "ews", "groupyx", "group%x", "n\u00e9ws", "\uff4eews", "\U0001f4f0"),
    *("", " ", "news ", " news", "*", "-*", "-", ",", ",,", "-news", "-a", "-x-a", "news,sport"),
    *("it's", '"', "\\", "{}", "%s", ":x", "?"),
]
IGNORING_CASE = {
    "sqlite": "NOCASE",
    "postgresql": "ignoring_case",
    "mariadb": "utf8mb4_general_ci",
    "duckdb": "NOCASE",
    "spark": "UTF8_LCASE",
}
EXECUTED = list(IGNORING_CASE)


def connect(dialect, request):
    """Return a connection of Python's DB-API, or one that behaves like it."""
    match dialect:
        case "sqlite":
            return sqlite3.connect(":memory:")
        case "postgresql":
            connection = psycopg.connect(request.getfixturevalue("postgres_url"))
            connection.execute(
                "CREATE COLLATION IF NOT EXISTS ignoring_case"
                " (provider = icu, locale = 'und-u-ks-level1-ka-shifted', deterministic = false)"
            )
            return connection
        case "mariadb":
            url = make_url(request.getfixturevalue("mariadb_url"))
            return pymysql.connect(
                host=url.host, port=url.port, user=url.username, database=url.database
            )
        case _:
            return duckdb.connect(":memory:")


@pytest.fixture(scope="module", params=EXECUTED)
def database(request):
    """Return the name of a dialect, and a function that returns the rows of a query."""
    if request.param == "spark":
        yield "spark", lambda sql: [tuple(row) for row in spark().sql(sql).collect()]
        return
    connection = connect(request.param, request)

    def execute(sql):
        cursor = connection.cursor()
        cursor.execute(sql)
        return cursor.fetchall()

    yield request.param, execute
    connection.close()


def source(values, column, dialect, collation=None):
    """Return a query of values, which has one column."""
    suffix = f" COLLATE {collation}" if collation else ""
    if dialect in {"mariadb", "spark"}:  # a backslash escapes there
        values = [value.replace("\\", "\\\\") for value in values]
    quote = "\\'" if dialect == "spark" else "''"
    texts = ["'" + value.replace("'", quote) + "'" for value in values]
    if dialect == "spark":  # it is slow to plan a long union
        rows = ", ".join(f"({quoted})" for quoted in [*texts, "NULL"])
        return f"(SELECT {column}{suffix} AS {column} FROM VALUES {rows} AS t({column}))"
    selects = [f"SELECT {quoted}{suffix} AS {column}" for quoted in texts]
    return f"({' UNION ALL '.join([*selects, 'SELECT NULL'])})"


def meaning(text, category):
    """Return the result of Python, with None for null."""
    if text is None or category is None:
        return None
    return CategoryFilter(text).allows(category)


def with_booleans(rows):
    """Return the rows with a boolean as their last value, even if the database has numbers."""
    return {(*row[:-1], None if row[-1] is None else bool(row[-1])) for row in rows}


PAIRS = {
    (text, category, meaning(text, category))
    for text in (*FILTERS, None)
    for category in (*CATEGORIES, None)
}


@pytest.mark.parametrize("collated", [False, True], ids=["default", "ignoring case"])
def test_a_column_of_categories_gives_what_python_gives(database, collated):
    dialect, execute = database
    collation = IGNORING_CASE[dialect] if collated else None
    condition = allows(category_column="e.category", filter_column="s.wanted", dialect=dialect)
    found = execute(
        f"SELECT s.wanted, e.category, {condition}"
        f" FROM {source(FILTERS, 'wanted', dialect, collation)} s"
        f" CROSS JOIN {source(CATEGORIES, 'category', dialect, collation)} e"
    )
    assert len(found) == len(PAIRS)
    assert with_booleans(found) == PAIRS


@pytest.mark.parametrize("collated", [False, True], ids=["default", "ignoring case"])
def test_a_category_gives_what_python_gives(database, collated):
    dialect, execute = database
    collation = IGNORING_CASE[dialect] if collated else None
    conditions = [allows(name, filter_column="wanted", dialect=dialect) for name in NAMES]
    found = execute(
        f"SELECT wanted, {', '.join(conditions)}"
        f" FROM {source(FILTERS, 'wanted', dialect, collation)} s"
    )
    assert {row[0]: [None if a is None else bool(a) for a in row[1:]] for row in found} == {
        text: [meaning(text, name) for name in NAMES] for text in (*FILTERS, None)
    }


@pytest.mark.parametrize("category", [{"category": "news"}, {"category_column": "c || ''"}])
def test_operands_may_be_any_expression(category):
    condition = allows(**category, filter_column="coalesce(f, '-news')", dialect="sqlite")
    rows = sqlite3.connect(":memory:").execute(
        f"SELECT {condition} FROM (SELECT NULL AS f, 'news' AS c UNION ALL SELECT 'news', 'news')"
    )
    assert rows.fetchall() == [(0,), (1,)]


def as_duckdb(node):
    """Remove collations, which are binary in DuckDB by default, and casts of text to text."""
    match node:
        case exp.Collate() | exp.Cast():
            return node.this.transform(as_duckdb)
        case exp.Add():  # concatenation of text
            return exp.DPipe(
                this=node.left.transform(as_duckdb), expression=node.right.transform(as_duckdb)
            )
    return node


@pytest.mark.parametrize("dialect", sorted({*DIALECTS} - {"mariadb"}))
def test_every_dialect_is_valid_and_means_the_same(dialect):
    """SQLGlot reads each dialect, and writes it for DuckDB, which runs it."""
    condition = allows(category_column="e.category", filter_column="s.wanted", dialect=dialect)
    read = {"postgresql": "postgres"}.get(dialect, dialect)
    parsed = sqlglot.parse_one(condition, read=read, error_level=sqlglot.ErrorLevel.RAISE)
    condition = parsed.transform(as_duckdb).sql("duckdb")
    found = duckdb.sql(
        f"SELECT s.wanted, e.category, {condition} FROM {source(FILTERS, 'wanted', 'duckdb')} s"
        f" CROSS JOIN {source(CATEGORIES, 'category', 'duckdb')} e"
    )
    assert with_booleans(found.fetchall()) == PAIRS


@pytest.mark.parametrize(
    ("dialect", "start"),
    [
        ("bigquery", "((SUBSTR(COLLATE(w, ''), 1, 1) IN ('*', '-') AND COLLATE(w, '') <> '-*'\n"),
        ("oracle", "((SUBSTR(w, 1, 1) IN ('*', '-') AND w <> '-*'\n"),
        (
            "redshift",
            "((SUBSTR(COLLATE(w, 'case_sensitive'), 1, 1) IN",
        ),
        (
            "tsql",
            "((SUBSTRING(CAST(w AS NVARCHAR(MAX)) COLLATE Latin1_General_BIN2, 1, 1) IN",
        ),
    ],
)
def test_a_collation_that_ignores_case_is_overridden(dialect, start):
    assert allows("news", filter_column="w", dialect=dialect).startswith(start)


@pytest.mark.parametrize("dialect", ["mariadb", "mysql"])
def test_mysql_searches_lists_without_replace(dialect):
    """MySQL 5.6 evaluates REPLACE of a constant in place, so that later rows see its result."""
    condition = allows("news", filter_column="w", dialect=dialect)
    w = "CONCAT(',', CONVERT(w USING utf8mb4) COLLATE utf8mb4_bin, ',')"
    assert f"AND LOCATE(',news,', REPLACE({w}, ',-', ','))" in condition
    assert f"AND LOCATE(',news,', {w}) > 0)" in condition


def test_an_invalid_category_between_commas_is_in_no_list():
    assert delimited("news") == ",news,"
    for category in ("", "*", "-news", "news,sport", "it's"):
        assert delimited(category) == ",,"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_no_comparison_depends_on_empty_strings_or_wildcards(dialect):
    """Oracle takes an empty string for NULL, and LIKE an underscore for any character."""
    condition = allows(category_column="c", filter_column="w", dialect=dialect)
    assert "LIKE" not in condition
    assert "''" not in condition.replace("COLLATE(w, '')", "").replace("COLLATE(c, '')", "")


class TestErrors:
    @pytest.mark.parametrize("category", ["", "a,b", "*", "-a", "a'b"])
    def test_an_invalid_name_raises(self, category):
        with pytest.raises(FilterSyntaxError):
            allows(category, dialect="sqlite")

    @pytest.mark.parametrize("arguments", [{}, {"category": "a", "category_column": "b"}])
    def test_both_a_category_and_a_column_or_neither_raise(self, arguments):
        with pytest.raises(TypeError, match=r"^pass either category or category_column$"):
            allows(**arguments, dialect="sqlite")

    @pytest.mark.parametrize("column", ["", " "])
    def test_an_empty_column_raises(self, column):
        with pytest.raises(ValueError, match=r"^a column must not be empty$"):
            allows("news", filter_column=column, dialect="sqlite")
        with pytest.raises(ValueError, match=r"^a column must not be empty$"):
            allows(category_column=column, dialect="sqlite")

    def test_an_unknown_dialect_raises(self):
        with pytest.raises(ValueError, match=r"^unknown dialect 'db2': use one of athena, bigq"):
            allows("news", dialect="db2")


class TestCommand:
    def run(self, *arguments):
        result = CliRunner().invoke(app, ["sql", *arguments])
        words = result.stderr.replace("\u2502", " ").split()
        return result.exit_code, result.stdout, " ".join(words)

    @pytest.mark.parametrize("dialect", DIALECTS)
    def test_prints_the_condition_for_a_category(self, dialect):
        condition = allows("news", dialect=dialect)
        assert self.run("news", "--dialect", dialect) == (0, condition + "\n", "")

    def test_prints_the_condition_for_a_column(self):
        options = ("--category-column", "e.name", "--filter-column", "s.wanted")
        condition = allows(category_column="e.name", filter_column="s.wanted", dialect="snowflake")
        assert self.run("--dialect", "snowflake", *options) == (0, condition + "\n", "")

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["news,", "--dialect=sqlite"], "Invalid value for CATEGORY: invalid character ','"),
            (["--dialect=sqlite"], "pass either CATEGORY or --category-column"),
            (["a", "--category-column=b", "--dialect=sqlite"], "pass either CATEGORY or"),
            (["a", "--dialect=db2"], "unknown dialect 'db2': use one of athena, bigquery,"),
            (["a", "--dialect=duckdb", "--filter-column="], "a column must not be empty"),
            (["a"], "Missing option '--dialect'"),
        ],
    )
    def test_wrong_usage_is_explained(self, arguments, message):
        code, out, err = self.run(*arguments)
        assert (code, out) == (2, "")
        assert message in err
