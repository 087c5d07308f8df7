"""The HTML of the widget: selection, labels, accessibility, and attributes."""

import re

import pytest
from django import forms
from django.forms.renderers import DjangoTemplates, Jinja2, get_default_renderer
from django.test import override_settings
from django_site.models import KNOWN
from form_helpers import Controls, SubscriptionForm, checked
from hypothesis import given
from hypothesis import strategies as st

from category_filter import Categories, CategoryFilter
from category_filter.integrations.django.forms import CategoryFilterField, CategoryFilterWidget
from category_filter.testing import filters

ALL_MODES = [
    ["wanted_mode", "", "not specified", False],
    ["wanted_mode", "all", "all categories", False],
    ["wanted_mode", "none", "no categories", False],
    ["wanted_mode", "only", "only these categories", False],
    ["wanted_mode", "except", "all categories except these", True],
]

GROUPED = Categories(
    {
        "mention": "Chat: a: mention",
        "news": "News",
        "trip": "Trip & route: start",
        "reply": "Chat: replies",
        "ride": "Ride: the only one",
        "end": "Trip & route: end",
    }
)


class TestSelection:
    @pytest.mark.parametrize(
        ("initial", "expected"),
        [
            ("*", (["all"], [])),
            ("news,sport", (["only"], ["news", "sport"])),
            ("-news", (["except"], ["news"])),
            ("-*", (["none"], [])),
            (CategoryFilter("-news"), (["except"], ["news"])),
            (None, ([], [])),
            ("news;sport", ([], [])),
            (5, ([], [])),
        ],
    )
    def test_the_initial_filter_is_selected(self, initial, expected):
        assert checked(str(SubscriptionForm(initial={"wanted": initial})["wanted"])) == expected

    @given(filters())
    def test_submitting_the_unchanged_widget_keeps_the_filter(self, f):
        html = str(SubscriptionForm(initial={"wanted": f})["wanted"])
        (mode,), selected = checked(html)
        data = {"wanted_mode": mode, "wanted_names": selected}
        form = SubscriptionForm(data, initial={"wanted": f})
        assert form.is_valid()
        assert form.cleaned_data["wanted"] == f

    @pytest.mark.parametrize("mode", ["all", "none", "only", "except"])
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


class TestGroups:
    def test_labels_that_share_a_prefix_form_a_group(self):
        html = CategoryFilterWidget(GROUPED).render("wanted", "-retired,reply")
        assert elements(html[html.index('class="category-filter-names"') :])[1:] == elements(
            """
            <legend>Categories</legend>
            <div><label><input type="checkbox" name="wanted_names" value="news"> News</label></div>
            <div><label><input type="checkbox" name="wanted_names" value="ride">
             Ride: the only one</label></div>
            <div><label><input type="checkbox" name="wanted_names" value="retired" checked>
             retired (no longer offered)</label></div>
            <fieldset class="category-filter-group"><legend>Chat</legend>
            <div><label><input type="checkbox" name="wanted_names" value="mention"> a: mention
            </label></div>
            <div><label><input type="checkbox" name="wanted_names" value="reply" checked> replies
            </label></div>
            </fieldset>
            <fieldset class="category-filter-group"><legend>Trip &amp; route</legend>
            <div><label><input type="checkbox" name="wanted_names" value="trip"> start</label></div>
            <div><label><input type="checkbox" name="wanted_names" value="end"> end</label></div>
            </fieldset></fieldset></div>
            """.replace('">\n            ', '">')
        )

    def test_groups_follow_the_translated_labels(self):
        widget = CategoryFilterWidget(Categories({"a": "All: 1", "b": "All: 2"}))
        assert "<legend>All</legend>" in widget.render("wanted", None)


