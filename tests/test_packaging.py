"""The distributions: their contents and their description. `.ci/run` tests the wheel."""

import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
from io import StringIO
from zipfile import ZipFile

import pytest
from packaging.metadata import Metadata
from processes import UNMEASURED
from readme_renderer import markdown
from readmes import ROOT

import category_filter

CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))

RELEASE = {
    "GITHUB_SERVER_URL": "https://host.example",
    "GITHUB_REPOSITORY": "owner/name",
    "GITHUB_REF_NAME": f"v{category_filter.__version__}",
}
"""The environment of a release in a CI system."""

SCRIPT = ROOT / ".github" / "prepare_release.py"
VERSION = category_filter.__version__
TAG = RELEASE["GITHUB_REF_NAME"]


def run(*command, env=UNMEASURED, **options):
    return subprocess.run(command, check=True, capture_output=True, text=True, env=env, **options)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A release: the source distribution, and the wheel built from it."""
    tree, folder = tmp_path_factory.mktemp("release") / "tree", tmp_path_factory.mktemp("built")
    unwanted = shutil.ignore_patterns(".*", "*.egg-info", "__pycache__", "build", "dist")
    shutil.copytree(ROOT, tree, ignore=unwanted)
    shutil.copytree(ROOT / ".github", tree / ".github")
    changelog = tree / ".github" / "CHANGELOG.md"
    changelog.write_text(changelog.read_text("utf-8").replace("unreleased", "2030-01-31"), "utf-8")
    run(sys.executable, str(SCRIPT), env=UNMEASURED | RELEASE, cwd=tree)
    run(sys.executable, "-m", "build", "--outdir", str(folder), str(tree))
    return folder


@pytest.fixture(scope="module")
def metadata(built):
    """The wheel's metadata, validated as a package index does."""
    (wheel,) = built.glob("*.whl")
    with ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        return Metadata.from_email(archive.read(name), validate=True)


@pytest.fixture(scope="module")
def html(metadata):
    """The description, rendered as a package index does."""
    warnings = StringIO()
    rendered = markdown.render(metadata.description, stream=warnings)
    assert warnings.getvalue() == ""
    return re.sub(r'(<h\d .*?)<a href="#.*?></a>', r"\1", rendered)  # the headings' own anchors


class TestDescription:
    def test_project_urls_lead_to_the_repository(self, metadata):
        assert metadata.project_urls == {
            "Documentation": f"https://host.example/owner/name/blob/{TAG}/README.md",
            "Source": "https://host.example/owner/name",
            "Changelog": f"https://host.example/owner/name/blob/{TAG}/.github/CHANGELOG.md",
            "Issues": "https://host.example/owner/name/issues",
        }

    def test_every_link_and_image_is_absolute(self, html):
        targets = re.findall(r'(?:href|src)="([^"]*)"', html)
        assert len(targets) > 20
        assert [target for target in targets if not target.startswith("https://")] == []

    def test_links_lead_to_the_files_and_images_of_the_tag(self, html):
        address = "https://host.example/owner/name"
        views = re.findall(rf'(href|src)="{address}/(blob|raw)/{re.escape(TAG)}/([^"#]*)', html)
        assert {(attribute, view) for attribute, view, _ in views} == {
            ("href", "blob"),
            ("src", "raw"),
        }
        assert [file for _, _, file in views if not (ROOT / file).is_file()] == []

    def test_code_stays_as_it_is(self, metadata):
        assert metadata.description_content_type == "text/markdown"
        code = re.compile(r"```.*?```|`[^`]*`", re.DOTALL)
        readme = (ROOT / "README.md").read_text("utf-8")
        assert code.findall(metadata.description) == code.findall(readme)


def test_the_release_workflow_prepares_the_release_before_it_builds():
    workflow = (ROOT / ".github" / "workflows" / "release.yml").read_text("utf-8")
    publish, documentation = workflow.split("  docs:")
    commands = re.findall(r"- run: ([^#\n]*)", publish)
    assert [command.strip() for command in commands] == [
        "python .github/prepare_release.py",
        "pipx run build",
        "pipx run twine check --strict dist/*",
    ]
    assert "needs: ci" in publish
    assert "needs: publish" in documentation


class TestVersion:
    @pytest.mark.parametrize(
        ("tag", "reason"),
        [
            ("v0.0.1", f'the tag is v0.0.1, but the module has __version__ = "{VERSION}"'),
            (f"v{VERSION}", f"the changelog has no line '## {VERSION}, YEAR-MONTH-DAY'"),
        ],
    )
    def test_a_release_needs_its_tag_and_its_date(self, tmp_path, tag, reason):
        for file, text in {
            "src/category_filter/__init__.py": f'__version__ = "{VERSION}"\n',
            ".github/CHANGELOG.md": f"## {VERSION}, unreleased\n",
            "README.md": "",
            "pyproject.toml": "",
        }.items():
            (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / file).write_text(text, "utf-8")
        result = subprocess.run(
            [sys.executable, str(SCRIPT)],
            env=UNMEASURED | RELEASE | {"GITHUB_REF_NAME": tag},
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
        )
        assert (result.returncode, result.stderr) == (1, f"{reason}\n")
        assert (tmp_path / "pyproject.toml").read_text() == ""

    def test_the_wheel_has_the_version_of_the_module(self, metadata):
        assert str(metadata.version) == VERSION

    def test_the_changelog_has_the_version(self):
        changelog = (ROOT / ".github" / "CHANGELOG.md").read_text("utf-8")
        assert f"\n## {VERSION}, " in changelog


def test_every_package_is_listed():
    packages = {
        ".".join(file.parent.relative_to(ROOT / "src").parts)
        for file in (ROOT / "src").rglob("__init__.py")
    }
    assert set(CONFIG["tool"]["setuptools"]["packages"]) == packages | {"category_filter._grammar"}


def test_the_wheel_holds_the_library_and_nothing_else(built):
    (wheel,) = built.glob("*.whl")
    files = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}
    sources = {
        str(file.relative_to(ROOT / "src"))
        for file in (ROOT / "src" / "category_filter").rglob("*.*")
        if file.suffix not in {".pyc", ".md"}
    }
    grammar = {"__init__.py", "category_filter.lark", "diagnostics.lark"}
    assert files == sources | {f"category_filter/_grammar/{name}" for name in grammar}


def test_the_source_distribution_holds_the_grammar_and_the_license_but_no_tests(built):
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    assert {"grammar/category_filter.lark", "grammar/diagnostics.lark", "LICENSE"} <= names
    assert not any(name.startswith("tests") for name in names)


def test_the_package_exports_the_public_names():
    assert set(category_filter.__all__) == {
        "Categories",
        "CategoryFilter",
        "CategoryFilterError",
        "FilterIndex",
        "FilterSyntaxError",
        "MatchView",
        "UnknownCategoryError",
    }


def test_the_core_depends_on_lark_only():
    assert [need.split(">")[0] for need in CONFIG["project"]["dependencies"]] == ["lark"]


def test_importing_the_core_loads_neither_a_framework_nor_lark():
    show = "import sys, category_filter; print(*{name.split('.')[0] for name in sys.modules})"
    loaded = run(sys.executable, "-c", show)
    bare = run(sys.executable, "-c", "import sys; print(*sys.modules)")
    new = set(loaded.stdout.split()) - set(bare.stdout.split())
    assert new - sys.stdlib_module_names == {"category_filter"}
