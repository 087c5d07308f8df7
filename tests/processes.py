"""Processes that start faster: forks of one that has imported the service, or unmeasured ones."""

import multiprocessing
import os
import runpy
import sys

UNMEASURED = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
"""The environment of processes whose coverage need not be measured, which doubles their start."""

forks = multiprocessing.get_context("forkserver")
# To import the service takes a second, and two while coverage is measured.
forks.set_forkserver_preload(["category_filter.cli", "category_filter.service.server"])


def exit_codes(target, *arguments, count):
    """Call a function in several forks at once, and return how they end."""
    processes = [forks.Process(target=target, args=arguments) for _ in range(count)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    return [process.exitcode for process in processes]


def start(target, *arguments, output, folder=".", environment=os.environ):
    """Call a function in a fork that writes its output to a file."""
    options = (os.fspath(output), os.fspath(folder), dict(environment))
    process = forks.Process(target=_call, args=(target, arguments, *options))
    process.start()
    return process


def run_command(*arguments):
    """Run `category-filter`."""
    from category_filter.cli import main  # noqa: PLC0415 - the parent process need not import it

    sys.argv = ["category-filter", *arguments]
    main()


def run_code(code, *arguments):
    sys.argv = ["-c", *arguments]
    exec(code, {"__name__": "__main__"})


def run_script(path, *arguments):
    sys.argv = [path, *arguments]
    runpy.run_path(path, run_name="__main__")


def _call(target, arguments, output, folder, environment):
    with open(output, "ab") as file:  # noqa: PTH123 - a `Path` does nothing for it
        for descriptor in (1, 2):
            os.dup2(file.fileno(), descriptor)
    sys.stdin = os.fdopen(0)  # which uvicorn passes on to its workers
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    target(*arguments)