class TestRenamed:
    KNOWN = Categories({"offers": "Offers", "news": "News"}, renamed={"ads": "offers"})

    class Settings(forms.Form):
        wanted = CategoryFilterField(
            categories=Categories(["offers", "news"], renamed={"ads": "offers"})
        )
        text = CategoryFilterField(
            categories=Categories(["offers", "news"], renamed={"ads": "offers"}),
            widget=forms.TextInput,
        )

    @pytest.mark.parametrize("value", ["-ads", CategoryFilter("-ads"), ["except", ["ads"]]])
    def test_a_former_name_is_shown_as_the_new_one(self, value):
        assert Controls(CategoryFilterWidget(self.KNOWN).render("wanted", value)).found[-2:] == [
            ["wanted_names", "offers", "Offers", True],
            ["wanted_names", "news", "News", False],
        ]

    @pytest.mark.parametrize("stored", ["-ads", "-ads,offers", "-ads,retired"])
    def test_saving_an_unchanged_form_stores_the_new_name(self, stored):
        shown = self.Settings(initial={"wanted": stored, "text": CategoryFilter(stored)})
        (mode,), selected = checked(str(shown["wanted"]))
        data = {"wanted_mode": mode, "wanted_names": selected, "text": str(shown["text"].value())}
        form = self.Settings(data, initial=shown.initial)
        assert form.is_valid(), form.errors
        expected = CategoryFilter(stored).rename(self.KNOWN.renamed)
        assert form.cleaned_data == {"wanted": expected, "text": expected}
        assert not form.has_changed()

    def test_a_page_from_before_the_renaming_can_still_be_submitted(self):
        form = self.Settings({"wanted_mode": "only", "wanted_names": ["ads"], "text": "*"})
        assert form.is_valid()
        assert form.cleaned_data["wanted"] == CategoryFilter("offers")

    def test_a_typed_former_name_is_an_error_that_suggests_the_new_one(self):
        form = self.Settings({"wanted_mode": "all", "text": "ads"})
        assert form.errors == {"text": ["unknown category 'ads' (did you mean 'offers'?)"]}


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

    def test_attributes_belong_to_the_group_and_not_to_its_inputs(self):
        widget = CategoryFilterWidget(
            KNOWN, attrs={"class": "form-control", "data-help": "1", "style": "margin: 0"}
        )
        html = widget.render("wanted", "-ads", {"id": "x", "aria-label": "Notifications"})
        assert html.startswith(
            '<div class="category-filter form-control" data-help="1" style="margin: 0" id="x"'
            ' aria-label="Notifications">'
        )
        for once in ("form-control", "data-help", "style=", "aria-label"):
            assert html.count(once) == 1

    @pytest.mark.parametrize("name", ["disabled", "form"])
    def test_attributes_that_only_inputs_have_go_to_every_input(self, name):
        html = CategoryFilterWidget(KNOWN, attrs={name: "yes"}).render("wanted", None)
        assert html.startswith('<div class="category-filter">')
        assert html.count(f'{name}="yes"') == html.count("<input") == len(ALL_MODES) + len(KNOWN)

    def test_a_disabled_field_disables_its_inputs(self):
        class Settings(forms.Form):
            wanted = CategoryFilterField(categories=KNOWN, disabled=True)

        html = str(Settings(initial={"wanted": "-ads"})["wanted"])
        assert html.count(" disabled ") == html.count("<input")

    def test_a_widget_instance_keeps_its_attributes(self):
        field = CategoryFilterField(
            categories=KNOWN, widget=CategoryFilterWidget(attrs={"class": "wide"})
        )
        for _ in range(2):
            html = field.widget.render("wanted", None, {"id": "x"})
            assert html.startswith('<div class="category-filter wide" id="x">')

    def test_ids_are_unique_and_labels_point_at_them(self):
        html = str(SubscriptionForm(initial={"wanted": "-weather"})["wanted"])
        ids = re.findall(r'\bid="(.*?)"', html)
        assert len(ids) == len({*ids}) == 1 + len(ALL_MODES[1:]) + len(KNOWN) + 1
        assert re.findall(r'\bfor="(.*?)"', html) == ids[1:]

    @given(filters(), st.sampled_from([None, {"id": "x"}, {"aria-invalid": "true", "id": "x"}]))
    def test_both_template_engines_render_the_same_elements(self, f, attrs):
        widget = CategoryFilterWidget(GROUPED)
        django = widget.render("wanted", f, attrs, renderer=DjangoTemplates())
        assert elements(widget.render("wanted", f, attrs, renderer=Jinja2())) == elements(django)

    @override_settings(FORM_RENDERER="django.forms.renderers.Jinja2")
    def test_a_project_can_render_its_forms_with_jinja2(self):
        get_default_renderer.cache_clear()
        html = SubscriptionForm(initial={"wanted": "-ads"}).as_div()
        get_default_renderer.cache_clear()
        assert checked(html) == (["except"], ["ads"])


def elements(html):
    """Return the tags and the texts of a page, without the whitespace between them."""
    return [part.strip() for part in re.split("(<.*?>)", html) if part.strip()]
