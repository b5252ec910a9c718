"""Instance profiles: a name under which a machine is given one role. Does not hand out credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from daypass.services.iam import entities, quotas
from daypass.services.iam.asks import EC2, every, on_anything, on_instance_profile, on_role, passing_role, with_tags
from daypass.services.iam.listing import PAGE, listing, of_account
from daypass.services.iam.names import check_name
from daypass.services.iam.show import show_instance_profile, show_instance_profile_fully
from daypass.services.iam.tags import Given, read_tags
from daypass.store.records import InstanceProfile
from daypass.values import ids
from daypass.values.errors import Refusal
from daypass.way.operation import operation

if TYPE_CHECKING:
    from daypass.way.context import Context
    from daypass.way.operation import Output


@operation("iam", asks=on_instance_profile("iam:CreateInstanceProfile", with_tags), writes=True)
def create_instance_profile(ctx: Context, *, instance_profile_name: str, path: str = "/", tags: Given = ()) -> Output:
    """Make an instance profile without a role."""
    check_name(instance_profile_name, path)
    if ctx.store.instance_profiles.named(ctx.account, instance_profile_name) is not None:
        raise Refusal("EntityAlreadyExists", f"Instance Profile {instance_profile_name} already exists.")
    quotas.within("InstanceProfilesPerAccount", quotas.INSTANCE_PROFILES, len(ctx.store.instance_profiles.of(ctx.account)) + 1)
    profile = InstanceProfile(
        id=ids.unique_id(ids.INSTANCE_PROFILE, ctx.random(11)),
        account=ctx.account,
        created=ctx.now,
        name=instance_profile_name,
        path=path,
        tags=read_tags(tags),
    )
    ctx.changes.put(profile)
    return {"InstanceProfile": show_instance_profile_fully(ctx, profile)}


@operation("iam", asks=on_instance_profile("iam:GetInstanceProfile"))
def get_instance_profile(ctx: Context, *, instance_profile_name: str) -> Output:
    """Show an instance profile."""
    return {"InstanceProfile": show_instance_profile_fully(ctx, entities.get_instance_profile(ctx, instance_profile_name))}


@operation("iam", asks=on_anything("iam:ListInstanceProfiles"))
def list_instance_profiles(ctx: Context, *, path_prefix: str = "/", marker: str | None = None, max_items: int = PAGE) -> Output:
    """The instance profiles under a path."""
    found = ctx.store.instance_profiles.of(ctx.account)
    return of_account(ctx, "InstanceProfiles", found, lambda one: show_instance_profile(ctx, one), path_prefix, marker, max_items)


@operation("iam", asks=on_role("iam:ListInstanceProfilesForRole"))
def list_instance_profiles_for_role(ctx: Context, *, role_name: str, marker: str | None = None, max_items: int = PAGE) -> Output:
    """The instance profiles that a role is in."""
    role = entities.get_role(ctx, role_name)
    return listing(
        ctx,
        "InstanceProfiles",
        ctx.store.profiles_of(role.id),
        lambda profile: show_instance_profile(ctx, profile),
        key=entities.by_name,
        marker=marker,
        max_items=max_items,
        of=role.id,
    )


@operation("iam", asks=on_instance_profile("iam:DeleteInstanceProfile"), writes=True)
def delete_instance_profile(ctx: Context, *, instance_profile_name: str) -> None:
    """Delete an instance profile that has no role."""
    profile = entities.get_instance_profile(ctx, instance_profile_name)
    entities.verify_unused(bool(profile.role_id), "remove roles from instance profile")
    ctx.changes.delete(profile)


@operation("iam", asks=every(on_instance_profile("iam:AddRoleToInstanceProfile"), passing_role(EC2)), writes=True)
def add_role_to_instance_profile(ctx: Context, *, instance_profile_name: str, role_name: str) -> None:
    """Give an instance profile its role; whoever does must be allowed to pass the role on."""
    profile = entities.get_instance_profile(ctx, instance_profile_name)
    role = entities.get_role(ctx, role_name)
    entities.verify_not_linked(role)
    # (AWS names this quota so, though it counts roles.)
    quotas.within("InstanceSessionsPerInstanceProfile", quotas.ROLES_PER_INSTANCE_PROFILE, bool(profile.role_id) + 1)
    ctx.changes.put(replace(profile, role_id=role.id))


@operation("iam", asks=on_instance_profile("iam:RemoveRoleFromInstanceProfile"), writes=True)
def remove_role_from_instance_profile(ctx: Context, *, instance_profile_name: str, role_name: str) -> None:
    """Take the role out of an instance profile."""
    profile = entities.get_instance_profile(ctx, instance_profile_name)
    role = entities.get_role(ctx, role_name)
    if profile.role_id != role.id:
        raise entities.no_such(f"Role {role.name} is not in instance profile {profile.name}.")
    ctx.changes.put(replace(profile, role_id=""))
