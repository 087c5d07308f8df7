"""The HTML of the widget: selection, labels, accessibility, and attributes."""

import pytest
from django_site.models import KNOWN
from form_helpers import Controls, SubscriptionForm, checked
from hypothesis import given
from strategies import filters

from category_filter import Categories, CategoryFilter
from category_filter.integrations.django.forms import CategoryFilterField, CategoryFilterWidget

ALL_MODES = [
    ["wanted_mode", "", "not specified", False],
    ["wanted_mode", "all", "all categories", False],
    ["wanted_mode", "only", "only these categories", False],
    ["wanted_mode", "except", "all categories except these", True],
]


class TestSelection:
    @pytest.mark.parametrize(
        ("initial", "expected"),
        [
            ("*", (["all"], [])),
            ("news,sport", (["only"], ["news", "sport"])),
            ("-news", (["except"], ["news"])),
            ("-*", (["only"], [])),
            (CategoryFilter("-news"), (["except"], ["news"])),
            (None, ([], [])),
            ("news;sport", ([], [])),
            (5, ([], [])),
        ],
    )
    def test_the_initial_filter_is_selected(self, initial, expected):
        assert checked(str(SubscriptionForm(initial={"wanted": initial})["wanted"])) == expected

    @given(filters)
    def test_submitting_the_unchanged_widget_keeps_the_filter(self, f):
        html = str(SubscriptionForm(initial={"wanted": f})["wanted"])
        (mode,), selected = checked(html)
        data = {"wanted_mode": mode, "wanted_names": selected}
        form = SubscriptionForm(data, initial={"wanted": f})
        assert form.is_valid()
        assert form.cleaned_data["wanted"] == f

    @pytest.mark.parametrize("mode", ["all", "only", "except"])
    @pytest.mark.parametrize("selected", [[], ["news"], ["news", "weather"]])
    def test_an_invalid_form_keeps_the_submitted_selection(self, mode, selected):
        form = SubscriptionForm({"wanted_mode": mode, "wanted_names": selected, "text": "a;b"})
        assert not form.is_valid()
        assert checked(str(form["wanted"])) == ([mode], selected)

    def test_an_optional_field_offers_not_specified(self):
        html = str(SubscriptionForm()["maybe"])
        assert Controls(html).found[0] == ["maybe_mode", "", "not specified", True]

    def test_only_a_missing_mode_means_omitted(self):
        is_omitted = CategoryFilterWidget().value_omitted_from_data
        assert not is_omitted({"wanted_mode": ""}, {}, "wanted")
        assert is_omitted({"wanted_names": ["news"]}, {}, "wanted")

    def test_decompressed_names_are_sorted(self):
        assert CategoryFilterWidget().decompress("f,e,d,c,b,a") == ["only", [*"abcdef"]]
        assert CategoryFilterWidget().decompress("-f,e,d,c,b,a") == ["except", [*"abcdef"]]

    def test_two_forms_do_not_share_choices(self):
        one, other = SubscriptionForm(initial={"wanted": "weather"}), SubscriptionForm()
        assert "weather" in str(one["wanted"])
        assert "weather" not in str(other["wanted"])


class TestLabels:
    def test_every_category_has_its_label_and_retired_ones_are_marked(self):
        html = str(SubscriptionForm(initial={"wanted": "-weather,news"})["wanted"])
        assert Controls(html).found == [
            *ALL_MODES[1:],
            ["wanted_names", "news", "News of the day", True],
            ["wanted_names", "sport", "Results", False],
            ["wanted_names", "ads", "Offers <& more>", False],
            ["wanted_names", "log", "Logs", False],
            ["wanted_names", "weather", "weather (no longer offered)", True],
        ]

    def test_the_widget_renders_without_a_form(self):
        known = CategoryFilterWidget(Categories({"news": "News", "ads": "Offers"}))
        assert Controls(known.render("wanted", "-ads")).found == [
            *ALL_MODES,
            ["wanted_names", "news", "News", False],
            ["wanted_names", "ads", "Offers", True],
        ]
        assert Controls(CategoryFilterWidget().render("wanted", "-news")).found == [
            *ALL_MODES,
            ["wanted_names", "news", "news (no longer offered)", True],
        ]


class TestHtml:
    def test_submitted_text_is_escaped(self):
        form = SubscriptionForm({"wanted_mode": "only", "wanted_names": ['"><script>']})
        assert "<script>" not in form.as_div()

    def test_groups_have_legends_and_errors_describe_the_radio_group(self):
        html = SubscriptionForm({"wanted_mode": "some"}).as_div()
        assert '<fieldset aria-describedby="id_wanted_error">' in html
        assert '<ul class="errorlist" id="id_wanted_error">' in html
        assert (
            '<fieldset role="radiogroup" class="category-filter-mode" aria-invalid="true"'
            ' aria-describedby="id_wanted_error">'
        ) in html
        assert (
            html.count("<legend>Deliver</legend>") == html.count("<legend>Categories</legend>") == 2
        )

    def test_there_is_no_inline_style_script_or_required_attribute(self):
        html = SubscriptionForm({"wanted_mode": "some"}).as_div()
        for absent in ("style", "script", " required"):
            assert absent not in html
        assert str(SubscriptionForm().media) == (
            '<link href="/static/category_filter/widget.css" media="all" rel="stylesheet">'
        )

    def test_a_valid_field_is_not_marked_as_invalid(self):
        assert "aria-invalid" not in str(SubscriptionForm()["wanted"])

    def test_without_ids_errors_describe_nothing(self):
        html = str(SubscriptionForm({}, auto_id=False)["wanted"])
        assert 'aria-invalid="true"' in html
        assert "describedby" not in html

    def test_rendering_does_not_modify_the_given_attributes(self):
        attributes = {"aria-invalid": "true"}
        html = CategoryFilterWidget(KNOWN).render("wanted", None, attributes)
        assert html.count("aria-invalid") == 1
        assert attributes == {"aria-invalid": "true"}

    def test_a_widget_instance_keeps_its_attributes(self):
        field = CategoryFilterField(
            categories=KNOWN, widget=CategoryFilterWidget(attrs={"class": "wide"})
        )
        html = field.widget.render("wanted", None, {"id": "x"})
        assert html.count('class="wide"') == 3 + len(KNOWN) + 2
