"""The widget, the text input and the admin in Chromium, with and without JavaScript."""

import os
import re
from html import escape
from itertools import product
from pathlib import Path
from typing import NamedTuple

import pytest
from axe_playwright_python.sync_playwright import Axe
from browser import CHROMIUM, launch_chromium, run_site
from django_site.models import KNOWN
from django_site.settings import STATICFILES_DIRS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from playwright.sync_api import expect

import category_filter.integrations.django
from category_filter import Categories, CategoryFilterError
from category_filter.integrations.django.forms import CategoryFilterWidget
from category_filter.testing import filters, names, spellings, texts

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="Chromium is not installed (Debian package: chromium)"
)


@pytest.fixture(scope="module")
def site_url():
    with run_site() as url:
        yield url


@pytest.fixture(scope="module")
def chromium():
    with launch_chromium() as browser:
        yield browser


@pytest.fixture(params=[True, False], ids=["javascript", "no javascript"])
def page(request, chromium, site_url):
    context = chromium.new_context(java_script_enabled=request.param, base_url=site_url)
    page = context.new_page()
    page.set_default_timeout(10_000)
    yield page
    context.close()


STYLE = Path(category_filter.integrations.django.__file__).parent.joinpath(
    "static", "category_filter", "widget.css"
)
MODES = ["all categories", "no categories", "only these categories", "all categories except these"]


def choose(page, mode, *labels):
    page.get_by_label(mode, exact=True).check()
    for label in labels:
        page.get_by_label(label, exact=True).check()


def log_in(page):
    page.locator("[name=username]").fill("root")
    page.locator("[name=password]").fill("root")
    page.locator("[type=submit]").click()


def save(page):
    page.get_by_role("button", name="Save", exact=True).click()


class TestWidget:
    @pytest.mark.parametrize(
        ("mode", "labels", "stored"),
        [
            ("all categories", [], "*"),
            ("only these categories", ["Results", "Offers <& more>"], "ads,sport"),
            ("no categories", [], "-*"),
            ("all categories except these", ["Logs"], "-log"),
            ("all categories except these", [], "*"),
        ],
    )
    def test_the_selected_filter_is_stored_and_shown_again(self, page, mode, labels, stored):
        page.goto("/")
        choose(page, mode, *labels)
        save(page)
        expect(page.locator("#stored")).to_have_text(stored)
        page.goto(page.url.replace("stored/", ""))
        shown = "all categories" if stored == "*" else mode
        expect(page.get_by_label(shown, exact=True)).to_be_checked()
        for label in KNOWN.labels.values():
            expect(page.get_by_label(label, exact=True)).to_be_checked(checked=label in labels)

    def test_checkboxes_are_hidden_for_all_categories(self, page):
        page.goto("/")
        checkboxes = page.get_by_role("checkbox")
        expect(checkboxes).to_have_count(0)
        for mode, count in zip(MODES, [0, 0, 4, 4], strict=True):
            choose(page, mode)
            expect(checkboxes).to_have_count(count)

    def test_category_names_cannot_be_mistaken_for_modes(self, page):
        widget = CategoryFilterWidget(Categories({"only": "Only", "except": "Except"}))
        page.set_content(f"<style>{STYLE.read_text('utf-8')}</style>{widget.render('wanted', '*')}")
        for mode, label in zip(MODES[2:], ["Only", "Except"], strict=True):
            choose(page, mode, label)
        expect(page.get_by_role("checkbox")).to_have_count(2)
        choose(page, "all categories")
        expect(page.get_by_role("checkbox")).to_have_count(0)

    def test_the_keyboard_is_enough(self, page):
        page.goto("/")
        page.keyboard.press("Tab")
        expect(page.get_by_label("all categories", exact=True)).to_be_focused()
        for _ in range(3):
            page.keyboard.press("ArrowDown")
        for key in ["Tab", "Tab", "Space", "Tab", "Tab", "Space", "Enter"]:
            page.keyboard.press(key)
        expect(page.locator("#stored")).to_have_text("-log,sport")

    def test_screen_readers_get_groups_labels_and_help(self, page):
        page.goto("/")
        choose(page, "only these categories", "Results")
        expect(page.locator("form")).to_match_aria_snapshot(
            """
            - group "Notifications:":
              - text: "Notifications: Select what this device receives."
              - radiogroup "Deliver":
                - text: Deliver
                - radio "all categories"
                - text: all categories
                - radio "only these categories" [checked]
                - text: only these categories
                - radio "all categories except these"
                - text: all categories except these
              - group "Categories":
                - text: Categories
                - checkbox "News of the day"
                - text: News of the day
                - checkbox "Results" [checked]
                - text: Results
                - checkbox "Offers <& more>"
                - text: Offers <& more>
                - checkbox "Logs"
                - text: Logs
            - button "Save"
            - button "Save unchecked"
            """
        )
        expect(page.get_by_role("group", name="Notifications:")).to_have_accessible_description(
            "Select what this device receives."
        )

    def test_a_retired_category_stays_checked_and_is_saved(self, page):
        page.goto("/1/")
        expect(page.get_by_label("old (no longer offered)")).to_be_checked()
        choose(page, "only these categories", "Results")
        page.get_by_label("News of the day").uncheck()
        save(page)
        expect(page.locator("#stored")).to_have_text("old,sport")
        page.goto("/1/")
        page.get_by_label("News of the day").check()
        page.get_by_label("Results").uncheck()
        save(page)
        expect(page.locator("#stored")).to_have_text("news,old")

    def test_the_widget_and_errors_are_localized(self, chromium, site_url):
        context = chromium.new_context(locale="de-DE", base_url=site_url)
        page = context.new_page()
        page.goto("/")
        choose(page, "alle Kategorien außer diesen", "Logs")
        save(page)
        expect(page.locator("#stored")).to_have_text("-log")
        page.goto("/text/")
        page.get_by_label("Notifications").fill("news;sport")
        page.get_by_role("button", name="Save unchecked").click()
        expect(page.locator(".errorlist")).to_have_text(
            "',' statt ';' verwenden; war 'news,sport' gemeint?"
        )
        context.close()


