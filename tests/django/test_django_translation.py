"""The German catalog, and localized messages."""

import ast
import re
from pathlib import Path

import pytest
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from django.core.exceptions import ValidationError
from django.utils import translation
from django_site.models import KNOWN
from form_helpers import Controls, SubscriptionForm, submit
from rest_framework.serializers import Serializer

import category_filter.integrations.django
from category_filter import Categories
from category_filter.errors import MESSAGES
from category_filter.integrations.django.forms import CategoryFilterField
from category_filter.integrations.django.models import CategoryFilterField as ModelField
from category_filter.integrations.django.serializers import CategoryFilterField as SerializerField

APP = Path(category_filter.integrations.django.__file__).parent
CATALOG = APP / "locale" / "de" / "LC_MESSAGES"


class TestCatalog:
    def messages(self, name, read):
        with (CATALOG / name).open("rb") as file:
            return {message.id: message.string for message in read(file) if message.id}

    def test_every_message_has_a_translation_and_no_other(self):
        used = set(MESSAGES.values())
        for file in APP.glob("*.py"):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                match node:
                    case ast.Call(ast.Name("_" | "gettext"), [ast.Constant(text)]):
                        used.add(text)
        from_django = {"All"}
        translated = self.messages("django.po", read_po)
        assert translated.keys() == used - from_django
        assert all(translated.values())

    def test_translations_have_the_same_placeholders(self):
        for message, translated in self.messages("django.po", read_po).items():
            expected, found = (
                sorted(re.findall(r"%\(\w+\)s", text)) for text in (message, translated)
            )
            assert found == expected

    def test_the_compiled_catalog_is_up_to_date(self):
        assert self.messages("django.mo", read_mo) == self.messages("django.po", read_po)


class TestGerman:
    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("news;sport", "',' statt ';' verwenden; war 'news,sport' gemeint?"),
            ("-sprot,x", "2 unbekannte Kategorien: 'sprot' (war 'sport' gemeint?), 'x'"),
        ],
    )
    def test_form_errors_use_the_language_they_are_shown_in(self, text, message):
        form = submit(text=text)
        with translation.override("de"):
            assert form.errors["text"] == [message]
        with translation.override("en"):
            assert "did you mean" in form.errors["text"][0]

    def test_replaced_messages_get_localized_values(self):
        field = CategoryFilterField(
            categories=KNOWN, error_messages={"unknown_category": "%(names)s?"}
        )
        with translation.override("de"), pytest.raises(ValidationError) as caught:
            field.clean("sprot")
        assert caught.value.messages == ["'sprot' (war 'sport' gemeint?)?"]

    def test_serializer_errors_are_localized(self):
        class KnownSerializer(Serializer):
            wanted = SerializerField(KNOWN)

        serializer = KnownSerializer(data={"wanted": "news;sport"})
        with translation.override("de"):
            assert not serializer.is_valid()
        assert serializer.errors == {
            "wanted": ["',' statt ';' verwenden; war 'news,sport' gemeint?"]
        }

    def test_the_description_of_the_model_field_is_localized(self):
        with translation.override("de"):
            assert str(ModelField.description) == "Kategoriefilter"

    def test_labels_of_categories_are_localized(self):
        field = CategoryFilterField(categories=Categories({"all": "Categories"}))
        with translation.override("de"):
            assert Controls(field.widget.render("wanted", None)).found[-1][2] == "Kategorien"

    def test_the_widget_is_localized(self):
        with translation.override("de"):
            html = str(SubscriptionForm(initial={"wanted": "weather"})["wanted"])
        assert "<legend>Zustellen</legend>" in html
        assert "<legend>Kategorien</legend>" in html
        assert [label for _, _, label, _ in Controls(html).found] == [
            "alle Kategorien",
            "keine Kategorien",
            "nur diese Kategorien",
            "alle Kategorien außer diesen",
            *KNOWN.labels.values(),
            "weather (nicht mehr angeboten)",
        ]
