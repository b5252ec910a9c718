"""What a command shows: data on stdout, talk on stderr. Does not decide what to show.

INVARIANT: text that others chose (names, messages, user agents) reaches a terminal only through `clean` or as ASCII JSON.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.progress import Progress


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


PATIENCE = 1.0  # seconds before a progress bar is shown


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """A function that takes how many `what` of how many are done; on a terminal it shows a bar on stderr once it takes longer."""
    began = time.monotonic()
    shown: Progress | None = None

    def reached(done: int, total: int) -> None:
        nonlocal shown
        if shown is None and done < total and sys.stderr.isatty() and time.monotonic() - began > PATIENCE:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
            shown = Progress(*columns, console=Console(file=sys.stderr), transient=True)
            shown.start()
            shown.add_task(what)
        if shown is not None:
            shown.update(shown.task_ids[0], completed=done, total=total)

    try:
        yield reached
    finally:
        if shown is not None:
            shown.stop()


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
