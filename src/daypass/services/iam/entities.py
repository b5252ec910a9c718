"""Find an IAM entity of the caller's account or refuse with AWS's text. Changes nothing.

INVARIANT: every look-up is bound to `ctx.account`; an entity of another account is never found, whatever the input says (attack
row C46). The one exception are AWS's own managed policies, which every account sees and none can change.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from daypass.services.iam.aws_policies import AWS, AWS_POLICIES
from daypass.services.iam.names import LINKED_PATH
from daypass.store.people import MfaDevice
from daypass.store.records import AccessKey, Group, InstanceProfile, ManagedPolicy, OidcProvider, PolicyVersion, Role, User
from daypass.values.arn import read_arn
from daypass.values.errors import Refusal
from daypass.values.folding import fold
from daypass.way.who import OPERATOR_ROLE

if TYPE_CHECKING:
    from daypass.way.context import Context


def no_such(text: str) -> Refusal:
    """NoSuchEntity with this text."""
    return Refusal("NoSuchEntity", text)


def get_user(ctx: Context, name: str) -> User:
    """The user of this name. Raises NoSuchEntity."""
    if (user := ctx.store.users.named(ctx.account, name)) is None:
        raise no_such(f"The user with name {name} cannot be found.")
    return user


def get_user_or_self(ctx: Context, name: str | None) -> User:
    """The user of this name, or without a name the calling user. Raises NoSuchEntity, ValidationError when no user is calling."""
    return get_user(ctx, name) if name is not None else calling_user(ctx)


def calling_user(ctx: Context) -> User:
    """The user who is calling, with a long-term key or a session of their own. Raises ValidationError for any other caller."""
    if (user := ctx.store.users.find(ctx.caller.principal_id)) is None:
        raise Refusal("ValidationError", "Must specify userName when calling with non-User credentials")
    return user


def get_group(ctx: Context, name: str) -> Group:
    """The group of this name. Raises NoSuchEntity."""
    if (group := ctx.store.groups.named(ctx.account, name)) is None:
        raise no_such(f"The group with name {name} cannot be found.")
    return group


def get_role(ctx: Context, name: str) -> Role:
    """The role of this name. Raises NoSuchEntity."""
    if (role := ctx.store.roles.named(ctx.account, name)) is None:
        raise no_such(f"The role with name {name} cannot be found.")
    return role


def is_linked(role: Role) -> bool:
    """Whether a role is service-linked: only its service may change it. No one else can put a role on that path (names.py)."""
    return role.path.startswith(LINKED_PATH)


def verify_not_linked(role: Role) -> None:
    """Raise UnmodifiableEntity for a service-linked role."""
    if is_linked(role):
        message = f"Cannot perform the operation on the protected role '{role.name}' - this role is only modifiable by AWS"
        raise Refusal("UnmodifiableEntity", message)


def get_role_to_change(ctx: Context, name: str) -> Role:
    """The role of this name, to be changed. Raises NoSuchEntity, UnmodifiableEntity for service-linked roles and the operator's."""
    role = get_role_to_describe(ctx, name)
    verify_not_linked(role)
    return role


def get_role_to_describe(ctx: Context, name: str) -> Role:
    """The role of this name, to get another description or other tags. Raises NoSuchEntity, UnmodifiableEntity for the operator's role.

    Whoever changes the role that the host's operator enters by could lock the owner out of the installation, or become the operator.
    """
    role = get_role(ctx, name)
    if role.account == ctx.node.rules.management_account and fold(role.name) == fold(OPERATOR_ROLE):
        raise Refusal("UnmodifiableEntity", f"Cannot perform the operation on the protected role '{role.name}'")
    return role


def get_instance_profile(ctx: Context, name: str) -> InstanceProfile:
    """The instance profile of this name. Raises NoSuchEntity."""
    if (profile := ctx.store.instance_profiles.named(ctx.account, name)) is None:
        raise no_such(f"Instance Profile {name} cannot be found.")
    return profile


def check_iam_arn(arn: str, kind: str) -> None:
    """Raise InvalidInput or ValidationError unless `arn` has the shape of an IAM ARN of this kind ("policy", "oidc-provider")."""
    parts = read_arn(arn)
    if parts is None or parts.service != "iam" or parts.region or not parts.resource.startswith(f"{kind}/"):
        raise Refusal("InvalidInput", f"ARN {arn} is not valid.")
    if parts.partition != "aws":
        raise Refusal("ValidationError", "Invalid ARN partition")


def find_policy(ctx: Context, arn: str) -> ManagedPolicy | None:
    """The managed policy of this ARN, the account's own or one of AWS's; None for another account's. Raises InvalidInput."""
    check_iam_arn(arn, "policy")
    policy = AWS_POLICIES.get(arn) or ctx.store.policies.by_arn(arn)
    return policy if policy and policy.account in (ctx.account, AWS) else None


def get_policy(ctx: Context, arn: str) -> ManagedPolicy:
    """The managed policy of this ARN. Raises NoSuchEntity, InvalidInput."""
    if (policy := find_policy(ctx, arn)) is None:
        raise no_such(f"Policy {arn} was not found.")
    return policy


