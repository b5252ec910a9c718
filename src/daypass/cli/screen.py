"""What a command shows: data on stdout, talk on stderr. Does not decide what to show.

INVARIANT: text that others chose (names, messages, user agents) reaches a terminal only through `clean` or as ASCII JSON.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any


def clean(text: object) -> str:
    """`text` without anything that steers a terminal: control, format (bidi) and separator characters are written as escapes."""
    shown = str(text)
    if shown.isprintable():
        return shown
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in shown)


def data(text: str) -> None:
    """One line of data to stdout."""
    sys.stdout.write(text + "\n")


def flush() -> None:
    """Let what was written so far be seen."""
    sys.stdout.flush()


def talk(text: str) -> None:
    """One line of talk to stderr, cleaned."""
    sys.stderr.write(clean(text) + "\n")


def document(value: Any, *, indent: int | None = 2) -> None:
    """A JSON document to stdout, ASCII only; `indent` None makes it one line."""
    data(json.dumps(value, indent=indent, ensure_ascii=True))


def table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table to stdout: framed and coloured on a terminal, else aligned columns parted by two spaces for pipes."""
    cells = [[clean(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _framed(headings, cells)
        return
    widths = [max(len(row[i]) for row in [list(headings), *cells]) for i in range(len(headings))]
    for row in [list(headings), *cells]:
        data("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _framed(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=SIMPLE_HEAD, pad_edge=False)
    for position, heading in enumerate(headings):
        grid.add_column(heading, no_wrap=position == 0)  # an id stays in one piece, to be copied
    for row in rows:
        grid.add_row(*(Text(cell, overflow="fold") for cell in row))  # Text: what stands in a cell is never markup
    Console(file=sys.stdout).print(grid)
