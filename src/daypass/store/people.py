"""The records of how people prove themselves, and of what an account has set for them: passwords, MFA devices, the password policy.

As records.py, and apart from it only for its length.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from daypass.store.records import Record, Tags
from daypass.values.arn import iam_arn
from daypass.values.secret import Secret


class LoginProfile(Record, frozen=True, kw_only=True):
    """A user's password; `id` is the user's, so that a second one cannot exist. `hashes` are PHC strings, one a line: the one in force,
    then those before it (for PasswordReusePrevention). `last_used` is when a sign-in last succeeded with it, `max_signin` in seconds."""

    hashes: Secret
    changed: datetime
    reset_required: bool = False
    max_signin: int = 0
    last_used: datetime | None = None


class MfaDevice(Record, frozen=True, kw_only=True):
    """A virtual MFA device. `user_id` is "" and `enabled` None until it is enabled for a user; `drift` is how many steps its clock is
    ahead; a code of step `last_step` or before is never taken again."""

    name: str
    path: str = "/"
    seed: Secret
    user_id: str = ""
    enabled: datetime | None = None
    drift: int = 0
    last_step: int = 0
    tags: Tags = ()

    @property
    def arn(self) -> str:
        return iam_arn(self.account, "mfa", self.path, self.name)


class PasswordPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """What passwords of an account's users must be; 0 days or generations means no such rule (IAM API reference, PasswordPolicy)."""

    minimum_length: int = 6
    symbols: bool = False
    numbers: bool = False
    uppercase: bool = False
    lowercase: bool = False
    users_may_change: bool = False
    max_age: int = 0
    reuse_prevention: int = 0
    hard_expiry: bool = False


class AccountSettings(Record, frozen=True, kw_only=True):
    """What an account has set for itself; `id` and `account` are both its number. `alias` is unique over all accounts."""

    alias: str = ""
    password_policy: PasswordPolicy | None = None
    token_version: Literal["v1Token", "v2Token"] = "v1Token"


class CredentialReport(Record, frozen=True, kw_only=True):
    """The newest credential report of an account, made at `created`; `id` and `account` are both its number."""

    content: str


class EntityUse(msgspec.Struct, frozen=True, kw_only=True):
    """The last time that a user or role (`entity_id`) called a service."""

    service: str
    entity_id: str
    at: datetime
    region: str


class ActionUse(EntityUse, frozen=True, kw_only=True):
    """The last time that an action was called, and by whom."""

    action: str


class AccessReport(Record, frozen=True, kw_only=True):
    """When the services that an entity may use were last called with what it grants: `arn` as asked for, `services` those it may use."""

    arn: str
    action_level: bool
    services: tuple[str, ...]
    entities: tuple[EntityUse, ...]
    actions: tuple[ActionUse, ...] = ()
    totals: dict[str, int] = {}  # service -> how many entities called it
