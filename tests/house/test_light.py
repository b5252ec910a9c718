"""`daypass process` runs at every start of every SDK: it imports the standard library only, and little of it. `daypass up` starts in two
seconds: what it does not need to be ready is not loaded before it is.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HEAVY = frozenset(
    {
        "alembic",
        "asyncio",
        "cryptography",
        "importlib.metadata",
        "joserfc",
        "msgspec",
        "rich",
        "sqlalchemy",
        "structlog",
        "uvicorn",
        "uvloop",
    }
)
MAX_MODULES = 90  # beyond those that an empty Python has loaded


def _loaded(statement: str) -> set[str]:
    script = f"{statement}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    return set(done.stdout.split())


def test_the_command_line_starts_light() -> None:
    loaded = _loaded("import daypass.cli.main")
    assert loaded & HEAVY == set()


def test_process_imports_no_library() -> None:
    more = _loaded("import daypass.cli.main, daypass.cli.process") - _loaded("pass")
    assert more & HEAVY == set()
    assert {name.partition(".")[0] for name in more} - sys.stdlib_module_names <= {"daypass"}
    assert len(more) <= MAX_MODULES


# Migrations are for a database of an older version (store/schema.py), tables and colours for commands, Prometheus' client for
# `--metrics`, OpenTelemetry's for `--traces`, the AWS SDK for nobody here.
NOT_BEFORE_READY = frozenset(
    {
        "alembic",
        "botocore",
        "opentelemetry",
        "pkcs11",
        "prometheus_client",
        "psycopg",
        "requests",
        "rich",
        "sqlalchemy.dialects.postgresql",
        "sqlalchemy.orm",
    }
)
SERVE = """
import os, signal, sys
from pathlib import Path
from daypass import app

def ready(*told):
    print("ready", *sys.modules, flush=True)
    os.kill(os.getpid(), signal.SIGTERM)

app._say_ready = ready
app.serve(app.Settings(data=Path(sys.argv[1]), port=0))
"""


def test_the_server_is_ready_without_what_it_does_not_need_yet(data_dir: Path) -> None:
    for start in ("first", "later"):
        done = subprocess.run([sys.executable, "-c", SERVE, str(data_dir)], capture_output=True, text=True, timeout=60, check=True)
        ready, *loaded = done.stdout.split()
        assert ready == "ready"
        assert NOT_BEFORE_READY & set(loaded) == set(), f"at the {start} start"
