"""The `allows` lookup, on SQLite and PostgreSQL."""

import pytest
from django.db import connections, models
from django.db.models.functions import Coalesce
from django_site.models import Subscription
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strategies import filters, names, texts

from category_filter.integrations.django.models import CategoryFilterField

DATABASES = ["default", *(["postgresql"] if "postgresql" in connections else [])]

shared_transaction = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(params=["default", "postgresql"])
def database(request):
    """The alias of a database: SQLite, and PostgreSQL if a server is available."""
    if request.param == "postgresql":
        request.getfixturevalue("postgres_url")
    return request.param


@pytest.mark.django_db(databases=DATABASES)
class TestAllows:
    @shared_transaction
    @given(wanted=st.lists(filters | st.none(), max_size=8), category=names | texts)
    def test_the_lookup_agrees_with_python(self, database, wanted, category):
        rows = Subscription.objects.using(database)
        rows.all().delete()
        created = rows.bulk_create(Subscription(maybe=f) for f in wanted)
        listed = [name for f in wanted if f for name in f.names]
        for asked in {
            category,
            *listed,
            *(name[:-1] for name in listed),
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
            ("-*", "-*", False),
        ],
    )
    def test_edge_cases_that_a_text_search_gets_wrong(self, database, wanted, asked, expected):
        rows = Subscription.objects.using(database)
        rows.create(anything=wanted)
        assert rows.filter(anything__allows=asked).exists() is expected

    def test_the_lookup_combines_with_other_conditions(self, database):
        rows = Subscription.objects.using(database)
        rows.create(wanted="-ads", device="watch")
        both = models.Q(wanted__allows="news") & ~models.Q(wanted__allows="ads")
        assert rows.filter(both, device__startswith="wa").count() == 1

    @pytest.mark.parametrize("asked", ["news", "not a name"])
    def test_other_conditions_restrict_every_alternative(self, database, asked):
        rows = Subscription.objects.using(database)
        for wanted in ("*", "news", "-ads"):
            rows.create(wanted=wanted, device="phone")
        watch = rows.create(wanted="*", device="watch")
        assert rows.filter(wanted__allows=asked, device="watch").get() == watch

    @pytest.mark.parametrize(("asked", "expected"), [("news", 1), ("ads", 0), ("not a name", 1)])
    def test_the_lookup_accepts_expressions_with_parameters(self, database, asked, expected):
        rows = Subscription.objects.using(database)
        rows.create(maybe=None)
        either = Coalesce("maybe", models.Value("-ads"), output_field=CategoryFilterField())
        assert rows.annotate(either=either).filter(either__allows=asked).count() == expected

    def test_a_category_of_another_type_raises(self, database):
        with pytest.raises(TypeError, match=r"^category must be a str, not int$"):
            Subscription.objects.using(database).filter(wanted__allows=3)

    def test_the_lookup_scans_the_table(self, database):
        rows = Subscription.objects.using(database).filter(wanted__allows="news")
        assert {"default": "SCAN ", "postgresql": "Seq Scan"}[database] in rows.explain()
