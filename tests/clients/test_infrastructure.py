"""What infrastructure tools call, transcribed: Terraform's AWS provider for each of its IAM resources, create, read, update, delete.

Played by boto3 in the order in which the tool calls. Each resource is read back after each step, as a plan would, and must not have
drifted; each step that the tool may repeat is repeated. Source: the calls in the provider's own code; CloudFormation's and Pulumi's
providers call the same operations.
"""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from rig import papers

from .conftest import allow

pytestmark = pytest.mark.xdist_group("infrastructure")

BOUNDARY = "arn:aws:iam::aws:policy/PowerUserAccess"
ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
TRUST = {"Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}
READ = {"Action": "s3:GetObject", "Resource": "*"}
TAGS = [{"Key": "team", "Value": "blue"}, {"Key": "env", "Value": "test"}]


@pytest.fixture
def iam(boto: Any) -> Any:
    """The operator's client; the provider begins with GetCallerIdentity."""
    assert boto("sts").get_caller_identity()["Account"]
    return boto("iam")


@pytest.fixture
def tag() -> str:
    return f"tf-{uuid.uuid4().hex[:8]}"


def absent(iam: Any, read: Any, **name: Any) -> None:
    """The read by which the tool sees that a thing is gone."""
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        read(**name)


def tagged(found: list[dict[str, str]]) -> dict[str, str]:
    return {one["Key"]: one["Value"] for one in found}


def test_aws_iam_policy(iam: Any, tag: str) -> None:
    text = allow(READ)
    made = iam.create_policy(PolicyName=tag, Path="/teams/", Description="d", PolicyDocument=text, Tags=TAGS)["Policy"]
    arn = made["Arn"]
    for version in range(2, 9):  # the provider makes room for each update itself
        read = iam.get_policy(PolicyArn=arn)["Policy"]
        current = iam.get_policy_version(PolicyArn=arn, VersionId=read["DefaultVersionId"])["PolicyVersion"]
        assert current["Document"] == json.loads(text) and tagged(read["Tags"]) == tagged(TAGS)
        versions = iam.list_policy_versions(PolicyArn=arn)["Versions"]
        if len(versions) >= 5:
            oldest = min((one for one in versions if not one["IsDefaultVersion"]), key=lambda one: one["CreateDate"])
            iam.delete_policy_version(PolicyArn=arn, VersionId=oldest["VersionId"])
        text = allow(READ, {"Action": f"s3:Get{version}", "Resource": "*"})
        made = iam.create_policy_version(PolicyArn=arn, PolicyDocument=text, SetAsDefault=True)["PolicyVersion"]
        assert made["VersionId"] == f"v{version}"
    iam.tag_policy(PolicyArn=arn, Tags=[{"Key": "env", "Value": "prod"}])
    iam.untag_policy(PolicyArn=arn, TagKeys=["team"])
    assert tagged(iam.get_policy(PolicyArn=arn)["Policy"]["Tags"]) == {"env": "prod"}
    for one in iam.list_policy_versions(PolicyArn=arn)["Versions"]:
        if not one["IsDefaultVersion"]:
            iam.delete_policy_version(PolicyArn=arn, VersionId=one["VersionId"])
    iam.delete_policy(PolicyArn=arn)
    absent(iam, iam.get_policy, PolicyArn=arn)


def test_aws_iam_role_with_its_policies_attachments_and_instance_profile(iam: Any, tag: str) -> None:
    trust = allow(TRUST)
    made = iam.create_role(
        RoleName=tag, Path="/teams/", Description="d", AssumeRolePolicyDocument=trust, MaxSessionDuration=7200,
        PermissionsBoundary=BOUNDARY, Tags=TAGS,
    )["Role"]  # fmt: skip
    assert tagged(made["Tags"]) == tagged(TAGS) and made["PermissionsBoundary"]["PermissionsBoundaryArn"] == BOUNDARY
    iam.put_role_policy(RoleName=tag, PolicyName="inline", PolicyDocument=allow(READ))
    for _ in range(2):  # an attachment twice is no error
        iam.attach_role_policy(RoleName=tag, PolicyArn=ADMIN)
    iam.create_instance_profile(InstanceProfileName=tag, Path="/teams/", Tags=TAGS)
    iam.add_role_to_instance_profile(InstanceProfileName=tag, RoleName=tag)

    read = iam.get_role(RoleName=tag)["Role"]
    assert read["AssumeRolePolicyDocument"] == json.loads(trust) and (read["Path"], read["Description"]) == ("/teams/", "d")
    assert iam.list_role_policies(RoleName=tag)["PolicyNames"] == ["inline"]
    assert iam.get_role_policy(RoleName=tag, PolicyName="inline")["PolicyDocument"] == json.loads(allow(READ))
    assert [one["PolicyArn"] for one in iam.list_attached_role_policies(RoleName=tag)["AttachedPolicies"]] == [ADMIN]
    profile = iam.get_instance_profile(InstanceProfileName=tag)["InstanceProfile"]
    assert [role["Arn"] for role in profile["Roles"]] == [made["Arn"]] and tagged(profile["Tags"]) == tagged(TAGS)

    iam.update_assume_role_policy(RoleName=tag, PolicyDocument=allow(TRUST | {"Principal": {"Service": "ecs-tasks.amazonaws.com"}}))
    iam.update_role_description(RoleName=tag, Description="other")
    iam.update_role(RoleName=tag, MaxSessionDuration=3600)
    iam.put_role_permissions_boundary(RoleName=tag, PermissionsBoundary=ADMIN)
    iam.delete_role_permissions_boundary(RoleName=tag)
    iam.put_role_policy(RoleName=tag, PolicyName="inline", PolicyDocument=allow(READ | {"Resource": "arn:aws:s3:::b/*"}))
    iam.untag_role(RoleName=tag, TagKeys=["team"])
    iam.tag_role(RoleName=tag, Tags=[{"Key": "env", "Value": "prod"}])
    read = iam.get_role(RoleName=tag)["Role"]
    assert (read["Description"], read["MaxSessionDuration"], tagged(read["Tags"])) == ("other", 3600, {"env": "prod"})
    assert "PermissionsBoundary" not in read and read["RoleId"] == made["RoleId"]

    with pytest.raises(iam.exceptions.DeleteConflictException):
        iam.delete_role(RoleName=tag)
    for one in iam.list_instance_profiles_for_role(RoleName=tag)["InstanceProfiles"]:
        iam.remove_role_from_instance_profile(InstanceProfileName=one["InstanceProfileName"], RoleName=tag)
    iam.detach_role_policy(RoleName=tag, PolicyArn=ADMIN)
    absent(iam, iam.detach_role_policy, RoleName=tag, PolicyArn=ADMIN)
    iam.delete_role_policy(RoleName=tag, PolicyName="inline")
    absent(iam, iam.get_role_policy, RoleName=tag, PolicyName="inline")
    iam.delete_role(RoleName=tag)
    absent(iam, iam.get_role, RoleName=tag)
    iam.delete_instance_profile(InstanceProfileName=tag)
    absent(iam, iam.get_instance_profile, InstanceProfileName=tag)


def test_a_role_waits_for_its_principal_and_a_new_one_of_that_name_is_another(iam: Any, tag: str) -> None:
    account = iam.get_role(RoleName="DaypassOperator")["Role"]["Arn"].split(":")[4]
    trust = allow(TRUST | {"Principal": {"AWS": f"arn:aws:iam::{account}:role/{tag}-a"}})
    with pytest.raises(iam.exceptions.MalformedPolicyDocumentException, match="Invalid principal in policy"):  # what it retries on
        iam.create_role(RoleName=tag, AssumeRolePolicyDocument=trust)
    iam.create_role(RoleName=f"{tag}-a", AssumeRolePolicyDocument=allow(TRUST))
    iam.create_role(RoleName=tag, AssumeRolePolicyDocument=trust)
    assert iam.get_role(RoleName=tag)["Role"]["AssumeRolePolicyDocument"] == json.loads(trust)
    iam.delete_role(RoleName=f"{tag}-a")
    shown = iam.get_role(RoleName=tag)["Role"]["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["AWS"]
    assert shown.startswith("AROA"), "what the provider takes for a reason to update the policy"
    iam.create_role(RoleName=f"{tag}-a", AssumeRolePolicyDocument=allow(TRUST))
    iam.update_assume_role_policy(RoleName=tag, PolicyDocument=trust)
    assert iam.get_role(RoleName=tag)["Role"]["AssumeRolePolicyDocument"] == json.loads(trust)
    for name in (tag, f"{tag}-a"):
        iam.delete_role(RoleName=name)


def test_aws_iam_user_with_everything_that_force_destroy_removes(iam: Any, tag: str) -> None:
    made = iam.create_user(UserName=tag, Path="/teams/", PermissionsBoundary=BOUNDARY, Tags=TAGS)["User"]
    assert tagged(made["Tags"]) == tagged(TAGS)
    key = iam.create_access_key(UserName=tag)["AccessKey"]
    iam.update_access_key(UserName=tag, AccessKeyId=key["AccessKeyId"], Status="Inactive")
    iam.create_group(GroupName=tag)
    for _ in range(2):
        iam.add_user_to_group(GroupName=tag, UserName=tag)
    iam.upload_ssh_public_key(UserName=tag, SSHPublicKeyBody=papers.ssh_line())
    iam.upload_signing_certificate(UserName=tag, CertificateBody=papers.pem(papers.certificate(tag)))
    iam.create_service_specific_credential(UserName=tag, ServiceName="codecommit.amazonaws.com")
    iam.attach_user_policy(UserName=tag, PolicyArn=ADMIN)
    iam.put_user_policy(UserName=tag, PolicyName="inline", PolicyDocument=allow(READ))

    (listed,) = iam.list_access_keys(UserName=tag)["AccessKeyMetadata"]
    assert (listed["Status"], iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])["UserName"]) == ("Inactive", tag)
    assert [group["GroupName"] for group in iam.list_groups_for_user(UserName=tag)["Groups"]] == [tag]
    assert [user["UserName"] for user in iam.get_group(GroupName=tag)["Users"]] == [tag]
    name = f"{tag}-renamed"
    iam.update_user(UserName=tag, NewUserName=name, NewPath="/")
    iam.delete_user_permissions_boundary(UserName=name)
    read = iam.get_user(UserName=name)["User"]
    assert (read["UserId"], read["Path"]) == (made["UserId"], "/") and "PermissionsBoundary" not in read

    def refuses(what: str) -> None:
        with pytest.raises(iam.exceptions.DeleteConflictException, match=what):
            iam.delete_user(UserName=name)

    refuses("access keys")
    for group in iam.list_groups_for_user(UserName=name)["Groups"]:
        iam.remove_user_from_group(GroupName=group["GroupName"], UserName=name)
    for one in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
        iam.delete_access_key(UserName=name, AccessKeyId=one["AccessKeyId"])
    refuses("SSH public keys")
    for one in iam.list_ssh_public_keys(UserName=name)["SSHPublicKeys"]:
        iam.delete_ssh_public_key(UserName=name, SSHPublicKeyId=one["SSHPublicKeyId"])
    assert iam.list_virtual_mfa_devices(AssignmentStatus="Assigned")["IsTruncated"] is False
    assert iam.list_mfa_devices(UserName=name)["MFADevices"] == []
    absent(iam, iam.delete_login_profile, UserName=name)
    refuses("signing certificates")
    for one in iam.list_signing_certificates(UserName=name)["Certificates"]:
        iam.delete_signing_certificate(UserName=name, CertificateId=one["CertificateId"])
    refuses("service-specific credentials")
    for one in iam.list_service_specific_credentials(UserName=name)["ServiceSpecificCredentials"]:
        iam.delete_service_specific_credential(UserName=name, ServiceSpecificCredentialId=one["ServiceSpecificCredentialId"])
    refuses("policies")
    iam.detach_user_policy(UserName=name, PolicyArn=ADMIN)
    iam.delete_user_policy(UserName=name, PolicyName="inline")
    iam.delete_user(UserName=name)
    absent(iam, iam.get_user, UserName=name)
    iam.update_group(GroupName=tag, NewGroupName=name)
    iam.delete_group(GroupName=name)
    absent(iam, iam.get_group, GroupName=name)


