"""The serializer field of Django REST framework."""

import re
from types import SimpleNamespace

import pytest
from django.core.validators import MaxLengthValidator
from django_site.models import KNOWN, Account, Subscription
from rest_framework.serializers import (
    DictField,
    ListField,
    ListSerializer,
    ModelSerializer,
    Serializer,
)
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

    def test_options_describe_a_string(self):
        fields = self.api.options(URL).json()["actions"]["POST"]
        assert fields["wanted"] == {
            "type": "string",
            "required": False,
            "read_only": False,
            "label": "Notifications",
        }

    def test_the_browsable_form_shows_the_canonical_form_and_null(self):
        row = Subscription.objects.create(wanted="sport, news", maybe=None)
        page = self.api.get(f"{URL}{row.pk}/", headers={"accept": "text/html"}).text
        assert re.findall('<input name="(wanted|maybe)".*?value="(.*?)"', page) == [
            ("wanted", "news,sport"),
            ("maybe", ""),
        ]

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


class SubscriptionSerializer(ModelSerializer):
    class Meta:
        model = Subscription
        fields = ["id", "wanted"]


class RowByRow(ListSerializer):
    """Updates several rows, as the REST framework's guide shows."""

    def run_child_validation(self, data):
        self.child.instance = self.instance.get(pk=data["id"])
        return super().run_child_validation(data)


class RowByRowSerializer(SubscriptionSerializer):
    class Meta(SubscriptionSerializer.Meta):
        list_serializer_class = RowByRow


class AccountSerializer(ModelSerializer):
    subscriptions = SubscriptionSerializer(many=True)

    class Meta:
        model = Account
        fields = ["name", "subscriptions"]


class LetterSerializer(Serializer):
    subscription = SubscriptionSerializer()


@pytest.mark.django_db
class TestStoredNames:
    """Names that the updated rows list stay valid, wherever the field is in the input."""

    @pytest.fixture
    def rows(self):
        account = Account.objects.create(name="ann")
        for wanted in ("weather", "-climate", "news"):
            account.subscriptions.create(wanted=wanted)
        return Subscription.objects.order_by("pk")

    def items(self, rows, *filters):
        return [{"id": row.pk, "wanted": f} for row, f in zip(rows, filters, strict=True)]

    @pytest.mark.parametrize("as_list", [False, True])
    def test_they_stay_valid_in_a_list_of_rows(self, rows, as_list):
        data = self.items(rows, "weather,news", "-climate", "sport")
        serializer = SubscriptionSerializer([*rows] if as_list else rows, data=data, many=True)
        assert serializer.is_valid(), serializer.errors
        assert [str(item["wanted"]) for item in serializer.validated_data] == [
            "news,weather",
            "-climate",
            "sport",
        ]
        data = self.items(rows, "weather", "storm", "*")
        serializer = SubscriptionSerializer(rows, data=data, many=True)
        assert not serializer.is_valid()
        assert serializer.errors == {1: {"wanted": ["unknown category 'storm'"]}}
        assert not SubscriptionSerializer(data=data[:1], many=True).is_valid()

    def test_they_stay_valid_in_their_own_row_if_the_serializer_finds_it(self, rows):
        data = self.items(rows, "weather", "weather", "news")
        serializer = RowByRowSerializer(rows, data=data, many=True)
        assert not serializer.is_valid()
        assert serializer.errors == {1: {"wanted": ["unknown category 'weather'"]}}

    def test_they_stay_valid_in_a_nested_list(self, rows):
        data = {"name": "ann", "subscriptions": self.items(rows, "climate,weather", "*", "*")}
        assert AccountSerializer(Account.objects.get(), data=data).is_valid()
        assert not AccountSerializer(Account.objects.create(name="bob"), data=data).is_valid()
        assert not AccountSerializer(data=data).is_valid()

    @pytest.mark.parametrize("as_dict", [False, True])
    def test_they_stay_valid_in_a_nested_row(self, rows, as_dict):
        letter = {"subscription": rows[0]}
        data = {"subscription": {"wanted": "weather"}}
        instance = letter if as_dict else SimpleNamespace(**letter)
        assert LetterSerializer(instance, data=data).is_valid()
        assert not LetterSerializer({"subscription": rows[2]}, data=data).is_valid()
        assert not LetterSerializer({"subscription": None}, data=data).is_valid()
        assert not LetterSerializer({}, data=data).is_valid()

    def test_they_stay_valid_in_a_list_or_dict_of_filters(self):
        class Bundle(Serializer):
            listed = ListField(child=CategoryFilterField(KNOWN), required=False)
            named = DictField(child=CategoryFilterField(KNOWN), required=False)

        stored = {
            "listed": [CategoryFilter("weather")],
            "named": {"watch": CategoryFilter("-climate")},
        }
        assert Bundle(stored, data={"listed": ["news,weather"]}).is_valid()
        assert Bundle(stored, data={"named": {"phone": "climate"}}).is_valid()
        assert not Bundle(stored, data={"listed": ["climate"]}).is_valid()

    def test_they_stay_valid_if_the_source_is_the_whole_instance(self, rows):
        class Flat(Serializer):
            row = SubscriptionSerializer(source="*")

        assert Flat(rows[0], data={"row": {"wanted": "weather"}}).is_valid()

    def test_known_names_are_validated_without_a_query(self, rows, django_assert_num_queries):
        serializer = SubscriptionSerializer(rows, data=[{"wanted": "news"}] * 3, many=True)
        with django_assert_num_queries(0):
            assert serializer.is_valid()

    def test_many_rows_with_long_filters_are_valid(self):
        rows = [SimpleNamespace(wanted=CategoryFilter.only(f"{i}" * 60_000)) for i in range(3)]
        data = [{"wanted": str(row.wanted)} for row in rows]
        assert SubscriptionSerializer(rows, data=data, many=True).is_valid()


class TestField:
    @pytest.mark.parametrize("default", ["b, a", lambda: "b, a", CategoryFilter("a,b")])
    def test_a_default_may_be_a_string_or_a_function(self, default):
        class WithDefault(Serializer):
            wanted = CategoryFilterField(default=default)

        serializer = WithDefault(data={})
        assert serializer.is_valid()
        assert serializer.validated_data == {"wanted": CategoryFilter("a,b")}

    def test_length_validators_measure_the_canonical_form(self):
        class ShortSerializer(Serializer):
            wanted = CategoryFilterField(validators=[MaxLengthValidator(3)])

        serializer = ShortSerializer(data={"wanted": "a, bc"})
        assert not serializer.is_valid()
        assert serializer.errors == {
            "wanted": ["Ensure this value has at most 3 characters (it has 4)."]
        }
        assert ShortSerializer(data={"wanted": " a, b "}).is_valid()

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
