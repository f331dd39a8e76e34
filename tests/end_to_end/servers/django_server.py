"""django-oauth-toolkit behind gunicorn, a process of its own: a whole product's token semantics."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.end_to_end.servers.processes import end_process

PROJECT = Path(__file__).with_name("django_project.py")
LONG_AGO = "2000-01-01 00:00:00"


@dataclass
class DjangoServer:
    """A running server; the levers write to its database, so no request of it can be in the way."""

    url: str
    database: Path
    record: Path
    username: str = "bot"
    password: str = "p&ss+w%rd=ü"
    client_id: str = "bot-client"
    client_secret: str = "client-s3cret"
    public_client_id: str = "public-client"

    @property
    def token_endpoint(self) -> str:
        return f"{self.url}/o/token/"

    @property
    def revocation_endpoint(self) -> str:
        return f"{self.url}/o/revoke_token/"

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    @property
    def token_requests(self) -> list[dict[str, Any]]:
        """`grant_type` and `status` of each token request that has been answered."""
        if not self.record.exists():
            return []
        return [json.loads(line) for line in self.record.read_text().splitlines()]

    @property
    def requests(self) -> int:
        return len(self.token_requests)

    def count(self, grant_type: str) -> int:
        return sum(request["grant_type"] == grant_type for request in self.token_requests)

    def revoke_access_tokens(self) -> None:
        """Every access token is refused from now on; refresh tokens stay good."""
        self._execute("UPDATE oauth2_provider_accesstoken SET expires = ?", LONG_AGO)

    def kill_refresh_tokens(self) -> None:
        """Every refresh token is refused from now on; access tokens stay good."""
        self._execute("UPDATE oauth2_provider_refreshtoken SET revoked = ?", LONG_AGO)

    def _execute(self, statement: str, *values: str) -> None:
        with closing(sqlite3.connect(self.database, timeout=20)) as database, database:
            database.execute(statement, values)


def prepare_database(folder: Path) -> Path:
    """Makes the database that every server gets a copy of; takes two seconds."""
    database = folder / "prepared.sqlite3"
    environment = {**os.environ, "DJANGO_TEST_DATABASE": str(database)}
    subprocess.run([sys.executable, str(PROJECT)], env=environment, check=True, timeout=60, cwd=folder)
    with closing(sqlite3.connect(database)) as prepared:
        prepared.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # so that one file is all there is to copy
    return database


@contextmanager
def django_server(
    prepared: Path,
    folder: Path,
    *,
    rotate: bool = True,
    grace: int = 0,
    reuse_protection: bool = False,
    access_lifetime: int = 3600,
    refresh_lifetime: int | None = None,
) -> Iterator[DjangoServer]:
    """Runs a server in one of the toolkit's rotation regimes; grace and lifetimes in seconds."""
    database = folder / "database.sqlite3"
    shutil.copy(prepared, database)
    provider = {
        "ROTATE_REFRESH_TOKEN": rotate,
        "REFRESH_TOKEN_GRACE_PERIOD_SECONDS": grace,
        "REFRESH_TOKEN_REUSE_PROTECTION": reuse_protection,
        "ACCESS_TOKEN_EXPIRE_SECONDS": access_lifetime,
        "REFRESH_TOKEN_EXPIRE_SECONDS": refresh_lifetime,
    }
    environment = {
        **os.environ,
        "DJANGO_TEST_DATABASE": str(database),
        "DJANGO_TEST_TOKEN_REQUESTS": str(folder / "token-requests.jsonl"),
        "DJANGO_TEST_OAUTH2_PROVIDER": json.dumps(provider),
    }
    # The listening socket is ours, so its port is known and connections wait in it until gunicorn accepts.
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
        listener.set_inheritable(True)
        command = [sys.executable, "-m", "gunicorn", "--bind", f"fd://{listener.fileno()}", "--workers", "1"]
        command += [
            "--threads",
            "8",
            "--chdir",
            str(PROJECT.parent),
            "--graceful-timeout",
            "2",
            "--no-control-socket",
        ]
        command += ["--worker-tmp-dir", str(folder), f"{PROJECT.stem}:application"]
        log = (folder / "gunicorn.log").open("wb")
        with log:
            process = subprocess.Popen(
                command, env=environment, stdout=log, stderr=log, pass_fds=[listener.fileno()], cwd=folder
            )
        server = DjangoServer(
            f"http://127.0.0.1:{listener.getsockname()[1]}", database, folder / "token-requests.jsonl"
        )
    try:
        # Answered as soon as the worker is there; without it the connection is reset once gunicorn is gone.
        httpx.get(f"{server.url}/rest/me", timeout=30, trust_env=False)
        yield server
    finally:
        end_process(process)
