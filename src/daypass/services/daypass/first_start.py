"""What an empty installation begins with: the organization, its management account, the operator's role and a seal key. No access key."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime

from daypass.store import Changes
from daypass.store.records import Account, Organization, Role
from daypass.store.rotation import new_seal_key
from daypass.values import ids
from daypass.way.who import OPERATOR_ROLE, OPERATOR_SERVICE

ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
OPERATOR_SECONDS = 43200  # the operator's role may last as long as any (IAM User Guide, MaxSessionDuration)

_OPERATOR_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": OPERATOR_SERVICE}, "Action": "sts:AssumeRole"}],
}
_ID_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


def first_records(now: datetime, random: Callable[[int], bytes]) -> Changes:
    """The changes of the very first start. `now` in whole seconds UTC, `random` gives that many random bytes."""
    account = new_account_id(random)
    changes = Changes()
    root_id = f"r-{letters(random, 4)}"
    email = "operator@daypass.internal"
    changes.put(Account(id=account, account=account, created=now, name="management", email=email, parent=root_id))
    changes.put(Organization(id=f"o-{letters(random, 10)}", account=account, created=now, root_id=root_id))
    changes.put(
        Role(
            id=ids.unique_id(ids.ROLE, random(11)),
            account=account,
            created=now,
            name=OPERATOR_ROLE,
            trust=json.dumps(_OPERATOR_TRUST),
            description="The operator on this host, proven by the unix socket",
            max_session=OPERATOR_SECONDS,
            policies=(ADMINISTRATOR,),
        )
    )
    changes.put(new_seal_key(now, random))
    return changes


def new_account_id(random: Callable[[int], bytes]) -> str:
    """Twelve random digits, the first not 0 (scripts tend to lose leading zeros)."""
    return str(10**11 + int.from_bytes(random(8), "big") % (9 * 10**11))


def letters(random: Callable[[int], bytes], count: int) -> str:
    """`count` random lower-case letters and digits, for identifiers (not for secrets: they are not quite even)."""
    return "".join(_ID_ALPHABET[byte % len(_ID_ALPHABET)] for byte in random(count))
