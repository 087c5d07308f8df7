"""Mutation tests: change the library in every small way, and list the changes no test notices.

    python tests/mutation/mutate.py [--minutes M] [MODULE]...

A mutant that passes the tests is a survivor. `survivors.md` lists them with the reason why each is
equivalent; the command rewrites that file, keeps the reasons, and fails for a survivor without one.
Results are kept in `.mutation_cache`, so that a run resumes where the last one stopped.

Each mutant runs in a fork of a process that has already loaded what the tests import: starting
pytest takes longer than the tests that fail. Only the tests that run the changed line are run.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import os
import resource
import signal
import sys
import tempfile
import time
from functools import partial
from importlib.abc import MetaPathFinder
from importlib.machinery import PathFinder, SourceFileLoader
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import coverage
import pytest

TESTS = Path(__file__).parents[1]
ROOT = TESTS.parent
PACKAGE = ROOT / "src" / "category_filter"
CACHE = ROOT / ".mutation_cache"
sys.path[:0] = [str(TESTS), str(Path(__file__).parent)]
os.environ["HYPOTHESIS_NO_PLUGINS"] = "1"  # this library is one, and is loaded in forks only

from hypothesis import HealthCheck, Phase, settings  # noqa: E402 - after that variable
from mutants import Mutant, find_mutants  # noqa: E402 - found by the path above
from mutation_report import write_report  # noqa: E402 - found by the path above
from mutation_targets import PRELOADED, TARGETS, Target  # noqa: E402 - found by the path above

if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.machinery import ModuleSpec
    from types import CodeType

settings.register_profile(
    "mutation",
    max_examples=30,
    stateful_step_count=20,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],  # a failure need not be small
    suppress_health_check=[*HealthCheck],
)

MEMORY = 8 << 30
"""Limit of the address space in bytes, for mutants that allocate endlessly."""


class Baseline(NamedTuple):
    """The tests without a mutant."""

    seconds: float
    order: dict[str, float]
    """Seconds of each test, by its id."""
    covering: dict[str, list[str]]
    """The tests that run a line, by its number."""


class MutantFinder(MetaPathFinder):
    """An import hook that gives one module the code of a mutant."""

    def __init__(self, name: str, code: CodeType) -> None:
        self._name = name
        self._code = code

    def find_spec(
        self, name: str, path: object = None, _target: object = None
    ) -> ModuleSpec | None:
        if name != self._name:
            return None
        spec = PathFinder.find_spec(name, path)
        loader = SourceFileLoader(name, spec.origin)
        loader.get_code = lambda _: self._code
        spec.loader = loader
        return spec


class Covering:
    """A pytest plugin: fewer examples, and only tests that run the changed line, fastest first.

    If the line runs on import, all tests run.
    """

    def __init__(self, baseline: Baseline, line: int) -> None:
        self._seconds = baseline.order
        self._covering = {*baseline.covering.get(str(line), [])}

    def pytest_configure(self):
        settings.load_profile("mutation")

    def pytest_collection_modifyitems(self, items):
        if self._covering and "" not in self._covering:
            items[:] = [item for item in items if item.nodeid in self._covering]
        items.sort(key=lambda item: self._seconds.get(item.nodeid, 0.0))


class Measured:
    """A pytest plugin: how long each test takes, and which tests run a line."""

    def __init__(self, file: Path, result: Path) -> None:
        self._file = str(file)
        self._result = result
        self._order: dict[str, float] = {}
        self._coverage = coverage.Coverage(
            data_file=None, include=[self._file], config_file=False, messages=False
        )

    def pytest_configure(self):
        settings.load_profile("mutation")
        self._coverage.start()
        self._start = time.monotonic()

    def pytest_runtest_logstart(self, nodeid):
        clear_caches()  # otherwise a cached function runs in the first test only
        self._coverage.switch_context(nodeid)

    def pytest_runtest_logreport(self, report):
        self._order[report.nodeid] = self._order.get(report.nodeid, 0.0) + report.duration

    def pytest_sessionfinish(self):
        self._coverage.stop()
        lines = self._coverage.get_data().contexts_by_lineno(self._file)
        seconds = time.monotonic() - self._start
        self._result.write_text(json.dumps([seconds, self._order, lines]), "utf-8")


def clear_caches() -> None:
    for name, module in [*sys.modules.items()]:
        if name.startswith("category_filter"):
            for value in vars(module).values():
                if clear := getattr(value, "cache_clear", None):
                    clear()


def pytest_in_fork(
    target: Target, plugin: object, prepare: Callable[[], None], timeout: float, log: Path
) -> int | None:
    """Run the tests in a fork; return the exit status, or None if it had to be killed."""
    pid = os.fork()
    if not pid:
        os.setsid()
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(output, 1)
        os.dup2(output, 2)
        if target.is_bounded:
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        prepare()
        status = 3
        try:
            status = int(pytest.main(arguments(target), [plugin]))
        finally:
            os._exit(status)
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return None


def arguments(target: Target) -> list[str]:
    options = ["-x", "-q", "--tb=line", "--assert=plain", "-c", os.devnull, "--rootdir", str(TESTS)]
    plugins = [f"-p{name}" for name in ("no:cacheprovider", *target.plugins)]
    return [*options, *plugins, *target.options, *(str(TESTS / file) for file in target.files)]


def digest(*files: Path) -> str:
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()


def measure(target: Target, file: Path) -> Baseline:
    with tempfile.TemporaryDirectory() as folder:
        result, log = Path(folder, "baseline"), Path(folder, "log")
        plugin = Measured(file, result)
        if pytest_in_fork(target, plugin, lambda: None, 1_000, log) != 0:
            sys.exit(f"the tests of {file.name} fail without a change:\n{log.read_text('utf-8')}")
        return Baseline(*json.loads(result.read_text("utf-8")))


def survives(target: Target, module: str, mutant: Mutant, baseline: Baseline) -> bool:
    finder = MutantFinder(module, mutant.code)
    plugin = Covering(baseline, mutant.line)
    prepare = partial(sys.meta_path.insert, 0, finder)
    timeout = 10 + 5 * baseline.seconds
    return pytest_in_fork(target, plugin, prepare, timeout, Path(os.devnull)) == 0


def run_module(name: str, target: Target, until: float) -> bool:
    """Run the mutants of a module without a result yet; return True if all have one."""
    file, cached = PACKAGE / f"{name}.py", CACHE / f"{name.replace('/', '.')}.json"
    mutants = [*find_mutants(file.read_text("utf-8"), str(file))]
    source, tests = digest(file), digest(*(TESTS / each for each in target.files))
    state = json.loads(cached.read_text("utf-8")) if cached.exists() else {}
    known: dict[str, bool] = {}  # key: does it survive
    if state.get("source") == source:
        same = state["tests"] == tests
        known = {key: lives for key, lives in state["results"].items() if same or not lives}
    todo = [mutant for mutant in mutants if mutant.key not in known]
    CACHE.mkdir(exist_ok=True)

    def save() -> None:
        results = {mutant.key: known[mutant.key] for mutant in mutants if mutant.key in known}
        state = {"source": source, "tests": tests, "mutants": len(mutants), "results": results}
        cached.write_text(json.dumps(state), "utf-8")

    save()
    baseline = None
    for count, mutant in enumerate(todo):
        if time.monotonic() > until:
            return False
        baseline = baseline or measure(target, file)
        dotted = f"category_filter.{name.replace('/', '.')}"
        known[mutant.key] = survives(target, dotted, mutant, baseline)
        save()
        if known[mutant.key] or not count % 20:
            print(f"{name} {len(known)}/{len(mutants)}", mutant.key if known[mutant.key] else "")
            sys.stdout.flush()
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("modules", nargs="*", help="as _parser or service/tokens; default: all")
    parser.add_argument("--minutes", type=float, default=1e6, help="stop after this many minutes")
    options = parser.parse_args()
    os.environ.pop("CI", None)  # skipped tests fail there
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    sys.dont_write_bytecode = False  # otherwise each fork compiles the tests
    for name in PRELOADED:
        importlib.import_module(name)
    if "category_filter" in sys.modules:
        sys.exit("the library is already loaded: its mutants would have no effect")
    until = time.monotonic() + 60 * options.minutes
    for name in options.modules or TARGETS:
        if not run_module(name, TARGETS[name], until):
            print(f"{name}: to be continued")
            break
    sys.exit(write_report(CACHE, TARGETS) > 0)


if __name__ == "__main__":
    main()
