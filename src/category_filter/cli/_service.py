"""`category-filter serve` and `session`: the push-token service."""

from __future__ import annotations

import signal
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Annotated

import typer

from category_filter.cli._output import fail, requires

if TYPE_CHECKING:
    from collections.abc import Generator
    from types import ModuleType

__all__ = ["serve", "session"]

DatabaseOption = Annotated[
    str,
    typer.Option(
        metavar="URL",
        envvar="CATEGORY_FILTER_DATABASE",
        help="sqlite:///FILE or postgresql://USER@HOST/NAME.",
    ),
]

session = typer.Typer(help="Manage sessions, which may bind push tokens.", no_args_is_help=True)


def serve(
    host: Annotated[
        str, typer.Option(envvar="CATEGORY_FILTER_HOST", help="The address to listen on.")
    ] = "127.0.0.1",
    port: Annotated[
        int,
        typer.Option(
            min=0,
            max=65_535,
            envvar="CATEGORY_FILTER_PORT",
            help="The port; 0 chooses a free one.",
        ),
    ] = 8000,
    database: DatabaseOption = "sqlite:///push_tokens.db",
    workers: Annotated[
        int,
        typer.Option(
            min=1, max=256, envvar="CATEGORY_FILTER_WORKERS", help="The number of processes."
        ),
    ] = 1,
    access_log: Annotated[
        bool,
        typer.Option(
            "--access-log",
            envvar="CATEGORY_FILTER_ACCESS_LOG",
            help="Log requests, without their query strings.",
        ),
    ] = False,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ORIGIN",
            envvar="CATEGORY_FILTER_ALLOW_ORIGIN",
            help="A web origin that may call the API, such as https://app.example; * for any."
            " Repeat the option for others.",
        ),
    ] = None,
) -> None:
    """Serve the push-token API.

    Its documentation is at /docs. The access log is off by default, and contains neither query
    strings nor secrets. Pass the database URL in the environment if it contains a password: other
    users can see the arguments of a process.
    """
    with _service() as service:
        service.serve(
            database,
            host=host,
            port=port,
            workers=workers,
            access_log=access_log,
            allow_origins=allow_origin or (),
        )


@session.command("create")
def create_session(
    session_hash: Annotated[
        str | None,
        typer.Option(
            "--hash",
            metavar="H",
            envvar="CATEGORY_FILTER_HASH",
            help="32 hexadecimal digits; random if omitted.",
        ),
    ] = None,
    days: Annotated[
        int,
        typer.Option(
            min=1, max=36_500, envvar="CATEGORY_FILTER_DAYS", help="The lifetime in days."
        ),
    ] = 30,
    database: DatabaseOption = "sqlite:///push_tokens.db",
) -> None:
    """Create a session and print its hash, which the database does not store."""
    with _service() as service:
        engine = service.connect(database)
        try:
            typer.echo(service.Sessions(engine).create(session_hash, days=days))
        finally:
            engine.dispose()


@contextmanager
def _service() -> Generator[ModuleType]:
    """Import the service, and print why it or its database fails."""
    with requires("service"):
        from sqlalchemy.exc import SQLAlchemyError

        from category_filter import service
    with suppress(AttributeError):  # not on Windows
        # A peer that closes its connection early must not end this process.
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    try:
        yield service
    except (service.ApiError, SQLAlchemyError, ValueError) as error:
        fail(str(getattr(error, "orig", error)).splitlines()[0])
