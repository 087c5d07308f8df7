"""Real servers: the service in a thread or a separate process, PostgreSQL, PgBouncer, nginx."""

import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx2
import uvicorn
from processes import run_command, start
from sqlalchemy import create_engine, make_url, text

from category_filter.service.server import UVICORN_OPTIONS

HASH = "0123456789abcdef0123456789abcdef"
COMMAND = Path(sys.executable).with_name("category-filter")
WITH_POSTGRES = Path(__file__).parents[1] / ".ci" / "with-postgres"


def http_client(**options):
    """Return a client for loopback. It loads no certificates, which would take 0.1 seconds."""
    return httpx2.Client(verify=False, **options)


@contextmanager
def served(app, **options):
    """Serve an application in a thread, log to this process, and yield the address."""
    config = {"port": 0, "log_config": None, "access_log": False, **UVICORN_OPTIONS, **options}
    server = uvicorn.Server(uvicorn.Config(app, **config))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


class Process:
    """`category-filter serve` in a separate process, with its output in a log file.

    Args:
        command: The command to execute, if it needs a process that has imported nothing.
    """

    def __init__(self, database_url, log, *options, command=()):
        self.log = log
        log.write_text("")
        arguments = (*command, "serve", "--port", "0", *options)
        called = (os.execvp, command[0], arguments) if command else (run_command, *arguments)
        environment = os.environ | {"CATEGORY_FILTER_DATABASE": database_url}
        # The output must not contain secrets either.
        self._process = start(*called, output=log, environment=environment)
        while not (found := re.search(r"http://[\d.]+:\d+", log.read_text())):
            assert self.is_running(), log.read_text()
            time.sleep(0.02)
        self.address = found.group()
        wait_until_listening(make_url(self.address).port, self.is_running)

    def is_running(self):
        return self._process.is_alive()

    def kill(self):
        """Send SIGKILL, which simulates a crash."""
        self._process.kill()
        self._process.join()

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self._process.terminate()
        self._process.join()
        self._process.close()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def wait_until_listening(port, is_running):
    while True:
        assert is_running()
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.02)


@contextmanager
def running(command, port, **options):
    """Run a server."""
    with subprocess.Popen(command, **options) as process:
        try:
            wait_until_listening(port, lambda: process.poll() is None)
            yield process
        finally:
            process.terminate()


@contextmanager
def pgbouncer(database_url):
    """Start PgBouncer in front of a PostgreSQL server, and yield its URL of the database."""
    url, port = make_url(database_url), free_port()
    user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    # Other users cannot open pytest's folders.
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "pgbouncer.ini")
        config.write_text(
            f"""
            [databases]
            {url.database} = host={url.host} port={url.port} user={url.username}
            [pgbouncer]
            listen_addr = 127.0.0.1
            listen_port = {port}
            unix_socket_dir =
            auth_type = any
            pool_mode = transaction
            default_pool_size = 4
            """
        )
        config.parent.chmod(0o755)
        with running([*user, "/usr/sbin/pgbouncer", "-q", config], port):
            yield url.set(port=port).render_as_string()


@contextmanager
def nginx(address, folder):
    """Start nginx in front of a server, and yield its address."""
    port = free_port()
    config = folder / "nginx.conf"
    config.write_text(
        f"""
        daemon off;
        pid {folder}/nginx.pid;
        error_log {folder}/nginx-error.log;
        events {{ worker_connections 4096; }}
        http {{
            access_log off;
            client_body_temp_path {folder};
            proxy_temp_path {folder};
            fastcgi_temp_path {folder};
            uwsgi_temp_path {folder};
            scgi_temp_path {folder};
            server {{
                listen 127.0.0.1:{port};
                location / {{ proxy_pass {address}; proxy_request_buffering off; }}
            }}
        }}
        """
    )
    with running(["/usr/sbin/nginx", "-e", folder / "nginx-error.log", "-c", config], port):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def new_database(postgres_url, template="template1"):
    """Copy a database on a PostgreSQL server, by default an empty one, and yield its URL."""
    name = f"test_{time.monotonic_ns()}"
    server = create_engine(make_url(postgres_url).set(drivername="postgresql+psycopg"))
    with server.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        # The other strategy takes five times as long.
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy"))
        try:
            yield f"{postgres_url.rpartition('/')[0]}/{name}"
        finally:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    server.dispose()


class Postgres:
    """A PostgreSQL server that a test can stop and start."""

    def __init__(self, url):
        self.url = url
        engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
        with engine.connect() as connection:
            show = connection.exec_driver_sql
            self._data = show("SHOW data_directory").scalar_one()
            sockets = show("SHOW unix_socket_directories").scalar_one()
            self._options = f"-p {make_url(url).port} -k '{sockets}' -c listen_addresses=127.0.0.1"
        engine.dispose()

    def stop(self):
        self._control("-m", "immediate", "stop")

    def start(self):
        self._control("-o", self._options, "-l", f"{self._data}/log", "start")

    def _control(self, *arguments):
        user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        folders = [*map(str, Path("/usr/lib/postgresql").glob("*/bin")), os.environ["PATH"]]
        path = ":".join(folders)
        subprocess.run(
            [*user, "env", f"PATH={path}", "pg_ctl", "-w", "-D", self._data, *arguments],
            check=True,
            cwd="/",
            stdout=subprocess.DEVNULL,
        )


@contextmanager
def postgres():
    """Start a PostgreSQL server that no other test uses."""
    with subprocess.Popen(
        [WITH_POSTGRES, "bash", "-c", "echo $POSTGRES_URL; cat"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield Postgres(process.stdout.readline().strip())
