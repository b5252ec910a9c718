"""What a guard rail is: a rule about policies that are legal and dangerous, with a setting. Holds no rule itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

from daypass.policy.document import Kind, Statement

Setting = Literal["refuse", "warn", "off"]
Find = Callable[[Statement, str], str | None]  # a statement, the policy's account → what is wrong and how to mend it


class Rail(NamedTuple):
    """A guard rail. `kinds` are the policies it looks at, `default` and `aws` its setting by default and with --aws-exact.

    `find` says in one or two sentences what is wrong with a statement and how to mend it, None when nothing is. `at_use` tells that a
    policy it refuses is not acted upon either, however it came to be stored.
    """

    name: str
    about: str
    kinds: frozenset[Kind]
    default: Setting
    aws: Setting
    find: Find
    at_use: bool = False


class Finding(NamedTuple):
    """A statement (its Sid, or its position) that a rail speaks against."""

    rail: str
    setting: Setting
    statement: str
    says: str

    def __str__(self) -> str:
        """For the ledger and for lists."""
        return f"{self.rail}: statement {self.statement}: {self.says}"

    @property
    def refusal(self) -> str:
        """For the writer: what is wrong, how to mend it, and whose rule this is."""
        return f"Statement {self.statement}: {self.says} (This is the guard rail {self.rail}=refuse of this server.)"


Settings = Mapping[str, Setting]