def get_own_policy(ctx: Context, arn: str, action: str) -> ManagedPolicy:
    """The customer-managed policy of this ARN, to be changed. Raises NoSuchEntity, InvalidInput, AccessDenied for AWS's own."""
    policy = get_policy(ctx, arn)
    if policy.account == AWS:
        raise Refusal("AccessDenied", f"User: {ctx.caller.arn} is not authorized to perform: {action} on resource: policy {arn}", 403)
    return policy


def get_attachable_policy(ctx: Context, arn: str) -> ManagedPolicy:
    """The managed policy of this ARN, to be attached. Raises NoSuchEntity, InvalidInput."""
    if (policy := find_policy(ctx, arn)) is None:
        raise no_such(f"Policy {arn} does not exist or is not attachable.")
    return policy


def attached_to(ctx: Context, policy: ManagedPolicy) -> Sequence[User | Group | Role]:
    """The principals of the caller's account that this policy is attached to. (AWS's policies are attached in other accounts too.)"""
    return ctx.store.attachments(ctx.account, policy.arn)


def bounding(ctx: Context, policy: ManagedPolicy) -> Sequence[User | Group | Role]:
    """The principals of the caller's account whose boundary this policy is."""
    return ctx.store.boundary_uses(ctx.account, policy.arn)


def uses(ctx: Context, policy: ManagedPolicy) -> tuple[int, int]:
    """How many principals of the caller's account this policy is attached to, and whose boundary it is."""
    return ctx.store.uses(ctx.account, policy.arn)


def get_boundary(ctx: Context, arn: str) -> ManagedPolicy:
    """The managed policy of this ARN, to be a permissions boundary. Raises NoSuchEntity, InvalidInput."""
    if (policy := find_policy(ctx, arn)) is None:
        raise no_such(f"Scope ARN: {arn} does not exist or is not attachable.")
    return policy


def find_by_arn(ctx: Context, arn: str) -> User | Group | Role | ManagedPolicy | None:
    """The user, group, role or policy of this ARN in the caller's account, or one of AWS's policies."""
    store = ctx.store
    found = store.users.by_arn(arn) or store.groups.by_arn(arn) or store.roles.by_arn(arn) or store.policies.by_arn(arn)
    if found is not None:
        return found if found.account == ctx.account else None
    return AWS_POLICIES.get(arn)


def get_by_arn(ctx: Context, arn: str) -> User | Group | Role | ManagedPolicy:
    """The same. Raises NoSuchEntity, InvalidInput for what is no such ARN."""
    if (found := find_by_arn(ctx, arn)) is not None:
        return found
    parts = read_arn(arn)
    if parts is None or parts.service != "iam" or parts.resource.partition("/")[0] not in ("user", "group", "role", "policy"):
        raise Refusal("InvalidInput", f"ARN {arn} is not valid.")
    raise no_such(f"ARN {arn} is not found.")


def get_version(policy: ManagedPolicy, version_id: str) -> PolicyVersion:
    """The version of this id. Raises NoSuchEntity."""
    for version in policy.versions:
        if version.id == version_id:
            return version
    raise no_such(f"Policy {policy.arn} version {version_id} does not exist or is not attachable.")


def get_access_key(ctx: Context, user: User, key_id: str) -> AccessKey:
    """The access key of this id when it belongs to `user`. Raises NoSuchEntity."""
    key = ctx.store.access_keys.find(key_id)
    if key is None or key.user_id != user.id:
        raise no_such(f"The Access Key with id {key_id} cannot be found.")
    return key


def find_provider(ctx: Context, arn: str) -> OidcProvider | None:
    """The OIDC provider of this ARN in the caller's account. Raises InvalidInput."""
    check_iam_arn(arn, "oidc-provider")
    provider = ctx.store.oidc_providers.by_arn(arn)
    return provider if provider and provider.account == ctx.account else None


def get_provider(ctx: Context, arn: str) -> OidcProvider:
    """The OIDC provider of this ARN. Raises NoSuchEntity, InvalidInput."""
    if (provider := find_provider(ctx, arn)) is None:
        raise no_such(f"OpenIDConnect Provider not found for arn {arn}")
    return provider


def find_device(ctx: Context, serial_number: str) -> MfaDevice | None:
    """The virtual MFA device of this serial number, which is its ARN, in the caller's account."""
    device = ctx.store.mfa_devices.by_arn(serial_number)
    return device if device and device.account == ctx.account else None


def get_device(ctx: Context, serial_number: str) -> MfaDevice:
    """The virtual MFA device of this serial number. Raises NoSuchEntity."""
    if (device := find_device(ctx, serial_number)) is None:
        raise no_such(f"VirtualMFADevice with serial number {serial_number} does not exist.")
    return device


def verify_unused(used: bool, what: str) -> None:
    """Raise DeleteConflict when an entity is still `used`; `what` must be done first."""
    if used:
        raise Refusal("DeleteConflict", f"Cannot delete entity, must {what} first.")


def verify_without_policies(principal: User | Group | Role) -> None:
    """Raise DeleteConflict when the principal still has policies. A permissions boundary goes with it."""
    verify_unused(bool(principal.policies), "detach all policies")
    verify_unused(bool(principal.inline), "delete policies")


class Named(Protocol):
    """What has a name within an account."""

    @property
    def name(self) -> str: ...

    @property
    def account(self) -> str: ...


def by_name(record: Named) -> str:
    """The key that listings are sorted by; names are unique ignoring case, AWS's policies may share one with the account's own."""
    return f"{fold(record.name)}\n{record.account}"
