"""What goes to stderr: one line of JSON for a record, without anything of an exception that could be a secret."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from typing import Any

from daypass.doors.log import JsonLines


def _line(text: str, *, error: BaseException | None = None, **fields: object) -> dict[str, Any]:
    record = logging.makeLogRecord(
        {"name": "daypass.x", "levelname": "ERROR", "msg": text, "exc_info": error and (type(error), error, error.__traceback__), **fields}
    )
    line = JsonLines().format(record)
    assert "\n" not in line and line.isascii()
    read: dict[str, Any] = json.loads(line)
    return read


def test_a_record_is_a_line_with_its_fields() -> None:
    line = _line("policy is gone", created=1_700_000_000.25, policy="arn:aws:iam::1:policy/a")
    assert line == {
        "time": "2023-11-14T22:13:20.250+00:00",
        "level": "error",
        "logger": "daypass.x",
        "event": "policy is gone",
        "policy": "arn:aws:iam::1:policy/a",
    }


def test_nothing_in_a_field_ends_the_line_or_speaks_to_a_terminal() -> None:
    nasty = 'a\n{"level": "x"}\x1b[2J\u2028é'
    assert _line("told", policy=nasty)["policy"] == nasty


def test_an_exception_is_its_classes_and_places_and_not_its_text() -> None:
    secret = "wJalrXUtnFEMI"
    try:
        try:
            int(secret)
        except ValueError as first:
            raise KeyError(secret) from first
    except KeyError as error:
        line = _line("unhandled", error=error)
    assert line["exception"] == ["builtins.KeyError", "builtins.ValueError"]
    assert [place.rpartition(" ")[2] for place in line["trace"]] == ["test_an_exception_is_its_classes_and_places_and_not_its_text"]
    assert secret not in json.dumps(line)


def test_warnings_and_worse_of_every_logger_go_to_stderr_and_nothing_to_stdout() -> None:
    script = (
        "import logging; from daypass.doors.log import log_to_stderr; log_to_stderr(); other = logging.getLogger('library')\n"
        "other.info('quiet'); other.warning('loud', extra={'n': 1})"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == ""
    assert [(line["event"], line["n"]) for line in map(json.loads, done.stderr.splitlines())] == [("loud", 1)]