def test_aws_iam_openid_connect_provider(iam: Any, tag: str) -> None:
    url = f"https://{tag}.example.test/oidc"
    made = iam.create_open_id_connect_provider(Url=url, ClientIDList=["a", "b"], ThumbprintList=["a" * 40], Tags=TAGS)
    name = {"OpenIDConnectProviderArn": made["OpenIDConnectProviderArn"]}
    read = iam.get_open_id_connect_provider(**name)
    assert (read["Url"], read["ClientIDList"], tagged(read["Tags"])) == (url.removeprefix("https://"), ["a", "b"], tagged(TAGS))
    iam.update_open_id_connect_provider_thumbprint(**name, ThumbprintList=["b" * 40])
    for _ in range(2):
        iam.add_client_id_to_open_id_connect_provider(**name, ClientID="c")
        iam.remove_client_id_from_open_id_connect_provider(**name, ClientID="a")
    iam.tag_open_id_connect_provider(**name, Tags=[{"Key": "env", "Value": "prod"}])
    iam.untag_open_id_connect_provider(**name, TagKeys=["team"])
    read = iam.get_open_id_connect_provider(**name)
    assert (read["ClientIDList"], read["ThumbprintList"], tagged(read["Tags"])) == (["b", "c"], ["b" * 40], {"env": "prod"})
    iam.delete_open_id_connect_provider(**name)
    absent(iam, iam.get_open_id_connect_provider, **name)


