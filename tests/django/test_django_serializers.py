"""The serializer field of Django REST framework."""

from types import SimpleNamespace

import pytest
from django_site.models import KNOWN, Subscription
from rest_framework.serializers import ListField, ModelSerializer, Serializer
from rest_framework.test import APIClient

from category_filter import CategoryFilter
from category_filter.integrations.django.serializers import CategoryFilterField

URL = "/api/subscriptions/"


@pytest.mark.django_db
class TestModelSerializer:
    api = APIClient()

    def post(self, **data):
        return self.api.post(URL, data, format="json")

    def patch(self, pk, **data):
        return self.api.patch(f"{URL}{pk}/", data, format="json")

    def test_strings_are_parsed_and_filters_are_represented_in_canonical_form(self):
        created = self.post(wanted="sport, news").json()
        assert created == {
            "id": created["id"],
            "device": "phone",
            "wanted": "news,sport",
            "maybe": None,
        }
        assert self.patch(created["id"], maybe="-ads").json()["maybe"] == "-ads"
        assert self.patch(created["id"], maybe=None).json()["maybe"] is None
        row = Subscription.objects.get()
        assert (row.wanted, row.maybe) == (CategoryFilter("news,sport"), None)

    @pytest.mark.parametrize(
        ("wanted", "message"),
        [
            ("news;sport", "write ',' instead of ';'; did you mean 'news,sport'?"),
            ("sprot", "unknown category 'sprot' (did you mean 'sport'?)"),
            (
                "",
                "the filter is empty: use '*' for every category, '-*' for none; did you mean '*'?",
            ),
            (3, "Not a valid string."),
            (None, "This field may not be null."),
        ],
    )
    def test_invalid_input_is_a_400_with_the_message(self, wanted, message):
        response = self.post(wanted=wanted)
        assert (response.status_code, response.json()) == (400, {"wanted": [message]})

    def test_retired_names_of_the_updated_row_stay_valid(self):
        row = Subscription.objects.create(wanted="weather")
        assert self.patch(row.pk, wanted="weather,news").json()["wanted"] == "news,weather"
        assert self.post(wanted="weather").status_code == 400

    def test_max_length_limits_the_canonical_form(self):
        class ShortSerializer(ModelSerializer):
            class Meta:
                model = Subscription
                fields = ["anything"]

        serializer = ShortSerializer(data={"anything": "a-rather-long-category"})
        assert not serializer.is_valid()
        assert serializer.errors == {
            "anything": ["Ensure this value has at most 20 characters (it has 22)."]
        }
        assert ShortSerializer(data={"anything": "a,b,a,b,a,b,a,b,a,b,a,b"}).is_valid()


class TestField:
    def test_a_default_may_be_a_string(self):
        class WithDefault(Serializer):
            wanted = CategoryFilterField(default="b, a")

        serializer = WithDefault(data={})
        assert serializer.is_valid()
        assert serializer.validated_data == {"wanted": CategoryFilter("a,b")}

    def test_input_may_be_a_filter(self):
        class KnownSerializer(Serializer):
            wanted = CategoryFilterField(KNOWN)

        serializer = KnownSerializer(data={"wanted": CategoryFilter("news")})
        assert serializer.is_valid()
        assert serializer.validated_data == {"wanted": CategoryFilter("news")}

    def test_the_field_works_without_a_serializer(self):
        field = CategoryFilterField(KNOWN)
        assert field.run_validation("news") == CategoryFilter("news")
        assert ListField(child=field).run_validation(["news"]) == [CategoryFilter("news")]

    def test_retired_names_stay_valid_through_a_dotted_source(self):
        class OwnerSerializer(Serializer):
            wanted = CategoryFilterField(KNOWN, source="subscription.wanted")

        owner = SimpleNamespace(subscription=Subscription(wanted="weather"))
        assert OwnerSerializer(owner, data={"wanted": "weather"}).is_valid()
        assert not OwnerSerializer(data={"wanted": "weather"}).is_valid()

    def test_errors_have_codes_and_messages_can_be_replaced(self):
        class CustomSerializer(Serializer):
            wanted = CategoryFilterField(
                error_messages={"lookalike": "Character {position}: try {suggestion}"}
            )
            known = CategoryFilterField(KNOWN)

        serializer = CustomSerializer(data={"wanted": "a;b", "known": "a,,b"})
        assert not serializer.is_valid()
        assert serializer.errors == {
            "wanted": ["Character 1: try a,b"],
            "known": ["expected a name before ','; did you mean 'a,b'?"],
        }
        assert serializer.errors["known"][0].code == "missing_name"

    def test_strings_are_represented_in_canonical_form(self):
        class KnownSerializer(Serializer):
            wanted = CategoryFilterField(KNOWN)

        assert KnownSerializer({"wanted": "sport, news"}).data == {"wanted": "news,sport"}
