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
    typer.Option(metavar="URL", help="sqlite:///FILE or postgresql://USER@HOST/NAME."),
]

session = typer.Typer(help="Manage sessions, which may bind push tokens.", no_args_is_help=True)


def serve(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="The port; 0 chooses a free one.")
    ] = 8000,
    database: DatabaseOption = "sqlite:///push_tokens.db",
) -> None:
    """Serve the push-token API.

    Its documentation is at /docs. Requests are not logged, because their
    URLs may hold session hashes.
    """
    with _service() as service:
        service.serve(database, host=host, port=port)


@session.command("create")
def create_session(
    session_hash: Annotated[
        str | None,
        typer.Option("--hash", metavar="H", help="32 hexadecimal digits; random if omitted."),
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=36_500, help="The lifetime in days.")] = 30,
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
