"""Records for tests, made from as little as a test needs to say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from daypass.store import Changes
from daypass.store.people import AccessReport, AccountSettings, CredentialReport, EntityUse, LoginProfile, MfaDevice, PasswordPolicy
from daypass.store.records import (
    AccessKey,
    Account,
    Group,
    Handshake,
    InstanceProfile,
    ManagedPolicy,
    OidcProvider,
    Organization,
    OrganizationalUnit,
    OrganizationPolicy,
    PolicyVersion,
    Record,
    Revocation,
    RevocationScope,
    Role,
    SealKey,
    UsedToken,
    User,
)
from daypass.values.secret import Secret
from daypass.values.session import Ancestor, Origin, Session

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
EPOCH = int(NOW.timestamp())
HERE = "111111111111"
THERE = "222222222222"
ALLOW = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'
DENY = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"iam:*","Resource":"*"}]}'
TRUST = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"%s"},"Action":"sts:AssumeRole"}]}'


def user(n: int = 1, *, account: str = HERE, name: str = "", **more: Any) -> User:
    return User(id=f"AIDA{n:017d}", account=account, created=NOW, name=name or f"user-{n}", **more)


def group(n: int = 1, *, account: str = HERE, name: str = "", **more: Any) -> Group:
    return Group(id=f"AGPA{n:017d}", account=account, created=NOW, name=name or f"group-{n}", **more)


def role(n: int = 1, *, account: str = HERE, name: str = "", trust: str = TRUST % HERE, **more: Any) -> Role:
    return Role(id=f"AROA{n:017d}", account=account, created=NOW, name=name or f"role-{n}", trust=trust, **more)


def managed(n: int = 1, *, account: str = HERE, name: str = "", document: str = ALLOW) -> ManagedPolicy:
    version = PolicyVersion(id="v1", document=document, created=NOW)
    return ManagedPolicy(
        id=f"ANPA{n:017d}", account=account, created=NOW, name=name or f"policy-{n}", versions=(version,), default="v1", next_version=2,
        updated=NOW,
    )  # fmt: skip


def key(n: int = 1, owner: User | None = None, *, slot: int = 1, secret: str = "", active: bool = True) -> AccessKey:
    owner = owner or user()
    text = secret or f"a secret of forty characters, number {n:04d}"
    return AccessKey(
        id=f"AKIA{n:016d}", account=owner.account, created=NOW, user_id=owner.id, slot=slot, active=active, secret=Secret(text)
    )


def login(owner: User | None = None, *, hashes: str = "$argon2id$one\n$argon2id$two", **more: Any) -> LoginProfile:
    owner = owner or user()
    return LoginProfile(id=owner.id, account=owner.account, created=NOW, hashes=Secret(hashes), changed=NOW, **more)


def device(n: int = 1, owner: User | None = None, **more: Any) -> MfaDevice:
    held = {"user_id": owner.id, "enabled": NOW} if owner else {}
    return MfaDevice(id=f"MFAD{n:017d}", account=HERE, created=NOW, name=f"device-{n}", seed=Secret(b"%020d" % n), **held, **more)


def account_settings(account: str = HERE, **more: Any) -> AccountSettings:
    more.setdefault("password_policy", PasswordPolicy(minimum_length=14, symbols=True))
    return AccountSettings(id=account, account=account, created=NOW, **more)


def report(content: str = "user,arn\n") -> CredentialReport:
    return CredentialReport(id=HERE, account=HERE, created=NOW, content=content)


def access_report(n: int = 1, used: User | None = None) -> AccessReport:
    uses = (EntityUse(service="iam", entity_id=used.id, at=NOW, region="eu-west-1"),) if used else ()
    return AccessReport(
        id=f"job-{n}", account=HERE, created=NOW, arn=user(n).arn, action_level=False, services=("iam",), entities=uses, totals={"iam": 1}
    )


def profile(n: int = 1, holds: Role | None = None, **more: Any) -> InstanceProfile:
    return InstanceProfile(
        id=f"AIPA{n:017d}", account=HERE, created=NOW, name=f"profile-{n}", role_id=holds.id if holds else "", **more
    )


def provider(n: int = 1) -> OidcProvider:
    return OidcProvider(id=f"oidc-{n}", account=HERE, created=NOW, name=f"idp-{n}.example.org/Tenant", client_ids=("app",))


def account(number: str = HERE, **more: Any) -> Account:
    return Account(id=number, account=number, created=NOW, name="an account", email=f"{number}@example.org", **more)


def organization(n: int = 1, *, account: str = HERE, **more: Any) -> Organization:
    return Organization(id=f"o-{n:010d}", account=account, created=NOW, root_id=f"r-{n:04d}", **more)


def unit(n: int = 1, parent: str = "r-0001", *, account: str = HERE, **more: Any) -> OrganizationalUnit:
    return OrganizationalUnit(
        id=f"ou-0001-{n:08d}", account=account, created=NOW, organization="o-0000000001", title=f"unit {n}", parent=parent, **more
    )


def guard(n: int = 1, text: str = DENY, kind: Any = "SERVICE_CONTROL_POLICY") -> OrganizationPolicy:
    return OrganizationPolicy(
        id=f"p-{n:010d}", account=HERE, created=NOW, organization="o-0000000001", title=f"guard {n}", kind=kind, text=text
    )


def handshake(n: int = 1, target: str = THERE) -> Handshake:
    return Handshake(id=f"h-{n:010d}", account=HERE, created=NOW, organization="o-0000000001", target=target, until=NOW)


def seal_key(n: int = 1, state: Any = "active", *, created: datetime = NOW) -> SealKey:
    return SealKey(id=f"{n:08x}", account="", created=created, state=state, secret=Secret(bytes([n]) * 32))


def used(n: int = 1, *, until: datetime = NOW) -> UsedToken:
    return UsedToken(id=f"oidc-1/{n:064x}", account=HERE, created=NOW, until=until)


def order(
    scope: RevocationScope, value: str = "", *, n: int = 1, account: str = HERE, before: datetime = NOW, until: datetime | None = None
) -> Revocation:
    until = until or NOW + timedelta(hours=12)
    return Revocation(id=f"order-{n}", account=account, created=NOW, scope=scope, value=value, before=before, until=until, by="test")


def session(
    n: int = 1, principal: User | Role | None = None, *parents: Session, issued: int = EPOCH, expires: int = 0, **more: Any
) -> Session:
    """A session of `principal` that descends from the last of `parents`, which are in order of descent."""
    principal = principal or role()
    return Session(
        id=n.to_bytes(16, "big"),
        key_id=f"ASIA{n:016d}",
        kind="user" if isinstance(principal, User) else "role",
        account=principal.account,
        principal_id=principal.id,
        name=f"session-{n}",
        issued=issued,
        expires=expires or issued + 3600,
        origin=more.pop("origin", Origin("sigv4", "AKIA0000000000000001")),
        ancestors=tuple(Ancestor(parent.id, parent.principal_id, parent.issued) for parent in parents),
        **more,
    )


def putting(*records: Record) -> Changes:
    changes = Changes()
    for record in records:
        changes.put(record)
    return changes


def deleting(*records: Record) -> Changes:
    changes = Changes()
    for record in records:
        changes.delete(record)
    return changes
