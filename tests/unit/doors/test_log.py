"""What goes to stderr: one line of JSON for a record, without anything of an exception that could be a secret."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from typing import Any

import pytest

from daypass.doors.log import JsonLines, TextLines


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


@pytest.mark.parametrize("nasty", ["a\nb", "a\r\nb", "\x1b]0;x\x07", "\x00", "\x85", "\u2028", '" level="error', "\ud800", "a=b c=d"])
def test_neither_does_it_in_text(nasty: str) -> None:
    record = logging.makeLogRecord({"name": "daypass.x", "levelname": "ERROR", "msg": nasty, "created": 1.5, "policy": nasty, nasty: 1})
    line = TextLines().format(record)
    assert line.isascii() and line.isprintable()
    head, _, rest = line.partition("daypass.x ")
    assert head == "1970-01-01T00:00:01.500+00:00 ERROR "
    told, end = json.JSONDecoder().raw_decode(rest)
    assert told == nasty
    assert rest[end:].startswith(" policy=")
    assert json.JSONDecoder().raw_decode(rest[end + len(" policy=") :])[0] == nasty


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Kiritimati"])
def test_times_are_utc_whatever_the_hosts_zone_is(zone: str) -> None:
    """Across the end of summer time, and over a leap second (1 January 2017), which POSIX time does not count."""
    script = (
        "import logging, sys; from daypass.doors.log import JsonLines, TextLines\n"
        "for at in (1792889999.999, 1792890000.0, 1_483_228_799.999, 1_483_228_800.0):\n"
        "    record = logging.makeLogRecord({'created': at})\n"
        "    print(JsonLines().format(record)[10:39], TextLines().format(record)[:29])"
    )
    done = subprocess.run([sys.executable, "-c", script], env={**os.environ, "TZ": zone}, capture_output=True, text=True, check=True)
    times = ["2026-10-25T00:59:59.999", "2026-10-25T01:00:00.000", "2016-12-31T23:59:59.999", "2017-01-01T00:00:00.000"]
    assert done.stdout.splitlines() == [f"{time}+00:00 {time}+00:00" for time in times]


def test_the_level_is_ours_and_libraries_speak_from_warning_on() -> None:
    """Below it SQLAlchemy tells of every statement's parameters."""
    script = (
        "import logging; from daypass.doors.log import log_to_stderr; log_to_stderr('text', 'debug')\n"
        "for name in ('daypass.x', 'sqlalchemy.engine', 'urllib3'):\n"
        "    logging.getLogger(name).debug('quiet'); logging.getLogger(name).warning('loud')"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert [line.split(" ", 1)[1] for line in done.stderr.splitlines()] == [
        'DEBUG daypass.x "quiet"',
        'WARNING daypass.x "loud"',
        'WARNING sqlalchemy.engine "loud"',
        'WARNING urllib3 "loud"',
    ]


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
