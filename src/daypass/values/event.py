"""Event: one ledger line, CloudTrail-shaped. Does not write itself (store/ledger does)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from daypass.values.caller import Caller
from daypass.values.decision import Ask, Decision
from daypass.values.session import Session
from daypass.values.why import Why


@dataclass(slots=True)
class Event:
    """What a request was, who sent it, what was decided and how it ended. `parameters` are already free of secrets.

    `error_code` "" means it succeeded; `private` is the true reason of a refusal, for the ledger alone; `why` the reasons when policy
    refused. `minted` is the session of the pass that the request made; `warnings` what was done and should not have been, in words.
    """

    request_id: str
    time: datetime
    service: str
    operation: str
    source_ip: str
    user_agent: str
    region: str = ""
    caller: Caller | None = None
    claimed_key_id: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    decisions: list[tuple[Ask, Decision]] = field(default_factory=list)
    status: int = 0
    error_code: str = ""
    error_message: str = ""
    private: str = ""
    why: Why | None = None
    minted: Session | None = None
    warnings: tuple[str, ...] = ()
    read_only: bool = True