class Viewer(NamedTuple):
    """A kind of reader: the options of a browser context."""

    width: int
    scheme: str = "light"
    locale: str = "en"


PHONE, DARK_PHONE = Viewer(320), Viewer(320, scheme="dark")
DESK, RIGHT_TO_LEFT = Viewer(1100), Viewer(1100, locale="ar")

ADMIN = "/admin/django_site/subscription/1/change/"
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@pytest.fixture(scope="module")
def screenshots(tmp_path_factory):
    """The folder of the screenshots: $SCREENSHOTS, or a temporary one."""
    return Path(os.environ.get("SCREENSHOTS") or tmp_path_factory.mktemp("screenshots"))


@pytest.fixture
def open_page(chromium, site_url, screenshots):
    contexts = []

    def open_page(path, viewer):
        context = chromium.new_context(
            base_url=site_url,
            color_scheme=viewer.scheme,
            locale=viewer.locale,
            viewport={"width": viewer.width, "height": 800},
        )
        contexts.append(context)
        page = context.new_page()
        page.goto(path)
        if path == ADMIN:
            log_in(page)
        elif path == "/":
            page.locator("[value=only]").check()
        name = f"{path.strip('/').replace('/', '-') or 'bare'}-{'-'.join(map(str, viewer))}.png"
        page.screenshot(path=screenshots / name, full_page=True)
        return page

    yield open_page
    for context in contexts:
        context.close()


class TestLayout:
    @pytest.mark.parametrize(
        ("path", "viewer"),
        [
            *product(["/product/", "/many/"], [PHONE, DARK_PHONE, DESK, RIGHT_TO_LEFT]),
            *product(["/", ADMIN], [DARK_PHONE, RIGHT_TO_LEFT]),
        ],
    )
    def test_pages_are_accessible_and_do_not_scroll_sideways(self, open_page, path, viewer):
        page = open_page(path, viewer)
        form = page.locator("form").last
        assert form.evaluate("form => form.scrollWidth - form.clientWidth") == 0
        if path != ADMIN:  # its header is wider than a phone
            assert page.evaluate("document.documentElement.scrollWidth") == viewer.width
        result = Axe().run(page, context="form:last-of-type", options={"runOnly": WCAG})
        assert result.response["violations"] == [], result.generate_report()

    @pytest.mark.parametrize("path", ["/", "/many/", ADMIN])
    @pytest.mark.parametrize("viewer", [DESK, PHONE, RIGHT_TO_LEFT])
    def test_each_label_stands_right_after_its_input(self, open_page, path, viewer):
        gaps = open_page(path, viewer).evaluate(
            """() => [...document.querySelectorAll(".category-filter-mode label")].map(label => {
                const text = document.createRange()
                text.selectNodeContents(label.lastChild)
                const [a, b] = [label.firstElementChild, text].map(p => p.getBoundingClientRect())
                if (a.bottom < b.top || b.bottom < a.top) return -1
                return document.dir == "rtl" ? a.left - b.right : b.left - a.right
            })"""
        )
        assert len(gaps) >= len(MODES)
        assert all(0 < gap < 20 for gap in gaps), gaps

    def test_long_lists_use_the_width_of_the_page(self, open_page):
        page = open_page("/many/", DESK)
        chat, devices = (page.get_by_role("group", name=name) for name in ("Chat", "Devices"))
        assert chat.bounding_box()["x"] < devices.bounding_box()["x"]

    def test_screen_readers_get_the_group_of_a_category(self, open_page):
        page = open_page("/many/", DESK)
        group = page.get_by_role("group", name="Devices")
        expect(group.get_by_role("checkbox")).to_have_count(13)
        group.get_by_label("battery 13", exact=True).check()

    def test_excluded_categories_are_struck_out(self, open_page):
        page = open_page("/product/", DESK)
        label = page.locator("label", has_text="A task changed")
        expect(label).to_have_css("text-decoration-line", "line-through")
        page.get_by_label("only these categories").check()
        expect(label).to_have_css("text-decoration-line", "none")