def test_aws_iam_saml_provider(iam: Any, tag: str) -> None:
    first, second = papers.metadata(), papers.metadata(root='validUntil="2035-01-01T00:00:00Z"')
    name = {"SAMLProviderArn": iam.create_saml_provider(Name=tag, SAMLMetadataDocument=first, Tags=TAGS)["SAMLProviderArn"]}
    read = iam.get_saml_provider(**name)
    assert (read["SAMLMetadataDocument"], tagged(read["Tags"])) == (first, tagged(TAGS))
    for _ in range(2):
        assert iam.update_saml_provider(**name, SAMLMetadataDocument=second)["SAMLProviderArn"] == name["SAMLProviderArn"]
    iam.tag_saml_provider(**name, Tags=[{"Key": "env", "Value": "prod"}])
    iam.untag_saml_provider(**name, TagKeys=["team"])
    read = iam.get_saml_provider(**name)
    assert (read["SAMLMetadataDocument"], read["ValidUntil"].year, tagged(read["Tags"])) == (second, 2035, {"env": "prod"})
    assert tagged(iam.list_saml_provider_tags(**name)["Tags"]) == {"env": "prod"}
    iam.delete_saml_provider(**name)
    absent(iam, iam.get_saml_provider, **name)


def test_aws_iam_server_certificate(iam: Any, tag: str) -> None:
    leaf, middle, root = papers.chain()
    chain, key = papers.pem(middle, root), papers.private_pem(papers.ec_key("leaf"))
    body = papers.pem(leaf)
    iam.upload_server_certificate(
        ServerCertificateName=tag, Path="/cdn/", CertificateBody=body, CertificateChain=chain, PrivateKey=key, Tags=TAGS
    )
    read = iam.get_server_certificate(ServerCertificateName=tag)["ServerCertificate"]
    assert (read["CertificateBody"], read["CertificateChain"], tagged(read["Tags"])) == (body, chain, tagged(TAGS))
    iam.update_server_certificate(ServerCertificateName=tag, NewPath="/")
    iam.tag_server_certificate(ServerCertificateName=tag, Tags=[{"Key": "env", "Value": "prod"}])
    read = iam.get_server_certificate(ServerCertificateName=tag)["ServerCertificate"]
    assert read["ServerCertificateMetadata"]["Path"] == "/" and tagged(read["Tags"])["env"] == "prod"
    assert tag in [one["ServerCertificateName"] for one in iam.list_server_certificates()["ServerCertificateMetadataList"]]
    iam.delete_server_certificate(ServerCertificateName=tag)
    absent(iam, iam.get_server_certificate, ServerCertificateName=tag)


