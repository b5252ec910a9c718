"""The records that daypass keeps, one type per kind of thing. Does not say how they are stored (tables.py) or found (snapshot.py).

Every record is immutable; a change is a new record with the same `id`. `name` is unique in an account ignoring ASCII case
(IAM User Guide, "IAM and AWS STS quotas", names); its case is kept. Times are UTC, whole seconds.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from daypass.values.arn import iam_arn, organizations_arn
from daypass.values.folding import fold
from daypass.values.secret import Secret

Tags = tuple[tuple[str, str], ...]

SINGLE_USE_TAG = "daypass:single-use"


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What all records have: a unique id that is never used twice, and the account that owns them ("" = the whole installation)."""

    id: str
    account: str
    created: datetime


OrganizationPolicyType = Literal["SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"]
OrganizationFeature = Literal["RootCredentialsManagement", "RootSessions"]


class Target(Record, frozen=True, kw_only=True):
    """What policies of an organization attach to: its root, a unit, an account. `policies` are ids of the attached ones; AWS's own are
    not among them: RCPFullAWSAccess is attached wherever its type is enabled, FullAWSAccess likewise as long as `full_access` holds."""

    policies: tuple[str, ...] = ()
    full_access: bool = True
    tags: Tags = ()


class Account(Target, frozen=True, kw_only=True):
    """A 12-digit account; `id` and `account` are both its number. `parent` is the root or the unit that it is in, "" outside of every
    organization."""

    name: str
    email: str
    status: Literal["ACTIVE", "SUSPENDED", "PENDING_CLOSURE"] = "ACTIVE"
    joined: Literal["INVITED", "CREATED"] = "CREATED"
    joined_at: datetime | None = None  # when it came into its organization; None: when it was made
    closed: datetime | None = None
    request_id: str = ""  # the car-… id of the CreateAccount request that made it
    role_name: str = "OrganizationAccountAccessRole"
    parent: str = ""


class ServiceAccess(msgspec.Struct, frozen=True, kw_only=True):
    """An AWS service that may act in the organization's accounts."""

    service: str
    since: datetime


class Delegate(msgspec.Struct, frozen=True, kw_only=True):
    """A member account that administers a service for the organization, and may therefore look at the organization."""

    account: str
    service: str
    since: datetime


class ResourcePolicy(msgspec.Struct, frozen=True, kw_only=True):
    """What members may do with the organization's policies; `trusted` as in Role."""

    id: str
    text: str
    trusted: dict[str, str] = {}
    tags: Tags = ()


class Organization(Target, frozen=True, kw_only=True):
    """An organization and its root, to which what a Target has belongs; `account` is the management account, `id` is `o-…`."""

    root_id: str
    policy_types: tuple[OrganizationPolicyType, ...] = ()  # those that are enabled
    services: tuple[ServiceAccess, ...] = ()
    delegates: tuple[Delegate, ...] = ()
    resource_policy: ResourcePolicy | None = None
    features: tuple[OrganizationFeature, ...] = ()  # of IAM, that are enabled

    @property
    def arn(self) -> str:
        return organizations_arn(self.account, f"organization/{self.id}")

    @property
    def root_arn(self) -> str:
        return organizations_arn(self.account, f"root/{self.id}/{self.root_id}")


class OrganizationalUnit(Target, frozen=True, kw_only=True):
    """A unit, `ou-…`, of the organization that `account` manages. `title` is unique below its parent, so it is not a `name`."""

    organization: str
    title: str
    parent: str

    @property
    def arn(self) -> str:
        return organizations_arn(self.account, f"ou/{self.organization}/{self.id}")


class OrganizationPolicy(Record, frozen=True, kw_only=True):
    """A policy, `p-…`, of the organization that `account` manages. `title` is unique among those of its organization."""

    organization: str
    title: str
    kind: OrganizationPolicyType
    text: str
    description: str = ""
    tags: Tags = ()

    @property
    def arn(self) -> str:
        return organizations_arn(self.account, f"policy/{self.organization}/{self.kind.lower()}/{self.id}")


class Handshake(Record, frozen=True, kw_only=True):
    """An invitation, `h-…`, of `target`, an account, into the organization that `account` manages. An open one is over at `until`."""

    organization: str
    target: str
    state: Literal["OPEN", "CANCELED", "ACCEPTED", "DECLINED"] = "OPEN"
    until: datetime
    by_email: bool = False  # whether it named its target by the email address
    notes: str = ""
    tags: Tags = ()  # that the account will have

    @property
    def arn(self) -> str:
        return organizations_arn(self.account, f"handshake/{self.organization}/invite/{self.id}")


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


SealState = Literal["pending", "active", "retained", "revoked"]
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
    """A key that seals session tokens; `id` is 8 hex characters. One is active and seals; a pending one opens and is to be active once
    every node has it; retained ones still open; what a revoked one sealed is over.

    It sealed from `activated` (None: `created`) to `replaced`; after `until` no pass that it sealed can be alive. `hurried`: it does not
    wait for nodes that are silent.
    """

    state: SealState
    activated: datetime | None = None
    replaced: datetime | None = None
    until: datetime | None = None
    hurried: bool = False
    secret: Secret
