"""Conditions and comparisons in the database, on SQLite, PostgreSQL and MariaDB."""

from collections import Counter
from contextlib import contextmanager

import pytest
from django.db import IntegrityError, NotSupportedError, connections, models
from django.db.models import Exists, F, OuterRef, Q, Subquery, Value
from django.db.models.functions import Cast, Coalesce, Concat, Lower
from django.test.utils import isolate_apps
from django_site.models import Subscription
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from category_filter import CategoryFilter
from category_filter.integrations.django.lookups import Allows
from category_filter.integrations.django.models import CategoryFilterField
from category_filter.testing import filters, names, texts

DATABASES = ["default", *(name for name in ("postgresql", "mariadb") if name in connections)]

shared_transaction = settings(
    max_examples=settings().max_examples // 2,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
# These differ only in case and form.
similar = st.sampled_from(
    [CategoryFilter(text) for text in ("news", "News", "-news", "-News", "NEWS,news", "*", "-*")]
)


@pytest.fixture(params=["default", "postgresql", "mariadb"])
def database(request):
    """The alias of a database: SQLite, and each server that is available."""
    match request.param:
        case "postgresql":
            request.getfixturevalue("postgres_url")
        case "mariadb":
            request.getfixturevalue("mariadb_url")
    return request.param


@pytest.mark.django_db(databases=DATABASES)
class TestAllows:
    @shared_transaction
    @given(wanted=st.lists(filters() | similar | st.none(), max_size=8), category=names() | texts())
    def test_the_lookup_agrees_with_python(self, database, wanted, category):
        rows = Subscription.objects.using(database)
        rows.all().delete()
        created = rows.bulk_create(Subscription(maybe=f) for f in wanted)
        listed = [name for f in wanted if f for name in f.names]
        for asked in {
            category,
            *listed,
            *(name[:-1] for name in listed),
            *(name.swapcase() for name in listed),
            *(f"-{name}" for name in listed),
        }:
            allowed = set(rows.filter(maybe__allows=asked))
            assert allowed == {row for row in created if row.maybe and row.maybe.allows(asked)}
            denied = set(rows.exclude(maybe__isnull=True).exclude(maybe__allows=asked))
            assert denied == {row for row in created if row.maybe and not row.maybe.allows(asked)}

    @pytest.mark.parametrize(
        ("wanted", "asked", "expected"),
        [
            ("group_x", "groupyx", False),  # `_` is not a wildcard
            ("50:x", "50%x", False),  # `%` is not a wildcard
            ("News", "news", False),  # names are case-sensitive
            ("a-b", "b", False),  # part of a name
            ("a.b/c", "a.b/c", True),
            ("-a", "-a", True),  # not a name, so no filter lists it
            ("-x-a,b", "a", True),
            ("a,b", "a,b", False),
            ("-a,b", "a,b", True),
            ("a", "a ", False),  # some databases ignore trailing spaces
            ("*", "*", True),
            ("*", "", True),
            ("-*", "-*", False),
            ("-*", "", False),
        ],
    )
    def test_edge_cases_that_a_text_search_gets_wrong(self, database, wanted, asked, expected):
        rows = Subscription.objects.using(database)
        rows.create(anything=wanted, device=asked)
        for category in (asked, Value(asked), F("device")):
            assert rows.filter(anything__allows=category).exists() is expected

    def test_the_lookup_combines_with_other_conditions(self, database):
        rows = Subscription.objects.using(database)
        rows.create(wanted="-ads", device="watch")
        both = Q(wanted__allows="news") & ~Q(wanted__allows="ads")
        assert rows.filter(both, device__startswith="wa").count() == 1

    @pytest.mark.parametrize("asked", ["news", "not a name", Value("news")])
    def test_other_conditions_restrict_every_alternative(self, database, asked):
        rows = Subscription.objects.using(database)
        for wanted in ("*", "news", "-ads"):
            rows.create(wanted=wanted, device="phone")
        watch = rows.create(wanted="*", device="watch")
        assert rows.filter(wanted__allows=asked, device="watch").get() == watch

    @pytest.mark.parametrize(
        ("asked", "expected"), [("news", 1), ("ads", 0), ("not a name", 1), (F("device"), 1)]
    )
    def test_the_lookup_accepts_expressions_with_parameters(self, database, asked, expected):
        rows = Subscription.objects.using(database)
        rows.create(maybe=None)
        either = Coalesce("maybe", models.Value("-ads"), output_field=CategoryFilterField())
        assert rows.annotate(either=either).filter(either__allows=asked).count() == expected

    @pytest.mark.parametrize("asked", [3, None])
    def test_a_category_of_another_type_raises(self, database, asked):
        message = f"^category must be a str, not {type(asked).__name__}$"
        with pytest.raises(TypeError, match=message):
            Subscription.objects.using(database).filter(wanted__allows=asked)

    def test_the_lookup_scans_the_table(self, database):
        rows = Subscription.objects.using(database).filter(wanted__allows="news")
        scan = {"default": "SCAN ", "postgresql": "Seq Scan", "mariadb": " ALL "}
        assert scan[database] in rows.explain()

    def test_other_databases_raise_when_the_query_is_compiled(self, database, monkeypatch):
        monkeypatch.setattr(connections[database], "vendor", "microsoft")
        message = r"^allows supports SQLite, PostgreSQL, MariaDB and MySQL, not microsoft$"
        with pytest.raises(NotSupportedError, match=message):
            Subscription.objects.using(database).filter(wanted__allows="news").exists()


@pytest.mark.django_db(databases=DATABASES)
class TestCategoryExpressions:
    @pytest.fixture
    def rows(self, database):
        """Return rows whose devices stand for the categories of events."""
        rows = Subscription.objects.using(database)
        for wanted, category in [
            ("news", "news"),
            ("-news", "sport"),
            ("*", "News"),
            ("-*", "a,b"),
            ("a,b", ""),
            ("-a,b", "-a"),
        ]:
            rows.create(wanted=wanted, device=category)
        return rows

    def test_the_category_may_be_a_column(self, rows):
        assert [str(row.wanted) for row in rows.filter(wanted__allows=F("device"))] == [
            *("news", "-news", "*", "-a,b")
        ]

    def test_the_category_may_be_a_column_of_an_outer_query(self, rows):
        allowing = rows.filter(wanted__allows=OuterRef("device")).order_by("pk")
        found = {
            event.device: event.first
            for event in rows.annotate(first=Subquery(allowing.values("wanted")[:1]))
        }
        assert found == {
            "news": CategoryFilter("news"),
            **dict.fromkeys(["sport", "News", "a,b", "", "-a"], CategoryFilter("-news")),
        }
        assert rows.filter(Exists(allowing.filter(wanted="a,b"))).count() == 0

    def test_the_category_may_be_a_subquery_or_a_function(self, rows):
        latest = rows.filter(device="News").values(name=Lower("device"))[:1]
        for category in (Subquery(latest), latest, Concat(Value("ne"), Value("ws"))):
            allowing = rows.filter(wanted__allows=category)
            assert [str(row.wanted) for row in allowing] == ["news", "*", "-a,b"]

    def test_the_condition_is_an_expression(self, rows):
        annotated = rows.annotate(
            allowed=Allows(F("wanted"), F("device")), news=Allows(F("wanted"), "news")
        )
        for row in annotated:
            assert row.allowed == row.wanted.allows(row.device)
            assert row.news == row.wanted.allows("news")

    def test_null_does_not_match(self, rows):
        null = Value(None, output_field=models.CharField())
        assert not rows.filter(wanted__allows=null).exists()
        assert not rows.exclude(wanted__allows=null).exists()
        assert not rows.filter(maybe__allows=F("device")).exists()


@pytest.mark.django_db(databases=DATABASES)
class TestComparisons:
    @shared_transaction
    @given(wanted=st.lists(filters() | similar | st.none(), max_size=8), other=filters() | similar)
    def test_comparisons_agree_with_python(self, database, wanted, other):
        rows = Subscription.objects.using(database)
        rows.all().delete()
        created = rows.bulk_create(Subscription(maybe=f) for f in wanted)
        assert {*rows.filter(maybe=other)} == {row for row in created if row.maybe == other}
        some = [f for f in wanted[::2] if f]
        assert {*rows.filter(maybe__in=some)} == {row for row in created if row.maybe in some}
        column = rows.values_list("maybe", flat=True)
        assert Counter(column.distinct()) == Counter({*wanted})
        grouped = column.values_list("maybe", models.Count("pk")).order_by()
        assert dict(grouped) == Counter(wanted)

    def test_text_lookups_search_the_canonical_form(self, database):
        rows = Subscription.objects.using(database)
        rows.create(wanted="-News,ads")
        for lookup, expected in [
            ({"wanted__contains": "News,"}, True),
            ({"wanted__contains": "news,"}, database == "default"),  # SQLite ignores case
            ({"wanted__startswith": "-"}, True),
            ({"wanted__contains": "\u00e9"}, False),
        ]:
            assert rows.filter(**lookup).exists() is expected, lookup


@contextmanager
def table(database, model):
    """Create the table of a model, and drop it at the end."""
    with connections[database].schema_editor() as editor:
        editor.create_model(model)
    try:
        yield model.objects.using(database)
    finally:
        with connections[database].schema_editor() as editor:
            editor.delete_model(model)


@pytest.mark.django_db(databases=DATABASES, transaction=True)
class TestColumns:
    @pytest.mark.parametrize("options", [{}, {"max_length": 9}])
    def test_text_can_be_cast_to_a_filter(self, database, options):
        Subscription.objects.using(database).create()
        cast = Cast(Value("- b, a"), CategoryFilterField(**options))
        found = Subscription.objects.using(database).values_list(cast, flat=True)
        assert list(found) == [CategoryFilter("-a,b")]

    @isolate_apps("django_site")
    def test_unique_columns_are_case_sensitive_and_their_index_finds_rows(self, database):
        class Row(models.Model):  # noqa: DJ008 - never shown
            wanted = CategoryFilterField(max_length=99, unique=True)

            class Meta:
                app_label = "django_site"

        with table(database, Row) as rows:
            rows.bulk_create(Row(wanted=f) for f in ("news", "News", "-news", "-News"))
            if database != "postgresql":  # it reads four rows without the index
                plan = rows.filter(wanted__in=["news", "-news"]).explain()
                assert {"default": "SEARCH ", "mariadb": " range "}[database] in plan
            with pytest.raises(IntegrityError):
                rows.create(wanted="News, News")

    @isolate_apps("django_site")
    def test_the_collation_can_be_chosen_and_allows_stays_exact(self, database):
        ignoring_case = {
            "default": "NOCASE",
            "postgresql": "ignoring_case",
            "mariadb": "utf8mb4_general_ci",
        }[database]
        if database == "postgresql":
            with connections[database].cursor() as cursor:
                cursor.execute(
                    "CREATE COLLATION IF NOT EXISTS ignoring_case"
                    " (provider = icu, locale = 'und-u-ks-level2', deterministic = false)"
                )

        class Row(models.Model):  # noqa: DJ008 - never shown
            wanted = CategoryFilterField(max_length=99, db_collation=ignoring_case)
            category = models.CharField(max_length=99, db_collation=ignoring_case)

            class Meta:
                app_label = "django_site"

        with table(database, Row) as rows:
            rows.create(wanted="news", category="News")
            rows.create(wanted="-news", category="News")
            assert rows.filter(wanted="NEWS").count() == 1
            assert [str(row.wanted) for row in rows.filter(wanted__allows=F("category"))] == [
                "-news"
            ]
            assert [str(row.wanted) for row in rows.filter(wanted__allows="News")] == ["-news"]

    @pytest.mark.parametrize(
        ("options", "collations"),
        [
            ({}, {"default": None, "postgresql": None, "mariadb": "ascii_bin"}),
            ({"db_collation": "C"}, {"default": "C", "postgresql": "C", "mariadb": "C"}),
        ],
    )
    def test_the_default_collation_is_case_sensitive(self, database, options, collations):
        field = CategoryFilterField(**options)
        assert field.db_parameters(connections[database])["collation"] == collations[database]
        assert field.deconstruct()[3] == {"default": "*", **options}
        assert field.clone().db_collation == field.db_collation
