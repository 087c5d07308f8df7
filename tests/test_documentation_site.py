"""The documentation site: built once, served on loopback, and read in Chromium."""

import importlib
import pkgutil
import re
import shutil
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import FunctionType
from urllib.parse import unquote, urldefrag

import pytest
from axe_playwright_python.sync_playwright import Axe
from browser import CHROMIUM, launch_chromium
from playwright.sync_api import expect
from processes import UNMEASURED
from readmes import ROOT

import category_filter
from category_filter import CategoryFilter, CategoryFilterError
from category_filter.navixy import CATEGORIES

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="Chromium is not installed (Debian package: chromium)"
)

REPOSITORY = "https://host.example/owner/name/blob/v0.1.0/"
RELEASE = {
    "GITHUB_SERVER_URL": "https://host.example",
    "GITHUB_REPOSITORY": "owner/name",
    "GITHUB_REF_NAME": "v0.1.0",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the built site."""
    pytest.importorskip("furo", reason="pip install 'category-filter[docs]'")
    if shutil.which("npm") is None:
        pytest.skip("Node is not installed: the Try it box needs Pyodide from npm")
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [ROOT / ".ci" / "docs", folder],
        env=UNMEASURED | RELEASE | {"PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


class Handler(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def url(site):
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=site)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def chromium():
    with launch_chromium() as browser:
        yield browser


@pytest.fixture
def open_page(chromium, url):
    contexts = []

    def open_page(path="/", **options):
        context = chromium.new_context(base_url=url, **options)
        contexts.append(context)
        page = context.new_page()
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()


def public_modules():
    found = pkgutil.walk_packages(category_filter.__path__, "category_filter.")
    names = ["category_filter", *(module.name for module in found)]
    return [importlib.import_module(name) for name in names if "._" not in name]


def find(modules, name):
    """Return the object with a name from the inventory."""
    module = max((m for m in modules if name.startswith(f"{m}.")), key=len)
    found = modules[module]
    for part in name.removeprefix(f"{module}.").split("."):
        found = getattr(found, part, None)
    return found


def test_every_public_name_is_in_the_reference(site):
    from sphinx.util.inventory import InventoryFile  # noqa: PLC0415 - skipped without Sphinx

    inventory = InventoryFile.loads((site / "objects.inv").read_bytes(), uri="").data
    modules = {module.__name__: module for module in public_modules()}
    assert set(inventory.pop("py:module")) >= {
        name for name, module in modules.items() if hasattr(module, "__all__")
    }
    names = {name for kind in inventory if kind.startswith("py:") for name in inventory[kind]}
    documented = {
        found for name in names if isinstance(found := find(modules, name), (type, FunctionType))
    }
    missing = [
        f"{module}.{name}"
        for module in modules
        for name in getattr(modules[module], "__all__", [])
        if f"{module}.{name}" not in names
        if not isinstance(found := getattr(modules[module], name), (type, FunctionType))
        or found not in documented
    ]
    assert missing == []


class TestPages:
    def test_every_page_opens_and_every_link_leads_somewhere(self, site, url, open_page):
        page = open_page()
        problems = []
        page.on("console", lambda message: problems.append(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("response", lambda response: response.status < 400 or problems.append(response.url))
        anchors, links, images = {}, set(), set()
        to_open = [f"{url}/search.html"]
        while to_open:
            address = to_open.pop()
            page.goto(address)
            anchors[address] = set(
                page.evaluate("[...document.querySelectorAll('[id]')].map(element => element.id)")
            )
            for image in page.locator("article img:not(.toggler)").all():
                assert image.evaluate("async image => (await image.decode(), image.naturalWidth)")
                images.add(Path(image.get_attribute("src")).name)
            found = page.evaluate("[...document.links].map(link => link.href)")
            links.update(link for link in found if link != f"{address}#")  # back to the top
            targets = {urldefrag(link).url for link in found if link.startswith(f"{url}/")}
            to_open.extend(targets - anchors.keys() - {*to_open})
        assert problems == []
        files = {f"{url}/{path.relative_to(site)}" for path in site.rglob("*.html")}
        assert set(anchors) == files
        assert images == {*("widget.png", "speedup.svg", "language.svg", "index.svg", "tables.svg")}
        broken = [
            link
            for link in links
            if link.startswith(url)
            if (target := urldefrag(link)).fragment
            and unquote(target.fragment) not in anchors[target.url]
        ]
        assert broken == []
        others = {link for link in links if not link.startswith(url)}
        assert {link for link in others if not link.startswith("https://")} == set()
        in_repository = {link for link in others if link.startswith("https://host.example")}
        assert in_repository >= {f"{REPOSITORY}LICENSE", f"{REPOSITORY}tests/test_round_trip.py"}
        for link in in_repository:
            assert (ROOT / link.removeprefix(REPOSITORY)).is_file()

    def test_a_keyword_can_be_searched_for_as_it_is_written(self, open_page):
        page = open_page()
        page.get_by_role("textbox", name="Search").fill("stored=")
        page.keyboard.press("Enter")
        results = page.locator("#search-results")
        target = "api/core.html#category_filter.Categories.parse"
        results.locator(f"a[href='{target}']").first.click()
        signature = page.locator("[id='category_filter.Categories.parse']")
        expect(signature).to_be_in_viewport()
        expect(signature).to_contain_text("stored: CategoryFilter | None = None")

    @pytest.mark.parametrize("path", ["/", "/integrations.html", "/api/core.html"])
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_pages_fit_a_phone(self, open_page, path, scheme):
        page = open_page(path, viewport={"width": 320, "height": 640}, color_scheme=scheme)
        assert page.evaluate("document.documentElement.scrollWidth") == 320
        # The theme cuts off wider content.
        assert page.locator("article").first.evaluate("e => e.getBoundingClientRect().right") <= 320
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        red, green, blue = map(int, re.findall(r"\d+", background)[:3])
        assert (red + green + blue < 150) is (scheme == "dark")

    def test_the_first_page_reads_well_without_javascript(self, open_page):
        page = open_page(java_script_enabled=False)
        expect(page.locator("#try-it-example")).to_contain_text("-history_task,history_rule")
        expect(page.get_by_label("Filter")).to_be_hidden()
        assert rows(page) == expected_rows("-history_task,history_rule")


def rows(page):
    cells = page.locator("#try-it-table tbody tr").all()
    return [row.locator("td").all_inner_texts() for row in cells]


def expected_rows(text):
    wanted = CategoryFilter(text)
    yes = {True: "yes", False: "no"}
    known = [[name, yes[wanted.allows(name)], label] for name, label in CATEGORIES.labels.items()]
    return [*known, ["any other", yes[wanted.allows_unlisted], ""]]


def message(text):
    with pytest.raises(CategoryFilterError) as caught:
        CATEGORIES.parse(text)
    return caught.value.message


KNOWN = ",".join(CATEGORIES)


class Box:
    """A page on which the Try it box is in use, and the requests before and after that."""

    def __init__(self, page, url):
        self.page = page
        self.filter, self.known = (page.get_by_label(name) for name in ("Filter", "Known"))
        self.status = page.get_by_role("status")
        self.excerpt = page.locator("#try-it-excerpt")
        requests = []
        page.on("request", lambda request: requests.append(request.url))
        page.goto(url)
        page.wait_for_load_state("networkidle")
        self.before, self.requests = [*requests], requests
        self.served = self.status.inner_text(), rows(page)
        with page.expect_request("**/pyodide.asm.wasm", timeout=60_000):
            self.filter.focus()
        self.filter.fill("*")
        # Python takes a few seconds to load, and longer on a busy machine.
        expect(self.status).not_to_contain_text("Loading", timeout=60_000)


@pytest.fixture(scope="module")
def used(chromium, url):
    page = chromium.new_page()
    yield Box(page, url)
    page.close()


class TestTryIt:
    @pytest.fixture
    def box(self, used):
        used.known.fill(KNOWN)
        used.filter.fill("*")
        expect(used.status).to_have_text(
            "Allows 6 of 6 known categories, and any other. Canonical form: *"
        )
        return used

    def test_python_comes_from_the_site_when_the_box_is_first_used(self, box, url):
        assert [address for address in box.before if "pyodide" in address] == []
        assert [address for address in box.requests if not address.startswith(url)] == []

    @pytest.mark.parametrize(
        ("text", "counted"),
        [
            (" chat_message", "Allows 1 of 6 known categories, and no other."),
            ("-*", "Allows 0 of 6 known categories, and no other."),
            ("-history_task, history_rule", "Allows 4 of 6 known categories, and any other."),
        ],
    )
    def test_a_valid_filter_is_explained_by_category(self, box, text, counted):
        box.filter.fill(text)
        expect(box.status).to_have_text(f"{counted} Canonical form: {CategoryFilter(text)}")
        expect(box.filter).to_have_attribute("aria-invalid", "false")
        expect(box.page.locator("#try-it-table")).to_be_visible()
        assert rows(box.page) == expected_rows(text)

    def test_the_page_is_served_with_the_answer_to_its_example(self, box):
        box.filter.fill("-history_task,history_rule")
        expect(box.status).to_have_text(box.served[0])
        assert box.served[1] == rows(box.page) == expected_rows("-history_task,history_rule")

    @pytest.mark.parametrize(
        ("text", "position", "suggestion"),
        [
            ("chat_message; history_rule", 12, "chat_message,history_rule"),
            ("-history_task, chat_mesage", 15, "-history_task, chat_message"),
        ],
    )
    def test_an_error_has_a_caret_and_a_suggestion_to_click(self, box, text, position, suggestion):
        box.filter.fill(text)
        expect(box.status).to_have_text(message(text))
        expect(box.filter).to_have_attribute("aria-invalid", "true")
        expect(box.filter).to_have_accessible_description(message(text))
        line, caret = box.excerpt.text_content().splitlines()
        assert line.strip() == text
        assert caret.index("^") - line.index(text) == position
        expect(box.page.locator("#try-it-table")).to_be_hidden()
        box.page.get_by_role("button", name=suggestion, exact=True).click()
        expect(box.filter).to_have_value(suggestion)
        expect(box.filter).to_have_attribute("aria-invalid", "false")
        expect(box.excerpt).to_be_hidden()
        assert rows(box.page) == expected_rows(suggestion)

    def test_an_error_without_a_suggestion_has_no_button(self, box):
        box.filter.fill("chat_message,*")
        expect(box.status).to_have_text(message("chat_message,*"))
        expect(box.page.locator("#try-it-suggestions")).to_be_hidden()

    def test_the_keyboard_is_enough(self, box):
        keyboard = box.page.keyboard
        box.known.focus()
        keyboard.press("Shift+Tab")
        expect(box.filter).to_be_focused()
        keyboard.press("Control+A")
        keyboard.type("history_task history_rule")
        suggestion = box.page.get_by_role("button", name="history_task,history_rule")
        expect(suggestion).to_be_visible()
        keyboard.press("Tab")  # to the known categories
        keyboard.press("Tab")
        expect(suggestion).to_be_focused()
        keyboard.press("Enter")
        expect(box.filter).to_be_focused()
        expect(box.status).to_contain_text("Allows 2 of 6")

    def test_an_answer_to_other_text_is_never_shown(self, box):
        box.known.fill(",".join(f"category_{i}" for i in range(500)))  # so that answers take time
        shown = box.page.evaluate(
            """async () => {
                const [filter, answer, status] = ["filter", "answer", "status"].map(
                    name => document.getElementById(`try-it-${name}`))
                const shown = {right: 0, wrong: 0}
                for (let i = 0; i < 60; i++) {
                    filter.value = i % 2 ? "-*" : "*"
                    filter.dispatchEvent(new Event("input"))
                    for (let turn = 0; turn < i; turn++) {
                        const right = status.textContent.endsWith(`: ${filter.value}`)
                        if (getComputedStyle(answer).visibility == "visible")
                            shown[right ? "right" : "wrong"]++
                        await new Promise(resolve => setTimeout(resolve))
                    }
                }
                return shown
            }"""
        )
        assert shown["right"] > 0
        assert shown["wrong"] == 0

    def test_the_known_categories_can_be_replaced(self, box):
        box.filter.fill("-ads")
        box.known.fill("news, ads")
        expect(box.status).to_contain_text("Allows 1 of 2 known categories, and any other.")
        assert rows(box.page) == [["news", "yes", ""], ["ads", "no", ""], ["any other", "yes", ""]]
        box.known.fill("news, a b")
        expect(box.known).to_have_attribute("aria-invalid", "true")
        expect(box.filter).to_have_attribute("aria-invalid", "false")
        expect(box.status).to_contain_text("invalid character ' '")

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    @pytest.mark.parametrize("text", ["chat_message; history_rule", "-chat_message"])
    def test_the_box_is_accessible_on_a_phone(self, box, text, scheme):
        box.page.set_viewport_size({"width": 390, "height": 844})
        box.page.emulate_media(color_scheme=scheme)
        box.filter.fill(text)
        expect(box.status).not_to_have_text(re.compile(r"form: \*$"))
        result = Axe().run(box.page, context=".try-it")
        assert result.response["violations"] == [], result.generate_report()
        assert box.page.evaluate("document.documentElement.scrollWidth") == 390
