"""What is installed: the wheel that the source distribution gives, away from this tree."""

import os
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path
from zipfile import ZipFile

import pytest

import category_filter

ROOT = Path(__file__).parents[1]
CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


# Coverage would load itself, and the tree's own files, into what is started.
ENVIRONMENT = {
    name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")
}


def run(*command, env=ENVIRONMENT, **options):
    return subprocess.run(command, check=True, capture_output=True, text=True, env=env, **options)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A source distribution of this tree, and the wheel that is made of it."""
    folder = tmp_path_factory.mktemp("built")
    run(sys.executable, "-m", "build", "--outdir", str(folder), str(ROOT))
    return folder


@pytest.fixture(scope="module")
def installed(built, tmp_path_factory):
    """The wheel, installed where nothing else of this project is."""
    folder = tmp_path_factory.mktemp("installed")
    (wheel,) = built.glob("*.whl")
    run(sys.executable, "-m", "pip", "install", "--no-deps", "--target", str(folder), str(wheel))
    return folder


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
        if file.suffix != ".pyc"
    }
    grammar = {"__init__.py", "category_filter.lark", "diagnostics.lark"}
    assert files == sources | {f"category_filter/_grammar/{name}" for name in grammar}


def test_the_source_distribution_holds_the_grammar_and_the_license(built):
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    assert {"grammar/category_filter.lark", "grammar/diagnostics.lark", "LICENSE"} <= names


def test_the_public_names():
    assert set(category_filter.__all__) == {
        "Categories",
        "CategoryFilter",
        "CategoryFilterError",
        "FilterIndex",
        "FilterSyntaxError",
        "UnknownCategoryError",
    }


def test_the_core_depends_on_lark_alone():
    assert [need.split(">")[0] for need in CONFIG["project"]["dependencies"]] == ["lark"]


def test_importing_the_core_loads_no_framework_and_no_grammar():
    loaded = run(
        sys.executable,
        *(
            "-c",
            "import sys, category_filter; print(*{name.split('.')[0] for name in sys.modules})",
        ),
    )
    bare = run(sys.executable, "-c", "import sys; print(*sys.modules)")
    new = set(loaded.stdout.split()) - set(bare.stdout.split())
    assert new - sys.stdlib_module_names == {"category_filter"}


def test_the_installed_library_passes_the_tests_of_the_core(installed, tmp_path):
    environment = ENVIRONMENT | {"PYTHONPATH": str(installed)}
    where = run(
        *(sys.executable, "-c", "import category_filter; print(category_filter.__file__)"),
        env=environment,
        cwd=tmp_path,
    )
    assert Path(where.stdout.strip()).parent == installed / "category_filter"
    core = ["test_language.py", "test_filter.py", "test_categories.py", "test_errors.py"]
    result = run(
        *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(ROOT)),
        *(str(ROOT / "tests" / name) for name in core),
        env=environment,
        cwd=tmp_path,
    )
    assert " passed" in result.stdout
    assert "skipped" not in result.stdout
