"""What can be wrong with bytes or odd in them, before it is known in which protocol to say so. refusals.py makes Refusals of these."""

from __future__ import annotations

# INVARIANT: none of the messages holds anything of the value, so that no secret is ever echoed from here.


class Malformed(Exception):
    """The bytes do not follow their format (duplicates, bad escapes, broken JSON …); `message` says how."""

    code = "MalformedQueryString"  # what refusals.py spells in each protocol's way

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class MalformedXml(Malformed):
    """The body is no XML as it is wanted; S3 has a code of its own for that."""

    code = "MalformedXML"


class WrongType(Exception):
    """A value that cannot be read as its member's type; `wanted` completes "Member must be …"."""

    def __init__(self, wanted: str) -> None:
        super().__init__(wanted)
        self.wanted = wanted


class Unknown:
    """Counts members that the pinned model does not know: they are passed over, as AWS does (DESIGN §2.4)."""

    def __init__(self) -> None:
        self.count = 0
