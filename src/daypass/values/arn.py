"""Amazon Resource Names: read and write. Does not match patterns (policy/match.py does)."""

from __future__ import annotations

from typing import NamedTuple

MAX_ARN = 2048  # STS and IAM models, `arnType`


class Arn(NamedTuple):
    """The six parts of an ARN (IAM User Guide, "Amazon Resource Names"); `str()` gives the text back unchanged."""

    partition: str
    service: str
    region: str
    account: str
    resource: str

    def __str__(self) -> str:
        return f"arn:{self.partition}:{self.service}:{self.region}:{self.account}:{self.resource}"


def read_arn(text: str) -> Arn | None:
    """Split `text` into the parts of an ARN, or give None when it has not the shape of one."""
    if len(text) > MAX_ARN:
        return None
    parts = text.split(":", 5)
    if len(parts) != 6 or parts[0] != "arn" or not parts[1] or not parts[2] or not parts[5]:
        return None
    return Arn(*parts[1:])


def iam_arn(account: str, kind: str, path: str, name: str) -> str:
    """The ARN of an IAM entity: `kind` is "user", "role", "policy" …, `path` starts and ends with a slash."""
    return f"arn:aws:iam::{account}:{kind}{path}{name}"


def organizations_arn(management_account: str, resource: str) -> str:
    """The ARN of something of an organization: `resource` is "ou/o-…/ou-…" and such; all of it belongs to the management account."""
    return f"arn:aws:organizations::{management_account}:{resource}"


def root_arn(account: str) -> str:
    """The ARN that stands for a whole account and for its root user."""
    return f"arn:aws:iam::{account}:root"


def federated_user_arn(account: str, name: str) -> str:
    """The ARN of a federated user."""
    return f"arn:aws:sts::{account}:federated-user/{name}"


def role_session_arn(account: str, role_name: str, session_name: str) -> str:
    """The ARN of a role session; it carries the role's name without its path."""
    return f"arn:aws:sts::{account}:assumed-role/{role_name}/{session_name}"
