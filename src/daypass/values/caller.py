"""Claim and Caller: what a request says of its sender, and what we believe after proof."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from daypass.values.session import Session

CallerKind = Literal["anonymous", "root", "user", "role", "federated-user", "web-identity", "service", "operator"]


@dataclass(slots=True)
class SigV4Claim:
    """What a signed request claims, split but not believed.

    `signed_headers` are lower-case names in the order given, `timestamp` is the claimed signing time (UTC),
    `token` the session token or "", `expires_in` seconds of validity of a presigned request (None for the header form),
    `signature` 64 hex characters as sent.
    """

    key_id: str
    date: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    signature: str
    timestamp: datetime
    stamp: str  # the timestamp's text, as signed
    token: str = field(default="", repr=False)
    expires_in: int | None = None

    @property
    def presigned(self) -> bool:
        """Whether the signature came in the query string."""
        return self.expires_in is not None


@dataclass(frozen=True, slots=True)
class Caller:
    """A principal that we believe in.

    `arn` and `user_id` are what GetCallerIdentity reports; `principal_arn` is `aws:PrincipalArn` (the role's ARN for its sessions);
    `principal_id` the stable unique id (`AIDA…`, `AROA…`; the account id for root). `session` is None for long-term keys.
    For kind "web-identity" the caller is a verified token: `provider_arn` is set and `facts` hold its condition keys
    (lower-case name → value or values) and `token` the verified token itself; it has no account of its own, `account` is that of the
    provider. For kind "operator" `provider_arn` is the service name that stands for the operator's socket; for kind "service" it is the
    service's own (`rolesanywhere.amazonaws.com`). For kind "federated-user" `arn` is its own, while `principal_arn` and
    `principal_id` are those of the user who federated it.
    """

    kind: CallerKind
    account: str
    arn: str
    user_id: str
    principal_arn: str
    principal_id: str
    key_id: str = ""
    region: str = ""
    session: Session | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    provider_arn: str = ""
    facts: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    token: object | None = field(default=None, repr=False)  # a proof.jwt.Token; `values` stands below the floor that defines it


ANONYMOUS = Caller(kind="anonymous", account="", arn="", user_id="anonymous", principal_arn="", principal_id="")
