"""The log: one line on stderr for each warning or error, JSON or text. Is not the ledger: no request is recorded here (at level "info" its
end is told of, for people who watch).
"""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Literal, get_args

Form = Literal["json", "text"]
Level = Literal["debug", "info", "warning", "error"]
FORMS: tuple[Form, ...] = get_args(Form)
LEVELS: tuple[Level, ...] = get_args(Level)

_PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}  # what every record has; the rest came as `extra`


def log_to_stderr(form: Form = "json", level: Level = "warning") -> None:
    """From now on what is of `level` or worse goes to stderr; of libraries warnings and worse alone, since below them they tell of the
    statements and answers that pass through them, secrets included.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if form == "json" else TextLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("daypass").setLevel(level.upper())


class JsonLines(logging.Formatter):
    """A record as one line of ASCII, so that nothing in it can end the line or speak to a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """The line: `time` (UTC), `level`, `logger`, `event`, the fields of `extra`, and of an exception its classes and `trace`."""
        return json.dumps(_fields(record), default=str)


class TextLines(logging.Formatter):
    """The same for people: `TIME LEVEL LOGGER EVENT NAME=VALUE …`, each value as JSON writes it, one line of ASCII as well."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        fields = _fields(record)
        head = [str(fields.pop("time")), str(fields.pop("level")).upper(), str(fields.pop("logger")), json.dumps(fields.pop("event"))]
        return " ".join([*head, *(f"{json.dumps(name)[1:-1]}={json.dumps(value, default=str)}" for name, value in fields.items())])


def _fields(record: logging.LogRecord) -> dict[str, object]:
    fields: dict[str, object] = {
        "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname.lower(),
        "logger": record.name,
        "event": record.getMessage(),
    }
    fields |= {name: value for name, value in vars(record).items() if name not in _PLAIN}
    if record.exc_info and record.exc_info[1]:
        # INVARIANT: neither the text of an exception nor a local variable is written: either may hold a secret (promise P9).
        error = record.exc_info[1]
        fields |= {"exception": list(_kinds(error)), "trace": _places(error)}
    return fields


def _kinds(error: BaseException | None) -> Iterator[str]:
    """The classes of an exception and of what it was raised from, the last one first."""
    while error is not None:
        yield f"{type(error).__module__}.{type(error).__qualname__}"
        error = error.__cause__ or error.__context__


def _places(error: BaseException) -> list[str]:
    """Where it went through, the innermost last."""
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
