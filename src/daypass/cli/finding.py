"""Finding: one line of what `daypass doctor` reports. Knows no check."""

from __future__ import annotations

import dataclasses
from typing import Literal

from daypass.cli.exits import CONFIG

State = Literal["ok", "warn", "fail"]


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """What a `check` found; `remedy` is the next command, `exit_code` how the doctor ends when this is its first failure."""

    check: str
    state: State
    says: str
    remedy: str = ""
    exit_code: int = CONFIG
