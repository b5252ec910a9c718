"""What can be wrong with bytes, before it is known in which protocol to say so. Refusals are made of these in refusals.py."""

from __future__ import annotations

# INVARIANT: none of the messages holds anything of the value, so that no secret is ever echoed from here.


class Malformed(Exception):
    """The bytes do not follow their format (duplicates, bad escapes, broken JSON …); `message` says how."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class WrongType(Exception):
    """A value that cannot be read as its member's type; `wanted` completes "Member must be …"."""

    def __init__(self, wanted: str) -> None:
        super().__init__(wanted)
        self.wanted = wanted
