"""A PostgreSQL of the tests' own: a throw-away cluster on a unix socket, as an unprivileged user. Needs Debian's package `postgresql`."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from urllib.parse import quote, urlsplit

from rig.require import require

OWNER = "postgres"  # PostgreSQL refuses to run as root; the package makes this user
SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",  # these tests kill the server, not the machine
    "shared_buffers": "16MB",
    "max_connections": "120",
    "autovacuum": "off",
    "log_min_messages": "warning",
}


class Cluster:
    """A running server in a directory of its own. `stop`, `start`, `restart` as a test likes; `remove` at the end.

    `inside` are the words before each of its commands, which run them elsewhere (rig/partition.py).
    """

    def __init__(self, inside: Sequence[str] = ()) -> None:
        self._bin, self._inside = _programs(), inside
        self.directory = Path(tempfile.mkdtemp(prefix="daypass-pg-", dir="/tmp"))  # a socket's path has at most 107 bytes
        self._schemas = count(1)
        self._user = OWNER if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        if os.geteuid() == 0:
            shutil.chown(self.directory, OWNER)
        self._run("initdb", "-U", OWNER, "--auth=trust", "-E", "UTF8", "--locale=C", "--no-sync", "-D", str(self.directory / "data"))
        lines = [f"{name} = '{value}'" for name, value in SETTINGS.items()] + [f"unix_socket_directories = '{self.directory}'"]
        with (self.directory / "data" / "postgresql.conf").open("a") as file:
            file.write("\n".join(lines) + "\n")
        self.start()

    def _run(self, program: str, *arguments: str) -> str:
        command = [str(self._bin / program), *arguments]
        if os.geteuid() == 0:
            command = [*self._inside, "setpriv", f"--reuid={OWNER}", f"--regid={OWNER}", "--init-groups", *command]
        log = self.directory / "said"
        with log.open("ab") as said:  # a file: the server inherits it, and a pipe would never end
            done = subprocess.run(
                command,
                env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if program == "psql" else said,
                stderr=said,
                timeout=60,
                check=False,
            )
        if done.returncode:
            raise AssertionError(f"{program}: exit {done.returncode}\n{log.read_text()[-2000:]}")
        return done.stdout.decode() if done.stdout else ""

    def _control(self, *arguments: str) -> None:
        self._run("pg_ctl", "-D", str(self.directory / "data"), "-l", str(self.directory / "log"), "-w", *arguments)

    def start(self) -> None:
        """Start, and return when it answers."""
        self._control("start")

    def stop(self) -> None:
        """Stop at once, as a crash would."""
        self._control("stop", "-m", "immediate")

    def restart(self) -> None:
        """Crash and start again."""
        self._control("restart", "-m", "immediate")

    def sql(self, statement: str, schema: str = "public") -> list[str]:
        """The rows that psql prints for `statement`, columns parted by "|"."""
        where = ("-h", str(self.directory), "-U", OWNER, "-d", "postgres", "-AtqX")
        return self._run("psql", *where, "-c", f"SET search_path = {schema}", "-c", statement).splitlines()

    def new_schema(self) -> str:
        """A new empty schema, which is to daypass a database of its own (and made in a tenth of the time); its name."""
        name = f"s{next(self._schemas)}"
        self.sql(f"CREATE SCHEMA {name}")
        return name

    def url(self, schema: str) -> str:
        """The URL of a schema, for `--db`."""
        return f"postgresql://{OWNER}@/postgres?host={quote(str(self.directory), safe='')}&options={quote(f'-csearch_path={schema}')}"

    def new_database(self, template: str = "template1") -> str:
        """The URL of a new database: an empty one, or a copy of the one at that URL, which nobody may be using."""
        name = f"d{next(self._schemas)}"
        self.sql(f"CREATE DATABASE {name} TEMPLATE {urlsplit(template).path.removeprefix('/')}")
        return f"postgresql://{OWNER}@/{name}?host={quote(str(self.directory), safe='')}"

    def replica(self) -> Cluster:
        """A synchronous standby of this server, in a directory of its own: from now on a commit waits for both."""
        standby = Cluster.__new__(Cluster)
        standby._bin, standby._inside, standby._user, standby._schemas = self._bin, self._inside, self._user, self._schemas
        standby.directory = Path(tempfile.mkdtemp(prefix="daypass-pg-", dir="/tmp"))
        if os.geteuid() == 0:
            shutil.chown(standby.directory, OWNER)
        data = str(standby.directory / "data")
        standby._run("pg_basebackup", "-h", str(self.directory), "-U", OWNER, "-D", data, "-R", "-X", "stream", "-c", "fast", "--no-sync")
        with (standby.directory / "data" / "postgresql.conf").open("a") as file:
            file.write(f"unix_socket_directories = '{standby.directory}'\nsynchronous_standby_names = ''\n")
        standby.start()
        self.sql("ALTER SYSTEM SET synchronous_standby_names = '*'")
        self.sql("SELECT pg_reload_conf()")
        return standby

    def promote(self) -> None:
        """A standby becomes the primary."""
        self._control("promote")

    def remove(self) -> None:
        """Stop it if it runs, and take everything away."""
        try:
            self.stop()
        except AssertionError:
            pass  # a test has stopped it
        shutil.rmtree(self.directory)


def _programs() -> Path:
    """Where the server's programs are: Debian keeps them out of PATH, a folder a version."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    return require(folders[-1] if folders else Path("/usr/lib/postgresql"), "apt-get install postgresql")
