"""What a command shows: data on stdout, talk on stderr. Does not decide what to show.

INVARIANT: text that others chose (names, messages, user agents) reaches a terminal only through `clean` or as ASCII JSON.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
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


PATIENCE = 1.0  # seconds before progress is shown
LINES_EVERY = 5.0  # seconds, where it is shown in lines


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """A function that takes how many `what` of how many are done; on a terminal it shows a bar on stderr once it takes longer."""
    with stages() as told:
        yield partial(told, what)


@contextmanager
def stages(*, lines: bool = False) -> Iterator[Callable[[str, int, int], None]]:
    """The same for several things, one after the other: what, how many, of how many. With `lines` what is not on a terminal, and so is
    read later, is told of in a line now and then."""
    began = time.monotonic()
    next_line = began + PATIENCE
    bar: Progress | None = None

    def told(what: str, done: int, total: int) -> None:
        nonlocal bar, began, next_line
        now = time.monotonic()
        if not sys.stderr.isatty():
            if lines and now > next_line:
                next_line = now + LINES_EVERY
                talk(f"{what}: {done:,} of {total:,}")
            return
        if bar is None and done < total and now - began > PATIENCE:
            bar = _bar(what)
        if bar is not None:
            bar.update(bar.task_ids[0], completed=done, total=total)
        if done >= total:
            _end(bar)
            began, bar = now, None

    try:
        yield told
    finally:
        _end(bar)


def _bar(what: str) -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    shown = Progress(*columns, console=Console(file=sys.stderr), transient=True)
    shown.start()
    shown.add_task(what)
    return shown


def _end(bar: Progress | None) -> None:
    if bar is not None:
        bar.stop()


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
