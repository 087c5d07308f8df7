"""The admin: the list filter, the search, and the forms."""

import re
from html import unescape

import pytest
from django.contrib.admin import ShowFacets
from django.contrib.auth.models import User
from django_site.admin import SubscriptionAdmin
from django_site.models import KNOWN, Subscription
from form_helpers import checked

from category_filter import CategoryFilter

LIST = "/admin/django_site/subscription/"
ADD = f"{LIST}add/"


@pytest.fixture
def admin(client):
    client.force_login(User.objects.create_superuser("root"))
    return client


def list_filter_choices(page):
    """Return the choices of the list filter: query string, text, and whether it is selected."""
    found = re.findall('<li( class="selected")?>\\s*<a href="([?].*?)">(.*?)</a>', page)
    return [(unescape(query), unescape(text), bool(selected)) for selected, query, text in found]


@pytest.mark.django_db
class TestList:
    def test_rows_are_filtered_by_category(self, admin):
        Subscription.objects.create(device="watch", wanted="-news")
        Subscription.objects.create(device="phone", wanted="news")
        page = admin.get(LIST).text
        assert "phone" in page
        assert "watch" in page
        assert 'href="?wanted__allows=news"' in page
        assert "News of the day (1)" in page
        assert "Offers &lt;&amp; more&gt; (1)" in page
        page = admin.get(LIST, {"wanted__allows": "ads"}).text
        assert "watch" in page
        assert "phone</a>" not in page

    @pytest.mark.parametrize("asked", [None, "ads"])
    def test_the_selected_category_is_marked(self, admin, asked):
        Subscription.objects.create(wanted="-news")
        Subscription.objects.create(wanted="news")
        page = admin.get(LIST, {"wanted__allows": asked} if asked else {}).text
        assert list_filter_choices(page) == [
            ("?", "All", asked is None),
            ("?wanted__allows=news", "News of the day (1)", False),
            ("?wanted__allows=sport", "Results (1)", False),
            ("?wanted__allows=ads", "Offers <& more> (1)", asked == "ads"),
            ("?wanted__allows=log", "Logs (1)", False),
        ]

    def test_rows_are_counted_only_if_facets_are_shown(self, admin, monkeypatch):
        monkeypatch.setattr(SubscriptionAdmin, "show_facets", ShowFacets.NEVER)
        page = admin.get(LIST).text
        assert [text for _, text, _ in list_filter_choices(page)] == ["All", *KNOWN.labels.values()]

    def test_without_a_known_set_rows_are_filtered_by_value(self, admin, monkeypatch):
        monkeypatch.setattr(SubscriptionAdmin, "list_filter", ["anything"])
        Subscription.objects.create(anything="news,b")
        assert list_filter_choices(admin.get(LIST).text) == [
            ("?", "All", True),
            ("?anything=b%2Cnews", "b,news (1)", False),
        ]

    def test_the_list_filter_is_localized(self, admin):
        page = admin.get(LIST, headers={"accept-language": "de"}).text
        assert list_filter_choices(page)[0] == ("?", "Alle", True)


@pytest.mark.django_db
class TestForm:
    def test_an_added_row_can_be_searched(self, admin):
        data = {
            "device": "phone",
            "wanted_mode": "except",
            "wanted_names": ["ads"],
            "anything": "-*",
        }
        assert admin.post(ADD, data).status_code == 302
        assert Subscription.objects.get().wanted == CategoryFilter("-ads")
        assert "phone</a>" in admin.get(LIST, {"q": "ads"}).text

    def test_the_query_string_prefills_the_form(self, admin):
        page = admin.get(f"{ADD}?wanted=-ads&anything=a,,b").text
        assert checked(page) == (["except"], ["ads"])
        assert admin.get(f"{ADD}?wanted=a,,b").status_code == 200

    def test_errors_are_shown(self, admin):
        data = {"device": "phone", "wanted_mode": "only", "wanted_names": ["x"], "anything": "a;b"}
        page = admin.post(ADD, data).text
        assert "did you mean &#x27;a,b&#x27;?" in page
        assert "unknown category &#x27;x&#x27;" in page
