"""Aftermath: what a restored state must not bring back to life, and what of it is only told. Does not read files or write databases.

A backup knows nothing of what was ended after it was taken (attack rows H88, H91). Passes are all ended by one order, and the seal keys
with them. What has no end of its own (access keys, passwords) is ended where the ledger tells so; where nobody can tell, it comes back
inactive. What changed policies is not a credential: it is listed, to be done again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from daypass.store.changes import Changes
from daypass.store.holdings import SamlKey
from daypass.store.ledger.shapes import Entry
from daypass.store.people import LoginProfile, MfaDevice
from daypass.store.records import AccessKey, Account, Record, Revocation, Role, User
from daypass.store.rotation import new_seal_key
from daypass.store.snapshot import Snapshot
from daypass.store.tables import ROTATING
from daypass.values.folding import fold

LONGEST_PASS = timedelta(days=2)  # more than any pass lives (36 hours: GetSessionToken, GetFederationToken)
_SILENT = ("sts", "daypass", "ledger")  # services whose lines change no record that stays, or only end passes


class Given(NamedTuple):
    """Something that a restore did not leave as it was in the backup, or that somebody has to look at."""

    kind: str
    name: str
    account: str
    owner: str
    why: str


class Aftermath(NamedTuple):
    """`changes` are to be written on the restored state; `ended` is what the ledger tells was ended, `inactive` what nobody can tell of,
    `to_review` what may have been taken away since and works all the same, `undone` the changes that are not in the backup."""

    changes: Changes
    ended: list[Given]
    inactive: list[Given]
    to_review: list[Given]
    undone: list[Given]


def aftermath(seen: Snapshot, later: Iterable[Entry], now: datetime, *, doubted: bool) -> Aftermath:
    """What is to be done to a state `seen` that a backup has brought back at `now` (UTC, not before anything that it holds).

    `later` are the ledger's lines after the backup's point, oldest first; `doubted` says that they may not be all, so that what they do
    not tell of may have been ended as well.
    """
    walk = _Walk(seen)
    for entry in later:
        walk.step(entry)
    if doubted:
        walk.doubt()
    _end_passes(seen, walk.changes, now)
    return Aftermath(walk.changes, walk.ended, walk.inactive, walk.to_review, walk.undone)


def _end_passes(seen: Snapshot, changes: Changes, now: datetime) -> None:
    """INVARIANT: no pass from before the restore is one after it: the order says so, and no key is left that opens its token, so that not
    even one who still has the old keys makes another."""
    changes.put(
        Revocation(
            id=f"rev-{os.urandom(8).hex()}", account="", created=now, scope="issued-before", value="", before=now,
            until=now + LONGEST_PASS, by="daypass restore",
        )
    )  # fmt: skip
    for key in seen.seal_keys:
        changes.put(msgspec.structs.replace(key, state="revoked", replaced=key.replaced or now, until=now + LONGEST_PASS))
    changes.put(new_seal_key(now, os.urandom))
    changes.oldest = ROTATING


class _Walk:
    """The restored state as the lines after the backup leave it."""

    def __init__(self, seen: Snapshot) -> None:
        self.seen = seen
        self.changes = Changes()
        self.ended: list[Given] = []
        self.inactive: list[Given] = []
        self.to_review: list[Given] = []
        self.undone: list[Given] = []
        self.users = {(user.account, fold(user.name)): user for user in seen.users}  # by the names that they have had since
        self.keys: dict[str, AccessKey | None] = {key.id: key for key in seen.access_keys}
        self.passwords = {profile.id: profile for profile in seen.login_profiles}

    def step(self, entry: Entry) -> None:
        """Take a line in."""
        service = entry.eventSource.partition(".")[0]
        if entry.readOnly or entry.errorCode or service in _SILENT:
            return
        given = entry.requestParameters if isinstance(entry.requestParameters, dict) else {}
        end = _ENDS.get((service, entry.eventName))
        if end is None or not end(self, entry, given):
            what = " ".join(f"{name}={value}" for name, value in given.items() if isinstance(value, str))[:200]
            self.undone.append(Given(f"{service}:{entry.eventName}", what, entry.recipientAccountId, entry.userIdentity.arn, _at(entry)))

    def doubt(self) -> None:
        """What nobody can tell of does not work until somebody says so."""
        for key in self.keys.values():
            if key is not None and key.active:
                self.changes.put(msgspec.structs.replace(key, active=False))
                self.inactive.append(Given("access key", key.id, key.account, self._name(key.user_id), "may have been ended since"))
        for profile in self.passwords.values():
            self.changes.delete(profile)
            self.inactive.append(Given("password", "", profile.account, self._name(profile.id), "may have been changed since"))
        for device in self.seen.mfa_devices:
            if device.user_id:
                owner = self._name(device.user_id)
                self.to_review.append(Given("MFA device", device.name, device.account, owner, "may have been taken away since"))

    def user(self, entry: Entry, given: Mapping[str, Any]) -> User | None:
        """The user that a line names, or who sent it."""
        name = given.get("UserName") or entry.userIdentity.userName
        return self.users.get((entry.recipientAccountId, fold(str(name))))

    def remove(self, kind: str, record: Record, name: str, entry: Entry, owner: str = "") -> bool:
        """End a record for good; says that the line is dealt with."""
        if record not in self.changes.deleted:
            self.changes.delete(record)
            self.ended.append(Given(kind, name, record.account, owner, _at(entry)))
        return True

    def _name(self, user_id: str) -> str:
        user = self.seen.users.find(user_id)
        return user_id if user is None else user.name


def _delete_key(walk: _Walk, entry: Entry, given: Mapping[str, Any]) -> bool:
    key = walk.keys.get(str(given.get("AccessKeyId")))
    if key is not None:
        walk.keys[key.id] = None
        walk.remove("access key", key, key.id, entry, walk._name(key.user_id))
    return True  # one that is not in the backup is gone with it


def _set_key(walk: _Walk, entry: Entry, given: Mapping[str, Any]) -> bool:
    key = walk.keys.get(str(given.get("AccessKeyId")))
    if key is not None:
        changed = msgspec.structs.replace(key, active=given.get("Status") == "Active")
        walk.keys[key.id] = changed
        walk.changes.put(changed)
        if not changed.active:
            walk.ended.append(Given("access key", key.id, key.account, walk._name(key.user_id), _at(entry)))
    return True


def _end_password(walk: _Walk, entry: Entry, given: Mapping[str, Any]) -> bool:
    user = walk.user(entry, given)
    profile = walk.passwords.pop(user.id, None) if user is not None else None
    return True if profile is None or user is None else walk.remove("password", profile, "", entry, user.name)


def _end_device(walk: _Walk, entry: Entry, given: Mapping[str, Any]) -> bool:
    device: MfaDevice | None = walk.seen.mfa_devices.by_arn(str(given.get("SerialNumber")))
    return True if device is None else walk.remove("MFA device", device, device.name, entry)


def _delete_user(walk: _Walk, entry: Entry, given: Mapping[str, Any]) -> bool:
    user = walk.user(entry, given)
    if user is None:
        return True
    del walk.users[next(name for name, one in walk.users.items() if one.id == user.id)]
    for key in walk.seen.keys_of(user.id):
        walk.keys[key.id] = None
        walk.changes.delete(key)
    profile: LoginProfile | None = walk.passwords.pop(user.id, None)
    if profile is not None:
        walk.changes.delete(profile)
    return walk.remove("user", user, user.name, entry)


def _rename_user(walk: _Walk, entry: Entry, given: Mapping[str, Any]) -> bool:
    user, name = walk.user(entry, given), given.get("NewUserName")
    if user is not None and name:
        del walk.users[entry.recipientAccountId, fold(str(given.get("UserName")))]
        walk.users[entry.recipientAccountId, fold(str(name))] = user
    return False  # the name itself is to be given again


def _delete_role(walk: _Walk, entry: Entry, given: Mapping[str, Any]) -> bool:
    role: Role | None = walk.seen.roles.named(entry.recipientAccountId, str(given.get("RoleName")))
    if role is None:
        return True
    for profile in walk.seen.profiles_of(role.id):
        walk.changes.put(msgspec.structs.replace(profile, role_id=""))
    return walk.remove("role", role, role.name, entry)


def _delete_provider(walk: _Walk, entry: Entry, given: Mapping[str, Any]) -> bool:
    arn = str(given.get("OpenIDConnectProviderArn") or given.get("SAMLProviderArn"))
    provider: Any = walk.seen.oidc_providers.by_arn(arn) or walk.seen.saml_providers.by_arn(arn)
    if provider is None:
        return True
    for key in walk.seen.owned(SamlKey, provider.id):
        walk.changes.delete(key)
    return walk.remove("identity provider", provider, provider.name, entry)


def _close_account(walk: _Walk, entry: Entry, given: Mapping[str, Any]) -> bool:
    account: Account | None = walk.seen.accounts.find(str(given.get("AccountId")))
    if account is not None:
        walk.changes.put(msgspec.structs.replace(account, status="SUSPENDED", closed=entry.eventTime.replace(microsecond=0)))
        walk.ended.append(Given("account", account.name, account.id, "", _at(entry)))
    return True


def _at(entry: Entry) -> str:
    return entry.eventTime.strftime("%Y-%m-%dT%H:%M:%SZ")


End = Callable[[_Walk, Entry, Mapping[str, Any]], bool]  # says whether the line is dealt with
_ENDS: Mapping[tuple[str, str], End] = {
    ("iam", "DeleteAccessKey"): _delete_key,
    ("iam", "UpdateAccessKey"): _set_key,
    ("iam", "DeleteLoginProfile"): _end_password,
    ("iam", "UpdateLoginProfile"): _end_password,
    ("iam", "ChangePassword"): _end_password,
    ("iam", "DeactivateMFADevice"): _end_device,
    ("iam", "DeleteVirtualMFADevice"): _end_device,
    ("iam", "DeleteUser"): _delete_user,
    ("iam", "UpdateUser"): _rename_user,
    ("iam", "DeleteRole"): _delete_role,
    ("iam", "DeleteServiceLinkedRole"): _delete_role,
    ("iam", "DeleteOpenIDConnectProvider"): _delete_provider,
    ("iam", "DeleteSAMLProvider"): _delete_provider,
    ("organizations", "CloseAccount"): _close_account,
}
