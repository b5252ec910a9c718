"""cli/when.py: points in time as people type them."""

from __future__ import annotations

import pytest

from daypass.cli.when import read_time, show_time

NOW = 1_795_543_200.9  # 2026-11-24T18:00:00Z


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("now", "2026-11-24T18:00:00Z"),
        ("30s", "2026-11-24T17:59:30Z"),
        ("15m", "2026-11-24T17:45:00Z"),
        ("2h", "2026-11-24T16:00:00Z"),
        ("7d", "2026-11-17T18:00:00Z"),
        ("2026-11-24T09:30:00Z", "2026-11-24T09:30:00Z"),
    ],
)
def test_reads(text: str, shown: str) -> None:
    assert show_time(read_time(text, NOW)) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "15",
        "m",
        "1.5h",
        "-5m",
        "15M",
        "１５m",
        "tomorrow",
        "2026-11-24",
        "2026-11-24T09:30:00",
        "2026-02-30T09:30:00Z",
        "now\n",
        "15m\n",
    ],
)
def test_refuses_everything_else(text: str) -> None:
    with pytest.raises(ValueError):
        read_time(text, NOW)
