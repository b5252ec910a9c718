"""What IAM's operations ask before they run: the action, the ARN of the target, and the condition keys that AWS documents for it.

Runs before the operation, on parsed but unjudged parameters; finds nothing of another account and changes nothing. A target that does
not exist is asked for under the ARN that it would have, so that a refusal does not tell whether it exists.
Source: Service Authorization Reference, "Actions, resources, and condition keys for AWS Identity and Access Management".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from daypass.services.iam import entities
from daypass.store.holdings import SamlProvider, ServerCertificate
from daypass.store.people import MfaDevice
from daypass.store.records import Group, InstanceProfile, ManagedPolicy, OidcProvider, Role, User
from daypass.values.arn import iam_arn, root_arn
from daypass.values.decision import Ask, Values
from daypass.values.folding import fold

if TYPE_CHECKING:
    from daypass.way.context import Context
    from daypass.way.operation import Asks

Parameters = Mapping[str, Any]
Entity = User | Group | Role | ManagedPolicy | InstanceProfile | OidcProvider | SamlProvider | ServerCertificate | MfaDevice
Target = Callable[["Context", Parameters], tuple[Entity | None, str]]  # the entity, if there is one, and its ARN
Keys = Callable[[Parameters, "Entity | None"], Mapping[str, Values]]

EC2 = "ec2.amazonaws.com"  # the service to which an instance profile passes its role


# Condition keys


def with_policy(params: Parameters, entity: Entity | None) -> Mapping[str, Values]:
    """iam:PolicyARN, the policy to attach or detach."""
    return {"iam:policyarn": params["policy_arn"]}


def with_boundary(params: Parameters, entity: Entity | None) -> Mapping[str, Values]:
    """iam:PermissionsBoundary, the boundary that the request sets."""
    boundary = params.get("permissions_boundary")
    return {"iam:permissionsboundary": boundary} if boundary else {}


def bounded(params: Parameters, entity: Entity | None) -> Mapping[str, Values]:
    """iam:PermissionsBoundary, the boundary that the target has."""
    boundary = entity.boundary if isinstance(entity, User | Role) else ""
    return {"iam:permissionsboundary": boundary} if boundary else {}


def with_tags(params: Parameters, entity: Entity | None) -> Mapping[str, Values]:
    """aws:RequestTag/KEY and aws:TagKeys, the tags that the request sets."""
    tags = params.get("tags") or ()
    keys: dict[str, Values] = {f"aws:requesttag/{fold(tag['Key'])}": tag["Value"] for tag in tags}
    return keys | {"aws:tagkeys": tuple(tag["Key"] for tag in tags)} if tags else {}


def with_tag_keys(params: Parameters, entity: Entity | None) -> Mapping[str, Values]:
    """aws:TagKeys, the tags that the request takes away."""
    return {"aws:tagkeys": tuple(params["tag_keys"])}


def _tags_of(entity: Entity | None) -> dict[str, Values]:
    """aws:ResourceTag/KEY and iam:ResourceTag/KEY, the tags that the target has."""
    tags = entity.tags if entity else ()
    return {f"{prefix}:resourcetag/{fold(key)}": value for prefix in ("aws", "iam") for key, value in tags}


# Targets


def _user(ctx: Context, params: Parameters) -> tuple[Entity | None, str]:
    name = params.get("user_name")
    if name is None and ctx.caller.kind == "root":
        return None, root_arn(ctx.account)
    user = entities.calling_user(ctx) if name is None else ctx.store.users.named(ctx.account, name)
    return known(ctx, user, "user", name or "", params)


def _group(ctx: Context, params: Parameters) -> tuple[Entity | None, str]:
    name = params["group_name"]
    return known(ctx, ctx.store.groups.named(ctx.account, name), "group", name, params)


def _role(ctx: Context, params: Parameters) -> tuple[Entity | None, str]:
    name = params["role_name"]
    return known(ctx, ctx.store.roles.named(ctx.account, name), "role", name, params)


def _instance_profile(ctx: Context, params: Parameters) -> tuple[Entity | None, str]:
    name = params["instance_profile_name"]
    return known(ctx, ctx.store.instance_profiles.named(ctx.account, name), "instance-profile", name, params)


def known(ctx: Context, entity: Any, kind: str, name: str, params: Parameters) -> tuple[Entity | None, str]:
    """`entity` and its ARN, or the ARN that one of this name would have."""
    if entity is not None:
        return entity, entity.arn
    return None, iam_arn(ctx.account, kind, params.get("path") or "/", name)


def _policy(ctx: Context, params: Parameters) -> tuple[Entity | None, str]:
    return entities.find_policy(ctx, params["policy_arn"]), params["policy_arn"]


def _new_policy(ctx: Context, params: Parameters) -> tuple[Entity | None, str]:
    return None, iam_arn(ctx.account, "policy", params.get("path") or "/", params["policy_name"])


def _provider(ctx: Context, params: Parameters) -> tuple[Entity | None, str]:
    arn = params["open_id_connect_provider_arn"]
    return entities.find_provider(ctx, arn), arn


def _new_provider(ctx: Context, params: Parameters) -> tuple[Entity | None, str]:
    return None, f"arn:aws:iam::{ctx.account}:oidc-provider/{params['url'].removeprefix('https://')}"


def _device(ctx: Context, params: Parameters) -> tuple[Entity | None, str]:
    return entities.find_device(ctx, params["serial_number"]), params["serial_number"]


def _new_device(ctx: Context, params: Parameters) -> tuple[Entity | None, str]:
    return None, iam_arn(ctx.account, "mfa", params.get("path") or "/", params["virtual_mfa_device_name"])


def _user_of_access_key(ctx: Context, params: Parameters) -> tuple[Entity | None, str]:
    key = ctx.store.access_keys.find(params["access_key_id"])
    user = ctx.store.users.find(key.user_id) if key and key.account == ctx.account else None
    return (user, user.arn) if user else (None, "*")


def _by_arn(ctx: Context, params: Parameters) -> tuple[Entity | None, str]:
    return entities.find_by_arn(ctx, params["arn"]), params["arn"]


def _anything(ctx: Context, params: Parameters) -> tuple[Entity | None, str]:
    return None, "*"


# Asks


def on(target: Target, action: str, *keys: Keys) -> Asks:
    """Ask for `action` on what `target` finds."""
    return _on(target, action, keys)


def _on(target: Target, action: str, keys: Iterable[Keys]) -> Asks:
    def asks(ctx: Context, params: Parameters) -> Iterator[Ask]:
        entity, arn = target(ctx, params)
        context = _tags_of(entity)
        for read in keys:
            context |= read(params, entity)
        yield Ask(action, arn, ctx.account, context)

    return asks


def on_user(action: str, *keys: Keys) -> Asks:
    """Ask for `action` on the user `user_name`, or without a name on the calling user."""
    return _on(_user, action, keys)


def on_group(action: str, *keys: Keys) -> Asks:
    """Ask for `action` on the group `group_name`."""
    return _on(_group, action, keys)


def on_role(action: str, *keys: Keys) -> Asks:
    """Ask for `action` on the role `role_name`."""
    return _on(_role, action, keys)


def on_policy(action: str, *keys: Keys) -> Asks:
    """Ask for `action` on the managed policy `policy_arn`."""
    return _on(_policy, action, keys)


def on_new_policy(action: str, *keys: Keys) -> Asks:
    """Ask for `action` on the managed policy that `path` and `policy_name` will make."""
    return _on(_new_policy, action, keys)


def on_instance_profile(action: str, *keys: Keys) -> Asks:
    """Ask for `action` on the instance profile `instance_profile_name`."""
    return _on(_instance_profile, action, keys)


def on_provider(action: str, *keys: Keys) -> Asks:
    """Ask for `action` on the provider `open_id_connect_provider_arn`."""
    return _on(_provider, action, keys)


def on_new_provider(action: str, *keys: Keys) -> Asks:
    """Ask for `action` on the provider that `url` will make."""
    return _on(_new_provider, action, keys)


def on_device(action: str, *keys: Keys) -> Asks:
    """Ask for `action` on the MFA device `serial_number`."""
    return _on(_device, action, keys)


def on_new_device(action: str, *keys: Keys) -> Asks:
    """Ask for `action` on the MFA device that `path` and `virtual_mfa_device_name` will make."""
    return _on(_new_device, action, keys)


def on_user_of_access_key(action: str) -> Asks:
    """Ask for `action` on the user whose key `access_key_id` is, "*" when no user of the account has it."""
    return _on(_user_of_access_key, action, ())


def on_arn(action: str) -> Asks:
    """Ask for `action` on the user, group, role or policy `arn`."""
    return _on(_by_arn, action, ())


def on_anything(action: str) -> Asks:
    """Ask for `action` where AWS defines no resource type."""
    return _on(_anything, action, ())


def passing_role(service: str) -> Asks:
    """Ask for iam:PassRole on the role `role_name`, to be handed to `service`."""

    def to_service(params: Parameters, entity: Entity | None) -> Mapping[str, Values]:
        return {"iam:passedtoservice": service}

    return _on(_role, "iam:PassRole", (to_service,))


def renaming(action: str, kind: str) -> Asks:
    """Ask for `action` on the entity and on the one that it becomes, since a rename needs both.

    Source: IAM User Guide, "Rename an IAM user": permission on both the source and the target object.
    """
    target = _user if kind == "user" else _group

    def asks(ctx: Context, params: Parameters) -> Iterator[Ask]:
        yield from _on(target, action, ())(ctx, params)
        entity, _ = target(ctx, params)
        if isinstance(entity, User | Group):
            path, name = params.get("new_path") or entity.path, params.get(f"new_{kind}_name") or entity.name
            if (path, name) != (entity.path, entity.name):
                yield Ask(action, iam_arn(ctx.account, kind, path, name), ctx.account, _tags_of(entity))

    return asks


def every(*parts: Asks) -> Asks:
    """Ask all of these."""

    def asks(ctx: Context, params: Parameters) -> Iterator[Ask]:
        for part in parts:
            yield from part(ctx, params)

    return asks


def and_then(asks: Asks, prepare: Callable[[Context, Parameters], object]) -> Asks:
    """`asks`, and when all of them were allowed, `prepare`: long work (`ctx.elsewhere`) is done before a change takes its turn."""

    def then(ctx: Context, params: Parameters) -> Iterator[Ask]:
        yield from asks(ctx, params)
        prepare(ctx, params)

    return then
