"""Who sent a request, as a ledger line shows it. A caller's many lines show the same, so that it is encoded once. Does not write lines."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from daypass.store.ledger.shapes import Attributes, Identity, Issuer, SessionContext, lineage_of, moment
from daypass.values.caller import Caller
from daypass.values.session import Session

MAX_SHOWN = 4096  # callers remembered, about 2 KiB each

_TYPES = {
    "root": "Root",
    "user": "IAMUser",
    "role": "AssumedRole",
    "federated-user": "FederatedUser",
    "web-identity": "WebIdentityUser",
    "service": "AWSService",
    "operator": "Operator",
    "anonymous": "Unknown",
}

_encode = msgspec.json.Encoder().encode


class Shown(NamedTuple):
    """A caller as JSON: `userIdentity`, and where its session comes from (None without one)."""

    caller: Caller
    identity: msgspec.Raw
    lineage: msgspec.Raw | None


_shown: dict[int, Shown] = {}


def shown(caller: Caller) -> Shown:
    """How lines show `caller`. Who has no key comes as another object each time and is not remembered.

    INVARIANT: an entry is found by the identity of its caller, which it keeps alive, so that no other object can have that identity.
    """
    found = _shown.get(id(caller))
    if found is None or found.caller is not caller:
        session = caller.session
        lineage = None if session is None else msgspec.Raw(_encode(lineage_of(session)))
        found = Shown(caller, msgspec.Raw(_encode(identity_of(caller))), lineage)
        if caller.key_id:
            if len(_shown) >= MAX_SHOWN:
                _shown.pop(next(iter(_shown)), None)
            _shown[id(caller)] = found
    return found


def identity_of(caller: Caller) -> Identity:
    """`userIdentity` of what `caller` proved."""
    name = caller.arn.rpartition("/")[2] if caller.kind == "user" else ""
    context = None if caller.session is None else _context(caller, caller.session)
    kind = _TYPES[caller.kind]
    return Identity(kind, caller.user_id, caller.arn, caller.account, caller.key_id, name, context, caller.provider_arn)


def _context(caller: Caller, session: Session) -> SessionContext:
    issuer = None
    if caller.kind == "role":
        issuer = Issuer("Role", caller.principal_id, caller.principal_arn, caller.account, caller.principal_arn.rpartition("/")[2])
    attributes = Attributes(moment(session.issued), "true" if session.mfa_at else "false")
    return SessionContext(issuer, attributes, session.source_identity)
