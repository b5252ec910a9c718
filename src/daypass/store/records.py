"""The records that daypass keeps, one type per kind of thing. Does not say how they are stored (tables.py) or found (snapshot.py).

Every record is immutable; a change is a new record with the same `id`. `name` is unique in an account ignoring ASCII case
(IAM User Guide, "IAM and AWS STS quotas", names); its case is kept. Times are UTC, whole seconds.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from daypass.values.arn import iam_arn
from daypass.values.folding import fold
from daypass.values.secret import Secret

Tags = tuple[tuple[str, str], ...]

SINGLE_USE_TAG = "daypass:single-use"


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What all records have: a unique id that is never used twice, and the account that owns them ("" = the whole installation)."""

    id: str
    account: str
    created: datetime


class Account(Record, frozen=True, kw_only=True):
    """A 12-digit account; `id` and `account` are both its number."""

    name: str
    email: str
    status: Literal["ACTIVE", "SUSPENDED", "PENDING_CLOSURE"] = "ACTIVE"
    joined: Literal["INVITED", "CREATED"] = "CREATED"
    request_id: str = ""  # the car-… id of the CreateAccount request that made it
    role_name: str = "OrganizationAccountAccessRole"


class Organization(Record, frozen=True, kw_only=True):
    """The one organization; `account` is the management account, `id` is `o-…`."""

    root_id: str


class Principal(Record, frozen=True, kw_only=True):
    """What users, groups and roles share. `policies` are ARNs of attached managed policies, `inline` is name → document."""

    name: str
    path: str = "/"
    policies: tuple[str, ...] = ()
    inline: dict[str, str] = {}
    tags: Tags = ()
    boundary: str = ""


class User(Principal, frozen=True, kw_only=True):
    """An IAM user; `groups` are ids of groups."""

    groups: tuple[str, ...] = ()

    @property
    def arn(self) -> str:
        return iam_arn(self.account, "user", self.path, self.name)


class Group(Principal, frozen=True, kw_only=True):
    """An IAM group."""

    @property
    def arn(self) -> str:
        return iam_arn(self.account, "group", self.path, self.name)


class Role(Principal, frozen=True, kw_only=True):
    """An IAM role. `trust` is the text as submitted; `trusted` binds each principal ARN in it to the unique id it had then, so that
    a principal deleted and made again by the same name is not trusted (fact sheet A, §3.14)."""

    trust: str
    trusted: dict[str, str] = {}
    description: str = ""
    max_session: int = 3600

    @property
    def arn(self) -> str:
        return iam_arn(self.account, "role", self.path, self.name)


class PolicyVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One version (`v1` …) of a managed policy."""

    id: str
    document: str
    created: datetime


class ManagedPolicy(Record, frozen=True, kw_only=True):
    """A customer-managed policy with its versions; `next_version` only grows."""

    name: str
    path: str = "/"
    description: str = ""
    versions: tuple[PolicyVersion, ...]
    default: str
    next_version: int
    updated: datetime
    tags: Tags = ()

    @property
    def arn(self) -> str:
        return iam_arn(self.account, "policy", self.path, self.name)

    @property
    def document(self) -> str:
        """The text of the default version."""
        return next(version.document for version in self.versions if version.id == self.default)


class AccessKey(Record, frozen=True, kw_only=True):
    """A long-term access key (`id` is the `AKIA…`); `slot` 1 or 2 is unique per user, so that a third cannot exist."""

    user_id: str
    slot: int
    active: bool = True
    secret: Secret


class InstanceProfile(Record, frozen=True, kw_only=True):
    """An instance profile, with one role or none."""

    name: str
    path: str = "/"
    role_id: str = ""
    tags: Tags = ()

    @property
    def arn(self) -> str:
        return iam_arn(self.account, "instance-profile", self.path, self.name)


class OidcProvider(Record, frozen=True, kw_only=True):
    """An OpenID Connect provider; `name` is its URL without `https://`."""

    name: str
    client_ids: tuple[str, ...] = ()
    thumbprints: tuple[str, ...] = ()
    tags: Tags = ()

    @property
    def single_use(self) -> bool:
        """Whether a token whose `jti` was seen is refused: what the tag `daypass:single-use` = `true` asks for."""
        return any(fold(key) == SINGLE_USE_TAG and fold(value) == "true" for key, value in self.tags)  # as tag keys are compared

    @property
    def url(self) -> str:
        return f"https://{self.name}"

    @property
    def arn(self) -> str:
        return f"arn:aws:iam::{self.account}:oidc-provider/{self.name}"


class UsedToken(Record, frozen=True, kw_only=True):
    """A token of a single-use provider that was used; `id` is provider id + "/" + hash of its `jti`, kept until `until`."""

    until: datetime


RevocationScope = Literal["session", "subtree", "principal", "issued-before"]


class Revocation(Record, frozen=True, kw_only=True):
    """An order to end passes. `value` is a session id (hex) for "session" and "subtree", a unique id for "principal"
    (its sessions and all that descend from them, issued at or before `before`), "" for "issued-before" (all of `account`, or everything
    when `account` is ""). It may be collected after `until`, when no pass that it ends can still be alive."""

    scope: RevocationScope
    value: str
    before: datetime
    until: datetime
    by: str = ""


class SealKey(Record, frozen=True, kw_only=True):
    """A key that seals session tokens; `id` is 8 hex characters. One is active, retained ones still open, revoked ones do not."""

    state: Literal["active", "retained", "revoked"]
    secret: Secret
