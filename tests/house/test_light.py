"""`daypass process` runs at every start of every SDK: it imports the standard library only, and little of it."""

from __future__ import annotations

import subprocess
import sys

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
