"""Names and paths that no one may take. The characters of names are the model's patterns, which wire/ has checked.

Names are ASCII by pattern, so that ASCII folding is the whole of their comparison (attack rows C47, H13).
"""

from __future__ import annotations

from daypass.values.errors import Refusal
from daypass.values.folding import fold

RESERVED_NAMES = frozenset({"root"})  # `arn:aws:iam::ACCOUNT:root` is the account itself
RESERVED_PREFIXES = ("awsservicerole", "awsreservedsso_")  # IAM User Guide: service-linked roles, Identity Center's roles
LINKED_PATH = "/aws-service-role/"
RESERVED_PATHS = ("/aws-reserved/", LINKED_PATH)


def is_reserved(name: str) -> bool:
    """Whether no one may give this name to anything."""
    folded = fold(name)
    return not name.isascii() or folded in RESERVED_NAMES or folded.startswith(RESERVED_PREFIXES)


def check_name(name: str, path: str = "/") -> None:
    """Raise ValidationError when a new entity may not have this name or path."""
    if is_reserved(name):
        raise Refusal("ValidationError", f"The name {name} is reserved.")
    if fold(path).startswith(RESERVED_PATHS):
        raise Refusal("ValidationError", f"The path {path} is reserved.")
