"""The application with its commands, and `main`, which runs it as a process.

Each command imports its own dependencies when it runs, so that the others and `--help` start fast.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from contextlib import suppress
from typing import Annotated

import typer

from category_filter import __version__
from category_filter.cli import _service
from category_filter.cli._check import check
from category_filter.cli._command import Command, FilterCommand
from category_filter.cli._explain import explain
from category_filter.cli._precompute import precompute
from category_filter.cli._sql import sql

__all__ = ["app", "main"]

app = typer.Typer(
    help="Parse, check and apply filters of notification categories, and serve the push-token API.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command(cls=FilterCommand)(explain)
app.command(cls=Command)(check)
app.command(cls=Command)(precompute)
app.command(cls=Command)(sql)
app.command(cls=Command)(_service.serve)
app.add_typer(_service.session, name="session")


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - the value of a flag
    if wanted:
        typer.echo(f"category-filter {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None: ...


def main() -> None:
    """Run the command line, and exit with its status."""
    gc.freeze()  # skips the imported modules in garbage collections: a tenth of `explain`'s time
    signal.signal(signal.SIGTERM, _exit_on_signal)
    with suppress(AttributeError):  # not on Windows
        # End silently when the reader of a pipe ends; the service commands ignore the signal.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        try:
            app()
        finally:
            sys.stdout.flush()
    except OSError as error:
        # Python flushes again at exit, which would fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        file = f"{error.filename}: " if error.filename else ""
        typer.echo(f"category-filter: {file}{error.strerror or error}", err=True)
        sys.exit(2)


def _exit_on_signal(number: int, frame: object) -> None:  # noqa: ARG001 - the signature of a handler
    """Exit with an exception, as Ctrl-C does, so that temporary files are removed."""
    sys.exit(128 + number)