def test_aws_iam_service_linked_role(iam: Any, tag: str) -> None:
    made = iam.create_service_linked_role(AWSServiceName="autoscaling.amazonaws.com", CustomSuffix=tag, Description="d")["Role"]
    name = {"RoleName": made["RoleName"]}
    iam.tag_role(**name, Tags=TAGS)
    read = iam.get_role(**name)["Role"]
    assert (read["Arn"], read["Description"], tagged(read["Tags"])) == (made["Arn"], "d", tagged(TAGS))
    iam.update_role(**name, Description="other")
    with pytest.raises(iam.exceptions.UnmodifiableEntityException):
        iam.attach_role_policy(**name, PolicyArn=ADMIN)
    task = iam.delete_service_linked_role(**name)["DeletionTaskId"]
    assert iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"] == "SUCCEEDED"
    absent(iam, iam.get_role, **name)


def test_account_settings(iam: Any, tag: str) -> None:
    iam.create_account_alias(AccountAlias=tag)
    assert iam.list_account_aliases()["AccountAliases"] == [tag]
    iam.delete_account_alias(AccountAlias=tag)
    assert iam.list_account_aliases()["AccountAliases"] == []
    for length in (12, 14):
        iam.update_account_password_policy(MinimumPasswordLength=length, RequireSymbols=True)
        assert iam.get_account_password_policy()["PasswordPolicy"]["MinimumPasswordLength"] == length
    iam.delete_account_password_policy()
    absent(iam, iam.get_account_password_policy)


def test_aws_iam_organizations_features_and_outbound_federation(boto: Any, iam: Any) -> None:
    boto("organizations").enable_aws_service_access(ServicePrincipal="iam.amazonaws.com")
    for _ in range(2):
        iam.enable_organizations_root_sessions()
        iam.enable_organizations_root_credentials_management()
    assert iam.list_organizations_features()["EnabledFeatures"] == ["RootCredentialsManagement", "RootSessions"]
    iam.disable_organizations_root_sessions()
    assert iam.disable_organizations_root_credentials_management()["EnabledFeatures"] == []

    issuer = iam.enable_outbound_web_identity_federation()["IssuerIdentifier"]
    with pytest.raises(iam.exceptions.FeatureEnabledException):
        iam.enable_outbound_web_identity_federation()
    assert iam.get_outbound_web_identity_federation_info()["IssuerIdentifier"] == issuer
    iam.disable_outbound_web_identity_federation()
    with pytest.raises(iam.exceptions.FeatureDisabledException):
        iam.get_outbound_web_identity_federation_info()