class TestBootstrap:
    """The widget in a form that crispy-forms renders for Bootstrap 5."""

    @pytest.fixture(autouse=True)
    def _bootstrap(self):
        if not STATICFILES_DIRS:
            pytest.skip("Bootstrap is not installed (Debian package: libjs-bootstrap5)")

    @pytest.mark.parametrize("name", ["News about a device", "all categories except these"])
    def test_checked_inputs_look_different(self, open_page, name):
        page = open_page("/crispy/", DESK)
        expect(page.locator(".form-control")).to_have_css("padding-left", "12px")
        control = page.get_by_label(name, exact=True)
        expect(control).to_be_checked()
        expect(control).to_have_css("appearance", "auto")  # not that of a text input
        checked = control.screenshot()
        control.evaluate("input => { input.checked = false }")
        assert control.screenshot() != checked

    @pytest.mark.parametrize("viewer", [PHONE, DESK])
    def test_the_page_is_accessible_and_does_not_scroll_sideways(self, open_page, viewer):
        page = open_page("/crispy/", viewer)
        assert page.evaluate("document.documentElement.scrollWidth") == viewer.width
        assert Axe().run(page, context=".category-filter").response["violations"] == []


class TestText:
    def test_the_browser_blocks_invalid_input(self, page):
        page.goto("/text/")
        text = page.get_by_label("Notifications")
        for invalid in ("news;sport", "nows", "news,,ads"):
            text.fill(invalid)
            save(page)
            expect(page.locator("input:invalid")).to_have_value(invalid)
            expect(page).to_have_url(re.compile("/text/$"))
        text.fill(" - sport, ads")
        expect(page.locator("input[name=wanted]:invalid")).to_have_count(0)
        save(page)
        expect(page.locator("#stored")).to_have_text("-ads,sport")

    def test_an_error_describes_the_input_which_keeps_its_text(self, page):
        page.goto("/text/")
        page.get_by_label("Notifications").fill("-news, sprot")
        page.get_by_role("button", name="Save unchecked").click()
        text = page.get_by_label("Notifications")
        expect(text).to_have_value("-news, sprot")
        expect(text).to_have_accessible_description(
            "Select what this device receives. unknown category 'sprot' (did you mean 'sport'?)"
        )
        expect(text).to_have_attribute("aria-invalid", "true")
        text.fill("-news, sport")
        save(page)
        expect(page.locator("#stored")).to_have_text("-news,sport")


class TestAdmin:
    @pytest.fixture
    def admin(self, page):
        page.goto("/admin/django_site/subscription/add/")
        log_in(page)
        return page

    def wanted(self, page):
        return page.locator(".field-wanted")

    def test_an_added_row_is_listed_and_filtered_by_category(self, admin):
        admin.get_by_label("Device").fill("watch")
        choose(self.wanted(admin), "all categories except these", "Logs")
        admin.get_by_role("button", name="Save", exact=True).click()
        expect(admin.get_by_role("row", name="watch").first).to_contain_text("-log")
        admin.get_by_role("link", name=re.compile("^Logs")).click()
        expect(admin.get_by_role("row", name="watch")).to_have_count(0)

    def test_an_error_keeps_the_other_input(self, admin):
        choose(self.wanted(admin), "only these categories", "Results")
        admin.get_by_label("Anything").fill("a;b")
        admin.get_by_role("button", name="Save", exact=True).click()
        expect(admin.locator(".field-anything .errorlist")).to_have_text(
            "write ',' instead of ';'; did you mean 'a,b'?"
        )
        expect(admin.get_by_label("Anything")).to_have_value("a;b")
        expect(self.wanted(admin).get_by_label("Results")).to_be_checked()


@pytest.fixture(scope="module")
def accepts(chromium):
    page = chromium.new_page()
    console = []
    page.on("console", lambda message: console.append(message.text))

    def accepts(pattern, inputs):
        page.set_content(f'<input pattern="{escape(pattern)}">')
        result = page.evaluate(
            """inputs => {
                const input = document.querySelector("input")
                return inputs.map(text => {
                    input.value = text
                    return !input.validity.patternMismatch
                })
            }""",
            inputs,
        )
        assert console == []  # the browser ignores a pattern that does not compile, and logs it
        return result

    yield accepts
    page.close()


class TestPattern:
    """`<input pattern>`, as compiled by the browser."""

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
    @given(
        known=st.lists(names(), unique=True, min_size=1, max_size=5).map(Categories),
        inputs=st.lists(filters().flatmap(spellings) | texts(), min_size=1),
        data=st.data(),
    )
    def test_the_pattern_accepts_exactly_what_parse_accepts(self, accepts, known, inputs, data):
        listed = data.draw(st.lists(st.sampled_from([*known]), max_size=3))
        inputs = [*inputs, ",".join(listed), f"- {', '.join(listed)}"]
        # Inputs cannot hold line breaks or surrogates, and browsers skip empty ones.
        inputs = [text for text in inputs if re.fullmatch("[^\\r\\n\\ud800-\\udfff]+", text)]
        assert accepts(known.pattern, inputs) == [is_valid(known, text) for text in inputs]


def is_valid(known, text):
    try:
        known.parse(text)
    except CategoryFilterError:
        return False
    return True
