"""The service, really running: in a thread of this process, and as a process of its own."""

import re
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import httpx2
import uvicorn
from sqlalchemy import create_engine, make_url, text

from category_filter.cli import SERVER_OPTIONS

HASH = "0123456789abcdef0123456789abcdef"
COMMAND = Path(sys.executable).with_name("category-filter")
WITH_POSTGRES = Path(__file__).parents[1] / ".ci" / "with-postgres"


@contextmanager
def served(app):
    """The address of an application that this process serves, with every error in the log."""
    server = uvicorn.Server(
        uvicorn.Config(app, port=0, log_config=None, access_log=False, **SERVER_OPTIONS)
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def process(database_url, *options):
    """The address of `category-filter serve`, and its process."""
    with subprocess.Popen(
        [COMMAND, "serve", "--port", "0", "--database", database_url, *options],
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        for line in running.stderr:
            if found := re.search(r"http://[\d.]+:\d+", line):
                break
        try:
            yield found.group(), running
        finally:
            running.terminate()
            running.communicate()


@contextmanager
def new_database(postgres_url):
    """The URL of an empty database on a PostgreSQL server."""
    name = f"test_{time.monotonic_ns()}"
    server = create_engine(make_url(postgres_url).set(drivername="postgresql+psycopg"))
    with server.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
        try:
            yield f"{postgres_url.rpartition('/')[0]}/{name}"
        finally:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    server.dispose()
