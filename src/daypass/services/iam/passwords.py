"""Passwords of an account's users: the rules in force, and a new one made ready. Signs nobody in, and offers no operation itself.

Argon2 takes its time on the outside threads, before the change comes to the storage thread, which all changes share (attack row M14).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from daypass.policy import read_policy
from daypass.proof import password
from daypass.proof.password import DEFAULT_RULES, SALT_BYTES, Rules
from daypass.store import Conflict
from daypass.store.people import LoginProfile, PasswordPolicy
from daypass.store.records import User
from daypass.values.errors import Refusal
from daypass.values.secret import Secret
from daypass.way.throttle import too_many_guesses

if TYPE_CHECKING:
    from daypass.services.iam.asks import Parameters
    from daypass.values.decision import Ask
    from daypass.way.context import Context
    from daypass.way.operation import Asks

# What AllowUsersToChangePassword gives to every user of the account (IAM User Guide, "Custom password policy options"); a deny still wins.
_FOR_USERS = read_policy(
    '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Resource": "*",'
    ' "Action": ["iam:ChangePassword", "iam:GetAccountPasswordPolicy"]}]}',
    "resource",
)
MAX_KEPT = 24  # hashes; IAM model, passwordReusePreventionType


@dataclass(frozen=True, slots=True)
class _Made:
    """What the work on the outside threads found of the profile `before`."""

    before: LoginProfile | None
    phc: str
    known: bool  # the old password is the one in force
    reused: bool


def policy_of(ctx: Context) -> PasswordPolicy | None:
    """The password policy of the caller's account, if it has set one."""
    settings = ctx.store.account_settings.find(ctx.account)
    return settings.password_policy if settings else None


def rules_of(policy: PasswordPolicy | None) -> Rules:
    """What a password must be like under `policy`; without one, AWS's default."""
    if policy is None:
        return DEFAULT_RULES
    return Rules(policy.minimum_length, policy.uppercase, policy.lowercase, policy.numbers, policy.symbols)


def next_rotation(profile: LoginProfile, policy: PasswordPolicy | None) -> datetime | None:
    """When the password expires, if the account's passwords do."""
    return profile.changed + timedelta(days=policy.max_age) if policy and policy.max_age else None


def users_may(asks: Asks) -> Asks:
    """`asks`, which no policy of a user need allow where the account lets its users change their passwords."""

    def then(ctx: Context, params: Parameters) -> Iterator[Ask]:
        policy = policy_of(ctx)
        given = ctx.caller.kind == "user" and policy is not None and policy.users_may_change
        for ask in asks(ctx, params):
            yield replace(ask, combine="either", policy=_FOR_USERS) if given else ask

    return then


def new_hashes(ctx: Context, user: User, new: str, old: str | None = None) -> Secret:
    """The `hashes` of a profile whose password becomes `new`, those before it kept as long as the account's policy asks for.

    Raises PasswordPolicyViolation for a password that may not be, AccessDenied when `old` is given and is not the one in force, Throttling
    when that was guessed too often, Conflict when the profile was changed meanwhile.
    """
    policy = policy_of(ctx)
    # (1) what costs nothing comes first
    if (fault := password.fault_in(new, rules_of(policy), _names(ctx, user))) is not None:
        raise Refusal("PasswordPolicyViolation", fault)
    guess = f"password/{user.id}"
    if old is not None and ctx.node.guesses.exhausted(guess, ctx.now.timestamp()):
        raise too_many_guesses()
    # (2) the work, once; (3) it counts for the profile that it was done on, and for no other
    before = ctx.store.login_profiles.find(user.id)
    generations = policy.reuse_prevention if policy else 0
    salt = ctx.random(SALT_BYTES)
    made = ctx.elsewhere(lambda: _work(before, new, old, generations, salt))
    if made.before != before:
        raise Conflict("login_profiles", "the password was changed meanwhile")
    if not made.known:
        ctx.node.guesses.spend(guess, ctx.now.timestamp())
        raise Refusal("AccessDenied", "The old password was incorrect.", 403)
    if made.reused:
        raise Refusal("PasswordPolicyViolation", "Password was used before")
    return Secret("\n".join((made.phc, *_past(before))[: max(generations, 1)]))


def _names(ctx: Context, user: User) -> list[str]:
    account, settings = ctx.store.accounts.find(user.account), ctx.store.account_settings.find(user.account)
    return [user.name, *((account.name, account.email) if account else ()), settings.alias if settings else ""]


def _past(profile: LoginProfile | None) -> list[str]:
    return profile.hashes.reveal().decode("ascii").split("\n")[:MAX_KEPT] if profile else []


def _work(before: LoginProfile | None, new: str, old: str | None, generations: int, salt: bytes) -> _Made:
    past = _past(before)
    if old is not None and not (past and password.matches(old, past[0])):
        return _Made(before, "", known=False, reused=False)
    reused = any(password.matches(new, phc) for phc in past[:generations])
    return _Made(before, "" if reused else password.hash_of(new, salt), known=True, reused=reused)


