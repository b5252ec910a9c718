"""Snapshot: the state in memory, as every decision reads it. Does not read or write the database (store.py does).

Whoever reads it holds `Store.reading()`, or is the storage thread, which alone changes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from daypass import passes, policy
from daypass.store.changes import StoreFailed, Told
from daypass.store.endings import Endings
from daypass.store.holdings import (
    DeletedRole,
    Owned,
    SamlKey,
    SamlProvider,
    ServerCertificate,
    ServiceCredential,
    SigningCertificate,
    SshKey,
    TokenIssuer,
)
from daypass.store.indices import Index, Records
from daypass.store.layers import Layers
from daypass.store.people import AccessReport, AccountSettings, CredentialReport, LoginProfile, MfaDevice
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
    Record,
    Revocation,
    Role,
    SealKey,
    UsedToken,
    User,
)
from daypass.store.sharing import share
from daypass.store.tree import Tree
from daypass.store.usage import Usage, Use
from daypass.values.caller import Caller
from daypass.values.decision import Ask
from daypass.values.session import Session

Held = TypeVar("Held", bound=Owned)
Holder = User | Group | Role  # of policies


class Snapshot:
    """Every record, found in one look-up by each thing that it is looked for by."""

    def __init__(self, usage: Usage | None = None) -> None:
        self.accounts: Records[Account] = Records()
        self.organizations: Records[Organization] = Records()
        self.organizational_units: Records[OrganizationalUnit] = Records()
        self.organization_policies: Records[OrganizationPolicy] = Records()
        self.handshakes: Records[Handshake] = Records()
        self.users: Records[User] = Records()
        self.groups: Records[Group] = Records()
        self.roles: Records[Role] = Records()
        self.policies: Records[ManagedPolicy] = Records()
        self.access_keys: Records[AccessKey] = Records()
        self.login_profiles: Records[LoginProfile] = Records()
        self.mfa_devices: Records[MfaDevice] = Records()
        self.account_settings: Records[AccountSettings] = Records()
        self.credential_reports: Records[CredentialReport] = Records()
        self.access_reports: Records[AccessReport] = Records()
        self.instance_profiles: Records[InstanceProfile] = Records()
        self.oidc_providers: Records[OidcProvider] = Records()
        self.saml_providers: Records[SamlProvider] = Records()
        self.server_certificates: Records[ServerCertificate] = Records()
        self.signing_certificates: Records[SigningCertificate] = Records()
        self.service_credentials: Records[ServiceCredential] = Records()
        self.deleted_roles: Records[DeletedRole] = Records()
        self.token_issuers: Records[TokenIssuer] = Records()
        self.used_tokens: Records[UsedToken] = Records()
        self.revocations: Records[Revocation] = Records()
        self.seal_keys: Records[SealKey] = Records()
        self.usage = usage or Usage()
        self._records: dict[type[Record], Records[Any]] = {
            Account: self.accounts, Organization: self.organizations, OrganizationalUnit: self.organizational_units,
            OrganizationPolicy: self.organization_policies, Handshake: self.handshakes,
            User: self.users, Group: self.groups, Role: self.roles,
            ManagedPolicy: self.policies, AccessKey: self.access_keys, InstanceProfile: self.instance_profiles,
            LoginProfile: self.login_profiles, MfaDevice: self.mfa_devices, AccountSettings: self.account_settings,
            CredentialReport: self.credential_reports, AccessReport: self.access_reports,
            OidcProvider: self.oidc_providers, UsedToken: self.used_tokens, Revocation: self.revocations, SealKey: self.seal_keys,
            SamlProvider: self.saml_providers, SamlKey: Records[SamlKey](), ServerCertificate: self.server_certificates,
            SshKey: Records[SshKey](), SigningCertificate: self.signing_certificates, ServiceCredential: self.service_credentials,
            DeletedRole: self.deleted_roles, TokenIssuer: self.token_issuers,
        }  # fmt: skip
        self._members: Index[User] = Index(lambda user: user.groups)
        # of an account's principals by account and ARN: AWS's own policies are attached in all of them
        self._attachments: Index[Holder] = Index(lambda holder: [f"{holder.account} {arn}" for arn in holder.policies])
        self._boundary_uses: Index[Holder] = Index(lambda holder: [f"{holder.account} {holder.boundary}"] if holder.boundary else ())
        self._keys: Index[AccessKey] = Index(lambda key: (key.user_id,))
        self._devices: Index[MfaDevice] = Index(lambda device: (device.user_id,) if device.user_id else ())
        self._aliases: Index[AccountSettings] = Index(lambda settings: (settings.alias,) if settings.alias else ())
        self._owned: Index[Owned] = Index(lambda record: (record.owner,))
        self._issuers: Index[TokenIssuer] = Index(lambda issuer: (issuer.issuer,))
        self._profiles: Index[InstanceProfile] = Index(lambda profile: (profile.role_id,) if profile.role_id else ())
        self.tree = Tree(self.accounts, self.organizational_units)
        self.closed_accounts: set[str] = set()  # whose sessions and keys are over, and for which no pass is made
        self._endings = Endings()
        self._layers = Layers(self)
        self._seal_keys: dict[str, passes.SealKeyValue] = {}
        self._active_seal_key: passes.SealKeyValue | None = None
        self.revoked_seal_keys: Mapping[str, passes.SealKeyValue] = {}  # to tell holders of their tokens that those are over, and no more
        self.state = object()  # another one whenever anything changes: what was read in one state holds as long as it is this very one

    # -- what is there

    def records(self, kind: type[Record]) -> Records[Any]:
        """All records of a kind."""
        return self._records[kind]

    def principal(self, unique_id: str) -> User | Role | None:
        """The user or role with this unique id."""
        return self.roles.find(unique_id) or self.users.find(unique_id)

    def members(self, group_id: str) -> Sequence[User]:
        """The users in a group, by name."""
        return self._members.of(group_id)

    def keys_of(self, user_id: str) -> Sequence[AccessKey]:
        """The long-term keys of a user, oldest first."""
        return sorted(self._keys.of(user_id), key=lambda key: (key.created, key.slot))

    def devices_of(self, user_id: str) -> Sequence[MfaDevice]:
        """The MFA devices that are enabled for a user, by name."""
        return self._devices.of(user_id)

    def account_of_alias(self, alias: str) -> str | None:
        """The account that has this alias."""
        return next((settings.account for settings in self._aliases.of(alias)), None)

    def issuer_named(self, name: str) -> TokenIssuer | None:
        """The issuer of identity tokens that has this name, turned on or not."""
        return next(iter(self._issuers.of(name)), None)

    def attachments(self, account: str, policy_arn: str) -> Sequence[Holder]:
        """Who of an account has this managed policy attached, by name."""
        return self._attachments.of(f"{account} {policy_arn}")

    def boundary_uses(self, account: str, policy_arn: str) -> Sequence[Holder]:
        """Who of an account has this managed policy as its boundary, by name."""
        return self._boundary_uses.of(f"{account} {policy_arn}")

    def uses(self, account: str, policy_arn: str) -> tuple[int, int]:
        """How many of an account have this managed policy attached, and how many as their boundary."""
        key = f"{account} {policy_arn}"
        return self._attachments.count(key), self._boundary_uses.count(key)

    def profiles_of(self, role_id: str) -> Sequence[InstanceProfile]:
        """The instance profiles that hold a role, by name."""
        return self._profiles.of(role_id)

    def owned(self, kind: type[Held], owner_id: str) -> Sequence[Held]:
        """What of this kind belongs to a user or provider, oldest first."""
        found = [record for record in self._owned.of(owner_id) if isinstance(record, kind)]
        return sorted(found, key=lambda record: (record.created, record.id))

    def used(self, id: str) -> bool:
        """Whether a token of a single-use provider was used; `id` as in UsedToken."""
        return self.used_tokens.find(id) is not None

    # -- what policies say

    def layers_of(self, caller: Caller, ask: Ask | None = None) -> policy.Layers:
        """The policies that stand around `caller` and, with `ask`, around the resource that it asks for."""
        return self._layers.of(caller, ask)

    def trust_of(self, role: Role) -> policy.Policy:
        """The compiled trust policy of `role`."""
        return self._layers.trust(role)

    def compile_ahead(self, told: Told) -> None:
        """Compile the policies that most principals have (layers.py); `told` is told how far this is."""
        self._layers.compile_ahead(told)

    def document_of(self, policy_arn: str) -> str | None:
        """The text in force of a managed policy, a customer's or AWS's own."""
        found = self.policies.by_arn(policy_arn)
        if found is not None:
            return next((version.document for version in found.versions if version.id == found.default), None)
        managed = policy.managed_policy(policy_arn)
        return None if managed is None else managed.document

    # -- passes

    def ended(self, session: Session) -> str | None:
        """Why `session`, expired or not, is over: it was ended by an order, or what it rests on is gone. None when it is not."""
        if (reason := self._endings.ended(session)) is not None:
            return reason
        if self.closed_accounts and session.account in self.closed_accounts:
            return "the account is closed"
        if session.kind != "root" and self.principal(session.principal_id) is None:
            return "the session's principal is gone"
        if session.kind == "root" and self.accounts.find(session.account) is None:
            return "the session's account is gone"
        for ancestor in session.ancestors:
            principal = self.principal(ancestor.principal_id)
            if principal is None:
                return f"an ancestor's principal is gone: {ancestor.principal_id}"
            if self._endings.accounts and self._endings.ended_with_account(principal.account, ancestor.issued):
                return "all sessions of an ancestor's account issued before were revoked"
            if principal.account in self.closed_accounts:
                return f"an ancestor's account is closed: {principal.account}"
        if session.source_key:
            key = self.access_keys.find(session.source_key)
            if key is None or not key.active:
                return f"the access key that it came from is {'gone' if key is None else 'inactive'}: {session.source_key}"
            if key.account in self.closed_accounts:
                return f"the account that it came from is closed: {key.account}"
            first = session.ancestors[0].issued if session.ancestors else session.issued
            if self._endings.ended_with_principal(key.user_id, first):
                return f"the sessions of the user that it came from were revoked: {key.user_id}"
        return None

    def ended_everywhere(self, issued: int) -> bool:
        """Whether everything that was issued at this time (epoch seconds), by whomever, was ended by one order."""
        return self._endings.ended_with_account("", issued)

    @property
    def open_seal_keys(self) -> Mapping[str, passes.SealKeyValue]:
        """The seal keys that open tokens, by id: a new mapping whenever one of them changes, in which the others' objects stay."""
        return self._seal_keys

    @property
    def active_seal_key(self) -> passes.SealKeyValue:
        """The key that seals. Raises StoreFailed when there is none, or none that can be read: upkeep makes one."""
        if self._active_seal_key is None:
            raise StoreFailed("there is no active seal key")
        return self._active_seal_key

    def last_used(self, key_id: str) -> Use | None:
        """The last use of a long-term key."""
        return self.usage.last(key_id)

    def use(self, key_id: str, at: datetime, service: str, region: str) -> None:
        """Note a use of a key; it reaches the database with the next `Store.flush_usage()`."""
        self.usage.use(key_id, Use(at, service, region))

    # -- changing it: for the store alone, on the storage thread, under its lock

    def apply(self, put: Iterable[Record], removed: Iterable[tuple[type[Record], str]]) -> None:
        """Take a committed change in: what is removed first, so that its name is free."""
        self.state = object()
        for kind, id in removed:
            old = self._records[kind].remove(id)
            if old is not None:
                self._reindex(old, None)
        for record in put:
            share(record)
            old = self._records[type(record)].put(record)
            self._reindex(old, record)

    def _reindex(self, old: Any, new: Any) -> None:
        record = new if new is not None else old
        match record:
            case User() | Group() | Role():
                self._attachments.replace(old, new)
                self._boundary_uses.replace(old, new)
                if isinstance(record, User):
                    self._members.replace(old, new)
            case Account() | Organization() | OrganizationalUnit():
                self.tree.replace(old, new)
                if isinstance(record, Account):
                    is_closed = new is not None and new.status != "ACTIVE"
                    (self.closed_accounts.add if is_closed else self.closed_accounts.discard)(record.id)
            case AccessKey():
                self._keys.replace(old, new)
                if new is None:
                    self.usage.forget(old.id)
            case MfaDevice():
                self._devices.replace(old, new)
            case AccountSettings():
                self._aliases.replace(old, new)
            case InstanceProfile():
                self._profiles.replace(old, new)
            case TokenIssuer():
                self._issuers.replace(old, new)
            case Owned():
                self._owned.replace(old, new)
            case Revocation():
                self._endings.replace(old, new)
            case SealKey():
                self._seal_keys = {id: key for id, key in self._seal_keys.items() if id != record.id}
                if new is not None and new.state != "revoked":
                    self._seal_keys[new.id] = passes.SealKeyValue(new.id, new.secret, new.state)
                self.revoked_seal_keys = {
                    key.id: passes.SealKeyValue(key.id, key.secret, "retained") for key in self.seal_keys if key.state == "revoked"
                }
                active = [(key.created, key.id) for key in self.seal_keys if key.state == "active"]
                self._active_seal_key = self._seal_keys[max(active)[1]] if active else None
        self._layers.changed(record)
