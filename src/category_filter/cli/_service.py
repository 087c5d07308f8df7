"""`category-filter serve` and `session`: the push-token service."""

from __future__ import annotations

import json
import signal
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from category_filter._messages import counted
from category_filter.cli._command import Command
from category_filter.cli._output import fail, requires

if TYPE_CHECKING:
    from collections.abc import Generator
    from types import ModuleType

    from category_filter.service import Sessions

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
    push_service: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HOST",
            envvar="CATEGORY_FILTER_PUSH_SERVICE",
            help="A push service that browsers may use, besides Google's, Mozilla's, Apple's and"
            " Microsoft's; *.example.com for subdomains. Repeat the option for more.",
        ),
    ] = None,
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
            " Repeat the option for more.",
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
            push_services=push_service or (),
            allow_origins=allow_origin or (),
        )


@session.command("create", cls=Command)
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
    owner: Annotated[
        str | None,
        typer.Option(envvar="CATEGORY_FILTER_OWNER", help="Your id of the user who signed in."),
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
    with _sessions(database) as sessions:
        typer.echo(sessions.create(session_hash, owner=owner, days=days))


@session.command("end", cls=Command)
def end_session(
    session_hash: Annotated[
        str,
        typer.Option(
            "--hash",
            metavar="H",
            envvar="CATEGORY_FILTER_HASH",
            help="The hash of the session.",
        ),
    ],
    database: DatabaseOption = "sqlite:///push_tokens.db",
) -> None:
    """End a session and delete its push token."""
    with _sessions(database) as sessions:
        if not sessions.end(session_hash):
            fail("session not found or ended")


@session.command("list", cls=Command)
def list_sessions(
    owner: Annotated[
        str | None,
        typer.Option(
            envvar="CATEGORY_FILTER_OWNER", help="Only the sessions of this user; all if omitted."
        ),
    ] = None,
    database: DatabaseOption = "sqlite:///push_tokens.db",
) -> None:
    """Print the live sessions, one JSON object per line.

    "ends_at" is in seconds since 1970. The database does not store the hashes.
    """
    with _sessions(database) as sessions:
        for each in sessions.list(owner=owner):
            typer.echo(json.dumps(asdict(each)))


@session.command("purge", cls=Command)
def purge_sessions(database: DatabaseOption = "sqlite:///push_tokens.db") -> None:
    """Delete expired sessions. Run it daily.

    It marks the sessions that have expired, and deletes those that it marked at least a day ago.
    """
    with _sessions(database) as sessions:
        typer.echo(f"{counted(sessions.purge(), 'session')} deleted")


@contextmanager
def _sessions(database: str) -> Generator[Sessions]:
    """Open the sessions of a database."""
    with _service() as service:
        engine = service.connect(database)
        try:
            yield service.Sessions(engine)
        finally:
            engine.dispose()


@contextmanager
def _service() -> Generator[ModuleType]:
    """Import the service, and print why it or its database fails."""
    with requires("service"):
        from sqlalchemy.exc import ArgumentError, SQLAlchemyError

        from category_filter import service

        with suppress(AttributeError):  # not on Windows
            # A peer that closes its connection early must not end this process.
            signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        try:
            yield service  # it imports more on first use
        except ArgumentError:
            fail("invalid database URL: use sqlite:///FILE or postgresql://USER@HOST/NAME")
        except (service.ApiError, SQLAlchemyError, ValueError) as error:
            fail(str(getattr(error, "orig", error)).splitlines()[0])
