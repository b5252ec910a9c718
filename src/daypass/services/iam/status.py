"""Active or Inactive: what users' keys and certificates of every kind share. Changes nothing."""

from __future__ import annotations

from daypass.store.holdings import Owned, ServiceCredential, SigningCertificate, SshKey
from daypass.values.errors import Refusal


def read_status(status: str) -> bool:
    """Whether the status that a request sets is Active. Raises InvalidInput for one that cannot be set."""
    if status not in ("Active", "Inactive"):
        raise Refusal("InvalidInput", f"The status {status} cannot be set.")
    return status == "Active"


def show_status(record: SshKey | SigningCertificate | ServiceCredential) -> str:
    """The status as AWS spells it."""
    return "Active" if record.active else "Inactive"


def by_age(record: Owned) -> str:
    """The key of listings, oldest first."""
    return f"{record.created:%Y%m%d%H%M%S} {record.id}"
