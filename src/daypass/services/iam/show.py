"""Records as the members that AWS answers with. Documents are plain text here; wire/ encodes them where the model's answer wants it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from daypass.services.iam.entities import uses
from daypass.services.iam.trust import shown_trust
from daypass.store.records import AccessKey, Group, InstanceProfile, ManagedPolicy, PolicyVersion, Role, Tags, User

if TYPE_CHECKING:
    from daypass.way.context import Context

Members = dict[str, Any]


def show_tags(tags: Tags) -> list[Members]:
    """Tags as a list of Key and Value."""
    return [{"Key": key, "Value": value} for key, value in tags]


def _boundary(arn: str) -> Members | None:
    return {"PermissionsBoundaryType": "PermissionsBoundaryPolicy", "PermissionsBoundaryArn": arn} if arn else None


def _present(**members: Any) -> Members:
    """The members that have a value."""
    return {name: value for name, value in members.items() if value}


def show_user(user: User) -> Members:
    """A user as listings show it: without tags and boundary."""
    return {"Path": user.path, "UserName": user.name, "UserId": user.id, "Arn": user.arn, "CreateDate": user.created}


def show_user_fully(user: User) -> Members:
    """A user as CreateUser and GetUser show it."""
    return show_user(user) | _present(PermissionsBoundary=_boundary(user.boundary), Tags=show_tags(user.tags))


def show_group(group: Group) -> Members:
    """A group."""
    return {"Path": group.path, "GroupName": group.name, "GroupId": group.id, "Arn": group.arn, "CreateDate": group.created}


def show_role(ctx: Context, role: Role) -> Members:
    """A role as listings show it: without tags and boundary."""
    members = {
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.id,
        "Arn": role.arn,
        "CreateDate": role.created,
        "AssumeRolePolicyDocument": shown_trust(ctx, role),
        "MaxSessionDuration": role.max_session,
    }
    return members | _present(Description=role.description)


def show_role_fully(ctx: Context, role: Role) -> Members:
    """A role as CreateRole and GetRole show it."""
    return show_role(ctx, role) | _present(PermissionsBoundary=_boundary(role.boundary), Tags=show_tags(role.tags))


def show_policy(ctx: Context, policy: ManagedPolicy) -> Members:
    """A managed policy as ListPolicies shows it; the counts are those of the caller's account."""
    attached, bounding = uses(ctx, policy)
    return {
        "PolicyName": policy.name,
        "PolicyId": policy.id,
        "Arn": policy.arn,
        "Path": policy.path,
        "DefaultVersionId": policy.default,
        "AttachmentCount": attached,
        "PermissionsBoundaryUsageCount": bounding,
        "IsAttachable": True,
        "CreateDate": policy.created,
        "UpdateDate": policy.updated,
    }


def show_policy_fully(ctx: Context, policy: ManagedPolicy) -> Members:
    """A managed policy as CreatePolicy and GetPolicy show it."""
    return show_policy(ctx, policy) | _present(Description=policy.description, Tags=show_tags(policy.tags))


def show_version(policy: ManagedPolicy, version: PolicyVersion) -> Members:
    """A policy version without its document."""
    return {"VersionId": version.id, "IsDefaultVersion": version.id == policy.default, "CreateDate": version.created}


def show_instance_profile(ctx: Context, profile: InstanceProfile) -> Members:
    """An instance profile with its role; no tags, as in listings."""
    role = ctx.store.roles.find(profile.role_id) if profile.role_id else None
    return {
        "Path": profile.path,
        "InstanceProfileName": profile.name,
        "InstanceProfileId": profile.id,
        "Arn": profile.arn,
        "CreateDate": profile.created,
        "Roles": [show_role(ctx, role)] if role else [],
    }


def show_instance_profile_fully(ctx: Context, profile: InstanceProfile) -> Members:
    """An instance profile as CreateInstanceProfile and GetInstanceProfile show it."""
    return show_instance_profile(ctx, profile) | _present(Tags=show_tags(profile.tags))


def show_access_key(user: User, key: AccessKey) -> Members:
    """An access key without its secret."""
    return {
        "UserName": user.name,
        "AccessKeyId": key.id,
        "Status": "Active" if key.active else "Inactive",
        "CreateDate": key.created,
    }
