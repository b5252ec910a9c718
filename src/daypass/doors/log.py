"""The log: one JSON object a line on stderr for each warning or error. Is not the ledger: no request is recorded here."""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime

_PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}  # what every record has; the rest came as `extra`


def log_to_stderr() -> None:
    """From now on warnings and worse of every logger, the libraries' too, go to stderr."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


class JsonLines(logging.Formatter):
    """A record as one line of ASCII, so that nothing in it can end the line or speak to a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """The line: `time` (UTC), `level`, `logger`, `event`, the fields of `extra`, and of an exception its classes and `trace`."""
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
        return json.dumps(fields, default=str)


def _kinds(error: BaseException | None) -> Iterator[str]:
    """The classes of an exception and of what it was raised from, the last one first."""
    while error is not None:
        yield f"{type(error).__module__}.{type(error).__qualname__}"
        error = error.__cause__ or error.__context__


def _places(error: BaseException) -> list[str]:
    """Where it went through, the innermost last."""
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
